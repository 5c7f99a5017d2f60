# Reads small files that say how a checkout and its git folder belong together. A stranger may have written them, and may
# have named the folder, which is bound at /in: no link is followed, and what is large is no such file.
#
#   repository.pl GIT NAME…    prints each file in hex, or "-" where there is none; then the settings of /in/config in hex
#
# Every string ends in NUL.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :mode);

my ($git, @names) = @ARGV;
@ARGV = ();
my $BYTES_MAX = 64 << 10;
binmode STDOUT;

print defined $_ ? unpack("H*", $_) : "-", "\0" for map { content($_) } @names;
print unpack("H*", settings()), "\0";
close STDOUT or die "output: $!\n";

sub content {
    my ($here, @parts) = ("/in", split m{/}, $_[0]);
    my $name = pop @parts;
    for (@parts) { S_ISDIR((lstat($here .= "/$_"))[2] // 0) or return undef }
    sysopen(my $file, "$here/$name", O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return undef;
    my @seen = stat $file;
    return undef if !S_ISREG($seen[2]) || $seen[7] > $BYTES_MAX;
    binmode $file;
    local $/;
    return <$file> // "";
}

# As git itself reads them, but for files that it includes.
sub settings {
    return "" if !defined content("config");
    %ENV = (PATH => "/usr/bin:/bin", LC_ALL => "C", HOME => "/nonexistent", GIT_CONFIG_NOSYSTEM => "1", GIT_CONFIG_GLOBAL => "/dev/null");
    open(my $out, "-|", $git, "config", "--file", "/in/config", "--no-includes", "-z", "--list") or return "";
    local $/;
    return <$out> // "";
}

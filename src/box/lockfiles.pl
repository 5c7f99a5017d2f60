# Reads the lockfiles of a checkout: in the root folder, and in those of workspaces below. Runs in a sandbox of its own,
# follows no link and reads plain files alone.
#
#   look  PATTERN SKIPPED…  -> of each lockfile: PATH STAMP ""
#   read  PATTERN SKIPPED…  -> of each lockfile: PATH STAMP CONTENT
#
# Every string ends in NUL. The root comes first, so that what is too much is cut off below.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :mode);

my ($mode, $arch, $pattern, @skipped) = @ARGV;
my ($DEPTH_MAX, $FOLDERS_MAX, $FILES_MAX, $BYTES_MAX) = (5, 4_000, 256, 64 << 20);
my ($statx, $AT_FDCWD, $AT_SYMLINK_NOFOLLOW) = ($arch eq "arm64" ? 291 : 332, -100, 0x100);
my %skipped = map { $_ => 1 } @skipped;
my ($folders, $files, $bytes) = (0, 0, 0);
binmode STDOUT;

my @open = ([".", 0]);
chdir "/base" or die "the checkout cannot be entered: $!\n";
while (my $next = shift @open) {
    my ($folder, $depth) = @$next;
    last if ++$folders > $FOLDERS_MAX;
    opendir(my $handle, $folder) or next;
    for my $name (sort readdir $handle) {
        my $path = $folder eq "." ? $name : "$folder/$name";
        if ($name =~ /$pattern/) { report($path) }
        elsif ($depth < $DEPTH_MAX && $name !~ /^\./ && !$skipped{$name} && lstat $path && -d _) { push @open, [$path, $depth + 1] }
    }
}
close STDOUT or die "output: $!\n";

sub report {
    my ($path) = @_;
    my $buffer = "\0" x 256;
    return if $files >= $FILES_MAX || syscall($statx, $AT_FDCWD, "$path", $AT_SYMLINK_NOFOLLOW, 0x7ff, $buffer) != 0;
    return if !S_ISREG(unpack "x28 S", $buffer);
    my $content = "";
    if ($mode eq "read") {
        sysopen(my $file, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return;
        return if !-f $file || $bytes + -s _ > $BYTES_MAX;
        $content = do { local $/ = \($BYTES_MAX - $bytes + 1); <$file> } // "";
        $bytes += length $content;
        return if $content =~ /\0/ || $bytes > $BYTES_MAX;
    }
    $files += 1;
    print join("\0", $path, join(".", unpack "x32 Q Q x48 q L", $buffer), $content), "\0";
}

# Makes of a staged file the base with some hunks applied. Runs in a sandbox that sees the staging folder at /stage.
#
# input    arguments: a program for hashes; then the path and, per hunk in their order, where it begins in the base and how
#          many lines it replaces, and the same of the layer's version; every string ends in NUL, "." ends all
# output   size, hash, head of the new content and head of the base (hex), each ending in NUL
use strict;
use warnings;
use Fcntl qw(:DEFAULT :mode);

my ($sha256sum) = @ARGV;
@ARGV = ();
my ($FILE_BYTES_MAX, $HEAD_BYTES, $MANIFEST_BYTES_MAX) = (50 << 20, 256, 1 << 20);
binmode STDIN;
binmode STDOUT;
umask 0077;

my @strings = do { local $/; split /\0/, <STDIN> // "", -1 };
@strings >= 3 && $strings[-1] eq "" && $strings[-2] eq "." or die "the input is cut short\n";
splice @strings, -2;
my $path = shift @strings;
my ($base, $layer) = ("/stage/a/$path", "/stage/b/$path");
# Beside the sides, so that no name in them is taken.
my $draft = "/stage/part";
make();
rename $draft, $layer or die "rename: $!\n";
my $bytes = $path =~ m{(?:^|/)package\.json$} ? $MANIFEST_BYTES_MAX + 1 : $HEAD_BYTES;
print join("\0", -s $layer, hash(), map({ unpack "H*", head($_, $bytes) } $layer, $base)), "\0";
close STDOUT or die "output: $!\n";

sub make {
    my ($old, $new) = (open_staged($base), open_staged($layer));
    sysopen(my $to, $draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or die "stage: $!\n";
    my ($old_at, $new_at) = (0, 0);
    while (@strings) {
        my ($old_start, $old_count, $new_start, $new_count) = splice @strings, 0, 4;
        # A side without lines names the line before the place.
        pass($old, $to, $old_start - ($old_count > 0 ? 1 : 0) - $old_at);
        pass($old, undef, $old_count);
        $old_at = $old_start - ($old_count > 0 ? 1 : 0) + $old_count;
        pass($new, undef, $new_start - ($new_count > 0 ? 1 : 0) - $new_at);
        pass($new, $to, $new_count);
        $new_at = $new_start - ($new_count > 0 ? 1 : 0) + $new_count;
    }
    while (read $old, my $piece, 1 << 18) { print $to $piece or die "the disk may be full: $!\n" }
    chmod((stat $old)[2] & 0777, $draft);
    close $to or die "the disk may be full: $!\n";
    -s $draft <= $FILE_BYTES_MAX or die "it is larger than 50 MB\n";
}

# Copies so many lines, or leaves them out.
sub pass {
    my ($from, $to, $count) = @_;
    $count >= 0 or die "the hunks are not in their order\n";
    while ($count-- > 0) {
        my $line = <$from> // die "a hunk lies past the end of the file\n";
        if ($to) { print $to $line or die "the disk may be full: $!\n" }
    }
}

sub open_staged {
    my ($file) = @_;
    sysopen(my $handle, $file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or die "the staged file cannot be read: $!\n";
    S_ISREG((stat $handle)[2]) or die "the staged file is none\n";
    binmode $handle;
    return $handle;
}

sub head {
    my ($file, $count) = @_;
    read open_staged($file), my $head, $count;
    return $head // "";
}

sub hash {
    open(my $out, "-|", $sha256sum, "-z", "--", $layer) or die "sha256sum: $!\n";
    local $/ = "\0";
    my ($hash) = (<$out> // "") =~ /^([0-9a-f]{64})  /;
    close $out or die "sha256sum failed\n";
    return $hash // die "sha256sum failed\n";
}

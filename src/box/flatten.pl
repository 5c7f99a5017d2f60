# Makes one layer with the same content as a stack of them. Runs in a sandbox of its own and follows no link.
#
#   flatten.pl ARCH NEW LAYER…   in /layer; the newest layer first; below them lie /parts, /base, and /common for a git folder
#
# Files become links to those of the layers, so that it costs no content; folders and marks of deletion are made anew. The
# layers stay as they are, but that a file which was made in the box no longer counts as the checkout's in a newer one.
use strict;
use warnings;
no warnings "recursion";
use Fcntl ":mode";

my ($arch, $new, @layers) = @ARGV;
@ARGV = ();
my %number =
  $arch eq "arm64"
  ? (lgetxattr => 9, lsetxattr => 6, lremovexattr => 15, utimensat => 88, linkat => 37, mknodat => 33)
  : (lgetxattr => 192, lsetxattr => 189, lremovexattr => 198, utimensat => 280, linkat => 265, mknodat => 259);
my ($AT_FDCWD, $AT_SYMLINK_NOFOLLOW, $ENODATA, $EOPNOTSUPP, $PATH_BYTES_MAX) = (-100, 0x100, 61, 95, 3900);
my @lowers;
umask 0077;

for my $git ("", ".git") {
    @lowers = $git eq "" ? ("/base", "/parts/0", "/parts/1") : "/common";
    my $to = "/layer/$new$git";
    my @places = grep { is_folder($_) } map { "/layer/$_$git" } @layers;
    next if eval { mkdir $to, 0700 or die "mkdir: $!\n"; flatten($to, \@places, "", 0); dress($to, $places[0]) if @places; 1 };
    my $why = $@;
    system "/bin/rm", "-rf", "--one-file-system", "--", map { "/layer/$new$_" } "", ".git";
    die $why;
}

sub is_folder { my @stat = lstat $_[0]; return @stat && S_ISDIR($stat[2]) }

sub names {
    my ($folder) = @_;
    opendir(my $handle, $folder) or die "a folder cannot be read: $!\n";
    return grep { $_ ne "." && $_ ne ".." } readdir $handle;
}

# An attribute of the overlay; undefined when there is none. That of a file that was copied up is often empty.
sub attribute {
    my ($path, $name) = @_;
    my ($full, $buffer) = ("user.overlay.$name", "\0" x 256);
    my $length = syscall($number{lgetxattr}, "$path", $full, $buffer, length $buffer);
    return substr $buffer, 0, $length if $length >= 0;
    return undef if $! == $ENODATA || $! == $EOPNOTSUPP;
    die "an attribute cannot be read: $!\n";
}

sub set_attribute {
    my ($path, $name, $value) = @_;
    my ($full, $text) = ("user.overlay.$name", "$value");
    syscall($number{lsetxattr}, "$path", $full, $text, length $text, 0) == 0 or die "an attribute cannot be set: $!\n";
}

# Where nothing lies below, the marks of deletion hide nothing, and the kernel would list them.
sub flatten {
    my ($to, $places, $path, $is_alone) = @_;
    $is_alone ||= !grep { is_folder("$_$path") } @lowers;
    length $to <= $PATH_BYTES_MAX or die "the layer has a path that is too long to be looked at\n";
    my %names = map { $_ => 1 } map { names($_) } @$places;
    for my $name (sort keys %names) {
        my ($top) = grep { lstat "$_/$name" } @$places;
        my @stat = lstat "$top/$name" or die "the layer changed while it was read: $!\n";
        if (S_ISCHR($stat[2]) && $stat[6] == 0) { make_whiteout("$to/$name") if !$is_alone }
        elsif (S_ISDIR($stat[2])) { flatten_folder("$to/$name", $places, "$path/$name", $is_alone) }
        else { take_link("$to/$name", "$top/$name", $places, $name) }
    }
}

sub flatten_folder {
    my ($to, $places, $path, $is_alone) = @_;
    my $name = $path =~ s{.*/}{}sr;
    my ($found, $is_closed) = places_in($places, $name);
    mkdir $to, 0700 or die "mkdir: $!\n";
    flatten($to, $found, $path, $is_alone || $is_closed);
    set_attribute($to, "opaque", "y") if $is_closed;
    my $origin = has_origin($places, $name) ? attribute($found->[0], "origin") : undef;
    set_attribute($to, "origin", $origin) if defined $origin;
    dress($to, $found->[0]);
}

# The places of a folder, newest first, down to where it was made anew, deleted, or no folder; and whether there is such an
# end, below which nothing shows.
sub places_in {
    my ($places, $name) = @_;
    my @found;
    for (@$places) {
        lstat "$_/$name" or next;
        return (\@found, 1) if !-d _;
        push @found, "$_/$name";
        return (\@found, 1) if (attribute("$_/$name", "opaque") // "") eq "y";
    }
    return (\@found, 0);
}

# Whether what shows at a name came from the checkout, and not from an older layer alone.
sub has_origin {
    my ($places, $name) = @_;
    my $came = 0;
    for (@$places) {
        my @stat = lstat "$_/$name" or next;
        last if !S_ISDIR($stat[2]) && !S_ISREG($stat[2]);
        return 0 if !defined attribute("$_/$name", "origin");
        $came = 1;
        last if S_ISDIR($stat[2]) && (attribute("$_/$name", "opaque") // "") eq "y";
    }
    return $came;
}

sub take_link {
    my ($to, $from, $places, $name) = @_;
    syscall($number{linkat}, $AT_FDCWD, "$from", $AT_FDCWD, "$to", 0) == 0 or die "link: $!\n";
    return if !-f $to || -l $to || !defined attribute($to, "origin") || has_origin($places, $name);
    my $origin = "user.overlay.origin";
    syscall($number{lremovexattr}, "$to", $origin) == 0 or die "an attribute cannot be removed: $!\n";
}

sub make_whiteout {
    my ($path) = @_;
    syscall($number{mknodat}, $AT_FDCWD, "$path", S_IFCHR, 0) == 0 or die "a mark cannot be made: $!\n";
}

# Gives a folder the mode and the times of the one that it stands for.
sub dress {
    my ($path, $of) = @_;
    my @stat = lstat $of or die "the layer changed while it was read: $!\n";
    chmod $stat[2] & 07777, $path or die "chmod: $!\n";
    my $times = pack "q4", int $stat[8], 0, int $stat[9], 0;
    syscall($number{utimensat}, $AT_FDCWD, "$path", $times, $AT_SYMLINK_NOFOLLOW) == 0 or die "the times cannot be set: $!\n";
}

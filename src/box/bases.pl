# Saves, for the holder, the checkout's version of each file that the layer holds, while it is certain that the layer's
# version derives from that one. Runs in a child of the holder; sees /layer, /lower (the checkout), /mask, /bases, and the
# base layer in /base.
#
# Certain is what has not changed since `$since`, an instant before the view was mounted: until then the view can have shown
# something else, and later the person's save shows in the file's ctime, or in a folder's when it was moved in. In /bases a
# regular file is such a version (its mtime is the ctime of the checkout's file, its mode 0200 until it is whole); a link
# marks a path of which that version is not known, so that it is never guessed at a later mount. It leads nowhere: what comes to
# lie below such a path must not find the version of another file there.
package bases;
use strict;
use warnings;
no warnings "recursion";

my ($O_WRONLY, $O_CREAT, $O_EXCL, $O_NOFOLLOW, $O_NONBLOCK, $O_DIRECTORY, $O_PATH, $O_CLOEXEC) =
  (1, 0100, 0200, 0400000, 04000, 0200000, 010000000, 02000000);
my ($AT_FDCWD, $AT_SYMLINK_NOFOLLOW, $AT_EMPTY_PATH, $UTIME_OMIT) = (-100, 0x100, 0x1000, (1 << 30) - 2);
# No link is ever passed.
my $RESOLVE = 0x02 | 0x04 | 0x08;
my ($FILE_BYTES_MAX, $TOTAL_BYTES_MAX, $ENTRIES_MAX, $SEEN_MAX, $PATH_BYTES_MAX) = (1 << 20, 64 << 20, 20_000, 100_000, 1900);
my ($NEWER_MAX, $NAMES_BYTES_MAX) = (1000, 32 << 20);
# No such file, no right, a way out, no folder, a link.
my %absent = map { $_ => 1 } 2, 13, 18, 20, 40;
# Their files come from a package manager, or are git's own.
my %skipped = map { $_ => 1 } qw(.git .hg .svn node_modules .venv venv __pycache__);

my (%number, %roots, @layers, @parts, $names, $since, $bytes, $entries, $seen, $is_whole);

# Answers "bases 1 STAMP" when every path of the layer is saved or marked, so that a view mounted from now on may take STAMP
# for its instant; before it "edited PATH CTIME" for each saved one that the person has changed since.
sub save {
    my ($arch, $instant, @sealed) = @_;
    set_numbers($arch);
    ($since, $bytes, $entries, $seen, $is_whole) = ($instant, 0, 0, 0, 1);
    # The newest first; a turn that is over is sealed.
    @layers = ("/layer/upper", map { "/layer/sealed/$_" } @sealed);
    my $stamp = eval { my $now = stamp(); compare(""); walk($_, "") for @layers; $now };
    syswrite STDOUT, "bases " . ($is_whole && defined $stamp ? "1 $stamp" : "0 0") . "\n";
}

sub set_numbers {
    %number =
      $_[0] eq "arm64"
      ? (statx => 291, getxattr => 8, utimensat => 88, openat2 => 437, setitimer => 103)
      : (statx => 332, getxattr => 191, utimensat => 280, openat2 => 437, setitimer => 38);
}

# Takes the parts of the base layer that the view shows, as folders.
sub set_parts { @parts = @_ }

sub stamp_for { set_numbers($_[0]); return stamp() }

# Answers "listed" after a line "newer PATH" for each file and folder of the checkout that is newer than the view, as far as
# that is known within the milliseconds.
sub list_newer {
    my ($arch, $instant, $find, $ms_max) = @_;
    set_numbers($arch);
    my @pruned = map { ("-name", $_, "-o") } sort keys %skipped;
    pop @pruned;
    my $when = sprintf "\@%d.%09d", $instant / 1_000_000_000, $instant % 1_000_000_000;
    my $pid = open(my $out, "-|", $find, "/lower", "(", @pruned, ")", "-prune", "-o", "-newerct", $when, "-printf", '%y%P\0')
      or return syswrite STDOUT, "listed 0\n";
    my $is_told = 0;
    local $SIG{ALRM} = sub { return if $is_told++; kill "KILL", $pid; syswrite STDOUT, "listed 0\n"; exit 0 };
    my $timer = pack "q4", 0, 0, int($ms_max / 1000), $ms_max % 1000 * 1000;
    syscall($number{setitimer}, 0, $timer, 0);
    local $/ = "\0";
    my $count = 0;
    while (my $line = <$out>) {
        chomp $line;
        my ($kind, $path) = (substr($line, 0, 1), substr $line, 1);
        next if $path eq "" || length $path > $PATH_BYTES_MAX || is_masked($path) || ++$count > $NEWER_MAX;
        syswrite STDOUT, "newer $kind " . unpack("H*", $path) . "\n";
    }
    syswrite STDOUT, "listed 1\n" if !$is_told++;
}

# The time as the kernel writes it into files, right now.
sub stamp {
    open(my $file, ">", "/ctl/stamp") or die "stamp: $!\n";
    syswrite $file, "." or die "stamp: $!\n";
    close $file;
    return look("/ctl/stamp")->{changed};
}

sub look { my ($path) = @_; return statx_of($AT_FDCWD, "$path", $AT_SYMLINK_NOFOLLOW) }

sub statx_of {
    my ($at, $path, $flags) = @_;
    my $buffer = "\0" x 256;
    syscall($number{statx}, $at + 0, $path, $flags, 0xfff, $buffer) == 0 or return undef;
    my ($mode, $inode, $size, $bs, $bn, $cs, $cn, $ms, $mn, $rmajor, $rminor, $major, $minor) =
      unpack "x28 S x2 Q Q x32 q L x4 q L x4 q L x4 L4", $buffer;
    return {
        kind => $mode & 0170000, mode => $mode & 07777, size => $size, inode => "$major:$minor:$inode",
        born => $bs * 1_000_000_000 + $bn, changed => $cs * 1_000_000_000 + $cn, modified => $ms * 1_000_000_000 + $mn,
        whiteout => ($mode & 0170000) == 0020000 && $rmajor == 0 && $rminor == 0,
    };
}

sub is_file { return $_[0] && $_[0]{kind} == 0100000 }
sub is_folder { return $_[0] && $_[0]{kind} == 0040000 }

# Opens a path below a folder without following anything; undefined when it is not there or leads through a link.
sub open_below {
    my ($root, $path, $flags) = @_;
    if (!$roots{$root}) { opendir($roots{$root}, $root) or die "$root: $!\n" }
    my $how = pack "Q3", $flags | $O_NOFOLLOW | $O_CLOEXEC, 0, $RESOLVE;
    my $name = $path eq "" ? "." : "$path";
    my $number = syscall($number{openat2}, fileno $roots{$root}, $name, $how, length $how);
    if ($number < 0) { return undef if $absent{ $! + 0 }; die "a file cannot be looked at: $!\n" }
    open(my $file, "<&=", $number) or die "descriptor: $!\n";
    return $file;
}

sub look_below {
    my ($root, $path) = @_;
    my $file = open_below($root, $path, $O_PATH) or return undef;
    return statx_of(fileno $file, my $empty = "", $AT_EMPTY_PATH);
}

sub names {
    my ($root, $path) = @_;
    my $folder = open_below($root, $path, $O_DIRECTORY) or return;
    opendir(my $handle, "/proc/self/fd/" . fileno $folder) or return;
    return sort grep { $_ ne "." && $_ ne ".." } readdir $handle;
}

# Whether the folder of the checkout is the one that the view was mounted with: a folder that is moved in changes its own
# ctime and the mtime of the one above.
sub is_same_folder {
    my ($folder, $above) = @_;
    return is_folder($folder) && (is_earlier($folder->{changed}) || (is_earlier($above->{modified}) && is_earlier($folder->{born})));
}

# A disk that keeps whole seconds says nothing about what happened within one.
sub is_earlier { my ($time) = @_; return $time + ($time % 1_000_000_000 ? 0 : 1_000_000_000) < $since }

sub is_same_place {
    my ($path) = @_;
    my $above = look("/lower");
    while ($path =~ m{/}g) {
        my $folder = look_below("/lower", substr $path, 0, pos($path) - 1);
        return 0 if !is_same_folder($folder, $above);
        $above = $folder;
    }
    return 1;
}

# Whether the view shows another file than the checkout's: one without secrets, or one of the base layer.
sub is_masked {
    my ($path) = @_;
    while ($path =~ m{(?:/|\z)}g) {
        my $mask = look("/mask/" . substr $path, 0, $-[0]) or last;
        return 1 if !is_folder($mask);
    }
    for my $part (@parts) {
        pos($path) = 0;
        while ($path =~ m{(?:/|\z)}g) {
            my $here = substr $path, 0, $-[0];
            last if !look_below($part, $here);
            return 1 if is_hiding($part, $here);
        }
    }
    return 0;
}

# Everything of a layer under this folder of the checkout; what the checkout lacks has no earlier version.
sub walk {
    my ($layer, $folder) = @_;
    my $prefix = $folder eq "" ? "" : "$folder/";
    for my $name (names($layer, $folder)) {
        my $path = "$prefix$name";
        next if $skipped{$name};
        if (++$seen > $SEEN_MAX || length $path > $PATH_BYTES_MAX) { $is_whole = 0; next }
        my $upper = look_below($layer, $path) or next;
        my $lower = look_below("/lower", $path);
        if (!$lower) {
            mark($path) if is_file($upper) && was_there($path) && !is_masked($path) && !look("/bases/$path");
            walk($layer, $path) if is_folder($upper) && was_there("$path/");
            next;
        }
        keep($path) if is_file($lower) && !is_masked($path);
        walk($layer, $path) if is_folder($upper) && is_folder($lower) && !grep { is_hiding($_, $path) } @layers;
    }
}

# Nothing of what is below shows in such a folder, so what is in it derives from nothing.
sub is_hiding {
    my ($layer, $path) = @_;
    my $entry = look_below($layer, $path) or return 0;
    my $folder = is_folder($entry) && open_below($layer, $path, $O_DIRECTORY) or return 1;
    my $buffer = "\0" x 16;
    my $link = "/proc/self/fd/" . fileno $folder;
    my $attribute = "user.overlay.opaque";
    return syscall($number{getxattr}, $link, $attribute, $buffer, length $buffer) > 0;
}

# The layer whose file the view shows; undefined when it shows none of a layer's.
sub layer_of {
    my ($path) = @_;
    for my $layer (@layers) {
        return $layer if look_below($layer, $path);
        while ($path =~ m{/}g) { return undef if is_hiding($layer, substr $path, 0, pos($path) - 1) }
    }
    return undef;
}

sub keep {
    my ($path) = @_;
    return if look("/bases/$path");
    my $is_saved = eval { copy($path) } // 0;
    return if $is_saved;
    unlink "/bases/$path";
    mark($path);
}

sub mark {
    my ($path) = @_;
    $is_whole = 0 if ++$entries > $ENTRIES_MAX || !make_parents($path) || !symlink "/nonexistent", "/bases/$path";
}

# Whether the checkout had such a file, or for a path that ends in a slash a folder with files, when the view was mounted. The
# view shows it until it is mounted anew, so what the box made of it would look like a file that was never there.
sub was_there {
    my ($path) = @_;
    if (!defined $names) {
        local $/;
        my $file;
        $names = open($file, "<", "/ctl/names") || open($file, "<", "/ctl/some-names") ? "\0" . (<$file> // "") : "";
    }
    return index($names, $path =~ m{/\z} ? "\0$path" : "\0$path\0") >= 0;
}

# Writes down which files the checkout has: right after the view is mounted, and behind everything else.
sub list_names {
    my ($find) = @_;
    setpriority 0, 0, 10;
    my @pruned = map { ("-name", $_, "-o") } sort keys %skipped;
    pop @pruned;
    open(my $out, "-|", $find, "/lower", "(", @pruned, ")", "-prune", "-o", "-type", "f", "-printf", '%P\0') or return;
    open(my $file, ">", "/ctl/names.$$") or return;
    my $total = 0;
    while (my $read = sysread($out, my $piece, 1 << 18)) { last if ($total += $read) > $NAMES_BYTES_MAX; syswrite $file, $piece }
    # Of which some are not in it, that is told by another name.
    my $name = $total > $NAMES_BYTES_MAX ? "some-names" : "names";
    close $file and rename "/ctl/names.$$", "/ctl/$name" and unlink $name eq "names" ? "/ctl/some-names" : "/ctl/names";
}

sub copy {
    my ($path) = @_;
    my $from = open_below("/lower", $path, $O_NONBLOCK) or return 0;
    my $before = statx_of(fileno $from, my $empty = "", $AT_EMPTY_PATH);
    return 0 if !is_file($before) || !is_earlier($before->{changed}) || $before->{size} > $FILE_BYTES_MAX;
    return 0 if $bytes + $before->{size} > $TOTAL_BYTES_MAX || $entries >= $ENTRIES_MAX || !make_parents($path);
    my $content = "";
    while (my $read = sysread($from, $content, 1 << 18, length $content) // return 0) { return 0 if length $content > $FILE_BYTES_MAX }
    sysopen(my $to, "/bases/$path", $O_WRONLY | $O_CREAT | $O_EXCL | $O_NOFOLLOW, 0200) or return 0;
    for (my $at = 0; $at < length $content;) { $at += syswrite($to, $content, 1 << 18, $at) // return 0 }
    close $to or return 0;
    # The person may have saved in the middle of it, or moved another file here.
    my $after = look_below("/lower", $path);
    return 0 if !is_file($after) || $after->{inode} ne $before->{inode} || $after->{changed} != $before->{changed};
    return 0 if $before->{size} != length $content || !is_same_place($path);
    set_modified("/bases/$path", $before->{changed}) or return 0;
    chmod $before->{mode} & 0100 ? 0700 : 0600, "/bases/$path" or return 0;
    $entries++;
    $bytes += length $content;
    return 1;
}

sub make_parents {
    my ($path) = @_;
    while ($path =~ m{/}g) {
        my $folder = "/bases/" . substr $path, 0, pos($path) - 1;
        mkdir $folder, 0700 or is_folder(look($folder)) or return 0;
    }
    return 1;
}

sub set_modified {
    my ($path, $time) = @_;
    use integer;
    my ($seconds, $rest) = ($time / 1_000_000_000, $time % 1_000_000_000);
    # Before 1970.
    ($seconds, $rest) = ($seconds - 1, $rest + 1_000_000_000) if $rest < 0;
    my $times = pack "q4", 0, $UTIME_OMIT, $seconds, $rest;
    return syscall($number{utimensat}, $AT_FDCWD, "$path", $times, $AT_SYMLINK_NOFOLLOW) == 0;
}

# Counts what is saved, and names what the person has changed since. A file that was only touched, or moved away and back,
# is looked into once.
sub compare {
    my ($folder) = @_;
    my $prefix = $folder eq "" ? "" : "$folder/";
    for my $name (names("/bases", $folder)) {
        my $path = "$prefix$name";
        next if $skipped{$name};
        my $base = look("/bases/$path") or next;
        if (is_folder($base)) { compare($path); next }
        $entries++;
        next if !is_file($base) || !($base->{mode} & 0400);
        $bytes += $base->{size};
        my $lower = look_below("/lower", $path);
        next if is_file($lower) && $lower->{changed} == $base->{modified} && $lower->{size} == $base->{size};
        if (is_file($lower) && $lower->{size} == $base->{size} && is_equal($path)) { set_modified("/bases/$path", $lower->{changed}); next }
        next if is_file($lower) && rebase($path, $lower);
        syswrite STDOUT, "edited " . unpack("H*", $path) . " " . ($lower ? $lower->{changed} : 0) . "\n";
    }
}

sub is_equal {
    my ($path) = @_;
    my ($one, $two) = map { content_of($_, $path) // return 0 } "/lower", "/bases";
    return $one eq $two;
}

# What both sides have alike is what both go on from.
sub rebase {
    my ($path, $lower) = @_;
    my $layer = layer_of($path) // return 0;
    my $upper = look_below($layer, $path);
    return 0 if !is_file($upper) || (($upper->{mode} ^ $lower->{mode}) & 0100);
    my $content = content_of("/lower", $path);
    return 0 if !defined $content || $content ne (content_of($layer, $path) // return 0);
    # Nothing of the checkout is ever saved under this name.
    my $draft = "/bases/.git/draft";
    make_parents(".git/draft") or return 0;
    unlink $draft;
    write_new($draft, $content, $upper->{mode} & 0100) or return 0;
    return rename $draft, "/bases/$path";
}

sub content_of {
    my ($root, $path) = @_;
    my $file = open_below($root, $path, $O_NONBLOCK) or return undef;
    is_file(statx_of(fileno $file, my $empty = "", $AT_EMPTY_PATH)) or return undef;
    my $content = "";
    while (my $read = sysread($file, $content, 1 << 18, length $content) // return undef) { return undef if length $content > $FILE_BYTES_MAX }
    return $content;
}

sub write_new {
    my ($path, $content, $is_executable) = @_;
    sysopen(my $to, $path, $O_WRONLY | $O_CREAT | $O_EXCL | $O_NOFOLLOW, 0200) or return 0;
    for (my $at = 0; $at < length $content;) { $at += syswrite($to, $content, 1 << 18, $at) // return 0 }
    return close $to && chmod $is_executable ? 0700 : 0600, $path;
}

1;

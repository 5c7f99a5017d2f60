# Moves what git ignores out of a finished layer into the base layer of a checkout, and looks at what that was made beside.
# Runs in a sandbox of its own and follows no link: every folder is entered by names that were looked at, and nothing else runs.
#
#   look   /base, and the layers of /layer that are named, newest first -> what the checkout has where the units lie
#   take   a layer of /session -> /session/NEW/KIND/UNIT…   input: NEW, the layer, then stay/move/copy/own "" PATH, unit KIND PATH
#   merge  /w/NEW and the parts of /w -> a new part each, /w/current   input: NEW, then part KIND NAME, unit KIND PATH STATE SEEN META
#   find   the layers of /layer -> the folders in them that have one of the names   input: names
#   drop   removes the units that are named from a layer of /session, and what is saved of them   input: the layer, paths
#   filter copies parts of /w, by links, without the units named     input: for each part NAME COUNT PATH…
#   sweep  removes the parts of /w that are neither in /w/current nor shown in a box
#
# Every string ends in NUL. /w/current holds "1", then part KIND NAME BYTES FILES and unit KIND PATH PART META GONE.
# GONE names, in hexadecimal digits, the folders of the checkout in whose place the unit has none.
use strict;
use warnings;
no warnings "recursion";
use Fcntl qw(:DEFAULT :flock :mode);

my ($mode, $arch, @rest) = @ARGV;
@ARGV = ();
my %number =
  $arch eq "arm64"
  ? (lgetxattr => 9, lsetxattr => 5, utimensat => 88, linkat => 37, statx => 291, lremovexattr => 15)
  : (lgetxattr => 192, lsetxattr => 188, utimensat => 280, linkat => 265, statx => 332, lremovexattr => 198);
my ($AT_FDCWD, $AT_SYMLINK_NOFOLLOW, $ENODATA, $EOPNOTSUPP) = (-100, 0x100, 61, 95);
my ($PATH_BYTES_MAX, $LOOK_MAX, $FIND_MAX, $LOCK_S, $AGE_S, $COPY_BYTES_MAX) = (3900, 20_000, 200_000, 60, 86_400, 1 << 30);
binmode STDIN;
binmode STDOUT;
umask 0077;

my @in = do { local $/; my $all = <STDIN> // ""; split /\0/, $all, -1 };
@in >= 2 && $in[-1] eq "" && $in[-2] eq "." or die "the input is cut short\n";
splice @in, -2;
my %run = (look => \&look, find => \&find, drop => \&drop, take => \&take, merge => \&merge, filter => \&filter, sweep => \&sweep);
($run{$mode} // die "unknown mode\n")->();
close STDOUT or die "output: $!\n";

sub record { print join("\0", @_), "\0" }

sub is_folder { my @stat = lstat $_[0]; return @stat && S_ISDIR($stat[2]) }

# stat of the name itself; empty when there is none.
sub at { my @stat = lstat $_[0]; return @stat }

# When a name changed last, in whole milliseconds since 1970; 0 when it is not there.
sub changed_at {
    my ($path) = @_;
    my $buffer = "\0" x 256;
    syscall($number{statx}, $AT_FDCWD, "$path", $AT_SYMLINK_NOFOLLOW, 0xfff, $buffer) == 0 or return 0;
    my ($seconds, $nanoseconds) = unpack "x96 q L", $buffer;
    return $seconds * 1000 + int($nanoseconds / 1_000_000);
}

sub is_whiteout { my @stat = at($_[0]); return @stat && S_ISCHR($stat[2]) && $stat[6] == 0 }

sub names {
    my ($folder) = @_;
    opendir(my $handle, $folder) or die "a folder cannot be read: $!\n";
    my @names = sort grep { $_ ne "." && $_ ne ".." } readdir $handle;
    return @names;
}

sub is_opaque {
    my ($path) = @_;
    my ($name, $buffer) = ("user.overlay.opaque", "\0" x 16);
    my $length = syscall($number{lgetxattr}, "$path", $name, $buffer, length $buffer);
    return $length == 1 && substr($buffer, 0, 1) eq "y";
}

sub make_opaque {
    my ($path) = @_;
    # syscall() wants strings that it could write to.
    my ($name, $value) = ("user.overlay.opaque", "y");
    syscall($number{lsetxattr}, "$path", $name, $value, 1, 0) == 0 or die "an attribute cannot be set: $!\n";
}

# Whether every folder above a path is one of the tree's own.
sub has_place {
    my ($root, $path) = @_;
    while ($path =~ m{/}g) { is_folder("$root/" . substr $path, 0, pos($path) - 1) or return 0 }
    return 1;
}

sub make_parents {
    my ($root, $path) = @_;
    mkdir $root, 0755;
    while ($path =~ m{/}g) { my $parent = "$root/" . substr $path, 0, pos($path) - 1; mkdir $parent, 0755; chmod 0755, $parent }
}

# Gives a copy or a new folder the times of the one that it stands for; a link has them of its own.
sub set_times {
    my ($path, @stat) = @_;
    my $times = pack "q4", int $stat[8], 0, int $stat[9], 0;
    syscall($number{utimensat}, $AT_FDCWD, "$path", $times, $AT_SYMLINK_NOFOLLOW);
}

sub look {
    my ($sha256sum, @layers) = @rest;
    @layers = map { "/layer/$_" } @layers;
    my (@found, %files);
    while (@in) {
        my ($path, $is_deep, $locks) = splice @in, 0, 3;
        my $place = has_place("/base", $path);
        my @stat = $place ? at("/base/$path") : ();
        my $newest = @stat ? newest("/base/$path", $is_deep) : 0;
        my @own = $locks eq "" ? () : lockfiles($path, $locks);
        my @seen = $locks eq "" || !@layers ? () : lockfiles($path, $locks, @layers);
        $files{$_->[1]} = 1 for @own, @seen;
        my $locked = 0;
        for (@own) { my $changed = changed_at($_->[1]); $locked = $changed if $changed > $locked }
        push @found, [$path, $place, @stat ? 1 : 0, $newest, $locked, \@own, \@seen];
    }
    my %hash = hashes($sha256sum, keys %files);
    my $print = sub { join "\n", map { "$_->[0] " . ($hash{$_->[1]} // "?") } @_ };
    for (@found) { my ($path, $place, $exists, $newest, $locked, $own, $seen) = @$_; record("U", $path, $place, $exists, $newest, $locked, $print->(@$own), $print->(@$seen), (grep { $_->[1] =~ m{^/layer/} } @$seen) ? 1 : 0) }
}

sub find {
    my %wanted = map { $_ => 1 } @in;
    my @layers = map { "/layer/$_" } @rest;
    my ($count, %found) = 0;
    for my $at (0 .. $#layers) {
        my ($layer, @newer) = @layers[$at, 0 .. $at - 1];
        my @queue = "";
        while (defined(my $folder = pop @queue)) {
            for my $name (names("$layer/$folder")) {
                my $path = $folder eq "" ? $name : "$folder/$name";
                next if $name eq ".git" || length $path > $PATH_BYTES_MAX || ++$count > $FIND_MAX;
                if (!$wanted{$name}) { push @queue, $path if is_folder("$layer/$path"); next }
                next if !is_folder("$layer/$path") && !is_whiteout("$layer/$path");
                record("F", $path) if !$found{$path}++ && !grep { is_hiding($_, $folder) } @newer;
            }
        }
    }
}

# Whether nothing of what is older shows in a folder, because a layer made it or one above it anew or has another thing there.
sub is_hiding {
    my ($layer, $folder) = @_;
    return 0 if $folder eq "";
    for my $above (map { substr $folder, 0, $_ } positions($folder), length $folder) {
        return 0 if !at("$layer/$above");
        return 1 if !is_folder("$layer/$above") || is_opaque("$layer/$above");
    }
    return 0;
}

sub drop {
    my @roots = (layer_named(shift @in), "/session/bases");
    for my $path (@in) {
        for my $root (@roots) {
            next if !has_place($root, $path) || !at("$root/$path");
            system("/bin/rm", "-rf", "--one-file-system", "--", "$root/$path") == 0 or die "it could not be removed whole\n";
        }
    }
}

sub layer_named {
    my ($name) = @_;
    $name =~ /\A(?:upper|sealed\/\d+)\z/ or die "a name that is none of ours\n";
    return "/session/layer/$name";
}

# When a copy of the person's changed last. What a package manager fills changes where it is entered, or a little below.
sub newest {
    my ($path, $is_deep) = @_;
    my ($newest, $count, @queue) = (0, 0, [$path, 0]);
    while (my $next = shift @queue) {
        my ($at, $depth) = @$next;
        my @stat = at($at) or next;
        # Too much to look at counts as changed just now.
        return 99_999_999_999_999 if ++$count > $LOOK_MAX;
        my $changed = changed_at($at);
        $newest = $changed if $changed > $newest;
        next if !S_ISDIR($stat[2]) || length $at > $PATH_BYTES_MAX;
        # Caches that tools of the person's write beside the packages say nothing of these.
        my $goes_on = $is_deep || $depth < 1 || $at =~ m{/(?:lib|lib/python[^/]*|debug|release)\z};
        push @queue, map { ["$at/$_", $depth + 1] } grep { $is_deep || !/\A\.(?:cache|vite|vite-temp|vitest|turbo)\z/ } names($at) if $goes_on;
    }
    return $newest;
}

# The lockfiles nearest to a unit, each with its place: as the layers show them where some are given, the newest first.
sub lockfiles {
    my ($unit, $patterns, @layers) = @_;
    my $match = join "|", map { join ".*", map { quotemeta } split /\*/, $_, -1 } split / /, $patterns;
    my $folder = $unit;
    while (1) {
        $folder = $folder =~ m{^(.*)/}s ? $1 : "";
        my $prefix = $folder eq "" ? "" : "$folder/";
        my %at;
        for my $root ("/base", reverse @layers) {
            %at = () if $root ne "/base" && is_hiding($root, $folder);
            next if !has_place($root, "$prefix.") || !is_folder("$root/$folder");
            for (grep { /\A(?:$match)\z/s } names("$root/$folder")) {
                if (is_whiteout("$root/$prefix$_")) { delete $at{$_} }
                elsif (S_ISREG((at("$root/$prefix$_"))[2] // 0)) { $at{$_} = "$root/$prefix$_" }
            }
        }
        return map { ["$prefix$_", $at{$_}] } sort keys %at if %at;
        return () if $folder eq "";
    }
}

sub hashes {
    my ($sha256sum, @files) = @_;
    my %hash;
    while (my @batch = splice @files, 0, 200) {
        open(my $out, "-|", $sha256sum, "-z", "--", @batch) or die "sha256sum: $!\n";
        local $/ = "\0";
        while (my $line = <$out>) { $hash{$2} = $1 if $line =~ /^([0-9a-f]{64})  (.*)\0\z/s }
        close $out;
    }
    return %hash;
}

my (%how, %stay, $top, @sealed, $kept, $taken_any);

# The one place that reads a layer. What it does not take stays where it is.
sub take {
    my $new = shift @in;
    $new =~ /\Anew-[0-9a-f]+\z/ or die "a name that is none of ours\n";
    mkdir "/session/$new", 0700 or die "the folder is not new: $!\n";
    $top = layer_named(shift @in);
    @sealed = grep { $_ ne $top } map { "/session/layer/sealed/$_" } grep { /\A\d+\z/ } names("/session/layer/sealed");
    my @root = at($top);
    my @units;
    while (@in) {
        my ($word, $kind, $path) = splice @in, 0, 3;
        if ($word eq "own") { disown($path) }
        elsif ($word eq "unit") { push @units, [$kind, $path] }
        elsif ($word eq "stay") { $stay{$path} = 1; while ($path =~ m{/}g) { $stay{substr $path, 0, pos($path) - 1} = 1 } }
        else { $how{$path} = $word }
    }
    for (@units) {
        my ($kind, $path) = @$_;
        $kept = "/session/$new/$kind";
        record("T", $path, take_unit($path));
    }
    # The view's root looks as the layer's; and what was taken is no change of the session's.
    set_times($top, @root);
    rmdir "/session/$new/$_" for "dependencies", "other";
    rmdir "/session/$new";
}

# What stays although it came from the base layer is the session's own from now on: it is no file of the checkout's that
# somebody deleted.
sub disown {
    my ($path) = @_;
    my ($layer, $name) = ("$top/$path", "user.overlay.origin");
    return if length $path > $PATH_BYTES_MAX || at("/base/$path") && !is_folder("/base/$path");
    return if !has_place($top, $path) || !at($layer);
    syscall($number{lremovexattr}, "$layer", $name) if !at("/base/$path");
    if (is_folder($layer)) { disown("$path/$_") for names($layer) }
}

sub take_unit {
    my ($unit) = @_;
    while ($unit =~ m{/}g) {
        my $above = substr $unit, 0, pos($unit) - 1;
        my @stat = at("$top/$above");
        return "untouched" if !@stat;
        return "gone" if !S_ISDIR($stat[2]);
        # Made anew: nothing below shows but what the layer has itself.
        return "gone" if is_opaque("$top/$above") && !at("$top/$unit");
    }
    return "untouched" if !at("$top/$unit");
    my $is_anew = grep { is_opaque("$top/$_") } map { substr $unit, 0, $_ } positions($unit);
    $taken_any = 0;
    make_parents($kept, $unit);
    take_one($unit);
    make_opaque("$kept/$unit") if $is_anew && is_folder("$kept/$unit");
    if ($taken_any) { remove_empty($unit) }
    else { rmdir "$kept/$_" for map { substr $unit, 0, $_ } reverse positions($unit) }
    return $taken_any ? "taken" : "untouched";
}

sub positions { my ($path) = @_; my @all; while ($path =~ m{/}g) { push @all, pos($path) - 1 } return @all }

# Folders above that the layer holds only because of what was taken.
sub remove_empty {
    my ($unit) = @_;
    for my $above (map { substr $unit, 0, $_ } reverse positions($unit)) {
        my $path = "$top/$above";
        last if is_opaque($path) || !is_folder("/base/$above") || !rmdir $path;
    }
}

sub take_one {
    my ($path) = @_;
    my ($from, $to) = ("$top/$path", "$kept/$path");
    return if length $path > $PATH_BYTES_MAX || $path =~ m{(?:^|/)\.git\z};
    my @stat = at($from) or die "the layer changed while it was read: $!\n";
    if (is_whiteout($from)) { move($from, $to) if !$stay{$path}; return }
    if (S_ISDIR($stat[2])) { take_folder($path, @stat); return }
    my $how = $how{$path} // return;
    return if !S_ISREG($stat[2]) && !S_ISLNK($stat[2]);
    # Another name of the file could stay in the layer, and be written to; nothing writes to a sealed one.
    if ($how eq "move" && (S_ISLNK($stat[2]) || $stat[3] == 1 || is_in_sealed($path, @stat))) {
        chmod $stat[2] & 0777, $from if $stat[2] & 07000 && S_ISREG($stat[2]);
        return move($from, $to);
    }
    copy($from, $to, @stat) or return;
    $taken_any = 1;
    unlink $from or die "unlink: $!\n" if $how eq "move";
}

# Whether the only other name of a file is the one in the sealed layer that it came from.
sub is_in_sealed {
    my ($path, @stat) = @_;
    return 0 if $stat[3] != 2 || $stat[2] & 07000;
    return scalar grep { has_place($_, $path) && join(":", (at("$_/$path"))[0, 1]) eq "$stat[0]:$stat[1]" } @sealed;
}

sub take_folder {
    my ($path, @stat) = @_;
    my ($from, $to) = ("$top/$path", "$kept/$path");
    my ($is_opaque, $before) = (is_opaque($from), $taken_any);
    mkdir $to, 0700 or die "mkdir: $!\n";
    take_one("$path/$_") for names($from);
    my $is_anew = $is_opaque && !$stay{$path};
    if ($is_anew) { make_opaque($to); $taken_any = 1 }
    $taken_any = 1 if $how{$path};
    if (!$is_anew && !$how{$path} && rmdir $to) { }
    else { chmod $stat[2] & 0777, $to; set_times($to, @stat) }
    rmdir $from unless $is_opaque && $stay{$path};
}

sub move { my ($from, $to) = @_; rename $from, $to or die "rename: $!\n"; $taken_any = 1 }

sub copy {
    my ($from, $to, @stat) = @_;
    if (S_ISLNK($stat[2])) { symlink readlink($from), $to or die "symlink: $!\n"; set_times($to, @stat); return 1 }
    return 0 if $stat[7] > $COPY_BYTES_MAX;
    sysopen(my $in, $from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or die "open: $!\n";
    sysopen(my $out, $to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or die "copy: $!\n";
    while (my $read = sysread($in, my $piece, 1 << 18) // die "read: $!\n") {
        (syswrite($out, $piece) // -1) == $read or die "the disk of the state folder may be full: $!\n";
    }
    close $out or die "copy: $!\n";
    chmod $stat[2] & 0777, $to;
    set_times($to, @stat);
    return 1;
}

sub read_current {
    my (%part, %unit);
    my @strings;
    if (open(my $file, "<", "/w/current")) { binmode $file; local $/; @strings = split /\0/, <$file> // "", -1; pop @strings }
    return (\%part, \%unit) if !@strings;
    (shift @strings) eq "1" or die "/w/current is of another version\n";
    while (@strings) {
        my ($word, @fields) = splice @strings, 0, $strings[0] eq "part" ? 5 : 6;
        if ($word eq "part") { $part{$fields[0]} = { name => $fields[1], bytes => $fields[2], files => $fields[3] } }
        else { $unit{$fields[1]} = { kind => $fields[0], part => $fields[2], meta => $fields[3], gone => $fields[4] } }
    }
    return (\%part, \%unit);
}

sub write_current {
    my ($part, $unit) = @_;
    open(my $file, ">", "/w/current.new") or die "current: $!\n";
    binmode $file;
    print $file "1\0";
    for my $kind (sort keys %$part) { print $file map { "$_\0" } "part", $kind, @{ $part->{$kind} }{qw(name bytes files)} }
    for my $path (sort keys %$unit) { print $file map { "$_\0" } "unit", $unit->{$path}{kind}, $path, @{ $unit->{$path} }{qw(part meta gone)} }
    close $file or die "current: $!\n";
    rename "/w/current.new", "/w/current" or die "current: $!\n";
}

# One at a time; the kernel lets go when a process ends, however it ends.
sub lock_workspace {
    sysopen(my $lock, "/w/lock", O_RDWR | O_CREAT, 0600) or die "lock: $!\n";
    local $SIG{ALRM} = sub { die "another session is still at it\n" };
    alarm $LOCK_S;
    flock($lock, LOCK_EX) or die "lock: $!\n";
    alarm 0;
    return $lock;
}

sub merge {
    my $new = shift @in;
    my $lock = lock_workspace();
    my ($part, $unit) = read_current();
    my (%seen_part, %changed);
    while (@in) {
        my ($word, $kind, @fields) = splice @in, 0, 3;
        if ($word eq "part") { $seen_part{$kind} = $fields[0]; next }
        push @fields, splice @in, 0, 3;
        my ($path, $state, $seen, $meta) = @fields;
        $changed{$kind}{$path} = { state => $state, seen => $seen, meta => $meta };
    }
    for my $kind (sort keys %changed) {
        my $name = part_name();
        my $tree = "/w/" . ($new eq "" ? $name : "$new/$kind");
        mkdir $tree, 0755;
        chmod 0755, $tree;
        for my $path (sort keys %{ $changed{$kind} }) {
            my $one = $changed{$kind}{$path};
            my $other = delete $unit->{$path};
            record("R", $path) if $one->{state} eq "taken" && $other && $other->{part} ne $one->{seen};
            next if $one->{state} ne "taken" || !has_place($tree, $path) || !at("$tree/$path");
            add_below("$tree/$path", "/w/$seen_part{$kind}/$path", "/base/$path") if ($seen_part{$kind} // "") ne "";
            my @gone;
            tidy("$tree/$path", "/base/$path", $path, \@gone);
            $unit->{$path} = { kind => $kind, part => $name, meta => $one->{meta}, gone => join " ", map { unpack "H*", $_ } @gone } if at("$tree/$path");
        }
        for my $path (sort grep { $unit->{$_}{kind} eq $kind && !$changed{$kind}{$_} } keys %$unit) {
            my $from = "/w/$part->{$kind}{name}/$path";
            make_parents($tree, $path);
            add_tree("$tree/$path", $from) if !at("$tree/$path");
        }
        if (!grep { $_->{kind} eq $kind } values %$unit) { delete $part->{$kind}; next }
        my ($bytes, $files) = size_of($tree);
        rename $tree, "/w/$name" or die "rename: $!\n" if $tree ne "/w/$name";
        $part->{$kind} = { name => $name, bytes => $bytes, files => $files };
    }
    write_current($part, $unit);
    rmdir "/w/$new" if $new ne "";
}

# For the box of one session, which goes on; no other ever shows it.
sub filter {
    my $lock = lock_workspace();
    while (@in) {
        my ($from, $count) = splice @in, 0, 2;
        my %without = map { $_ => 1 } splice @in, 0, $count;
        my $name = part_name();
        add_tree("/w/$name", "/w/$from", \%without, "/w/$from");
        record("P", $name, size_of("/w/$name"));
    }
}

sub part_name { return sprintf "part-%08x%08x", rand 1 << 32, rand 1 << 32 }

# Adds to a tree of the box's what the older one has and the box did not touch.
sub add_below {
    my ($to, $from) = @_;
    return if !is_folder($to) || is_opaque($to) || !is_folder($from);
    my @stat = at($to);
    chmod 0700, $to;
    for my $name (names($from)) {
        if (at("$to/$name")) { add_below("$to/$name", "$from/$name") }
        else { add_tree("$to/$name", "$from/$name") }
    }
    make_opaque($to) if is_opaque($from);
    chmod $stat[2] & 0777, $to;
    set_times($to, @stat);
}

sub add_tree {
    my ($to, $from, $without, $root) = @_;
    return if $without && length $from > length $root && $without->{substr $from, 1 + length $root};
    my @stat = at($from) or return;
    if (!S_ISDIR($stat[2])) {
        # link() of Perl would follow a symbolic link on some systems; this never does.
        syscall($number{linkat}, $AT_FDCWD, "$from", $AT_FDCWD, "$to", 0) == 0 or die "link: $!\n";
        return;
    }
    mkdir $to, 0700 or die "mkdir: $!\n";
    add_tree("$to/$_", "$from/$_", $without, $root) for names($from);
    make_opaque($to) if is_opaque($from);
    chmod $stat[2] & 0777, $to;
    set_times($to, @stat);
}

# A mark of deletion is kept only as long as the checkout has what it hides.
sub tidy {
    my ($path, $base, $name, $gone) = @_;
    push @$gone, $name if is_folder($base) && !is_folder($path);
    if (is_whiteout($path)) { unlink $path or die "unlink: $!\n" if !at($base); return }
    return if !is_folder($path);
    my @stat = at($path);
    tidy("$path/$_", is_folder($base) ? "$base/$_" : "/nowhere/$_", "$name/$_", $gone) for names($path);
    set_times($path, @stat);
}

sub size_of {
    my ($tree) = @_;
    my ($bytes, $files, @queue) = (0, 0, $tree);
    while (defined(my $path = pop @queue)) {
        my @stat = at($path) or next;
        $bytes += $stat[12] * 512;
        $files++;
        push @queue, map { "$path/$_" } names($path) if S_ISDIR($stat[2]);
    }
    return ($bytes, $files);
}

sub sweep {
    my $lock = lock_workspace();
    my ($part) = read_current();
    my %current = map { $_->{name} => 1 } values %$part;
    for my $name (names("/w")) {
        next if $current{$name} || $name !~ /\A(?:part|new|gone)-/;
        my @stat = at("/w/$name");
        # What a session is about to merge, or left behind when it was killed.
        next if $name =~ /\Anew-/ && $stat[10] > time - $AGE_S;
        sysopen(my $held, "/w/$name", O_RDONLY | O_DIRECTORY) or next;
        next if !flock($held, LOCK_EX | LOCK_NB);
        # A holder that comes now finds that the name is gone.
        (my $gone = $name) =~ s/\A[a-z]+/gone/;
        rename "/w/$name", "/w/$gone" or next;
        system "/bin/rm", "-rf", "--one-file-system", "--", "/w/$gone";
    }
}

# The view where no overlay is to be had: a copy of what it would show, in which the box writes. Two acts keep it and the
# layer together, so that all that reads the layer finds it in the overlay's form, whichever view there is.
#
#   fill  before a mount: makes the copy what the layer over all below it shows; what is so already is not copied again
#   take  whenever the layer is read: carries into it what the box changed in the copy since
#
# The holder loads it. Where a holder was killed, or is over, `copy-view.pl ARCH` takes what is left in a sandbox, and
# removes the copy. The box could put a link in place of a folder at any time, so nothing in the copy is followed.
package copyview;
use strict;
use warnings;
no warnings "recursion";

my ($O_DIRECTORY, $O_NONBLOCK, $O_NOFOLLOW, $O_CLOEXEC) = (0200000, 04000, 0400000, 02000000);
my ($AT_FDCWD, $AT_SYMLINK_NOFOLLOW, $LOCK) = (-100, 0x100, 2 | 4);
my ($FOLDER, $FILE, $LINK, $PIPE, $MARK) = (0040000, 0100000, 0120000, 0010000, 0020000);
# Devices and sockets are in no copy and come to no layer: the box could make a mark of deletion, or reach a socket of the
# machine.
my %kinds = map { $_ => 1 } $FOLDER, $FILE, $LINK, $PIPE;
my ($PATH_BYTES_MAX, $TRIES_MAX) = (3900, 3);
# A clock of files that ticks so rarely, in nanoseconds: what changed within a tick may change once more unnoticed.
my ($TICK, $SECONDS_TICK) = (20_000_000, 2_000_000_000);
my %absent = map { $_ => 1 } 2, 6, 13, 18, 20, 40;
my %number;

# In `known` is what stood in the copy when it and the layer were the same: folder => name => a line of four words:
#   o, where it derives from what lies below the layer, else - | what was copied | which file it became | its state
my ($lock, %views, @order, $now, %mapped, $has_changed, %made, %below, $by_file);

sub set_numbers {
    my ($arch) = @_;
    bases::set_numbers($arch);
    %number =
      $arch eq "arm64"
      ? (statx => 291, openat => 56, lgetxattr => 9, lsetxattr => 6, mknodat => 33)
      : (statx => 332, openat => 257, lgetxattr => 192, lsetxattr => 189, mknodat => 259);
}

# Makes room for the copies, and says whether this disk can hold a layer at all.
sub begin {
    my ($arch, @names) = @_;
    set_numbers($arch);
    mkdir "/layer/copy", 0700;
    mkdir "/layer/copy/$_", 0700 for @names;
    open($lock, ">", "/layer/copy/lock") && flock($lock, $LOCK) or die "its lock: $!\n";
    my $probe = "/layer/copy/probe";
    make_node($probe, $MARK) or die "marks of deletion cannot be made on the disk of the state folder: $!\n";
    unlink $probe;
    mkdir $probe, 0700;
    set_attribute($probe, "opaque", "y") or die "the disk of the state folder keeps no attributes: $!\n";
    rmdir $probe;
}

# Makes a copy of what these folders show, the first on top of the others; the first is the layer's own. Nothing of the box runs.
sub fill {
    my ($name, $upper, @below) = @_;
    my $old = $views{$name}{known} // {};
    my $view = { name => $name, tree => "/layer/copy/$name", upper => $upper, below => [@below], known => {} };
    @order = ((grep { $_ ne $name } @order), $name);
    # While it is not whole, what is left of it is nothing that the box wrote.
    unlink "/layer/copy/$name.list";
    begin_look();
    fill_folder($view, $old, "", [$upper, @below]);
    dress($view->{tree}, look($upper));
    $views{$name} = $view;
    wait_for_tick();
    write_known($view);
}

# Forgets the copies, so that nothing more is taken from them: their view is over, and what they held is in the layer.
sub rest { unlink "/layer/copy/$_.list" for @order }

# Takes from every copy, and says whether anything had changed. The box stands still or nothing of it runs.
sub take {
    my $any = 0;
    begin_look();
    find_mapped();
    $by_file = undef;
    for my $view (map { $views{$_} } @order) {
        $has_changed = 0;
        %made = %below = ();
        take_folder($view, "", 0);
        write_known($view) if $has_changed;
        $any ||= $has_changed;
    }
    return $any;
}

# Whether the box changed what stands at a path since the copy was filled or taken.
sub has_changed {
    my ($name, $path) = @_;
    my ($view, $folder) = ($views{$name}, "");
    for my $part (split m{/}, $path) {
        my $known = $view->{known}{$folder}{$part};
        my $handle = open_folder($view->{tree}, $folder) or return 1;
        my $stat = look_at($handle, $part);
        return $stat || defined $known ? 1 : 0 if !$stat || !defined $known;
        return 1 if !is_same($known, $stat);
        $folder = $folder eq "" ? $part : "$folder/$part";
    }
    return 0;
}

sub begin_look { $now = look(touch())->{changed}; %mapped = () }

# The clock of this disk, as the kernel writes it into files.
sub touch {
    my $file = "/layer/copy/stamp";
    open(my $stamp, ">", $file) or die "stamp: $!\n";
    syswrite $stamp, "." or die "stamp: $!\n";
    close $stamp;
    return $file;
}

# Until then something could change that was just made without its times saying so.
sub wait_for_tick {
    my $start = look(touch())->{changed};
    my $tick = $start % 1_000_000_000 ? $TICK : $SECONDS_TICK;
    select undef, undef, undef, 0.005 while look(touch())->{changed} < $start + $tick;
}

# A file that is mapped can be written to without a word.
sub find_mapped {
    for my $maps (glob "/proc/[0-9]*/maps") {
        open(my $file, "<", $maps) or next;
        while (<$file>) { $mapped{$1} = 1 if m{^\S+ .w.s \S+ \S+ (\d+)} }
    }
}

sub is_recent { my ($stat) = @_; my $time = $stat->{changed}; return $time + ($time % 1_000_000_000 ? $TICK : $SECONDS_TICK) >= $now }

# What was copied is told apart by all of it. "?" is never the same as anything: the person may be writing. The layer is ours.
sub source_of {
    my ($stat, $root) = @_;
    return is_recent($stat) && $root !~ m{^/layer/} ? "?" : "$stat->{which},$stat->{state}";
}

sub line { return join "|", @_ }

# A line ends with these two. No loop over all the files takes it apart.
sub is_same { my ($line, $stat) = @_; my $end = "|$stat->{which}|$stat->{state}"; return substr($line, -length $end) eq $end }

# Opens a name of a folder, and no link.
sub open_at {
    my ($at, $name, $flags) = @_;
    my $opened = syscall($number{openat}, $at + 0, my $text = "$name", $flags | $O_NOFOLLOW | $O_NONBLOCK | $O_CLOEXEC, 0);
    if ($opened < 0) { return undef if $absent{ $! + 0 }; die "a file cannot be opened: $!\n" }
    open(my $file, "<&=", $opened) or die "descriptor: $!\n";
    binmode $file;
    return $file;
}

# Opens a folder by its path below a root, without a link on the way.
sub open_folder {
    my ($root, $path) = @_;
    my $folder = open_at($AT_FDCWD, $root, $O_DIRECTORY);
    for my $name (split m{/}, $path) { $folder = open_at(fileno($folder // return undef), $name, $O_DIRECTORY) }
    return $folder;
}

# Which file a name leads to, and what of it changes when the file does.
sub look_at {
    my ($folder, $name) = @_;
    my $buffer = "\0" x 256;
    syscall($number{statx}, fileno $folder, my $text = "$name", $AT_SYMLINK_NOFOLLOW, 0xfff, $buffer) == 0 or return undef;
    my ($mode, $inode, $size, $bs, $bn, $cs, $cn, $ms, $mn, $major, $minor) = unpack "x28 S x2 Q Q x32 q L x4 q L x4 q L x4 L L", $buffer;
    my ($kind, $rights) = ($mode & 0170000, $mode & 07777);
    return {
        kind => $kind, mode => $rights, inode => $inode, changed => $cs * 1_000_000_000 + $cn, modified => $ms * 1_000_000_000 + $mn,
        which => "$kind:$inode:$bs.$bn", state => $kind == $FOLDER ? $rights : "$rights:$size:$cs.$cn",
        whiteout => $kind == $MARK && $major == 0 && $minor == 0,
    };
}

sub look { my ($path) = @_; my ($above, $name) = $path =~ m{^(.*)/([^/]+)\z}s; my $folder = open_folder($above, "") // return undef; return look_at($folder, $name) }

# Does something in a folder that is open, whatever its name leads to by now.
sub inside {
    my ($folder, $act) = @_;
    chdir $folder or die "a folder cannot be entered: $!\n";
    my @result = $act->();
    chdir "/";
    return wantarray ? @result : $result[0];
}

sub names_in {
    my ($folder) = @_;
    return inside($folder, sub {
        opendir(my $handle, ".") or die "a folder cannot be read: $!\n";
        return sort grep { $_ ne "." && $_ ne ".." } readdir $handle;
    });
}

sub make_node { my ($path, $mode) = @_; return syscall($number{mknodat}, $AT_FDCWD, my $text = "$path", $mode, 0) == 0 }

sub attribute {
    my ($path, $name) = @_;
    my ($full, $buffer) = ("user.overlay.$name", "\0" x 256);
    my $length = syscall($number{lgetxattr}, my $text = "$path", $full, $buffer, length $buffer);
    return $length < 0 ? undef : substr $buffer, 0, $length;
}

sub set_attribute {
    my ($path, $name, $value) = @_;
    my ($full, $word) = ("user.overlay.$name", "$value");
    return syscall($number{lsetxattr}, my $text = "$path", $full, $word, length $word, 0) == 0;
}

# Trees of any depth, and folders without any mode. The kernel reaps the child, so that only a look tells.
sub remove {
    my ($path) = @_;
    return if unlink $path;
    system "/bin/rm", "-rf", "--one-file-system", "--", $path if lstat $path;
    !lstat $path or die "$path cannot be removed\n";
}

# $places: the folders that hold this one, the topmost first. $old: what was known of the copy before.
sub fill_folder {
    my ($view, $old, $path, $places) = @_;
    my $prefix = $path eq "" ? "" : "$path/";
    my $target = "$view->{tree}/$prefix";
    my @opened = map { my $root = $_; map { [$root, $_] } open_folder($root, $path) // () } @$places;
    my (%stat, %at);
    for my $at (0 .. $#opened) {
        for my $name (names_in($opened[$at][1])) {
            next if $stat{$name} || is_too_long("$prefix$name");
            my $stat = look_at($opened[$at][1], $name) or next;
            ($stat{$name}, $at{$name}) = ($stat, $at);
        }
    }
    my $to = open_folder($view->{tree}, $path) // die "the copy has lost a folder\n";
    my %there = map { $_ => 1 } names_in($to);
    for my $name (keys %there) {
        remove("$target$name") if !is_too_long("$prefix$name") && (!$stat{$name} || !$kinds{ $stat{$name}{kind} });
    }
    my $lines = $view->{known}{$path} = {};
    for my $name (grep { $kinds{ $stat{$_}{kind} } } sort keys %stat) {
        my ($stat, $at) = ($stat{$name}, $at{$name});
        my ($root, $folder) = @{ $opened[$at] };
        my $known = $there{$name} ? $old->{$path}{$name} : undef;
        my ($origin, $source, $which, $state) = split /\|/, $known // "|||", -1;
        if ($stat->{kind} == $FOLDER) {
            my $is_kept = $which =~ /^$FOLDER:/;
            if (!$is_kept) {
                remove("$target$name") if $there{$name};
                delete $old->{"$prefix$name"};
                mkdir "$target$name", 0700 or die "a folder cannot be made: $!\n";
            }
            fill_folder($view, $old, "$prefix$name", [places_in($name, @opened[$at .. $#opened])]);
            dress("$target$name", $stat) if !$is_kept || $state ne $stat->{state};
            ($origin, $source) = (origin_of($view, $root, "$prefix$name"), "");
        }
        elsif ($source eq "?" || $source ne source_of($stat, $root)) {
            remove("$target$name") if $there{$name};
            my ($copied, $is_whole) = copy_one($folder, $name, "$target$name") or next;
            ($origin, $source) = (origin_of($view, $root, "$prefix$name"), $is_whole ? source_of($copied, $root) : "?");
        }
        # What was sealed meanwhile is derived from as the checkout is.
        elsif ($state ne "?") { $lines->{$name} = $root eq $view->{upper} ? $known : "o" . substr $known, 1; next }
        my $made = look_at($to, $name) // die "the copy was changed while it was made\n";
        $lines->{$name} = line($origin, $source, $made->{which}, $made->{state});
    }
}

# Where a folder shows that the first of these places has, down to where it was made anew, deleted, or no folder.
sub places_in {
    my ($name, @opened) = @_;
    my @places;
    for (@opened) {
        my ($root, $folder) = @$_;
        my $stat = look_at($folder, $name) or next;
        return @places if $stat->{kind} != $FOLDER;
        push @places, $root;
        return @places if (inside($folder, sub { attribute($name, "opaque") }) // "") eq "y";
    }
    return @places;
}

# A layer's file derives from below it when the layer says so.
sub origin_of {
    my ($view, $root, $path) = @_;
    return $root ne $view->{upper} || defined attribute("$root/$path", "origin") ? "o" : "-";
}

# Copies something that is no folder, and says what, and whether it held still; nothing when it is gone meanwhile.
sub copy_one {
    my ($folder, $name, $target) = @_;
    for my $try (1 .. $TRIES_MAX) {
        my $stat = look_at($folder, $name) or return;
        if ($stat->{kind} == $LINK) {
            my $to = inside($folder, sub { readlink $name }) // return;
            symlink $to, $target or die "a link cannot be made: $!\n";
        }
        elsif ($stat->{kind} == $PIPE) { make_node($target, $PIPE | $stat->{mode} & 0777) or die "a pipe cannot be made: $!\n" }
        elsif ($stat->{kind} == $FILE) { copy_file($folder, $name, $target, $stat) }
        else { return }
        my $after = look_at($folder, $name);
        my $is_whole = $after && $after->{which} eq $stat->{which} && $after->{state} eq $stat->{state};
        return ($stat, $is_whole) if $is_whole || $try == $TRIES_MAX;
        remove($target);
    }
}

# What is closed to this user, as another's file can be, is closed to the box as well.
sub copy_file {
    my ($folder, $name, $target, $stat) = @_;
    my $from = open_at(fileno $folder, $name, 0);
    if (!$from || !-f $from) { clone::make($target); chmod 0, $target; return }
    clone::content($from, $target);
    dress($target, $stat);
}

sub dress {
    my ($path, $stat) = @_;
    chmod $stat->{mode}, $path or die "a mode cannot be set: $!\n";
    # A time that cannot be told is no reason to show nothing.
    bases::set_modified($path, $stat->{modified});
}

# $is_new: the folder is not the one that the copy had there, so all that is in it is new.
sub take_folder {
    my ($view, $path, $is_new) = @_;
    my $prefix = $path eq "" ? "" : "$path/";
    my $folder = open_folder($view->{tree}, $path) or return;
    my $known = $view->{known}{$path} //= {};
    my %seen;
    for my $name (names_in($folder)) {
        if (is_too_long("$prefix$name")) { take_too_long($view, $path, $name); next }
        my $stat = look_at($folder, $name) or next;
        next if !$kinds{ $stat->{kind} };
        $seen{$name} = 1;
        my $line = $known->{$name};
        my $is_kept = defined $line && index($line, "|$stat->{which}|") >= 0;
        my $is_changed = !$is_kept || !is_same($line, $stat);
        find_origins() if $is_changed && !$by_file;
        if ($stat->{kind} != $FOLDER) { take_one($view, $folder, "$prefix$name", $is_kept) if $is_changed; next }
        if (!$is_kept) { take_new_folder($view, "$prefix$name", $stat, $is_new, defined $line) }
        elsif ($is_changed) { take_mode($view, "$prefix$name", $stat) }
        take_folder($view, "$prefix$name", !$is_kept);
    }
    for my $name (grep { !$seen{$_} } keys %$known) { find_origins() if !$by_file; take_deletion($view, "$prefix$name") }
}

# What lies there stays in the copy as long as the folders above it do; of the layer it is a name, so that it is listed.
sub take_too_long {
    my ($view, $path, $name) = @_;
    make_folders($view, "$path/");
    my $upper = open_folder($view->{upper}, $path) // die "the layer has lost a folder\n";
    inside($upper, sub { mkdir $name, 0700 });
}

sub is_too_long { return length $_[0] > $PATH_BYTES_MAX }

sub take_one {
    my ($view, $folder, $path, $is_kept) = @_;
    my ($above, $name) = split_path($path);
    my $draft = new_draft();
    # What is gone by now, or still changes, the next time has.
    my ($stat, $is_whole) = copy_one($folder, $name, $draft) or return;
    my $origin = $is_kept ? (split /\|/, $view->{known}{$above}{$name})[0] : $by_file->{ $stat->{which} } // "-";
    set_attribute($draft, "origin", "") or die "an attribute cannot be set: $!\n" if $stat->{kind} == $FILE && $origin eq "o";
    put($view, $path, $draft);
    my $is_sure = $is_whole && !is_recent($stat) && !$mapped{ $stat->{inode} };
    my $source = source_of(look("$view->{upper}/$path") // die("the layer was changed\n"), $view->{upper});
    note($view, $path, line($origin, $source, $stat->{which}, $is_sure ? $stat->{state} : "?"));
}

# A folder that is another than the one that was there, or was moved there, or made. What the box took away before hides what
# lies below; what it never saw, since the person made it meanwhile, goes on to show, as if the folder had been copied up.
sub take_new_folder {
    my ($view, $path, $stat, $is_new, $was_there) = @_;
    my $draft = new_draft();
    mkdir $draft, 0700 or die "a folder cannot be made: $!\n";
    my $origin = "-";
    if (!$is_new && is_below($view, $path)) {
        my $is_hiding = $was_there || lstat "$view->{upper}/$path";
        set_attribute($draft, $is_hiding ? "opaque" : "origin", $is_hiding ? "y" : "") or die "an attribute cannot be set: $!\n";
        $origin = "o" if !$is_hiding;
    }
    dress($draft, $stat);
    put($view, $path, $draft);
    note($view, $path, line($origin, "", $stat->{which}, $stat->{state}));
}

sub take_mode {
    my ($view, $path, $stat) = @_;
    make_folders($view, "$path/");
    chmod $stat->{mode}, "$view->{upper}/$path" or die "a mode cannot be set: $!\n";
    my ($above, $name) = split_path($path);
    my ($origin) = split /\|/, $view->{known}{$above}{$name};
    note($view, $path, line($origin, "", $stat->{which}, $stat->{state}));
}

sub take_deletion {
    my ($view, $path) = @_;
    if (is_below($view, $path)) {
        my $draft = new_draft();
        make_node($draft, $MARK) or die "a mark of deletion cannot be made: $!\n";
        put($view, $path, $draft);
    }
    else { remove("$view->{upper}/$path") if lstat "$view->{upper}/$path" }
    note($view, $path, undef);
}

sub new_draft { my $draft = "/layer/copy/draft"; remove($draft) if lstat $draft; return $draft }

sub split_path { my ($path) = @_; return $path =~ m{^(.*)/([^/]*)\z}s ? ($1, $2) : ("", $path) }

# Writes down what stands in the copy at a path, and forgets all that stood below it.
sub note {
    my ($view, $path, $line) = @_;
    my ($above, $name) = split_path($path);
    my $was = $view->{known}{$above}{$name};
    my $is_kept = defined $was && defined $line && (split /\|/, $was)[2] eq (split /\|/, $line)[2];
    drop_known($view, $path) if !$is_kept;
    if (defined $line) { $view->{known}{$above}{$name} = $line }
    else { delete $view->{known}{$above}{$name} }
    $has_changed = 1;
}

sub drop_known {
    my ($view, $path) = @_;
    my $inside = delete $view->{known}{$path} or return;
    drop_known($view, "$path/$_") for keys %$inside;
}

# A file that was moved or linked still derives from what it was copied from.
sub find_origins {
    $by_file = {};
    for my $folder (map { values %{ $_->{known} } } values %views) {
        for (values %$folder) { my ($origin, undef, $which) = split /\|/; $by_file->{$which} = $origin if $origin eq "o" }
    }
}

# Puts what was made into the layer, in the place of whatever it has there.
sub put {
    my ($view, $path, $draft) = @_;
    my $target = "$view->{upper}/$path";
    make_folders($view, $path);
    my ($old, $new) = map { look($_) } $target, $draft;
    remove($target) if $old && ($old->{kind} == $FOLDER || $new->{kind} == $FOLDER);
    rename $draft, $target or die "the layer cannot be changed: $!\n";
}

# Makes the folders above a path in the layer, as a copy-up does.
sub make_folders {
    my ($view, $path) = @_;
    while ($path =~ m{/}g) {
        my $folder = substr $path, 0, pos($path) - 1;
        next if $made{$folder}++;
        lstat "$view->{upper}/$folder";
        next if -d _;
        my ($above, $name) = split_path($folder);
        my ($origin) = split /\|/, $view->{known}{$above}{$name} // die "bug: a folder of the copy is not known\n";
        mkdir "$view->{upper}/$folder", 0700 or die "the layer cannot be changed: $!\n";
        set_attribute("$view->{upper}/$folder", "origin", "") or die "an attribute cannot be set: $!\n" if $origin eq "o";
        my $handle = open_folder($view->{tree}, $folder);
        dress("$view->{upper}/$folder", look_at($handle, ".")) if $handle;
    }
}

# Whether something below the layer shows at a path.
sub is_below {
    my ($view, $path) = @_;
    my ($above, $name) = split_path($path);
    for (@{ places_below($view, $above) }) {
        my $folder = open_folder($_, $above) or next;
        my $stat = look_at($folder, $name) or next;
        return !$stat->{whiteout};
    }
    return 0;
}

sub places_below {
    my ($view, $path) = @_;
    return $below{$path} //= do {
        if ($path eq "") { $view->{below} }
        else {
            my ($above, $name) = split_path($path);
            my $upper = "$view->{upper}/$path";
            my @opened = map { my $root = $_; map { [$root, $_] } open_folder($root, $above) // () } @{ places_below($view, $above) };
            (attribute($upper, "opaque") // "") eq "y" ? [] : [places_in($name, @opened)];
        }
    };
}

sub write_known {
    my ($view) = @_;
    my $file = "/layer/copy/$view->{name}.list";
    open(my $list, ">", "$file.new") or die "list: $!\n";
    binmode $list;
    print $list join("\0", $view->{upper}, @{ $view->{below} }), "\0\0";
    for my $folder (sort keys %{ $view->{known} }) {
        my $names = $view->{known}{$folder};
        print $list "$folder\0", join("\0", map { ($_, $names->{$_}) } sort keys %$names), "\0\0" if %$names;
    }
    print $list ".";
    close $list && rename "$file.new", $file or die "list: $!\n";
}

sub read_known {
    my ($name) = @_;
    open(my $list, "<", "/layer/copy/$name.list") or return;
    binmode $list;
    local $/ = "\0\0";
    my ($head, @folders) = <$list>;
    pop @folders eq "." or die "the list of the copy is cut short\n";
    my ($upper, @below) = split /\0/, $head;
    my %known;
    for (@folders) { chomp; my ($folder, @lines) = split /\0/, $_, -1; $known{$folder} = {@lines} }
    $views{$name} = { name => $name, tree => "/layer/copy/$name", upper => $upper, below => \@below, known => \%known };
    push @order, $name;
}

# In a sandbox, for a holder that is no more.
if (!caller) {
    my ($arch) = @ARGV;
    require(($0 =~ m{^(.*)/}s)[0] . "/$_.pl") for "bases", "clone";
    umask 0;
    set_numbers($arch);
    # While another holds it, a holder lives, and takes for itself.
    open($lock, ">", "/layer/copy/lock") && flock($lock, $LOCK) or exit 0;
    read_known($_) for qw(tree git);
    take();
    system "/bin/rm", "-rf", "--one-file-system", "--", "/layer/copy";
}

1;

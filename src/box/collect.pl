# Reads a session's layer against the checkout. Runs in a sandbox of its own and follows no link.
#
#   list    /layer and /base -> every difference, its metadata alone       input: start time, then folder, ctime pairs
#   links   /base -> every symbolic link of the checkout
#   stage   copies the named files to /stage/a (base) and /stage/b (layer) input: what to look for in the layer's, as
#           and to /stage/o what the layer's file derives from, where     "OWNER:HEX …"; then path, layer type, base
#           /bases has that                                               type triples
#   ignore  the paths that the checkout's own rules ignore                 input: paths
#   measure /sessions -> bytes on the disk of each named folder, and when a file of its layer changed last input: names
#   patch   a diff of the named staged paths, or with "numstat" its counts input: paths
#
# Every string ends in NUL; each record starts with one letter and has a fixed number of strings. The layer is a stack of
# folders in /layer, the newest first, named by arguments: what one holds hides what those below it have at that path.
use strict;
use warnings;
no warnings "recursion";
use Fcntl;

my ($mode, $arch, @rest) = @ARGV;
@ARGV = ();
my %number =
  $arch eq "arm64" ? (statx => 291, lgetxattr => 9) : (statx => 332, lgetxattr => 192);
my ($AT_FDCWD, $AT_SYMLINK_NOFOLLOW) = (-100, 0x100);
my ($ENODATA, $EOPNOTSUPP, $EACCES) = (61, 95, 13);
my %type_of = (0100000 => "f", 0120000 => "l", 0040000 => "d");
my ($PATH_BYTES_MAX, $RECORDS_MAX, $NOTES_MAX, $LINKS_MAX) = (3900, 1_000_000, 200, 50_000);
# Files of each side that are compared for what was renamed and edited; beyond it only whole equals are found.
my $RENAMES_MAX = 50;
my ($FILE_BYTES_MAX, $TOTAL_BYTES_MAX, $HEAD_BYTES, $MANIFEST_BYTES_MAX) = (50 << 20, 500 << 20, 256, 1 << 20);
binmode STDIN;
binmode STDOUT;
umask 0077;

# Bytes that a file of the layer must not hold, whose each is, and the length of the longest.
my ($searched, %owner_of, $searched_bytes);
my ($started, %known_folder, $records, $git_count, $fetch_count, $has_fetched, @git_notes, @unexplained, %deleted_of_size);
my %run = (list => \&list, links => \&list_links, stage => \&stage, ignore => \&ignore, patch => \&patch, measure => \&measure);
($run{$mode} // die "unknown mode\n")->();
close STDOUT or die "output: $!\n";

sub inputs { local $/; my $all = <STDIN> // ""; return split /\0/, $all, -1 }

# Whole input or nothing: a host that dies while it writes leaves no end mark.
sub whole_inputs {
    my @strings = inputs();
    @strings >= 2 && $strings[-1] eq "" && $strings[-2] eq "." or die "the input is cut short\n";
    splice @strings, -2;
    return @strings;
}

sub record { ++$records <= $RECORDS_MAX or die "more than $RECORDS_MAX changes\n"; print join("\0", @_), "\0" }

sub look {
    my ($path) = @_;
    my $buffer = "\0" x 256;
    syscall($number{statx}, $AT_FDCWD, "$path", $AT_SYMLINK_NOFOLLOW, 0xfff, $buffer) == 0 or return undef;
    my ($mode, $size, $bs, $bn, $cs, $cn, $ms, $mn, $major, $minor) =
      unpack "x28 S x10 Q x32 q L x4 q L x4 q L x4 L L", $buffer;
    my $type = $type_of{$mode & 0170000} // "o";
    return {
        type => $type, mode => $mode & 07777, size => $size,
        born => $bs * 1_000_000_000 + $bn, changed => $cs * 1_000_000_000 + $cn, modified => $ms * 1_000_000_000 + $mn,
        whiteout => ($mode & 0170000) == 0020000 && $major == 0 && $minor == 0,
        target => $type eq "l" ? readlink($path) // die("readlink: $!\n") : "",
    };
}

# An attribute of the overlay, undefined when there is none. The origin of a file that was copied up is often empty.
sub attribute {
    my ($path, $name) = @_;
    my $buffer = "\0" x 256;
    my $length = syscall($number{lgetxattr}, "$path", "user.overlay.$name", $buffer, length $buffer);
    return substr $buffer, 0, $length if $length >= 0;
    return undef if $! == $ENODATA || $! == $EOPNOTSUPP;
    die "an attribute cannot be read: $!\n";
}

sub names {
    my ($folder) = @_;
    opendir(my $handle, $folder) or die "a folder cannot be read: $!\n";
    my @names = sort grep { $_ ne "." && $_ ne ".." } readdir $handle;
    closedir $handle;
    return @names;
}

sub open_file {
    my ($path) = @_;
    if (sysopen(my $file, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) { binmode $file; return $file }
    # Another owner's file, closed to this one.
    return undef if $! == $EACCES;
    die "a file cannot be read: $!\n";
}

sub is_equal {
    my ($upper, $base, $base_path) = @_;
    return 0 if $upper->{type} ne $base->{type} || ($upper->{mode} & 06100) != ($base->{mode} & 06100);
    return $upper->{target} eq $base->{target} if $upper->{type} eq "l";
    return 0 if $upper->{type} ne "f" || $upper->{size} != $base->{size};
    my ($one, $two) = (open_file($upper->{at}), open_file("/base/$base_path"));
    return 0 if !$one || !$two;
    while (1) {
        my $read = sysread($one, my $a, 1 << 18) // die "read: $!\n";
        my $also = sysread($two, my $b, 1 << 18) // die "read: $!\n";
        return 0 if $read != $also || $a ne $b;
        return 1 if $read == 0;
    }
}

sub list {
    my @strings = whole_inputs();
    $started = shift(@strings) * 1_000_000;
    %known_folder = @strings;
    my $git = look("/base/.git");
    record("G", $git ? $git->{type} : "-");
    my $root = look("/base") // die "the checkout cannot be read: $!\n";
    walk("", [map { "/layer/$_" } @rest], 1, "", 0, is_touched("", $root), 0, 0);
    record("L", @{ $_->{fields} }, is_renamed($_) ? $_->{flags} : "d") for @unexplained;
    return if !$records || ($records == 1 && !$git_count);
    record("N", $_) for @git_notes;
    record("C", $git_count // 0);
    # Objects alone may be what was staged.
    record("F", $fetch_count) if $has_fetched;
}

sub list_links {
    my ($find) = @rest;
    open(my $out, "-|", $find, "/base", "(", "-name", "node_modules", "-o", "-name", ".git", ")", "-prune", "-o", "-type", "l",
        "-printf", '%P\0%l\0') or die "find: $!\n";
    local $/ = "\0";
    my $count = 0;
    while (defined(my $path = <$out>)) {
        my $target = <$out> // die "find was cut short\n";
        chomp($path, $target);
        ++$count <= $LINKS_MAX or die "the checkout has more than $LINKS_MAX symbolic links\n";
        record("K", $path, $target);
    }
    # 1: a folder went away meanwhile, or is closed to this user.
    close $out or $? >> 8 == 1 or die "find failed\n";
}

# The person put something in, took something out, or moved the folder itself; what landing did to it is known.
sub is_touched {
    my ($path, $folder) = @_;
    return $folder->{changed} > $started && ($known_folder{$path} // "") ne $folder->{changed};
}

# Whether a file of the checkout that lies under a new name here is one that the box deleted under its old name.
sub is_renamed {
    my ($one) = @_;
    return grep { is_equal($one->{upper}, $_->{base}, $_->{path}) } @{ $deleted_of_size{$one->{upper}{size}} // [] };
}

# What of the layer stands at a name of a folder: the newest that one of its places has, or undef.
sub look_in {
    my ($places, $name) = @_;
    for (@$places) { if (my $found = look("$_/$name")) { $found->{at} = "$_/$name"; return $found } }
    return undef;
}

# The places of a folder of the layer, newest first, down to where it was made anew, deleted, or no folder; and whether
# there is such an end, below which nothing shows.
sub places_in {
    my ($places, $name) = @_;
    my @found;
    for (@$places) {
        my $seen = look("$_/$name") or next;
        return (\@found, 1) if $seen->{type} ne "d";
        push @found, "$_/$name";
        return (\@found, 1) if is_opaque("$_/$name");
    }
    return (\@found, 0);
}

sub names_in { my %names = map { $_ => 1 } map { names($_) } @{ $_[0] }; return sort keys %names }

# Whether what the layer has at a name came from the checkout. Sealed layers are copied up from as the checkout is.
sub has_origin {
    my ($places, $name) = @_;
    my $came = 0;
    for (@$places) {
        my $seen = look("$_/$name") or next;
        last if $seen->{whiteout} || $seen->{type} eq "l" || $seen->{type} eq "o";
        return 0 if !defined attribute("$_/$name", "origin");
        $came = 1;
        last if $seen->{type} eq "d" && is_opaque("$_/$name");
    }
    return $came;
}

# $places: where the layer has this folder. $in_base: the checkout has it. $flags: "k" below a link of the checkout. $moved:
# the folder or one above was moved or made anew meanwhile, so the age of what is in it tells nothing. $touched: the folder
# itself was touched. $lost: the person deleted it. $hidden: nothing of the checkout shows in it, since a folder above was
# made anew.
sub walk {
    my ($folder, $places, $in_base, $flags, $moved, $touched, $lost, $hidden) = @_;
    my $prefix = $folder eq "" ? "" : "$folder/";
    my %seen;
    for my $name (names_in($places)) {
        my $path = "$prefix$name";
        $seen{$name} = 1;
        if ($name eq ".git") { walk_git($path, $places, $name, $in_base, $hidden); next }
        if (length $path > $PATH_BYTES_MAX) {
            record("L", substr($path, 0, $PATH_BYTES_MAX) . "\n", "add", "o", 0, 0, "", "-", 0, 0, "", "");
            next;
        }
        my $upper = look_in($places, $name) // die "the layer changed while it was read: $!\n";
        my $base = $in_base ? look("/base/$path") : undef;
        if ($upper->{whiteout}) { deleted($path, $base, $moved) if $base; next }
        if ($upper->{type} eq "d") { walk_folder($path, $places, $name, $upper, $base, $flags, $moved, $lost, $hidden); next }
        next if $base && is_equal($upper, $base, $path);
        deleted_inside($path, $moved || is_touched($path, $base)) if $base && $base->{type} eq "d";
        different($path, $upper, $base, $flags, $moved, $touched || $lost, has_origin($places, $name));
    }
    return if !$in_base || !$hidden;
    # As everywhere below a deleted folder: one that the person touched may have been filled with files older than the session.
    my $is_new = $moved || $touched;
    for my $name (grep { !$seen{$_} } names("/base/$folder")) {
        my $base = look("/base/$prefix$name") or next;
        deleted("$prefix$name", $base, $is_new);
    }
}

# What an earlier session made came from no file of the checkout's that could have been deleted meanwhile.
sub is_of_base_layer { my ($path) = @_; return grep { look("$_/$path") } "/parts/0", "/parts/1" }

sub is_opaque { return (attribute($_[0], "opaque") // "") eq "y" }

sub walk_folder {
    my ($path, $above, $name, $upper, $base, $flags, $moved, $lost, $hidden) = @_;
    my ($places, $is_closed) = places_in($above, $name);
    my $below = $flags || ($base && $base->{type} eq "l") ? "k" : "";
    if ($base && $base->{type} eq "d") {
        my $touches = is_touched($path, $base);
        # Moving a folder renews its ctime and not its mtime; a folder that is younger than the session was put there.
        my $moves = $touches && ($base->{modified} != $base->{changed} || $base->{born} > $started);
        return walk($path, $places, 1, $below, $moved || $moves, $touches, 0, $hidden || $is_closed);
    }
    # A folder of the checkout's cannot be renamed in the box: one that came from there and is gone was deleted outside.
    my $is_lost = $lost || (!$base && has_origin($above, $name) && !is_of_base_layer($path));
    if ($base) { different($path, $upper, $base, $flags, $moved, 0, 0) }
    elsif (!has_content($path, $places)) { different($path, $upper, undef, $flags, $moved, $is_lost, 1) }
    return walk($path, $places, 0, $below, 0, 0, $is_lost, 0);
}

# A name that is too long to be looked at is reported when it is walked.
sub has_content {
    my ($path, $places) = @_;
    for my $name (names_in($places)) {
        next if length "$path/$name" > $PATH_BYTES_MAX;
        my $seen = look_in($places, $name);
        return 1 if $seen && !$seen->{whiteout};
    }
    return 0;
}

sub different {
    my ($path, $upper, $base, $flags, $moved, $may_be_lost, $has_origin) = @_;
    my @fields = ($path, $base ? "edit" : "add", @$upper{qw(type mode size target)}, base_fields($base));
    if (!$base) {
        # The box changed or renamed it. Renamed it was when the box deleted a file of that content.
        if (!$has_origin || !$may_be_lost || is_of_base_layer($path)) { record("L", @fields, $flags) }
        else { push @unexplained, { path => $path, upper => $upper, fields => \@fields, flags => $flags } }
        return;
    }
    my $is_newer = $base->{changed} > $started || $moved;
    my $how = !$is_newer ? "" : !$has_origin && $base->{born} > $started ? "a" : "c";
    record("L", @fields, $flags . $how);
}

sub base_fields { my ($base) = @_; return $base ? @$base{qw(type mode size target)} : ("-", 0, 0, "") }

sub deleted {
    my ($path, $base, $moved) = @_;
    if ($path =~ m{(?:^|/)\.git$}) { $git_count++; note($path); return }
    deleted_inside($path, $moved || is_touched($path, $base)) if $base->{type} eq "d";
    push @{ $deleted_of_size{$base->{size}} }, { path => $path, base => $base } if $base->{type} eq "f";
    # A folder goes only when it is empty, so its own age does not count.
    my $is_newer = $base->{type} ne "d" && ($base->{changed} > $started || $moved);
    record("L", $path, "delete", @$base{qw(type mode size target)}, base_fields($base), $is_newer ? "c" : "");
}

sub deleted_inside {
    my ($folder, $moved) = @_;
    for my $name (names("/base/$folder")) {
        my $path = "$folder/$name";
        length $path <= $PATH_BYTES_MAX or die "the checkout has a path longer than $PATH_BYTES_MAX bytes\n";
        my $base = look("/base/$path") or next;
        deleted($path, $base, $moved);
    }
}

# What git reads as its own settings or runs is named; the rest of a repository's data is only counted.
sub note {
    my ($path) = @_;
    return if @git_notes >= $NOTES_MAX;
    push @git_notes, $path
      if $path =~ m{(?:^|/)\.git(?:$|/(?:worktrees|modules)$|/(?:worktrees/[^/]+/|modules/.+/)*(?:hooks|info|config|config\.worktree|commondir|gitdir|objects/info)(?:/|$))}s
      && length $path <= $PATH_BYTES_MAX;
}

sub walk_git {
    my ($path, $above, $name, $in_base, $hidden) = @_;
    my $upper = look_in($above, $name);
    my $base = $in_base ? look("/base/$path") : undef;
    if (!$upper) { $git_count++; return }
    if ($upper->{type} eq "d" && length $path <= $PATH_BYTES_MAX) {
        my $has_base = $base && $base->{type} eq "d";
        my ($places, $is_closed) = places_in($above, $name);
        my @names = names_in($places);
        $hidden ||= $has_base && $is_closed;
        walk_git("$path/$_", $places, $_, $has_base, $hidden) for @names;
        return if !$has_base || !$hidden;
        my %seen = map { $_ => 1 } @names;
        for (grep { !$seen{$_} } names("/base/$path")) { $git_count++; note("$path/$_") }
        return;
    }
    return if $upper->{whiteout} ? !$base : $base && is_equal($upper, $base, $path);
    # `git status` writes it anew; of what it says, nothing lands but with a commit, whose objects count.
    return if $upper->{type} eq "f" && $path =~ m{(?:^|/)\.git/(?:worktrees/[^/]+/|modules/.+/)*index\z}s;
    $git_count++;
    if ($path =~ m{(?:^|/)\.git/(?:worktrees/[^/]+/|modules/.+/)*(?:(FETCH_HEAD|(?:logs/)?refs/remotes/.*)|objects/(?!info/).*)\z}s) {
        $fetch_count++;
        $has_fetched ||= defined $1;
    }
    note($path);
}

sub measure {
    for my $name (whole_inputs()) {
        my ($bytes, $last, %counted) = (0, 0);
        open(my $out, "-|", $rest[0], "/sessions/$name", "-printf", '%y%D:%i %n %b %C@ %T@ %P\0') or die "find: $!\n";
        local $/ = "\0";
        while (my $line = <$out>) {
            my ($inode, $links, $blocks, $changed, $modified, $path) = $line =~ m{^(\S+) (\d+) (\d+) (\S+) (\S+) (.*)\0\z}s
              or die "find was cut short\n";
            next if $links > 1 && $counted{$inode}++;
            $bytes += $blocks * 512;
            # The marks of deletions are links to one file of the overlay's own; making one changes its folder as well.
            next if $path !~ m{^layer/(?:(?:git-)?upper|sealed/\d+(?:\.git)?)(?:/|\z)} || $inode =~ /^c/;
            # Mounting the view writes an attribute of its root.
            my $when = int(1000 * ($path =~ m{^layer/(?:[^/]*|sealed/[^/]*)\z} ? $modified : $changed));
            $last = $when if $when > $last;
        }
        # 1: a file went away meanwhile, or is closed to this user.
        close $out or $? >> 8 == 1 or die "find failed\n";
        record("Z", $name, $bytes, $last);
    }
}

my ($total, %made);

sub stage {
    my @strings = whole_inputs();
    my ($sha256sum, @layers) = @rest;
    look_for(shift @strings);
    $total = 0;
    for my $side ("a", "b", "o") { mkdir "/stage/$side", 0700 or die "the staging folder is not new: $!\n" }
    my @items;
    while (@strings) {
        my ($path, $upper, $base) = splice @strings, 0, 3;
        push @items, { path => $path, b => stage_one("b", newest_with($path, @layers), $path, $upper),
            a => stage_one("a", "/base", $path, $base), o => stage_origin($path) };
    }
    my @files = map { my $item = $_; map { $item->{$_}{state} eq "s" ? "/stage/$_/$item->{path}" : () } "b", "a", "o" } @items;
    my %hash = hashes(@files);
    for my $item (@items) {
        record("S", $item->{path}, (map { @{ $item->{$_} }{qw(state size mode)}, $hash{"/stage/$_/$item->{path}"} // "", $item->{$_}{head} } "b", "a", "o"), $item->{b}{owner} // "");
    }
}

# What was listed stands in the newest layer that has anything at its path.
sub newest_with {
    my ($path, @layers) = @_;
    for (@layers) { return "/layer/$_" if lstat "/layer/$_/$path" }
    return "/layer/upper";
}

# Of a marked path it is not known; one that was not saved whole is shut to its owner.
sub stage_origin {
    my ($path) = @_;
    my $found = look("/bases/$path") // { type => "-" };
    my $is_known = $found->{type} eq "f" && $found->{mode} & 0400;
    my $side = stage_one("o", "/bases", $path, $is_known ? "f" : "-");
    return !$is_known && $found->{type} ne "-" && $found->{type} ne "d" ? { %$side, state => "u" } : $side;
}

sub stage_one {
    my ($side, $root, $path, $wanted) = @_;
    my %none = (state => "-", size => 0, mode => 0, head => "");
    return \%none if $wanted ne "f" && $wanted ne "l";
    my $found = look("$root/$path");
    $found && $found->{type} eq $wanted or die "a file changed while it was read\n";
    my $target = "/stage/$side/$path";
    if ($wanted eq "l") {
        make_parents($side, $path);
        symlink $found->{target}, $target or die "symlink: $!\n";
        return { %none, state => "l" };
    }
    my %unstaged = (%none, state => "u", size => $found->{size}, mode => $found->{mode});
    return \%unstaged if $found->{size} > $FILE_BYTES_MAX || $total + $found->{size} > $TOTAL_BYTES_MAX;
    my $from = open_file("$root/$path") or return \%unstaged;
    make_parents($side, $path);
    my ($head, $owner) = copy_file($from, $target, $path =~ m{(?:^|/)package\.json$} ? $MANIFEST_BYTES_MAX + 1 : $HEAD_BYTES);
    chmod $found->{mode} & 0100 ? 0755 : 0644, $target;
    my $size = -s $target;
    return { state => "s", size => $size, mode => $found->{mode}, head => unpack("H*", $head), owner => $owner };
}

sub look_for {
    my @needles = map { /^(\d+):((?:[0-9a-f]{2})+)\z/ or die "the input is cut short\n"; [$1, pack "H*", $2] } split / /, $_[0];
    return if !@needles;
    $owner_of{ $_->[1] } = $_->[0] for @needles;
    my $any = join "|", map { quotemeta $_->[1] } @needles;
    $searched = qr/$any/;
    ($searched_bytes) = sort { $b <=> $a } map { length $_->[1] } @needles;
}

# Gives the beginning of what it copies, and the owner of what was looked for and stands in it.
sub copy_file {
    my ($from, $target, $head_bytes) = @_;
    sysopen(my $to, $target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or die "stage: $!\n";
    my ($head, $bytes, $window, $owner) = ("", 0, "");
    while (my $read = sysread($from, my $piece, 1 << 18) // die "read: $!\n") {
        $bytes += $read;
        $bytes <= $FILE_BYTES_MAX or die "a file grew while it was read\n";
        $head .= substr $piece, 0, $head_bytes - length $head if length $head < $head_bytes;
        if (defined $searched && !defined $owner) {
            $window .= $piece;
            $owner = $owner_of{$&} if $window =~ $searched;
            substr $window, 0, -($searched_bytes - 1), "" if length $window >= $searched_bytes;
        }
        (syswrite($to, $piece) // -1) == $read or die "the disk of the state folder may be full: $!\n";
    }
    $total += $bytes;
    close $to or die "stage: $!\n";
    return ($head, $owner);
}

sub is_beyond_link {
    my ($root, $path) = @_;
    while ($path =~ m{/}g) { my $parent = look("$root/" . substr $path, 0, pos($path) - 1); return 1 if $parent && $parent->{type} ne "d" }
    return 0;
}

sub make_parents {
    my ($side, $path) = @_;
    my $made = "/stage/$side";
    my @parts = split m{/}, $path;
    pop @parts;
    for (@parts) {
        $made .= "/$_";
        next if $made{$made}++;
        mkdir $made, 0700 or die "stage folder: $!\n";
    }
}

sub hashes {
    my @files = @_;
    my %hash;
    while (my @batch = splice @files, 0, 200) {
        open(my $out, "-|", $rest[0], "-z", "--", @batch) or die "sha256sum: $!\n";
        local $/ = "\0";
        while (my $line = <$out>) { $hash{$2} = $1 if $line =~ /^([0-9a-f]{64})  (.*)\0\z/s }
        close $out or die "sha256sum failed\n";
    }
    return %hash;
}

# A repository without any setting of the checkout's: its configuration could start programs, its attributes change bytes.
sub make_repository {
    mkdir "/git/$_", 0700 for qw(objects refs info);
    for (["HEAD", "ref: refs/heads/none\n"], ["info/attributes", "* !text !eol !crlf !diff !filter !ident !merge !working-tree-encoding !whitespace\n"]) {
        open(my $file, ">", "/git/$_->[0]") or die "git: $!\n";
        print $file $_->[1];
        close $file;
    }
    %ENV = (PATH => "/usr/bin:/bin", LC_ALL => "C", HOME => "/nonexistent", GIT_DIR => "/git", GIT_CONFIG_NOSYSTEM => "1",
        GIT_CONFIG_GLOBAL => "/dev/null", GIT_ATTR_NOSYSTEM => "1", GIT_OPTIONAL_LOCKS => "0",
        GIT_NO_REPLACE_OBJECTS => "1", GIT_NO_LAZY_FETCH => "1", GIT_PAGER => "cat", GIT_TERMINAL_PROMPT => "0");
}

sub ignore {
    my @paths = whole_inputs();
    make_repository();
    @ENV{qw(GIT_WORK_TREE GIT_INDEX_FILE)} = ("/base", $rest[1]);
    chdir "/base" or die "chdir: $!\n";
    # Git refuses to say anything about a path behind a link; a link itself is no folder, whatever was asked.
    my @asked = map { m{^(.*)/\z}s && -l "/base/$1" ? $1 : $_ } grep { !is_behind_link($_ =~ m{^(.*[^/])/?\z}s ? $1 : $_) } @paths;
    return if !@asked;
    my ($status, $text) = check_ignore(\@asked);
    $status == 0 || $status == 1 or die "git check-ignore failed\n";
    return if $text eq "";
    # What is tracked is never ignored. check-ignore would look it up itself, at the cost of the whole index for each path.
    my %ignored = map { $_ => 1 } split /\0/, $text;
    delete @ignored{tracked()};
    print map { "$_\0" } sort keys %ignored;
}

my %behind_link;

sub is_behind_link {
    my ($path) = @_;
    my $folder = $path =~ m{^(.*)/}s ? $1 : return 0;
    return $behind_link{$folder} //= -l "/base/$folder" ? 1 : is_behind_link($folder);
}

# Empty when there is no index, or one that this git cannot read alone.
sub tracked {
    open(my $out, "-|", $rest[0], "ls-files", "-z") or die "git: $!\n";
    local $/;
    my $text = <$out> // "";
    return close $out ? split /\0/, $text : ();
}

sub check_ignore {
    my ($paths) = @_;
    pipe(my $from, my $to) or die "pipe: $!\n";
    my $feeder = fork // die "fork: $!\n";
    if (!$feeder) {
        close $from;
        $SIG{PIPE} = "DEFAULT";
        print $to "./$_\0" for @$paths;
        close $to;
        exec "/bin/true";
    }
    close $to;
    open(STDIN, "<&", $from) or die "dup: $!\n";
    close $from;
    open(my $out, "-|", $rest[0], "-c", "core.excludesFile=$rest[2]", "check-ignore", "-z", "--no-index", "--stdin")
      or die "git: $!\n";
    local $/;
    my $text = <$out> // "";
    close $out;
    my $status = $? >> 8;
    waitpid $feeder, 0;
    # Paths are given as "./PATH" so that none looks like an option or a magic word; they come back so.
    $text =~ s{(^|\0)\./}{$1}g;
    return ($status, $text);
}

sub patch {
    my @paths = whole_inputs();
    my ($git, $folder, $how) = @rest;
    make_repository();
    # Links to the staged files show git the chosen paths alone.
    mkdir "/stage/$folder", 0700 or die "patch folder: $!\n";
    for my $side ("a", "b") {
        mkdir "/stage/$folder/$side", 0700 or die "patch folder: $!\n";
        for my $path (@paths) {
            # Behind a staged link in place of a folder lies another file than the one of this path.
            next if is_beyond_link("/stage/$side", $path);
            my $file = look("/stage/$side/$path");
            next if !$file || $file->{type} eq "d";
            make_parents("$folder/$side", $path);
            my $copy = "/stage/$folder/$side/$path";
            if ($file->{type} eq "l") { symlink $file->{target}, $copy or die "symlink: $!\n" }
            else { link "/stage/$side/$path", $copy or die "link: $!\n" }
        }
    }
    chdir "/stage/$folder" or die "chdir: $!\n";
    $ENV{GIT_WORK_TREE} = "/stage/$folder";
    my @how = $how eq "numstat" ? ("--numstat", "-z") : ("--binary");
    $| = 1;
    system { $git } $git, "-c", "core.quotePath=true", "diff", "--no-index", @how, "--no-ext-diff", "--no-textconv", "--no-prefix",
      "--no-color", "-M", "-l$RENAMES_MAX", "a", "b";
    my $status = $? >> 8;
    chdir "/";
    system "/bin/rm", "-rf", "--", "/stage/$folder";
    exit($? == 0 && ($status == 0 || $status == 1) ? 0 : 3);
}

# Takes the commits of the box out of a layer and puts them into the person's repository. Each mode runs in a sandbox of
# its own, and git in it only ever opens an empty repository of ours, which borrows objects and has no configuration.
#
# The person's git folder is /base/.git, or /repo/.git where it may be written. In a linked worktree it is the common one,
# and what belongs to this worktree lies below it in OWN, which is "" elsewhere. /alt holds folders that it borrows from.
# The layer is a stack of folders in /layer, the newest first; /frozen has what the view shows below it (git-view.pl).
#
#   take    /layer, /frozen and /base read-only -> /out/pack, what the box's branch has and the person's has not; not believed
#   verify  /base and /in/pack read-only -> /out/repo with the pack verified, and what each commit in it changes; of a
#           branch of its own also what of that the person changed in /checkout; input: what to look for in each object
#           as "OWNER:HEX …"
#   put     /out read-only -> the verified pack in the person's pack folder, at /pack
#   move    /checkout read-only, /repo, new objects in place: moves the person's branch, or makes one
#   release /repo: takes away the locks that a landing left which broke off, and says whether it had moved its branch
#   begin   /base read-only, the whole checkout: where a session on a branch of its own begins, or why it cannot
#   shown   /layer and /checkout read-only: of the paths in the input, those at which the view shows the checkout's file
#   raw     as verify left it: the commits that the person's repository has nowhere, whole
#   known   /base read-only: which of the ids in the input are objects of the person's
#   pack    /base read-only: whether a commit stands on a branch of the person's, and a pack of what a remote lacks for it
#   signed  the same commits, from the input, with signatures -> a verified pack of them and of what they hold
#
# The step to die at comes before what a mode needs: tests alone give one, else it is "-".
#
# Every string of an answer ends in NUL; each record starts with one letter and has a fixed number of strings.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock :mode);
use IO::Handle;

my ($mode, $arch, $git, $sha256sum, $own, $steps_left, @rest) = @ARGV;
@ARGV = ();
my $lgetxattr = $arch eq "arm64" ? 9 : 192;
my ($PACK_BYTES_MAX, $FILE_BYTES_MAX, $COMMITS_MAX, $RECORDS_MAX, $REFS_MAX) = (500 << 20, 50 << 20, 1000, 200_000, 20_000);
my ($HEAD_BYTES, $TARGET_BYTES, $MANIFEST_BYTES) = (256, 4097, (1 << 20) + 1);
my ($PUSHED_BYTES_MAX, $SUMMARY_COMMITS, $SUMMARY_BYTES) = (128 << 20, 10, 8000);
my $EEXIST = 17;
my $NONE = "0" x 40;
my $EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
my $ID = qr/[0-9a-f]{40}/;
my ($records, $serial, @drafts) = (0, 0);
my $random = sprintf "%08x%08x", rand 1 << 32, rand 1 << 32;
binmode STDOUT;
umask 0077;

$own =~ m{^(?:worktrees/[^/]+/)?\z} or die "unknown worktree\n";
my %run = (take => \&take, verify => \&verify, put => \&put, move => \&move, release => \&release_left, begin => \&begin, shown => \&shown,
    raw => \&raw, signed => \&signed, known => \&known_objects, pack => \&pack_push);
($run{$mode} // die "unknown mode\n")->(@rest);
close STDOUT or die "output: $!\n";

# Where a test can end this program: after every change to the person's repository.
sub step {
    return if $steps_left eq "-" || $steps_left-- > 0;
    kill "KILL", $$;
}

sub record { ++$records <= $RECORDS_MAX or die "more than $RECORDS_MAX changes\n"; print join("\0", @_), "\0" }

# Reads a file as the view shows it, the first root over the second. No link is followed; undefined where no file is.
sub read_plain {
    my ($roots, $path, $bytes_max) = @_;
    my ($here, @roots) = ("", @$roots);
    my @parts = split m{/}, $path;
    while (defined(my $part = shift @parts)) {
        $here .= "/$part";
        my @shown;
        for my $root (@roots) {
            my @seen = lstat "$root$here" or next;
            last if S_ISCHR($seen[2]);
            if (S_ISDIR($seen[2])) { push @shown, $root; is_opaque("$root$here") ? last : next }
            return @shown || @parts ? undef : read_file("$root$here", $bytes_max);
        }
        @roots = @shown or return undef;
    }
    return undef;
}

sub is_opaque {
    my ($path) = @_;
    my ($name, $buffer) = ("user.overlay.opaque", "\0" x 16);
    return syscall($lgetxattr, "$path", $name, $buffer, 16) == 1 && substr($buffer, 0, 1) eq "y";
}

sub read_file {
    my ($path, $bytes_max) = @_;
    sysopen(my $file, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or die "a file of .git is a link, or cannot be read: $!\n";
    my @seen = stat $file;
    S_ISREG($seen[2]) && $seen[7] <= $bytes_max or die "a file of .git is no plain file, or too large\n";
    local $/;
    binmode $file;
    return <$file> // "";
}

sub names {
    my ($folder) = @_;
    opendir(my $handle, $folder) or die "a folder of .git cannot be read: $!\n";
    return grep { !/^\.\.?\z/ } readdir $handle;
}

# f, d, l, c (a deletion of the layer's), o for what else there is, or "" for nothing.
sub type_at {
    my @seen = lstat $_[0] or return "";
    my $type = $seen[2];
    return S_ISREG($type) ? "f" : S_ISDIR($type) ? "d" : S_ISLNK($type) ? "l" : S_ISCHR($type) ? "c" : "o";
}

sub write_file {
    my ($path, @pieces) = @_;
    open(my $file, ">", $path) or die "$path: $!\n";
    print $file @pieces;
    close $file or die "$path: $!\n";
}

# Names the objects of a pack that hold one of the given needles.
sub look_for {
    my ($needles, $index) = @_;
    my %owner_of = map { /^(\d+):((?:[0-9a-f]{2})+)\z/ or die "the input is cut short\n"; (pack("H*", $2) => $1) } split / /, $needles;
    return if !%owner_of;
    my $any = join "|", map { quotemeta } keys %owner_of;
    my $needle = qr/$any/;
    write_file("/out/ids", map { (split / /)[1] . "\n" } split /\n/, git_text($index, "show-index"));
    my $out = start_git("/out/ids", "cat-file", "--batch");
    while (defined(my $line = do { local $/ = "\n"; <$out> })) {
        my ($id, $size) = $line =~ /^($ID) [a-z]+ (\d+)\n\z/ or die "git cat-file is not as agreed\n";
        (read($out, my $content, $size + 1) // -1) == $size + 1 or die "git cat-file was cut short\n";
        record("A", $id, $owner_of{$&}) if $content =~ $needle;
    }
    close $out or die "git cat-file failed\n";
}

# What git takes for the name of a branch, and shorter.
sub is_branch {
    my ($ref) = @_;
    return 0 if !utf8::decode(my $text = $ref) || $ref !~ m{^refs/heads/[^-]} || length $ref > 200 || $ref =~ m{[\x00-\x20\x7f~^:?*\[\\]|\.\.|\@\{|//|[/.]$};
    return !grep { /^\.|\.lock$/ || $_ eq "HEAD" || $_ eq '@' } split m{/}, $ref;
}

sub head_ref {
    my ($roots) = @_;
    my $head = read_plain($roots, ".git/${own}HEAD", 4096) // return "";
    return $head =~ m{^ref: (refs/heads/[^\n]+)\n?\z} && is_branch($1) ? $1 : "";
}

# Of a HEAD that is on no branch; undefined for every other.
sub head_id {
    my ($roots) = @_;
    return (read_plain($roots, ".git/${own}HEAD", 4096) // "") =~ /^($ID)\n?\z/ ? $1 : undef;
}

# Branches that other worktrees of the person's have checked out, or are at work on: they never move.
sub heads_elsewhere {
    my ($root) = @_;
    my @trees = map { "worktrees/$_/" } type_at("$root/.git/worktrees") eq "d" ? names("$root/.git/worktrees") : ();
    push @trees, "" if !is_bare("$root/.git");
    my @files = map { my $tree = $_; map { "$tree$_" } qw(HEAD rebase-merge/head-name rebase-apply/head-name BISECT_START) } grep { $_ ne $own } @trees;
    return map { (read_plain([$root], ".git/$_", 4096) // "") =~ m{^(?:ref: )?(?:refs/heads/)?([^\n]+)\n?\z} ? "refs/heads/$1" : () } @files;
}

sub is_bare {
    my ($folder) = @_;
    for my $file (grep { type_at($_) eq "f" } "$folder/config", "$folder/config.worktree") {
        my $out = start_git("/dev/null", "config", "--file", $file, "--no-includes", "--type=bool", "--get", "core.bare");
        return 1 if (<$out> // "") eq "true\n";
    }
    return 0;
}

sub ref_id {
    my ($roots, $ref) = @_;
    my $loose = read_plain($roots, ".git/$ref", 4096);
    if (defined $loose) { return $loose =~ /^($ID)\n?\z/ ? $1 : die "a branch is no plain ref with the id of a commit\n" }
    my $packed = read_plain($roots, ".git/packed-refs", 16 << 20) // return undef;
    return $packed =~ /^($ID) \Q$ref\E$/m ? $1 : undef;
}

# An otherwise empty repository: of the person's own it has where a shallow history ends, of the box's nothing.
sub make_repository {
    my ($folder, $root, @objects) = @_;
    push @objects, map { "/alt/$_" } type_at("/alt") eq "d" ? sort(names("/alt")) : ();
    mkdir "$folder/$_", 0700 for "", qw(objects objects/info refs);
    write_file("$folder/HEAD", "ref: refs/heads/none\n");
    write_file("$folder/objects/info/alternates", map { "$_\n" } @objects);
    my $shallow = read_plain([$root], ".git/shallow", 1 << 20);
    write_file("$folder/shallow", $shallow) if defined $shallow && $shallow =~ /^(?:$ID\n)+\z/;
    %ENV = (PATH => "/usr/bin:/bin", LC_ALL => "C", HOME => "/nonexistent", GIT_DIR => $folder, GIT_CONFIG_NOSYSTEM => "1",
        GIT_CONFIG_GLOBAL => "/dev/null", GIT_ATTR_NOSYSTEM => "1", GIT_OPTIONAL_LOCKS => "0",
        GIT_NO_REPLACE_OBJECTS => "1", GIT_NO_LAZY_FETCH => "1", GIT_TERMINAL_PROMPT => "0");
}

# Starts git with a file as its input.
sub start_git {
    my ($input, @args) = @_;
    open(STDIN, "<", $input) or die "input: $!\n";
    open(my $out, "-|", $git, "-c", "core.hooksPath=/dev/null", @args) or die "git: $!\n";
    binmode $out;
    return $out;
}

sub git_text {
    my $out = start_git(@_);
    local $/;
    my $text = <$out> // "";
    close $out or die "git $_[1] failed: the commits are damaged, incomplete, or hold what git refuses\n";
    return $text;
}

# Of the box's HEAD or its own branch, and "O" for each other one of the box's that is worth to be asked for; or of such a one.
sub take {
    my ($wanted, $is_main, @names) = @_;
    my @layers = map { "/layer/$_" } @names;
    my ($view, $person) = ([@layers, "/frozen", "/base"], ["/base"]);
    my $ref = $wanted eq "HEAD" ? head_ref($view) : is_branch($wanted) ? $wanted : die "a name that is not allowed\n";
    if ($is_main) { record("O", $_) for other_branches(\@layers, $view, $person, $ref) }
    # A submodule's HEAD is on no branch as a rule; in the middle of a rebase it is on none for a while.
    my $tip = $ref ne "" ? ref_id($view, $ref) : head_id($view) // return record("N", "in the box, HEAD is on no branch");
    return record("N", "") if !defined $tip;
    return record("N", "in the box, a rebase is under way") if $ref eq "" && grep { defined read_plain($view, ".git/$own$_/head-name", 4096) } "rebase-merge", "rebase-apply";
    my $old = $ref eq "" ? undef : ref_id($person, $ref);
    return record("N", "") if $tip eq ($old // "");
    # Only the folders of objects: where the box's repository says to look for more has no say. A pipe would keep git waiting.
    my @objects = map { borrow_objects($layers[$_], "/git/layer-$_") } 0 .. $#layers;
    make_repository("/git", "/base", @objects, "/base/.git/objects");
    write_file("/out/revisions", "$tip\n", map { "^$_\n" } known($person, $old));
    my $pack = start_git("/out/revisions", qw(pack-objects --revs --thin --delta-base-offset --window=0 -q --stdout));
    open(my $to, ">", "/out/pack") or die "pack: $!\n";
    my ($bytes, $head) = (0, "");
    while (my $read = sysread($pack, my $piece, 1 << 18) // die "pack: $!\n") {
        $head .= substr $piece, 0, 12 if length $head < 12;
        ($bytes += $read) <= $PACK_BYTES_MAX or die "the commits are larger than 500 MB\n";
        (syswrite($to, $piece) // -1) == $read or die "the disk of the state folder may be full: $!\n";
    }
    close $pack or die "objects of the commits are missing or broken\n";
    close $to or die "pack: $!\n";
    record(unpack("x8 N", $head) ? ("T", $ref, $tip) : ("N", ""));
}

# Gives the folder that stands for the objects of one layer; an empty list where it has none.
sub borrow_objects {
    my ($layer, $folder) = @_;
    return () if type_at("$layer/.git") ne "d" || type_at("$layer/.git/objects") ne "d";
    mkdir $folder, 0700 or die "git: $!\n";
    for my $name (names("$layer/.git/objects")) {
        my $objects = "$layer/.git/objects/$name";
        next if $name !~ /^(?:[0-9a-f]{2}|pack)\z/ || type_at($objects) ne "d";
        for (names($objects)) { type_at("$objects/$_") =~ /[fdc]/ or die "an object of the box is no plain file\n" }
        symlink $objects, "$folder/$name" or die "git: $!\n";
    }
    return $folder;
}

# Branches of the layer but this one, whose commit the person does not have at all: what they had and deleted stays so.
sub other_branches {
    my ($layers, $view, $person, $head) = @_;
    my ($packed, %id) = (read_plain($layers, ".git/packed-refs", 16 << 20) // "");
    my @names = $packed =~ m{^$ID (refs/heads/.+)$}mg;
    for my $layer (@$layers) {
        my @folders = grep { type_at("$layer/.git") eq "d" && type_at("$layer/.git/refs") eq "d" } "refs/heads";
        while (defined(my $folder = shift @folders)) {
            next if type_at("$layer/.git/$folder") ne "d";
            for my $name (map { "$folder/$_" } names("$layer/.git/$folder")) {
                push @{ type_at("$layer/.git/$name") eq "d" ? \@folders : \@names }, $name;
            }
            @names + @folders <= $REFS_MAX or die "the box has more than $REFS_MAX branches\n";
        }
    }
    my %asked;
    for my $ref (grep { $_ ne $head && is_branch($_) && !$asked{$_}++ } @names) {
        # One that is broken is none.
        my $id = eval { ref_id($view, $ref) } // next;
        push @{ $id{$id} }, $ref if $id ne (eval { ref_id($person, $ref) } // "");
    }
    return if !%id;
    make_repository("/git", "/base", "/base/.git/objects");
    write_file("/out/ids", map { "$_\n" } sort keys %id);
    my %is_new = map { /^($ID) missing$/ ? ($1 => 1) : () } split /\n/, git_text("/out/ids", qw(cat-file --batch-check));
    return sort map { @{ $id{$_} } } keys %is_new;
}

# Tips of the person's that need not be sent again.
sub known {
    my ($person, $old) = @_;
    my %ids = map { $_ => 1 } grep { $_ } $old, head_commit($person);
    return sort keys %ids;
}

sub head_commit {
    my ($person) = @_;
    my $head = head_ref($person);
    return $head eq "" ? head_id($person) : ref_id($person, $head);
}

sub verify {
    my ($ref, $tip, $from, $since) = @_;
    my ($needles) = input();
    my $person = ["/base"];
    ($ref eq "" || is_branch($ref)) && $tip =~ /^$ID\z/ or die "a name that is not allowed\n";
    for ("", "/objects", "/objects/pack") { type_at("/base/.git$_") eq "d" or die "your .git$_ is no folder of its own\n" }
    die "your .git is part of another repository\n" if lstat "/base/.git/commondir";
    make_repository("/out/repo", "/base", "/base/.git/objects");
    my $name = index_pack("/in/pack");
    my ($old, $head, %refs) = ($ref eq "" ? undef : ref_id($person, $ref), head_ref($person), refs());
    # One that has no commit yet is taken all the same.
    $refs{$_} //= "" for heads_elsewhere("/base");
    record("B", $head, $old // "");
    record("R", $_, $refs{$_}) for grep { m{^refs/heads/} } sort keys %refs;
    # A branch that moves takes in all that it does not have. For a new one, what another of the person's has is no news.
    my @base = known($person, $old);
    my @not = $ref ne "" && $head eq $ref ? @base : (@base, whole_commits(values %refs));
    write_file("/out/revisions", "$tip\n", map { "^$_\n" } @not);
    git_text("/out/revisions", "rev-list", "--objects", "--quiet", "--stdin");
    my @paths = commits($tip, @base);
    meanwhile($from, $since, @paths) if $from;
    look_for($needles // "", "/out/repo/objects/pack/pack-$name.idx");
    record("V", $name, hashes(map { "/out/repo/objects/pack/pack-$name.$_" } "pack", "idx"));
}

sub index_pack {
    my ($pack) = @_;
    my $name = git_text($pack, "index-pack", "--strict", "--fsck-objects", "--fix-thin", "--max-input-size=$PACK_BYTES_MAX", "--stdin");
    $name =~ /^pack\t($ID)$/m or die "git index-pack has no answer\n";
    $name = $1;
    check_sizes("/out/repo/objects/pack/pack-$name.idx");
    return $name;
}

# Small in a pack may be large on the disk.
sub check_sizes {
    my ($index) = @_;
    write_file("/out/ids", map { (split / /)[1] . "\n" } split /\n/, git_text($index, "show-index"));
    my $total = 0;
    for (split /\n/, git_text("/out/ids", "cat-file", "--batch-check=%(objectsize)")) {
        $_ <= $FILE_BYTES_MAX && ($total += $_) <= $PACK_BYTES_MAX or die "a file of the commits is larger than 50 MB, or all are larger than 500 MB\n";
    }
}

# The person's branches, those that they track, and tags, with their ids; "" for what is no plain ref.
sub refs {
    my %id = map { /^($ID) (refs\/(?:heads|remotes|tags)\/.+)$/ ? ($2 => $1) : () } split /\n/, read_plain(["/base"], ".git/packed-refs", 16 << 20) // "";
    my @folders = ("refs/heads", "refs/remotes", "refs/tags");
    while (defined(my $folder = shift @folders)) {
        next if type_at("/base/.git/$folder") ne "d";
        for my $name (map { "$folder/$_" } names("/base/.git/$folder")) {
            my $type = type_at("/base/.git/$name");
            if ($type eq "d") { push @folders, $name }
            else { $id{$name} = ($type eq "f" && read_file("/base/.git/$name", 4096) =~ /^($ID)\n?\z/) ? $1 : "" }
        }
        keys %id <= $REFS_MAX && @folders <= $REFS_MAX or die "you have more than $REFS_MAX branches and tags\n";
    }
    return %id;
}

# A ref may be broken, or a tag of something else.
sub whole_commits {
    write_file("/out/ids", map { "$_^{commit}\n" } grep { $_ ne "" } @_);
    return map { /^($ID) commit / ? $1 : () } split /\n/, git_text("/out/ids", "cat-file", "--batch-check");
}

sub commits {
    my ($tip, @base) = @_;
    my @log = split /\0/, git_text("/out/revisions", "log", "--stdin", "-z", "--topo-order", "--reverse", "--no-show-signature", "--encoding=none", "--max-count=" . ($COMMITS_MAX + 1),
        "--format=%H%n%P%n%an <%ae>%n%s");
    @log <= $COMMITS_MAX or die "there are more than $COMMITS_MAX commits\n";
    my (@ids, %wanted, %paths);
    for (@log) {
        my ($id, $parents, $author, $subject) = split /\n/, $_, 4;
        record("C", $id, $parents, substr($author, 0, 200), substr($subject // "", 0, 300));
        push @ids, $id;
    }
    write_file("/out/ids", map { "$_\n" } @ids);
    my $out = start_git("/out/ids", qw(diff-tree --stdin -r -z -m --root --always --raw --no-renames --no-abbrev --ignore-submodules=none));
    local $/ = "\0";
    while (defined(my $line = <$out>)) {
        chomp $line;
        if ($line =~ /^$ID\z/) { record("D", $line); next }
        my ($old_mode, $new_mode, $old_id, $new_id) = $line =~ /^:(\d{6}) (\d{6}) ($ID) ($ID) [A-Z]\d*\z/ or die "git diff-tree is not as agreed\n";
        my $path = <$out> // die "git diff-tree was cut short\n";
        chomp $path;
        record("P", $old_mode, $new_mode, $old_id, $new_id, $path);
        $paths{$path} = 1;
        my $is_manifest = $path =~ m{(?:^|/)package\.json\z};
        want(\%wanted, $new_id, $new_mode, $is_manifest ? $MANIFEST_BYTES : $HEAD_BYTES);
        want(\%wanted, $old_id, $old_mode, $MANIFEST_BYTES) if $is_manifest;
    }
    close $out or die "git diff-tree failed\n";
    # Links that were there before: one of them may give a changed file a name that some tool runs.
    for my $base (@base, $tip) {
        $out = start_git("/dev/null", "ls-tree", "-r", "-z", "--full-tree", $base);
        while (<$out>) { /^120000 blob ($ID)\t(.+)\0\z/s or next; record("L", $1, $2); want(\%wanted, $1, "120000", $TARGET_BYTES) }
        close $out or die "git ls-tree failed\n";
    }
    contents(\%wanted);
    return sort keys %paths;
}

sub want {
    my ($wanted, $id, $mode, $bytes) = @_;
    return if $mode !~ /^1[02]/;
    $bytes = $TARGET_BYTES if $mode eq "120000" && $bytes < $TARGET_BYTES;
    $wanted->{$id} = $bytes if $bytes > ($wanted->{$id} // 0);
}

sub contents {
    my ($wanted, $type) = (@_, "blob");
    write_file("/out/ids", map { "$_\n" } sort keys %$wanted);
    my $out = start_git("/out/ids", "cat-file", "--batch");
    while (defined(my $line = do { local $/ = "\n"; <$out> })) {
        my ($id, $size) = $line =~ /^($ID) \Q$type\E (\d+)\n\z/ or die "git cat-file is not as agreed\n";
        my ($content, $left) = ("", $size + 1);
        while ($left > 0) {
            my $read = read($out, my $piece, $left < 1 << 18 ? $left : 1 << 18) or die "git cat-file was cut short\n";
            $content .= $piece if length $content < $wanted->{$id};
            $left -= $read;
        }
        my $kept = $size < $wanted->{$id} ? $size : $wanted->{$id};
        record("O", $id, unpack "H*", substr $content, 0, $kept);
    }
    close $out or die "git cat-file failed\n";
}

sub hashes {
    my @files = @_;
    open(my $out, "-|", $sha256sum, "-z", "--", @files) or die "sha256sum: $!\n";
    local $/ = "\0";
    my @hashes = map { /^([0-9a-f]{64}) / ? $1 : () } <$out>;
    close $out && @hashes == @files or die "sha256sum failed\n";
    return @hashes;
}

# Objects that no ref names do no harm, so a landing that ends here only leaves a pack for git to clear away.
sub put {
    my ($name, @wanted) = @_;
    $name =~ /^$ID\z/ or die "a name that is not allowed\n";
    return record("M", "") if !grep { !lstat "/pack/pack-$name.$_" } "pack", "idx";
    my @copies = map { "/pack/tmp_${_}_ringfence-$random" } "pack", "idx";
    my $is_done = eval {
        copy("/out/repo/objects/pack/pack-$name.pack", $copies[0]);
        copy("/out/repo/objects/pack/pack-$name.idx", $copies[1]);
        join(" ", hashes(@copies)) eq "@wanted" or die "the staged objects are not those that were verified\n";
        rename $copies[0], "/pack/pack-$name.pack" or die "rename: $!\n";
        step();
        rename $copies[1], "/pack/pack-$name.idx" or die "rename: $!\n";
        step();
        1;
    };
    my $problem = $@;
    unlink @copies;
    $is_done or die $problem;
    record("M", "");
}

sub copy {
    my ($source, $target) = @_;
    sysopen(my $from, $source, O_RDONLY | O_NOFOLLOW) or die "the staged objects: $!\n";
    sysopen(my $to, $target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0444) or die "your folder of objects: $!\n";
    while (my $read = sysread($from, my $piece, 1 << 18) // die "read: $!\n") {
        step();
        (syswrite($to, $piece) // -1) == $read or die "the disk may be full: $!\n";
        step();
    }
    chmod 0444, $to;
    $to->sync && close $to or die "write: $!\n";
    step();
}

# "M" when it is done, "R" and why when nothing was touched. What git does in the person's own repository is done here by
# hand, under git's own locks: git would obey the configuration there.
sub move {
    my ($how, $ref, $old, $new) = @_;
    is_branch($ref) && !grep { !/^$ID\z/ } $old, $new or die "a name that is not allowed\n";
    chdir "/repo/.git" or die "your .git: $!\n";
    sweep();
    my $is_done = eval { $how eq "forward" ? forward($ref, $old, $new) : $old eq $NONE ? branch($ref, $new) : advance($ref, $old, $new); 1 };
    my $problem = $@;
    release();
    record($is_done ? ("M", "") : ("R", $problem =~ s/\n\z//r));
}

# The working tree has landed before. Then the index, then the branch: killed in between, what the commits change stands
# there as staged, nothing is lost, and the next landing moves the branch.
sub forward {
    my ($ref, $old, $new) = @_;
    for (qw(MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD BISECT_LOG rebase-merge rebase-apply sequencer)) {
        lstat "$own$_" and die "a git operation of yours is under way ($_)\n";
    }
    make_repository("/git", "/repo", "/repo/.git/objects");
    die "another worktree of yours has the branch checked out\n" if grep { $_ eq $ref } heads_elsewhere("/repo");
    my @strings = split /\0/, git_text("/dev/null", qw(diff-tree -r -z --raw --no-renames --no-abbrev --ignore-submodules=none),
        $old eq $NONE ? $EMPTY_TREE : $old, $new, "--");
    my @changes;
    while (my ($line, $path) = splice @strings, 0, 2) {
        my ($old_mode, $new_mode, $old_id, $new_id) = $line =~ /^:(\d{6}) (\d{6}) ($ID) ($ID) / or die "git diff-tree is not as agreed\n";
        push @changes, { path => $path, was => "$old_mode $old_id", is => "$new_mode $new_id", old => $old_id, new => $new_id };
    }
    check_working_tree(@changes);
    my $index_lock = lock_file("${own}index") // die "your index is locked by another git command\n";
    my $index = new_index($old, @changes);
    fill($index_lock, $index, (stat "${own}index")[2] // 0644) if defined $index;
    my $ref_lock = lock_file($ref) // die "your branch is locked by another git command\n";
    fill($ref_lock, "$new\n", 0644);
    head_ref(["/repo"]) eq $ref && (ref_id(["/repo"], $ref) // $NONE) eq $old or die "your branch has moved\n";
    if (defined $index) { rename "${own}index.lock", "${own}index" or die "rename: $!\n"; step() }
    rename "$ref.lock", $ref or die "rename: $!\n";
    step();
    write_logs($old, $new, "${own}logs/HEAD", "logs/$ref");
}

sub write_logs {
    my ($old, $new, @logs) = @_;
    for my $log (@logs) {
        sysopen(my $file, $log, O_WRONLY | O_APPEND | O_NOFOLLOW) or next;
        syswrite $file, "$old $new ringfence <ringfence> ${\time} +0000\tringfence land: Fast-forward\n" if -f $file;
        step();
    }
}

# A branch that is checked out nowhere. Under the lock of HEAD nobody can switch to it meanwhile; git waits a little for
# that lock, and so does a session that lands at the same time.
sub advance {
    my ($ref, $old, $new) = @_;
    my $head_lock;
    for (1 .. 50) { last if $head_lock = lock_file("${own}HEAD"); select undef, undef, undef, 0.02 }
    $head_lock or die "your HEAD is locked by another git command\n";
    my $lock = lock_file($ref) // die "the branch is locked by another git command\n";
    my $place = place_of("/repo", $ref);
    die "the branch is in use: $place\n" if defined $place;
    (ref_id(["/repo"], $ref) // $NONE) eq $old or die "the branch has moved\n";
    fill($lock, "$new\n", 0644);
    rename "$ref.lock", $ref or die "rename: $!\n";
    write_logs($old, $new, "logs/$ref");
}

sub branch {
    my ($ref, $new) = @_;
    my $lock = lock_file($ref) // die "the branch is locked by another git command\n";
    my $packed = read_plain(["/repo"], ".git/packed-refs", 16 << 20) // "";
    my $place = $ref;
    do { $packed =~ /^$ID \Q$place\E$/m and die "you have a branch of this name, or of a part of it\n" } while $place =~ s{/[^/]+\z}{};
    rmdir $ref;
    $packed !~ /^$ID \Q$ref\E\//m && !lstat $ref or die "you have a branch of this name, or below it\n";
    fill($lock, "$new\n", 0644);
    rename "$ref.lock", $ref or die "rename: $!\n";
    step();
}

# A branch may move only to what lies in the working tree, or was changed there by the person. A file that did not land
# would look as if the person had undone it, and a commit of all changes would do so.
sub check_working_tree {
    my @files;
    for my $change (@_) {
        my ($there, $path) = (type_of($change->{path}), $change->{path});
        my $is_wanted = $change->{new} ne $NONE;
        die "the checkout still has $path, which the commits delete\n" if !$is_wanted && $there =~ /[fl]/;
        die "the checkout does not have $path of the commits\n" if $is_wanted && $there !~ /[fl]/;
        push @files, $change if $is_wanted && $there eq "f" && $change->{was} =~ /^100/ && $change->{old} ne $change->{new} && $path !~ /\n/;
    }
    write_file("/out/paths", map { "/checkout/$_->{path}\n" } @files);
    my @ids = split /\n/, git_text("/out/paths", qw(hash-object --no-filters --stdin-paths));
    for (@files) { shift(@ids) ne $_->{old} or die "the checkout has $_->{path} as it was before the commits\n" }
}

sub type_of {
    my ($path) = @_;
    my ($here, $type) = ("/checkout", "d");
    for (split m{/}, $path) { $type = $type eq "d" ? type_at($here .= "/$_") : "" }
    return $type;
}

# The person's index with every path that was as the old commit had it set to what the new one has. Undefined when it
# need not change; dies when it holds what would be lost.
sub new_index {
    my ($old, @changes) = @_;
    my $bytes = read_plain(["/repo"], ".git/${own}index", 256 << 20);
    defined $bytes || $old eq $NONE or die "you have no index\n";
    my $entries = defined $bytes ? index_entries($bytes) : {};
    my $none = "000000 $NONE";
    my @set = grep { my $has = $entries->{$_->{path}} // $none; $has eq $_->{was} && $has ne $_->{is} } @changes;
    return undef if !@set;
    write_file("/out/index", $bytes) if defined $bytes;
    # What goes away comes first: a folder may take the place of a file.
    write_file("/out/set", map { ($_->{is} eq $none ? "0 $NONE" : $_->{is}) . "\t$_->{path}\0" } sort { ($b->{is} eq $none) <=> ($a->{is} eq $none) } @set);
    local $ENV{GIT_INDEX_FILE} = "/out/index";
    git_text("/out/set", qw(update-index -z --index-info));
    return read_file("/out/index", 256 << 20);
}

sub index_entries {
    my ($bytes) = @_;
    my ($signature, $version, $count) = unpack "a4 N N", $bytes;
    $signature eq "DIRC" && $version >= 2 && $version <= 4 or die "your index has an unknown format\n";
    my ($at, $path, %entries) = (12, "");
    for (1 .. $count) {
        my ($mode, $id, $flags, $more) = unpack "x24 N x12 H40 n n", substr $bytes, $at, 64;
        my $start = $at + ($flags & 0x4000 ? 64 : 62);
        die "your index has conflicts\n" if $flags & 0x3000;
        die "your index leaves out files, or does not look at some\n" if $flags & 0x8000 || ($flags & 0x4000 && $more & 0x6000);
        my $kept = 0;
        if ($version == 4) {
            my $byte = ord substr $bytes, $start++, 1;
            my $cut = $byte & 127;
            while ($byte & 128) { $byte = ord substr $bytes, $start++, 1; $cut = (($cut + 1) << 7) + ($byte & 127) }
            $kept = length($path) - $cut;
        }
        my $end = index $bytes, "\0", $start;
        $end >= 0 && $kept >= 0 or die "your index is damaged\n";
        $path = substr($path, 0, $kept) . substr $bytes, $start, $end - $start;
        $entries{$path} = sprintf "%06o %s", $mode, $id;
        $at = $version == 4 ? $end + 1 : $at + (($end - $at + 8) & ~7);
    }
    while ($at < length($bytes) - 20) {
        my ($tag, $length) = unpack "a4 N", substr $bytes, $at, 8;
        $tag =~ /^(?:TREE|REUC|UNTR|FSMN|EOIE|IEOT)\z/ or die "your index is split or sparse, or has an unknown part\n";
        $at += 8 + $length;
    }
    $at == length($bytes) - 20 or die "your index is damaged\n";
    return \%entries;
}

# Takes git's own lock. Its second name, held open under flock, tells a later landing when whoever took it is dead.
sub lock_file {
    my ($path) = @_;
    my $folder = "";
    for ((split m{/}, $path)[0 .. ($path =~ tr{/}{}) - 1]) {
        $folder .= $folder eq "" ? $_ : "/$_";
        mkdir $folder, 0755 and chmod 0755, $folder;
        step();
        type_at($folder) eq "d" or die "you have a branch of the name $folder\n";
    }
    my $draft = "ringfence-$random-" . ++$serial;
    sysopen(my $file, $draft, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or die "your .git: $!\n";
    flock($file, LOCK_EX | LOCK_NB) or die "flock: $!\n";
    push @drafts, [$draft, "$path.lock", $file];
    step();
    my $is_ours = link $draft, "$path.lock" or $! == $EEXIST or die "your .git: $!\n";
    step();
    return $is_ours ? $file : undef;
}

sub fill {
    my ($file, $content, $type) = @_;
    (syswrite($file, $content) // -1) == length $content or die "the disk may be full: $!\n";
    step();
    chmod $type & 0777, $file or die "chmod: $!\n";
    $file->sync or die "sync: $!\n";
}

sub release { for (@drafts) { my ($draft, $lock, $file) = @$_; drop($draft, $file, $lock) } }

# The draft goes last: it alone tells whose the lock is.
sub drop {
    my ($draft, $file, @locks) = @_;
    my @own = stat $file;
    for my $lock (@locks) {
        my @locked = lstat $lock;
        unlink $lock and step() if @locked && $locked[0] == $own[0] && $locked[1] == $own[1];
    }
    unlink $draft;
    step();
}

# Takes away what landings left that are dead.
sub sweep {
    for my $draft (glob "ringfence-*") {
        sysopen(my $file, $draft, O_RDWR | O_NOFOLLOW | O_NONBLOCK) or next;
        next if $draft !~ /^ringfence-[0-9a-f]{16}-\d+\z/ || !flock($file, LOCK_EX | LOCK_NB);
        drop($draft, $file, (stat $file)[3] > 1 ? locks() : ());
    }
}

# Every lock of a kind that a landing takes, of any worktree.
sub locks {
    my @folders = ("refs/heads");
    my @locks = glob "{,worktrees/*/}{index,HEAD}.lock";
    while (defined(my $folder = shift @folders)) {
        next if type_at($folder) ne "d";
        for my $name (map { "$folder/$_" } names($folder)) {
            if (type_at($name) eq "d") { push @folders, $name }
            elsif ($name =~ /\.lock\z/) { push @locks, $name }
        }
        @folders <= $REFS_MAX or die "you have more than $REFS_MAX branches\n";
    }
    return @locks;
}

# "M" where the branch has the commit that it was to move to, perhaps with others on it by now, else "R".
sub release_left {
    my ($ref, $new) = @_;
    chdir "/repo/.git" or die "your .git: $!\n";
    sweep();
    is_branch($ref) && $new =~ /^$ID\z/ or die "a name that is not allowed\n";
    my $tip = ref_id(["/repo"], $ref) // return record("R");
    make_repository("/git", "/repo", "/repo/.git/objects");
    record($tip eq $new || is_ancestor($new, $tip) ? "M" : "R");
}

# "B", the commit on which the branch begins, and the person's tip of it or ""; or "R" and what is in the way.
sub begin {
    my ($name) = @_;
    my ($person, $ref) = (["/base"], "refs/heads/$name");
    my $git = type_at("/base/.git");
    return record("R", "this folder is no git repository: git init and commit first, or leave --branch out") if $git eq "";
    return record("R", "its .git is no folder of its own (a linked worktree or a submodule): start in the main checkout")
      if $git ne "d" || lstat "/base/.git/commondir";
    return record("R", "that is no name for a branch: give a name as for git branch, without refs/heads/")
      if !is_branch($ref) || $name =~ m{^refs/|^[0-9a-f]{40}\z};
    my $place = place_of("/base", $ref);
    return record("R", "it is in use: $place; give another name, or switch there first") if defined $place;
    my $tip = ref_id($person, $ref);
    my %refs = refs();
    my ($clash) = grep { m{^\Q$ref\E/} || $ref =~ m{^\Q$_\E/} } sort keys %refs;
    return record("R", "you have a branch " . substr($clash, 11) . " already, and git holds only one of the two: give another name")
      if defined $clash;
    my $id = $tip // head_commit($person) or return record("R", "the repository has no commit yet: git commit first");
    record("B", $id, $tip // "");
}

# Where the branch is checked out, or where a rebase or bisect will go back to it; undefined where that is nowhere.
sub place_of {
    my ($root, $ref) = @_;
    my $worktrees = ".git/worktrees";
    my @others = type_at("$root/$worktrees") eq "d" ? map { "$worktrees/$_" } names("$root/$worktrees") : ();
    for my $git (".git", @others) {
        my $of = sub { (read_plain([$root], "$git/$_[0]", 4096) // "") =~ s/\n\z//r };
        my $where = $git eq ".git" ? "in this checkout" : "in " . $of->("gitdir") =~ s{/\.git\z}{}r;
        return "it is checked out $where" if $of->("HEAD") eq "ref: $ref";
        return "a rebase of it is under way $where" if grep { $of->("$_/head-name") eq $ref } "rebase-merge", "rebase-apply";
        return "a bisect began on it $where" if "refs/heads/" . $of->("BISECT_START") eq $ref;
    }
    return undef;
}

sub input { local $/ = "\0"; binmode STDIN; my @strings = <STDIN>; chomp @strings; pop @strings; return @strings }

# Only what changed in the checkout since then, where a time is given.
sub shown {
    my ($since, @layers) = @_;
    for my $path (input()) {
        next if grep({ /^\.{0,2}\z/ } split m{/}, $path) || grep { holds("/layer/$_", $path) } @layers;
        my @seen = lstat "/checkout/$path";
        record("U", $path) if !$since || !@seen || $seen[10] >= $since;
    }
}

sub holds {
    my ($here, $path) = @_;
    for (split m{/}, $path) {
        my @seen = lstat($here .= "/$_") or return 0;
        return 1 if !S_ISDIR($seen[2]) || is_opaque($here);
    }
    return 1;
}

# Paths that the commits change and that the person changed in the checkout since the session began: what they wrote
# there may have been in the view when the box read or committed it.
sub meanwhile {
    my ($from, $since, @paths) = @_;
    $from =~ /^$ID\z/ or die "a name that is not allowed\n";
    @paths = grep { (newest("/checkout", $_))[1] >= $since } @paths;
    my @odd = grep { /\n/ } @paths;
    @paths = grep { !/\n/ } @paths;
    write_file("/out/paths", map { "$from:$_\n" } @paths);
    my @ids = map { /^($ID) blob / ? $1 : $NONE } split /\n/, git_text("/out/paths", "cat-file", "--batch-check");
    my %was = map { $paths[$_] => $ids[$_] } 0 .. $#paths;
    my %type = map { $_ => (newest("/checkout", $_))[0] } @paths;
    my @files = grep { $type{$_} eq "f" && $was{$_} ne $NONE } @paths;
    write_file("/out/paths", map { "/checkout/$_\n" } @files);
    @ids = split /\n/, git_text("/out/paths", qw(hash-object --no-filters --stdin-paths));
    my %is = map { $files[$_] => $ids[$_] } 0 .. $#files;
    record("W", $_) for @odd, grep { ($is{$_} // ($type{$_} eq "" ? $NONE : "")) ne $was{$_} } @paths;
}

# Type of what lies at a path and when it changed last; of what is not there, when the folder changed that lacks it.
sub newest {
    my ($here, $path) = @_;
    my $changed_at = 0;
    for (split m{/}, $path) {
        my @folder = lstat $here;
        return ("", $folder[10]) if !S_ISDIR($folder[2]) || !lstat($here .= "/$_");
    }
    return (type_at($here), (lstat $here)[10]);
}

# Only what the person's repository has nowhere: a commit of somebody else's that the box merged stays as it is.
sub new_commits {
    my ($tip) = @_;
    $tip =~ /^$ID\z/ or die "a name that is not allowed\n";
    make_repository("/out/repo", "/base", "/base/.git/objects");
    my %refs = refs();
    write_file("/out/revisions", "$tip\n", map { "^$_\n" } known(["/base"], undef), whole_commits(values %refs));
}

sub raw {
    new_commits(@_);
    my @ids = split /\n/, git_text("/out/revisions", qw(rev-list --stdin --topo-order --reverse));
    write_file("/out/ids", map { "$_\n" } @ids);
    record("C", $_) for @ids;
    contents({ map { $_ => $MANIFEST_BYTES } @ids }, "commit");
}

sub known_objects {
    make_repository("/git", "/base", "/base/.git/objects");
    record("K", $_) for present(input());
}

# Those of some ids that are objects of the person's.
sub present {
    my @ids = grep { /^$ID\z/ } @_;
    write_file("/git/ids", map { "$_\n" } @ids);
    return map { /^($ID) (?:commit|tag|tree|blob) / ? $1 : () } split /\n/, git_text("/git/ids", qw(cat-file --batch-check));
}

# Of the ids in the input, which the remote has, the pack leaves out what they hold.
sub pack_push {
    my ($ref, $old, $new) = @_;
    is_branch($ref) && $old =~ /^$ID\z/ && $new =~ /^$ID\z/ or die "a name that is not allowed\n";
    my @shown = input();
    my $tip = ref_id(["/base"], $ref) // return record("N", "absent");
    make_repository("/git", "/base", "/base/.git/objects");
    return record("N", "absent") if whole_commits_in($new) != 1 || !is_ancestor($new, $tip);
    return record("N", "diverged") if $old ne $NONE && (whole_commits_in($old) != 1 || !is_ancestor($old, $new));
    write_file("/git/revisions", "$new\n", map { "^$_\n" } grep({ $_ ne $NONE } $old), present(@shown));
    my $summary = summary($old, $new);
    my $pack = start_git("/git/revisions", qw(pack-objects --revs --thin --delta-base-offset -q --stdout));
    record("P", $summary);
    my $bytes = 0;
    while (my $read = sysread($pack, my $piece, 1 << 18) // die "pack: $!\n") {
        ($bytes += $read) <= $PUSHED_BYTES_MAX or die "what is to be pushed is larger than 128 MB\n";
        print $piece;
    }
    close $pack or die "objects of the commits are missing or broken\n";
}

# For a person who is asked: the newest commits by author and subject, and what they change in which file.
sub summary {
    my ($old, $new) = @_;
    my $count = git_text("/git/revisions", qw(rev-list --count --stdin)) + 0;
    my @lines = split /\n/, git_text("/git/revisions", "log", "--stdin", "--no-color", "--max-count=$SUMMARY_COMMITS", "--format=%h %an: %s");
    my $commits = join "", map { substr($_, 0, 160) . "\n" } @lines;
    $commits .= "and " . ($count - $SUMMARY_COMMITS) . " more\n" if $count > $SUMMARY_COMMITS;
    my $stat = $old eq $NONE ? "" : git_text("/dev/null", qw(diff --no-color --no-ext-diff --no-textconv --stat=72 --stat-count=20), $old, $new);
    return substr $commits . $stat, 0, $SUMMARY_BYTES;
}

sub whole_commits_in {
    write_file("/git/ids", map { "$_^{commit}\n" } @_);
    return grep { /^$ID commit / } split /\n/, git_text("/git/ids", qw(cat-file --batch-check));
}

sub is_ancestor {
    my ($id, $of) = @_;
    my $out = start_git("/dev/null", "merge-base", "--is-ancestor", $id, $of);
    return close $out;
}

sub signed {
    my ($tip) = @_;
    my @commits = input();
    make_repository("/out/repo", "/base", "/base/.git/objects");
    for (@commits) {
        write_file("/out/object", pack "H*", $_);
        git_text("/out/object", qw(hash-object -t commit -w --stdin));
    }
    new_commits($tip);
    mkdir "/out/signed", 0700;
    my $made = git_text("/out/revisions", qw(pack-objects --revs --delta-base-offset --window=0 -q /out/signed/pack));
    $made =~ /^($ID)\n\z/ or die "git pack-objects has no answer\n";
    my $name = index_pack("/out/signed/pack-$1.pack");
    record("V", $name, hashes(map { "/out/repo/objects/pack/pack-$name.$_" } "pack", "idx"));
}

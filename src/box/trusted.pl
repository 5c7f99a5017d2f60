# Reads of a checkout what a person is asked to trust. It is bound read-only at /checkout, and its git folder at /base/.git
# (in a linked worktree the common one; what belongs to this worktree lies below it in OWN). /alt holds folders that it borrows
# from. Git opens an empty repository of ours alone, which borrows objects and has no configuration, no replacements, no grafts.
#
#   trusted.pl MODE GIT OWN …
#   list            what lies in the checkout, but in git folders and folders of dependencies
#   contents MAX    input: paths; the content of each plain file of at most MAX bytes
#   head            the commit that is checked out
#   objects ID      a commit and all its folders, as they are
#   history ID      every path that the commits up to ID ever had
#   view ID         all that lies in the checkout, with the id of each content and the target of each link in hex; and whether
#                   the git folder holds anything but what belongs to ID
#   diff            input: two contents in hex; what the second has changed of the first
#
# Every string of an answer ends in NUL; each record starts with one letter and has a fixed number of strings.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :mode);

my ($mode, $git, $own, @rest) = @ARGV;
@ARGV = ();
my ($ENTRIES_MAX, $CONTENT_BYTES_MAX, $HASHED_BYTES_MAX, $PACKED_BYTES_MAX) = (200_000, 32 << 20, 256 << 20, 64 << 20);
my $ID = qr/[0-9a-f]{40}/;
my $usual = join "|", qw(HEAD ORIG_HEAD FETCH_HEAD COMMIT_EDITMSG config config\.worktree description gc\.pid index packed-refs
    branches hooks info logs objects refs worktrees);
my %dependencies = map { $_ => 1 } qw(node_modules .venv venv __pycache__ site-packages);
binmode STDOUT;
umask 0077;

$own =~ m{^(?:worktrees/[^/]+/)?\z} or die "unknown worktree\n";
my %run = (list => \&list, contents => \&contents, head => \&head, objects => \&objects, history => \&history, view => \&view,
    diff => \&diff);
($run{$mode} // die "unknown mode\n")->(@rest);
close STDOUT or die "output: $!\n";

sub record { print join("\0", @_), "\0" }

sub input { local $/ = "\0"; binmode STDIN; my @strings = <STDIN>; chomp @strings; pop @strings; return @strings }

sub list { walk(sub { $dependencies{$_[0]} || lc $_[0] eq ".git" }, sub { record($_[0], $_[1]) }) }

# Hands over each entry that is no folder: f, l, or o for what else there is, or cannot be entered; and e for an empty folder,
# whose name nothing else tells.
sub walk {
    my ($is_passed_over, $use) = @_;
    my ($entries, @folders) = (0, "");
    while (defined(my $folder = shift @folders)) {
        my $handle;
        if (!opendir $handle, "/checkout/$folder") { $use->("o", $folder); next }
        my @names = sort grep { !/^\.\.?\z/ } readdir $handle;
        if (!@names && $folder ne "") { $use->("e", $folder =~ s{/\z}{}r); next }
        for my $name (@names) {
            my $path = "$folder$name";
            ++$entries <= $ENTRIES_MAX or die "the checkout has more than $ENTRIES_MAX entries\n";
            next if $is_passed_over->($name, $path);
            my @seen = lstat "/checkout/$path";
            # Gone, or too deep for its name: a command could still go there.
            if (!@seen) { $use->("o", $path) }
            elsif (S_ISDIR($seen[2])) { push @folders, "$path/" }
            else { $use->(S_ISREG($seen[2]) ? "f" : S_ISLNK($seen[2]) ? "l" : "o", $path, $seen[7]) }
        }
    }
}

sub contents {
    my ($bytes_max) = @_;
    my $left = $CONTENT_BYTES_MAX;
    for my $path (input()) {
        my $content = plain("/checkout", $path, $bytes_max);
        if (!defined $content || ($left -= length $content) < 0) { record("X", $path); next }
        record("F", $path, unpack "H*", $content);
    }
}

# No link is followed, on the way either; undefined for what is no plain file, or too large.
sub plain {
    my ($here, $path, $bytes_max) = @_;
    my @parts = split m{/}, $path;
    my $name = pop @parts // return undef;
    for (@parts) { S_ISDIR((lstat($here .= "/$_"))[2] // 0) or return undef }
    sysopen(my $file, "$here/$name", O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return undef;
    my @seen = stat $file;
    return undef if !S_ISREG($seen[2]) || $seen[7] > $bytes_max;
    binmode $file;
    local $/;
    return <$file> // "";
}

sub head {
    my $head = plain("/base/.git", "${own}HEAD", 4096) // return record("N");
    return record("C", $1) if $head =~ /^($ID)\n?\z/;
    my ($ref) = $head =~ m{^ref: (refs/[^\0\n]+)\n?\z} or return record("N");
    return record("N") if grep { $_ eq ".." || $_ eq "" } split m{/}, $ref;
    my $loose = plain("/base/.git", $ref, 4096);
    return record($loose =~ /^($ID)\n?\z/ ? ("C", $1) : "N") if defined $loose;
    my $packed = plain("/base/.git", "packed-refs", 16 << 20) // return record("N");
    record($packed =~ /^($ID) \Q$ref\E$/m ? ("C", $1) : "N");
}

sub begin_git {
    my ($id) = @_;
    $id =~ /^$ID\z/ or die "unknown commit\n";
    mkdir "/git/$_", 0700 for qw(objects objects/info refs);
    write_file("/git/HEAD", "ref: refs/heads/none\n");
    write_file("/git/objects/info/alternates", map { "$_\n" } "/base/.git/objects", glob "/alt/*");
    %ENV = (PATH => "/usr/bin:/bin", LC_ALL => "C", HOME => "/nonexistent", GIT_DIR => "/git", GIT_CONFIG_NOSYSTEM => "1",
        GIT_CONFIG_GLOBAL => "/dev/null", GIT_ATTR_NOSYSTEM => "1", GIT_OPTIONAL_LOCKS => "0",
        GIT_NO_REPLACE_OBJECTS => "1", GIT_NO_LAZY_FETCH => "1", GIT_TERMINAL_PROMPT => "0");
}

sub write_file {
    my ($path, @pieces) = @_;
    open(my $file, ">", $path) or die "$path: $!\n";
    print $file @pieces;
    close $file or die "$path: $!\n";
}

# Starts git with some lines as its input; a process of its own writes them, since git may answer before it has read all.
sub start_git {
    my ($lines, @args) = @_;
    pipe(my $from, my $to) or die "input: $!\n";
    my $writer = fork() // die "input: $!\n";
    if (!$writer) {
        close $from;
        print $to "$_\n" for @$lines;
        close $to;
        kill "KILL", $$;
    }
    close $to;
    open(STDIN, "<&", $from) or die "input: $!\n";
    close $from;
    open(my $out, "-|", $git, "-c", "core.hooksPath=/dev/null", "-c", "core.commitGraph=false", @args) or die "git: $!\n";
    binmode $out;
    return $out;
}

# What has the wrong id is found out by who reads this.
sub objects {
    my ($id) = @_;
    begin_git($id);
    my $out = start_git([], qw(ls-tree -r -t -z --full-tree), $id);
    my @trees = do { local $/ = "\0"; map { /^040000 tree ($ID)\t/ ? $1 : () } <$out> };
    close $out or die "the repository does not hold the commit $id whole\n";
    $out = start_git([$id, "$id^{tree}", @trees], "cat-file", "--batch");
    while (defined(my $line = do { local $/ = "\n"; <$out> })) {
        my ($type, $size) = $line =~ /^$ID (commit|tree) (\d+)\n\z/ or die "the repository does not hold the commit $id whole\n";
        (read($out, my $content, $size + 1) // -1) == $size + 1 or die "git cat-file was cut short\n";
        record($type eq "commit" ? "C" : "T", unpack "H*", substr $content, 0, $size);
    }
    close $out or die "git cat-file failed\n";
}

sub history {
    my ($id) = @_;
    begin_git($id);
    my $out = start_git([], qw(log --format= --name-only -z --no-renames --root -m), $id);
    my (%seen, $count);
    local $/ = "\0";
    while (defined(my $path = <$out>)) {
        chomp $path;
        $path =~ s/^\n+//;
        next if $path eq "" || $seen{$path}++;
        ++$count <= $ENTRIES_MAX or die "its history has too many files to be looked through\n";
        record("P", $path);
    }
    close $out or die "its history is not whole here\n";
}

# The digest is of the bytes of the file, whatever git's index says of it.
sub view {
    my ($id) = @_;
    begin_git($id);
    my ($bytes, @paths) = (0);
    walk(sub { $_[1] eq ".git" }, sub {
        my ($type, $path, $size) = @_;
        return record($type, $path, unpack "H*", readlink("/checkout/$path") // "") if $type eq "l";
        return record($type, $path) if $type ne "f";
        return record("o", $path) if $path =~ /\n/;
        ($bytes += $size) <= $HASHED_BYTES_MAX or die "the checkout is too large to be compared\n";
        push @paths, $path;
    });
    my $out = start_git([map { "/checkout/$_" } @paths], qw(hash-object --no-filters --stdin-paths));
    for my $path (@paths) {
        my $line = do { local $/ = "\n"; <$out> } // die "a file cannot be read\n";
        $line =~ /^($ID)\n\z/ or die "git hash-object is not as agreed\n";
        record("f", $path, $1);
    }
    close $out or die "git hash-object failed\n";
    record("G", is_bare_of_others($id) ? 1 : 0);
}

# Every object is read and its id proven, and nothing may be there that the commit does not lead to.
sub is_bare_of_others {
    my ($id) = @_;
    my $bytes = 0;
    for my $objects ("/base/.git/objects", glob "/alt/*") { $bytes += -s $_ for glob "$objects/pack/*" }
    return 0 if $bytes > $PACKED_BYTES_MAX || !is_plain_named();
    my $out = start_git([], qw(fsck --full --unreachable --no-reflogs --no-progress), $id);
    my $first = <$out>;
    return close($out) && !defined $first;
}

# Whoever serves a remote names its branches and tags as they like, and git in the box shows those names. So of refs there may
# be the person's branch, as it is here and there, the usual ones, and versions. And whole repositories of others lie in the git
# folder under names of their own: those of submodules, say.
sub is_plain_named {
    my ($head) = (plain("/base/.git", "${own}HEAD", 4096) // "") =~ m{^ref: refs/heads/([^\n]+)\n?\z};
    my $branch = join "|", map { quotemeta } qw(HEAD main master trunk develop), $head // ();
    my $version = qr/v?\d{1,8}(?:\.\d{1,8}){0,3}(?:-(?:alpha|beta|rc)[.-]?\d{0,4})?/;
    my $plain = qr{^(?:refs/heads/(?:$branch)|refs/remotes/(?:origin|upstream)/(?:$branch)|refs/tags/$version)\z};
    opendir(my $top, "/base/.git") or return 0;
    return 0 if grep { !/^(?:\.\.?|$usual)\z/ } readdir $top;
    my @folders = ("refs", $own eq "" ? () : "${own}refs");
    my $entries = 0;
    while (defined(my $folder = shift @folders)) {
        opendir(my $handle, "/base/.git/$folder") or next;
        for my $name (grep { !/^\.\.?\z/ } readdir $handle) {
            return 0 if ++$entries > $ENTRIES_MAX;
            my $path = "$folder/$name";
            if (S_ISDIR((lstat "/base/.git/$path")[2] // 0)) { push @folders, $path }
            elsif (substr($path, $path =~ m{^\Q$own\E} ? length $own : 0) !~ $plain) { return 0 }
        }
    }
    for (["packed-refs", qr/^[0-9a-f]{40} (.*)$/m], ["${own}FETCH_HEAD", qr/\t(?:branch|tag) '(.*)' of /]) {
        my ($file, $named) = @$_;
        lstat "/base/.git/$file" or next;
        my $text = plain("/base/.git", $file, 16 << 20) // return 0;
        my @names = $text =~ /$named/g;
        for (@names) { return 0 if $_ !~ $plain && !m{^(?:$branch|$version)\z} }
    }
    return 1;
}

sub diff {
    my @sides = input();
    for (0, 1) { write_file("/git/side-$_", pack "H*", $sides[$_]) }
    %ENV = (PATH => "/usr/bin:/bin", LC_ALL => "C", HOME => "/nonexistent", GIT_CONFIG_NOSYSTEM => "1", GIT_CONFIG_GLOBAL => "/dev/null");
    chdir "/git" or die "/git: $!\n";
    my $out = start_git([], qw(diff --no-index --no-color --no-ext-diff --text side-0 side-1));
    local $/;
    print <$out> // "";
}

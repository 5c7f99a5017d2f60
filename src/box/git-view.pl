# What of the person's repository changes in place (HEAD, index, refs, stash, an operation under way), copied for the view.
# The holder loads it: the copies lie between masks and checkout, so that what the person does while a turn goes on never
# meets half of what the box saw before. Objects, configuration and logs are seen live.
#
# The person's files are read as data: no link is followed, nothing but plain files and folders is read, all is bounded.
use strict;
use warnings;
use Fcntl;

my ($SOURCE, $COPY, $REPORT) = ("/lower/.git", "/git-state/.git", "/ctl/git");
my @OPERATION = qw(MERGE_HEAD MERGE_MSG MERGE_MODE MERGE_RR SQUASH_MSG AUTO_MERGE CHERRY_PICK_HEAD REVERT_HEAD REBASE_HEAD
  BISECT_START BISECT_LOG BISECT_NAMES BISECT_TERMS BISECT_EXPECTED_REV BISECT_RUN rebase-merge rebase-apply sequencer);
my ($REFS_MAX, $OBJECTS_MAX, $TEXT_BYTES_MAX, $INDEX_BYTES_MAX, $DEPTH_MAX) = (20_000, 1_000_000, 16 << 20, 512 << 20, 64);
my $ID = qr/[0-9a-f]{40}(?:[0-9a-f]{24})?/;
my ($statx, $mknodat, $setxattr, $removexattr);

sub git_view_on {
    my ($arch) = @_;
    ($statx, $mknodat, $setxattr, $removexattr) = $arch eq "arm64" ? (291, 33, 5, 14) : (332, 259, 188, 197);
}

# Changes whenever one of those files does; "" where the checkout has no folder of git's.
sub git_fingerprint {
    # Behind a link that an archive brought lies what is masked, or the holder's own.
    return "" if grep { -l "$SOURCE/$_" } qw(refs logs logs/refs);
    return "" if -l $SOURCE || -l "$SOURCE/HEAD" || !-f _ || grep { lstat "$SOURCE/$_" } qw(commondir reftable);
    my $text = join ",", map { stamp("$SOURCE/$_") } qw(HEAD index packed-refs logs/refs/stash), @OPERATION;
    my $seen = eval { walk("refs", sub { $text .= "," . stamp("$SOURCE/$_[0]") }) };
    return $seen ? $text : "";
}

sub stamp {
    my ($path) = @_;
    my $buffer = "\0" x 256;
    return "-" if syscall($statx, -100, "$path", 0x100, 0x7ff, $buffer) != 0;
    return join ".", unpack "x32 Q Q x48 q L", $buffer;
}

# Copies anew and writes what it saw to the report. Returns the fingerprint of it: "" for a repository that is seen live as
# it is, because it is no plain one, and "-" where the person's git is at work.
sub git_copy {
    my ($with_seed) = @_;
    for (1 .. 3) {
        my $before = git_fingerprint();
        clear("/git-state");
        my $report = $before eq "" ? "" : eval { copy_all($with_seed) };
        if (!defined $report) { clear("/git-state"); ($before, $report) = ("", "") }
        open(my $file, ">", $REPORT) or return "-";
        print $file $report, ".\0";
        close $file or return "-";
        return $before if $report eq "" || $before eq git_fingerprint();
    }
    return "-";
}

sub copy_all {
    my ($with_seed) = @_;
    make($_) for "", "/refs", "/refs/heads", "/refs/tags", "/logs", "/logs/refs";
    my $head = slurp("$SOURCE/HEAD", $TEXT_BYTES_MAX) // die "no HEAD\n";
    spill("HEAD", $head);
    my @report = ("H", $head =~ s/\s+\z//r);
    my %id = map { /^($ID) (refs\/\S+)$/ ? ($2 => $1) : () } split /\n/, slurp("$SOURCE/packed-refs", $TEXT_BYTES_MAX) // "";
    walk("refs", sub {
        my ($name, $is_folder) = @_;
        return make("/$name") if $is_folder;
        my $text = slurp("$SOURCE/$name", 4096) // return;
        if ($text =~ /^($ID)\s*\z/) { $id{$name} = $1 }
        else { delete $id{$name}; spill($name, $text) }
    });
    # All in one file: a ref of its own in the layer is then always the box's.
    spill("packed-refs", join "", map { "$id{$_} $_\n" } sort keys %id);
    opaque("$COPY/refs");
    push @report, map { ("R", $_, $id{$_}) } sort keys %id;
    my $stash = slurp("$SOURCE/logs/refs/stash", $TEXT_BYTES_MAX);
    if (defined $stash) {
        spill("logs/refs/stash", $stash);
        push @report, map { /^$ID ($ID) [^\t]*\t?(.*)/ ? ("S", $1, $2) : () } split /\n/, $stash;
    }
    copy_or_hide("index", $INDEX_BYTES_MAX);
    if ($with_seed && -f "$COPY/index") { copy_file("$SOURCE/index", "$COPY/ringfence-index", $INDEX_BYTES_MAX) }
    for (@OPERATION) { push @report, "O", $_ if copy_or_hide($_, $TEXT_BYTES_MAX) }
    dress($_) for "/refs/heads", "/refs/tags", "/refs", "/logs/refs", "/logs", "";
    return join "", map { "$_\0" } @report;
}

# Hands each entry below a folder of the repository to `use`, folders before what is in them.
sub walk {
    my ($top, $use) = @_;
    my ($count, @folders) = (0, $top);
    while (defined(my $folder = shift @folders)) {
        opendir(my $handle, "$SOURCE/$folder") or next;
        for my $name (sort grep { !/^\.\.?\z/ && !/[\0\n]/ } readdir $handle) {
            my $path = "$folder/$name";
            next if $name =~ /\.lock\z/;
            ++$count <= $REFS_MAX && ($path =~ tr{/}{}) < $DEPTH_MAX or die "too many\n";
            my $is_folder = !-l "$SOURCE/$path" && -d _;
            push @folders, $path if $is_folder;
            $use->($path, $is_folder);
        }
    }
    return 1;
}

sub copy_or_hide {
    my ($name, $bytes_max) = @_;
    my ($source, $target) = ("$SOURCE/$name", "$COPY/$name");
    if (-l $source || !-e _) {
        syscall($mknodat, -100, "$target", 0020000, 0) == 0 or die "whiteout: $!\n";
        return 0;
    }
    if (!-d _) { copy_file($source, $target, $bytes_max); return 1 }
    mkdir $target, 0755 or die "mkdir: $!\n";
    opaque($target);
    # All of them together, since large files without content cost an archive nothing.
    my $left = $bytes_max;
    walk($name, sub {
        my ($path, $is_folder) = @_;
        if ($is_folder) { mkdir "$COPY/$path", 0755; return }
        copy_file("$SOURCE/$path", "$COPY/$path", $left);
        $left -= -s "$COPY/$path" // 0;
    });
    return 1;
}

# Takes back what the box cleared away of the person's objects: a folder that it emptied would hide those that came later.
# Objects are named by their content, so more of them changes nothing. No process of the box runs meanwhile.
sub git_uncover { uncover("/layer/$_/.git") for "upper", map { "sealed/$_" } @_ }

sub uncover {
    my ($git, $count) = ($_[0], 0);
    for ($git, "$git/objects") { return if -l $_ || !-d _ }
    my @folders = ("$git/objects");
    while (defined(my $folder = shift @folders)) {
        my $name = "user.overlay.opaque";
        syscall($removexattr, "$folder", $name);
        opendir(my $handle, $folder) or next;
        for my $path (map { "$folder/$_" } grep { !/^\.\.?\z/ } readdir $handle) {
            return if ++$count > $OBJECTS_MAX;
            my @seen = lstat $path;
            if (-c _ && $seen[6] == 0) { unlink $path }
            elsif (-d _ && $folder eq "$git/objects") { push @folders, $path }
        }
    }
}

# Tells of each path of the list that the host wrote whether the layer has it.
sub git_overlaid {
    open(my $file, "<", "/ctl/paths") or return "";
    local $/ = "\0";
    my @layers = map { "/layer/$_" } "upper", map { "sealed/$_" } @_;
    return join "", map { chomp; my $path = $_; (grep { lstat "$_/$path" } @layers) ? 1 : 0 } <$file>;
}

sub slurp {
    my ($path, $bytes_max) = @_;
    sysopen(my $file, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return undef;
    -f $file && -s _ <= $bytes_max or die "not plain\n";
    binmode $file;
    local $/;
    return <$file> // "";
}

sub spill {
    my ($name, @pieces) = @_;
    open(my $file, ">", "$COPY/$name") or die "copy: $!\n";
    binmode $file;
    print $file @pieces;
    close $file or die "copy: $!\n";
}

# With its times, by which git tells whether what an index says of a file may be believed.
sub copy_file {
    my ($source, $target, $bytes_max) = @_;
    sysopen(my $from, $source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return;
    my @seen = stat $from;
    -f _ && $seen[7] <= $bytes_max or die "not plain\n";
    sysopen(my $to, $target, O_WRONLY | O_CREAT | O_EXCL, 0600) or die "copy: $!\n";
    while (my $read = sysread $from, my $piece, 1 << 20) {
        (syswrite($to, $piece) // -1) == $read or die "copy: $!\n";
    }
    close $to or die "copy: $!\n";
    chmod $seen[2] & 0777, $target;
    utime $seen[8], $seen[9], $target;
}

sub make { my ($folder) = @_; mkdir "$COPY$folder", 0755 or -d "$COPY$folder" or die "mkdir: $!\n" }

# A folder that two layers hold looks as the upper one has it.
sub dress {
    my ($folder) = @_;
    my @of = lstat "$SOURCE$folder" or return;
    chmod $of[2] & 07777, "$COPY$folder";
    utime $of[8], $of[9], "$COPY$folder";
}

sub opaque {
    my ($path) = @_;
    my ($name, $value) = ("user.overlay.opaque", "y");
    syscall($setxattr, "$path", $name, $value, 1, 0) == 0 or die "xattr: $!\n";
}

sub clear {
    my ($folder) = @_;
    opendir(my $handle, $folder) or return;
    for my $name (grep { !/^\.\.?\z/ } readdir $handle) {
        my $path = "$folder/$name";
        if (!-l $path && -d _) { chmod 0700, $path; clear($path); rmdir $path }
        else { unlink $path }
    }
}

1;

# Merges staged files three-way, and keeps what a layer's files derive from. Runs in a sandbox of its own.
#
#   merge  /stage/b/PATH (the layer's), /stage/o/PATH (what it derives from) and /stage/a/PATH (the checkout's); where the
#          merge is clean, its result takes the layer's place in /stage/b and the layer's goes to /stage/l   input: paths
#   keep   saves in /bases what the layer's file derives from by now: "l" what was staged of the layer, "o" what it derived
#          from before (or what the checkout had), "a" what the checkout had, "-" nothing        input: word, path pairs
#   print  the named files of /stage, each with its length before it                                         input: paths
use strict;
use warnings;
use Fcntl;

my ($mode, @rest) = @ARGV;
@ARGV = ();
my ($FILE_BYTES_MAX, $MERGED_BYTES_MAX, $HEAD_BYTES, $MANIFEST_BYTES_MAX) = (1 << 20, 3 << 20, 256, 1 << 20);
my ($SECONDS_MAX, $ONE_SECONDS_MAX) = (20, 5);
binmode STDIN;
binmode STDOUT;
umask 0077;

my %run = (merge => \&merge, keep => \&keep, print => \&print_files);
($run{$mode} // die "unknown mode\n")->(whole_inputs());
close STDOUT or die "output: $!\n";

sub whole_inputs {
    local $/;
    my @strings = split /\0/, <STDIN> // "", -1;
    @strings >= 2 && $strings[-1] eq "" && $strings[-2] eq "." or die "the input is cut short\n";
    splice @strings, -2;
    return @strings;
}

sub merge {
    my ($git, $sha256sum) = @rest;
    my $end = time + $SECONDS_MAX;
    %ENV = (PATH => "/usr/bin:/bin", LC_ALL => "C", HOME => "/nonexistent", GIT_DIR => "/nonexistent", GIT_CONFIG_NOSYSTEM => "1",
        GIT_CONFIG_GLOBAL => "/dev/null");
    for my $path (@_) {
        my ($ours, $origin, $theirs) = map { "/stage/$_/$path" } "b", "o", "a";
        make_parents("/stage/m/$path") && make_parents("/stage/l/$path") or die "merge folder: $!\n";
        my $is_clean = !(grep { !is_small($_) } $ours, $origin, $theirs) && time < $end && merge_one($git, "/stage/m/$path", $ours, $origin, $theirs);
        if (!$is_clean) { print join("\0", "M", $path, "-", 0, "", ""), "\0"; next }
        rename $ours, "/stage/l/$path" and rename "/stage/m/$path", $ours or die "merged file: $!\n";
        chmod 0644, $ours;
        my $content = content_of($ours) // die "merged file: $!\n";
        my $head = substr $content, 0, $path =~ m{(?:^|/)package\.json$} ? $MANIFEST_BYTES_MAX + 1 : $HEAD_BYTES;
        print join("\0", "M", $path, "s", length $content, hash_of($sha256sum, $ours), unpack "H*", $head), "\0";
    }
}

# A status above 0 counts the clashes; git gives up at binary files.
sub merge_one {
    my ($git, $target, @three) = @_;
    my $child = fork // die "fork: $!\n";
    if (!$child) {
        sysopen(STDOUT, $target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) && open(STDERR, ">", "/dev/null") or exit 200;
        alarm $ONE_SECONDS_MAX;
        exec { $git } $git, "merge-file", "-p", @three;
        exit 200;
    }
    waitpid $child, 0;
    return $? == 0;
}

sub is_small {
    my @seen = lstat $_[0];
    return @seen && -f _ && !-l _ && -s _ <= $FILE_BYTES_MAX;
}

sub hash_of {
    my ($sha256sum, $file) = @_;
    open(my $out, "-|", $sha256sum, "-z", "--", $file) or die "sha256sum: $!\n";
    local $/ = "\0";
    my ($hash) = (<$out> // "") =~ /^([0-9a-f]{64})  /;
    close $out && defined $hash or die "sha256sum failed\n";
    return $hash;
}

sub content_of {
    my ($file) = @_;
    sysopen(my $from, $file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return undef;
    my $content = "";
    while (my $read = sysread($from, $content, 1 << 18, length $content) // return undef) { return undef if length $content > $MERGED_BYTES_MAX }
    return $content;
}

sub make_parents {
    my ($file) = @_;
    while ($file =~ m{/}g) {
        my $folder = substr $file, 0, pos($file) - 1;
        next if $folder eq "" || (-d $folder && !-l $folder);
        # A file stood there when the checkout had one; what is kept below it now says that it is a folder.
        unlink $folder if -l $folder || -e _;
        mkdir $folder, 0700 or return 0;
    }
    return 1;
}

sub keep {
    # Nothing of the checkout is ever kept under this name.
    my $draft = "/bases/.git/draft";
    make_parents($draft) or die "a folder for what was landed: $!\n";
    while (my ($word, $path) = splice @_, 0, 2) {
        my ($file) = grep { lstat } map { "/stage/$_/$path" } $word eq "l" ? ("l", "b") : $word eq "o" ? ("o", "a") : $word eq "a" ? "a" : ();
        my $content = defined $file && is_small($file) ? content_of($file) : undef;
        my $target = "/bases/$path";
        system "/bin/rm", "-rf", "--", $target if !defined $content || (-d $target && !-l $target);
        next if !defined $content;
        my $is_executable = -x $file;
        unlink $draft;
        sysopen(my $to, $draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, $is_executable ? 0700 : 0600) or die "what was landed: $!\n";
        (syswrite($to, $content) // -1) == length $content && close $to or die "the disk of the state folder may be full: $!\n";
        make_parents($target) && rename $draft, $target or die "what was landed: $!\n";
    }
}

sub print_files {
    for my $path (@_) {
        my $content = content_of("/stage/$path") // die "a staged file: $!\n";
        print length $content, "\0", $content;
    }
}

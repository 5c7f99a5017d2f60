# Lands staged files in the checkout. Runs in a sandbox that sees the staging folder (read-only) at /stage, the checkout
# at /checkout (its .git read-only) and the journal at /journal.
#
# input    arguments: architecture, a program for hashes; then per change: path, action, type, base type, base mode,
#          x or -, hash of the new content, hash of the base; every string ends in NUL, "." ends all
# output   L path (landed), H path reason (left alone), F path reason (failed), D path ctime (a folder that was touched)
#
# A folder is entered step by step and compared with what was looked at, so no link is followed at any depth. A file is
# written beside its place, then exchanged with it, and what came out is compared with the base: a save of the person's
# that comes between is put back.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :mode);

my ($arch, $sha256sum) = @ARGV;
@ARGV = ();
my %number = $arch eq "arm64" ? (renameat2 => 276, statx => 291) : (renameat2 => 316, statx => 332);
my ($AT_FDCWD, $NOREPLACE, $EXCHANGE) = (-100, 1, 2);
my ($EEXIST, $ENOTEMPTY) = (17, 39);
binmode STDIN;
binmode STDOUT;
$| = 1;
umask 0077;
# Whoever started this may be gone; what was begun for a file is finished, and the next is not begun.
$SIG{PIPE} = "DEFAULT";

open(my $journal, ">>", "/journal") or die "journal: $!\n";
my %touched;
my $random = sprintf "%08x%08x", rand 1 << 32, rand 1 << 32;
my $serial = 0;
my @changes = read_changes();
verify_stage();
# From the deepest up: what goes away first, so that a folder is empty before it goes or becomes something else.
for my $change (sort { $b->{path} cmp $a->{path} } @changes) {
    next if $change->{action} eq "add" || ($change->{action} eq "edit" && !changes_kind($change));
    attempt($change, \&remove);
}
for my $change (sort { $a->{path} cmp $b->{path} } @changes) {
    next if $change->{action} eq "delete" || $change->{is_left};
    attempt($change, \&put);
}
for my $folder (sort keys %touched) {
    enter($folder, 0) or next;
    report("D", $folder, changed_at("."));
}
close STDOUT or die "output: $!\n";

sub read_changes {
    local $/;
    my @strings = split /\0/, <STDIN> // "", -1;
    @strings >= 2 && $strings[-1] eq "" && $strings[-2] eq "." or die "the plan is cut short\n";
    splice @strings, -2;
    my @all;
    while (@strings) {
        my %change;
        @change{qw(path action type base_type base_mode executable hash base_hash)} = splice @strings, 0, 8;
        defined $change{base_hash} or die "the plan is cut short\n";
        is_allowed($change{path}) or die "a path of the plan is not allowed\n";
        push @all, \%change;
    }
    return @all;
}

sub is_allowed {
    my ($path) = @_;
    return 0 if $path eq "" || $path =~ m{^/|//|/$};
    return !grep { $_ eq "." || $_ eq ".." || /^\.git$/i } split m{/}, $path;
}

# A folder in place of a file or the other way round cannot be exchanged at once.
sub changes_kind { my ($change) = @_; return ($change->{type} eq "dir") != ($change->{base_type} eq "dir") }

sub report { print join("\0", @_), "\0" }

sub attempt {
    my ($change, $act) = @_;
    syswrite $journal, "$change->{action}\0$change->{path}\0.ringfence-$random-" . ($serial + 1) . "\0" or die "journal: $!\n";
    my $answer = eval { $act->($change) };
    if ($@) { chomp $@; $change->{is_left} = 1; report("F", $change->{path}, $@) }
    elsif ($answer ne "") { $change->{is_left} = 1; report("H", $change->{path}, $answer) }
    elsif ($change->{action} eq "delete" || $act == \&put) { report("L", $change->{path}) }
}

# What is staged must be what was shown and approved, whatever happened to the staging folder since.
sub verify_stage {
    my %wanted;
    for my $change (@changes) {
        $wanted{"/stage/b/$change->{path}"} = $change->{hash} if $change->{action} ne "delete" && $change->{type} eq "file";
        $wanted{"/stage/a/$change->{path}"} = $change->{base_hash} if $change->{base_type} eq "file";
    }
    my @files = sort keys %wanted;
    while (my @batch = splice @files, 0, 200) {
        open(my $out, "-|", $sha256sum, "-z", "--", @batch) or die "sha256sum: $!\n";
        local $/ = "\0";
        for my $file (@batch) {
            my $line = <$out> // die "the staged files cannot be read\n";
            $line eq "$wanted{$file}  $file\0" or die "the staged files are not those that were collected\n";
        }
        close $out or die "sha256sum failed\n";
    }
}

# Goes to a folder of the checkout; every step is looked at, entered and compared. False when it is missing or no folder.
sub enter {
    my ($folder, $makes) = @_;
    chdir "/checkout" or die "the checkout: $!\n";
    my $here = "";
    for my $part (split m{/}, $folder) {
        my @seen = lstat $part;
        if (!@seen && $makes) {
            mkdir $part, 0777 or die "folder: $!\n";
            chmod 0755, $part;
            $touched{$here} = 1;
            @seen = lstat $part;
        }
        return 0 if !@seen || !S_ISDIR($seen[2]);
        chdir $part or return 0;
        my @entered = lstat ".";
        return 0 if !@entered || $entered[0] != $seen[0] || $entered[1] != $seen[1];
        $here = $here eq "" ? $part : "$here/$part";
    }
    return 1;
}

sub place {
    my ($path) = @_;
    return $path =~ m{^(.*)/([^/]+)$}s ? ($1, $2) : ("", $path);
}

sub rename_at {
    my ($from, $to, $flags) = @_;
    return syscall($number{renameat2}, $AT_FDCWD, "$from", $AT_FDCWD, "$to", $flags) == 0;
}

sub draft_name { return ".ringfence-$random-" . ++$serial }

sub remove {
    my ($change) = @_;
    my ($folder, $name) = place($change->{path});
    enter($folder, 0) or return "its folder is gone or is a link";
    if ($change->{base_type} eq "dir") {
        my @seen = lstat $name;
        return "" if !@seen;
        S_ISDIR($seen[2]) or return "changed while landing";
        if (rmdir $name) { $touched{$folder} = 1; return "" }
        return "the folder is not empty: something in it stays" if $! == $ENOTEMPTY || $! == $EEXIST;
        die "rmdir: $!\n";
    }
    my $draft = draft_name();
    if (!rename_at($name, $draft, $NOREPLACE)) {
        return "deleted while landing" if !lstat $name;
        die "rename: $!\n";
    }
    $touched{$folder} = 1;
    if (is_base($draft, $change)) { unlink $draft or die "unlink: $!\n"; return "" }
    rename_at($draft, $name, $NOREPLACE) or die "changed while landing; the earlier file is kept as $draft: $!\n";
    return "changed while landing";
}

sub put {
    my ($change) = @_;
    my ($folder, $name) = place($change->{path});
    enter($folder, 1) or return "its folder is a link or a file";
    $touched{$folder} = 1;
    if ($change->{type} eq "dir") {
        return "" if mkdir $name, 0777 and chmod 0755, $name;
        my @seen = lstat $name;
        return @seen && S_ISDIR($seen[2]) ? "" : "appeared while landing";
    }
    my $is_new = $change->{action} eq "add" || changes_kind($change);
    my @old = lstat $name;
    return "appeared while landing" if $is_new && @old;
    return "deleted while landing" if !$is_new && !@old;
    my $draft = draft_name();
    my $answer = eval { write_draft($draft, $change, @old ? $old[2] : undef); exchange($draft, $name, $change, $is_new) };
    my $problem = $@;
    if ($problem) { unlink $draft if is_new_content($draft, $change); die $problem }
    return $answer;
}

sub write_draft {
    my ($draft, $change, $old_mode) = @_;
    my $source = "/stage/b/$change->{path}";
    if ($change->{type} eq "symlink") {
        symlink readlink($source) // die("the staged link: $!\n"), $draft or die "symlink: $!\n";
    }
    else {
        my $from = open_staged($source) or die "the staged file: $!\n";
        sysopen(my $to, $draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or die "a new file beside it: $!\n";
        while (my $read = sysread($from, my $piece, 1 << 18) // die "read: $!\n") {
            (syswrite($to, $piece) // -1) == $read or die "the disk may be full: $!\n";
        }
        chmod new_mode($change, $old_mode), $to or die "chmod: $!\n";
        close $to or die "write: $!\n";
    }
    is_new_content($draft, $change) or die "what was written is not what was staged\n";
}

# A file of the person's keeps its mode but for the right to execute.
sub new_mode {
    my ($change, $old_mode) = @_;
    my $mode = defined $old_mode && S_ISREG($old_mode) ? $old_mode & 0777 : 0644;
    return $mode & 0666 if $change->{executable} ne "x";
    return $mode & 0111 ? $mode : $mode | ($mode & 0444) >> 2;
}

sub exchange {
    my ($draft, $name, $change, $is_new) = @_;
    if ($is_new) {
        return "" if rename_at($draft, $name, $NOREPLACE);
        die "this file system has no rename that never replaces: $!\n" if $! != $EEXIST;
        unlink $draft;
        return "appeared while landing";
    }
    if (!rename_at($draft, $name, $EXCHANGE)) {
        die "this file system cannot exchange two files: $!\n" if lstat $name;
        unlink $draft;
        return "deleted while landing";
    }
    if (is_base($draft, $change)) { unlink $draft or die "unlink: $!\n"; return "" }
    rename_at($draft, $name, $EXCHANGE) or die "changed while landing; the person's file is kept as $draft: $!\n";
    # The person saved again in between: that newest save is the one that stays.
    if (!is_new_content($draft, $change)) { rename_at($draft, $name, $EXCHANGE) or die "saved twice while landing; kept as $draft: $!\n" }
    unlink $draft;
    return "changed while landing";
}

sub is_base {
    my ($file, $change) = @_;
    my @seen = lstat $file or return 0;
    return S_ISLNK($seen[2]) && readlink($file) eq (readlink("/stage/a/$change->{path}") // "") if $change->{base_type} eq "symlink";
    return S_ISREG($seen[2]) && ($seen[2] & 07777) == $change->{base_mode} && is_equal($file, "/stage/a/$change->{path}");
}

sub is_new_content {
    my ($file, $change) = @_;
    my @seen = lstat $file or return 0;
    return S_ISLNK($seen[2]) && readlink($file) eq (readlink("/stage/b/$change->{path}") // "") if $change->{type} eq "symlink";
    return S_ISREG($seen[2]) && is_equal($file, "/stage/b/$change->{path}");
}

sub open_staged {
    my ($path) = @_;
    sysopen(my $file, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return undef;
    return $file;
}

sub is_equal {
    my ($one, $two) = map { open_staged($_) // return 0 } @_;
    while (1) {
        my $read = sysread($one, my $a, 1 << 18) // return 0;
        my $also = sysread($two, my $b, 1 << 18) // return 0;
        return 0 if $read != $also || $a ne $b;
        return 1 if $read == 0;
    }
}

sub changed_at {
    my ($path) = @_;
    my $buffer = "\0" x 256;
    syscall($number{statx}, $AT_FDCWD, "$path", 0x100, 0xfff, $buffer) == 0 or die "statx: $!\n";
    my ($seconds, $nanoseconds) = unpack "x96 q L", $buffer;
    return $seconds * 1_000_000_000 + $nanoseconds;
}

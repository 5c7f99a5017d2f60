# Lands staged files in the checkout, undoes a landing, or puts right what either left when it broke off. Runs in a
# sandbox that sees the staging folder (read-only) at /stage, the checkout at /checkout (its .git read-only) and the journal
# at /journal. To undo is to land with the two sides of the stage exchanged.
#
# input    arguments: land or undo, begin or recover, architecture, a program for hashes, - or (tests alone) the step to die
#          at; then per change: path, action, type, base type, base mode, x or -, hash of the new content, hash of the base,
#          exact mode or -, exact mtime or -; every string ends in NUL, "." ends all
# output   L path mode mtime mode (landed; of what was there, and of what is: - for nothing), H path reason (left alone),
#          F path reason (failed), M path mode (a folder made on the way), D path ctime (a folder that was touched)
# journal  the same L, H, F and M, and before a file is touched: B path draft (the draft is ours, whatever it holds),
#          R path draft mode mtime mode (the draft is whole; the file is exchanged for it next), T path draft mode mtime (the
#          file is renamed to the draft next). A folder has no draft: "".
#
# A folder is entered step by step and compared with what was looked at, so no link is followed at any depth. A file is
# written beside its place, then exchanged with it, and what came out is compared with the base: a save of the person's
# that comes between is put back.
#
# Drafts and journal are on the disk before the first exchange, and folders before a file in them is told as landed: a power
# loss leaves each file old or new as well, and none empty. To wait for the disk for many costs little more than for one, so
# files are put some at a time.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :mode);

my ($what, $how, $arch, $sha256sum, $steps_left) = @ARGV;
@ARGV = ();
my %number = $arch eq "arm64" ? (renameat2 => 276, statx => 291, utimensat => 88, fsync => 82, sync_file_range => 84)
  : (renameat2 => 316, statx => 332, utimensat => 280, fsync => 74, sync_file_range => 277);
my ($AT_FDCWD, $NOREPLACE, $EXCHANGE, $AT_SYMLINK_NOFOLLOW, $UTIME_OMIT) = (-100, 1, 2, 0x100, (1 << 30) - 2);
my ($EEXIST, $ENOTEMPTY, $EINVAL, $SYNC_FILE_RANGE_WRITE) = (17, 39, 22, 2);
my $TOGETHER_MAX = 200;
binmode STDIN;
binmode STDOUT;
$| = 1;
# A folder is made with its mode, in one step.
umask 0;
# Whoever started this may be gone; what was begun for a file is finished, and the next is not begun.
$SIG{PIPE} = "DEFAULT";

my $since = $what eq "undo" ? "since it landed" : "while landing";
my %length_of = (B => 3, R => 6, T => 5, L => 5, H => 3, F => 3, M => 3);
open(my $journal, "+>>", "/journal") or die "journal: $!\n";
my (%touched, %moved_on);
my $random = sprintf "%08x%08x", rand 1 << 32, rand 1 << 32;
my $serial = 0;
my @changes = read_changes();
verify_stage();
if ($how eq "recover") { recover() } else { begin() }
for my $folder (sort keys %touched) {
    next if $moved_on{$folder} || !enter($folder, 0);
    print join("\0", "D", $folder, changed_at(".")), "\0";
}
close STDOUT or die "output: $!\n";

sub begin {
    # From the deepest up: what goes away first, so that a folder is empty before it goes or becomes something else.
    my @taken = grep { $_->{action} eq "delete" || ($_->{action} eq "edit" && changes_kind($_)) } @changes;
    @taken = sort { $b->{path} cmp $a->{path} } @taken;
    for my $change (@taken) { landed($change) if attempt($change, \&remove) && $change->{action} eq "delete" }
    sync_folders(@taken);
    my @put = sort { $a->{path} cmp $b->{path} } grep { $_->{action} ne "delete" && !$_->{is_left} } @changes;
    while (my @some = splice @put, 0, $TOGETHER_MAX) { put_all(@some) }
}

sub put_all {
    my @whole = grep { attempt($_, \&put) } @_;
    my @drafted = grep { defined $_->{draft} } @whole;
    write_through(@drafted);
    conclude(grep { !defined $_->{draft} || attempt($_, \&exchange) } @whole);
    delete @$_{qw(draft file folder)} for @drafted;
}

sub read_changes {
    local $/;
    my @strings = split /\0/, <STDIN> // "", -1;
    @strings >= 2 && $strings[-1] eq "" && $strings[-2] eq "." or die "the plan is cut short\n";
    splice @strings, -2;
    my @all;
    while (@strings) {
        my %change;
        @change{qw(path action type base_type base_mode executable hash base_hash mode mtime)} = splice @strings, 0, 10;
        defined $change{mtime} or die "the plan is cut short\n";
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

# Where a test can end this program: in the middle of every record of the journal, and after every change to the checkout.
sub step {
    my ($half) = @_;
    return if $steps_left eq "-" || $steps_left-- > 0;
    syswrite $journal, $half if defined $half;
    kill "KILL", $$;
}

sub note {
    my $record = join("\0", @_) . "\0";
    step(substr $record, 0, length($record) / 2);
    syswrite($journal, $record) == length $record or die "journal: $!\n";
    step();
}

sub report { note(@_); print join("\0", @_), "\0" }

sub attempt {
    my ($change, $act) = @_;
    my $answer = eval { $act->($change) };
    if ($@) { chomp $@; report("F", $change->{path}, $@) }
    elsif ($answer ne "") { report("H", $change->{path}, $answer) }
    else { return 1 }
    $change->{is_left} = 1;
    return 0;
}

# Drafts are handed to the disk all together, then waited for: one after the other takes ten times as long.
sub write_through {
    my @files = grep { defined } map { $_->{file} } @_;
    syscall($number{sync_file_range}, fileno $_, 0, 0, $SYNC_FILE_RANGE_WRITE) for @files;
    sync_handle($_) for @files, $journal;
}

# Tells changes as done once that is on the disk.
sub conclude { sync_folders(@_); landed($_) for @_ }

sub sync_folders {
    my %folders = map { (place($_->{path}))[0] => 1 } @_;
    for (keys %folders) { if (enter($_, 0) && opendir(my $folder, ".")) { sync_handle($folder) } }
}

# Not every file system does this for a folder.
sub sync_handle { my ($handle) = @_; syscall($number{fsync}, fileno $handle) == 0 or $! == $EINVAL or die "the disk: $!\n" }

sub landed {
    my ($change) = @_;
    report("L", $change->{path}, @{ $change->{was} // ["-", "-"] }, $change->{action} eq "delete" ? "-" : $change->{became});
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
            report("M", $here eq "" ? $part : "$here/$part", 0755);
            mkdir $part, 0755 or die "folder: $!\n";
            step();
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
    syscall($number{renameat2}, $AT_FDCWD, "$from", $AT_FDCWD, "$to", $flags) == 0 or return 0;
    step();
    return 1;
}

sub erase { my ($draft) = @_; unlink $draft or die "unlink: $!\n"; step() }

sub draft_name { return ".ringfence-$random-" . ++$serial }

sub remove {
    my ($change) = @_;
    my ($folder, $name) = place($change->{path});
    enter($folder, 0) or return "its folder is gone or is a link";
    my @seen = lstat $name;
    if ($change->{base_type} eq "dir") {
        return "" if !@seen;
        S_ISDIR($seen[2]) or return "changed $since";
        $change->{was} = [looks($name)];
        note("T", $change->{path}, "", @{ $change->{was} });
        if (rmdir $name) { step(); $touched{$folder} = 1; return "" }
        return "the folder is not empty: something in it stays" if $! == $ENOTEMPTY || $! == $EEXIST;
        die "rmdir: $!\n";
    }
    return "deleted $since" if !@seen;
    my $draft = draft_name();
    $change->{was} = [looks($name)];
    note("T", $change->{path}, $draft, @{ $change->{was} });
    if (!rename_at($name, $draft, $NOREPLACE)) {
        return "deleted $since" if !lstat $name;
        die "rename: $!\n";
    }
    $touched{$folder} = 1;
    return let_go($draft, $name, $change);
}

# What was taken away goes for good only when it is the base.
sub let_go {
    my ($draft, $name, $change) = @_;
    if (is_base($draft, $change)) { erase($draft); return "" }
    rename_at($draft, $name, $NOREPLACE) or die "changed $since; the earlier file is kept as $draft: $!\n";
    return "changed $since";
}

sub put {
    my ($change) = @_;
    my ($folder, $name) = place($change->{path});
    enter($folder, 1) or return "its folder is a link or a file";
    $touched{$folder} = 1;
    my @old = lstat $name;
    return put_folder($change, $name, @old) if $change->{type} eq "dir";
    my $is_new = $change->{action} eq "add" || changes_kind($change);
    return "appeared $since" if $is_new && @old;
    return "deleted $since" if !$is_new && !@old;
    return sprintf "it had the mode %o, which is never set here", $change->{mode} if $change->{mode} ne "-" && $change->{mode} & 06000;
    $change->{was} = [looks($name)] if @old;
    my $draft = draft_name();
    opendir($change->{folder}, ".") or die "folder: $!\n";
    if (!eval { write_draft($draft, $change, @old ? $old[2] : undef); 1 }) { my $problem = $@; unlink $draft; die $problem }
    $change->{draft} = $draft;
    return "";
}

sub put_folder {
    my ($change, $name, @old) = @_;
    if (@old) {
        S_ISDIR($old[2]) or return "appeared $since";
        ($change->{was}, $change->{became}) = ([looks($name)], $old[2] & 07777);
        return "";
    }
    my $mode = $change->{mode} eq "-" ? 0755 : $change->{mode};
    note("R", $change->{path}, "", @{ $change->{was} // ["-", "-"] }, $mode);
    # The bit for the group of what is made in it comes from the folder above, as it came before.
    mkdir $name, $mode & 01777 or return "appeared $since";
    step();
    $change->{became} = (lstat $name)[2] & 07777;
    return "";
}

sub write_draft {
    my ($draft, $change, $old_mode) = @_;
    my $source = "/stage/b/$change->{path}";
    note("B", $change->{path}, $draft);
    if ($change->{type} eq "symlink") {
        symlink readlink($source) // die("the staged link: $!\n"), $draft or die "symlink: $!\n";
    }
    else {
        my $from = open_staged($source) or die "the staged file: $!\n";
        sysopen(my $to, $draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or die "a new file beside it: $!\n";
        step();
        while (my $read = sysread($from, my $piece, 1 << 18) // die "read: $!\n") {
            (syswrite($to, $piece) // -1) == $read or die "the disk may be full: $!\n";
        }
        chmod $change->{mode} eq "-" ? new_mode($change, $old_mode) : $change->{mode}, $to or die "chmod: $!\n";
        $change->{file} = $to;
    }
    set_modified($draft, $change->{mtime}) if $change->{mtime} ne "-";
    step();
    is_new_content($draft, $change) or die "what was written is not what was staged\n";
    $change->{became} = (lstat $draft)[2] & 07777;
    note("R", $change->{path}, $draft, @{ $change->{was} // ["-", "-"] }, $change->{became});
}

# A file of the person's keeps its mode but for the right to execute.
sub new_mode {
    my ($change, $old_mode) = @_;
    my $mode = defined $old_mode && S_ISREG($old_mode) ? $old_mode & 0777 : 0644;
    return $mode & 0666 if $change->{executable} ne "x";
    return $mode & 0111 ? $mode : $mode | ($mode & 0444) >> 2;
}

sub exchange {
    my ($change) = @_;
    my ($draft, $folder, $name) = ($change->{draft}, place($change->{path}));
    if (!enter($folder, 0)) { chdir $change->{folder} and erase($draft); return "its folder is gone or is a link" }
    my $answer = eval { exchange_here($draft, $name, $change) };
    if ($@) { my $problem = $@; unlink $draft if is_new_content($draft, $change); die $problem }
    return $answer;
}

sub exchange_here {
    my ($draft, $name, $change) = @_;
    if ($change->{action} eq "add" || changes_kind($change)) {
        return "" if rename_at($draft, $name, $NOREPLACE);
        die "this file system has no rename that never replaces: $!\n" if $! != $EEXIST;
        erase($draft);
        return "appeared $since";
    }
    if (!rename_at($draft, $name, $EXCHANGE)) {
        die "this file system cannot exchange two files: $!\n" if lstat $name;
        erase($draft);
        return "deleted $since";
    }
    if (is_base($draft, $change)) { erase($draft); return "" }
    return give_back($draft, $name, $change);
}

sub give_back {
    my ($draft, $name, $change) = @_;
    rename_at($draft, $name, $EXCHANGE) or die "changed $since; the person's file is kept as $draft: $!\n";
    # The person saved again in between: that newest save is the one that stays.
    if (!is_new_content($draft, $change)) { rename_at($draft, $name, $EXCHANGE) or die "saved twice $since; kept as $draft: $!\n" }
    erase($draft);
    return "changed $since";
}

# Puts right what a landing or an undo left that broke off: what was done is told again, and each file that it was at is
# made whole, old or new. No other is begun.
sub recover {
    my %change_of = map { $_->{path} => $_ } @changes;
    my ($last, @records) = read_journal();
    my (%state, @paths);
    for my $record (@records) {
        my ($tag, $path, @rest) = @$record;
        if ($tag eq "M") { made_on_the_way($path, $last); next }
        my $change = $change_of{$path} // die "the journal is of another landing\n";
        push @paths, $path if !$state{$path};
        my $known = $state{$path} //= {};
        delete @$known{qw(B R)} if $tag eq "B";
        $known->{$tag} = \@rest;
        look_after((place($path))[0], $last);
    }
    for my $path (@paths) {
        my ($change, $known) = ($change_of{$path}, $state{$path});
        my ($told) = grep { $known->{$_} } "L", "H", "F";
        if ($told) { print join("\0", $told, $path, @{ $known->{$told} }), "\0"; next }
        my $answer = eval { settle($change, $known) };
        if ($@) { chomp $@; report("F", $path, $@) }
        elsif ($answer eq "landed") { conclude($change) }
        elsif ($answer eq "put") { put_all($change) }
        elsif ($answer ne "") { report("H", $path, $answer) }
    }
}

sub read_journal {
    # What the system wrote last, and a while for its clock: a folder that was touched later was touched by the person.
    my $last = ((stat $journal)[9] + 2) * 1_000_000_000;
    seek $journal, 0, 0;
    local $/;
    my @strings = split /\0/, <$journal> // "", -1;
    # The last record may be cut short. What it announced was not begun.
    pop @strings;
    my @records;
    while (@strings) {
        my $length = $length_of{$strings[0]} // die "the journal is damaged\n";
        last if @strings < $length;
        push @records, [splice @strings, 0, $length];
    }
    # Ends the record that was cut short, so that the next one can be told from it.
    truncate $journal, length join "", map { "$_\0" } map { @$_ } @records or die "journal: $!\n";
    return ($last, @records);
}

sub made_on_the_way {
    my ($path, $last) = @_;
    my ($folder, $name) = place($path);
    look_after($folder, $last);
    enter($folder, 0) or return;
    my @seen = lstat $name;
    print join("\0", "M", $path, 0755), "\0" if @seen && S_ISDIR($seen[2]);
}

sub look_after {
    my ($folder, $last) = @_;
    return if exists $touched{$folder} || !enter($folder, 0);
    $touched{$folder} = 1;
    $moved_on{$folder} = 1 if changed_at(".") > $last;
}

# Tells "landed", "put" (it was taken away and what replaces it must follow), "" (as it was), or why it is left alone.
sub settle {
    my ($change, $known) = @_;
    my ($folder, $name) = place($change->{path});
    enter($folder, 0) or return "its folder is gone or is a link";
    my $is_taken = 0;
    if (my $taken = $known->{T}) {
        my ($draft, @was) = @$taken;
        $change->{was} = \@was;
        if ($draft ne "" && lstat $draft) { my $why = let_go($draft, $name, $change); return $why if $why ne "" }
        $is_taken = $known->{B} || $known->{R} || !lstat $name;
        return $is_taken ? "landed" : "" if $change->{action} eq "delete";
    }
    return settle_put($change, $name, $is_taken, @{ $known->{R} }) if $known->{R};
    if ($known->{B}) { my ($draft) = @{ $known->{B} }; erase($draft) if lstat $draft }
    return $is_taken ? "put" : "";
}

sub settle_put {
    my ($change, $name, $is_taken, $draft, @facts) = @_;
    $change->{became} = pop @facts;
    $change->{was} = \@facts if $facts[0] ne "-";
    my @there = lstat $name;
    if ($change->{type} eq "dir") {
        return @there && S_ISDIR($there[2]) ? "landed" : $is_taken ? "put" : "";
    }
    if (lstat $draft) {
        my ($is_ours, $is_base) = (is_new_content($draft, $change), !changes_kind($change) && $change->{action} eq "edit" && is_base($draft, $change));
        if (!$is_ours && !$is_base) {
            return give_back($draft, $name, $change) if is_new_content($name, $change);
            if (!@there && rename_at($draft, $name, $NOREPLACE)) { return "changed $since" }
            return "changed $since, and again later; the version in between is kept as $draft";
        }
        erase($draft);
        return "landed" if !$is_ours;
    }
    return "landed" if is_new_content($name, $change) && ($change->{type} eq "symlink" || ($there[2] & 07777) == $change->{became});
    return "" if !$is_taken;
    return @there ? "appeared $since" : "put";
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

sub changed_at { return (times_of($_[0]))[0] }

# Mode and time of the last change to the content.
sub looks {
    my ($path) = @_;
    my @seen = lstat $path or die "lstat: $!\n";
    return ($seen[2] & 07777, (times_of($path))[1]);
}

sub times_of {
    my ($path) = @_;
    my $buffer = "\0" x 256;
    syscall($number{statx}, $AT_FDCWD, "$path", $AT_SYMLINK_NOFOLLOW, 0xfff, $buffer) == 0 or die "statx: $!\n";
    my ($changed, $changed_ns, $modified, $modified_ns) = unpack "x96 q L x4 q L", $buffer;
    return map { $_->[0] * 1_000_000_000 + $_->[1] } [$changed, $changed_ns], [$modified, $modified_ns];
}

sub set_modified {
    my ($path, $time) = @_;
    use integer;
    my ($seconds, $nanoseconds) = ($time / 1_000_000_000, $time % 1_000_000_000);
    if ($nanoseconds < 0) { $seconds--; $nanoseconds += 1_000_000_000 }
    my $times = pack "q4", 0, $UTIME_OMIT, $seconds, $nanoseconds;
    syscall($number{utimensat}, $AT_FDCWD, "$path", $times, $AT_SYMLINK_NOFOLLOW) == 0 or die "utimensat: $!\n";
}

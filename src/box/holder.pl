# The holder: pid 1 of a session's own namespaces. It builds the view, then forks one-shots on the host's word.
#
# Trusted and small. It reads one line at a time from standard input, answers on standard output, and ends (taking every
# process of the session with it) when standard input ends. Nothing that runs in a one-shot can reach it: it has its own
# root, and its control folder is bound into none.
use strict;
use warnings;

my ($root, $session, $checkout, $git, $arch, $bwrap, $find, $scan_expr, $launcher, $tmpfs_bytes, $cgroups, $workspace, $ports, $view, @binds) = @ARGV;
@ARGV = ();
require(($0 =~ m{^(.*)/}s)[0] . "/$_.pl") for "bases", "git-view", "clone", "copy-view";
git_view_on($arch);
my %number =
  $arch eq "arm64"
  ? (mount => 40, umount2 => 39, pivot_root => 41, mknodat => 33, dup3 => 24, openat => 56, mount_setattr => 442,
    close_range => 436, inotify_init1 => 26, inotify_add_watch => 27, lgetxattr => 9, sendmsg => 211, unshare => 97)
  : (mount => 165, umount2 => 166, pivot_root => 155, mknodat => 259, dup3 => 292, openat => 257, mount_setattr => 442,
    close_range => 436, inotify_init1 => 294, inotify_add_watch => 254, lgetxattr => 192, sendmsg => 46, unshare => 272);
# For a mount itself and for mount_setattr the first four have the same values.
my ($RDONLY, $NOSUID, $NODEV, $NOEXEC, $MS_BIND, $MS_REC) = (1, 2, 4, 8, 4096, 16384);
my ($MNT_DETACH, $AT_FDCWD, $AT_RECURSIVE, $CLONE_NEWNS, $EBUSY, $EINPROGRESS) = (2, -100, 0x8000, 0x20000, 16, 115);
my ($fifos_made, $follower, @hidden_aside) = (0, 0);
# The parts of the base layer that the view shows, and a lock on each that it ever showed.
my (@parts, %held);
# The checkout's files that are older than this are those that the view shows; and the sealed layers that it has.
my ($mounted_since, @stack) = (0);
# Of a copy of the view: how the box stands, and what the copy took on the disk when the layer had all of it.
my ($is_copying, $is_mounted, $is_frozen, $is_taken, $copy_kib, $copy_files) = (0) x 6;
# The overlay is not in the kernel or not for this user, or this disk, or what is mounted below the checkout, is not for it.
my %is_refusal = map { $_ => 1 } 1, 13, 19, 22, 38, 95;
my ($S_IFIFO, $S_IFCHR) = (0010000, 0020000);
open(my $channel, "+<&=", 3) or die "no channel\n";
# Closed in whatever is started from here.
fcntl $channel, 2, 1;
$| = 1;
umask 0022;

sub fail { print "failed $_[0]: $!\n"; exit 1 }

sub fail_with { my ($why) = @_; print "failed ", $why =~ s/\s+/ /gr, "\n"; exit 1 }

sub mount_at {
    my ($source, $target, $type, $flags, $data) = @_;
    # syscall() takes a string for a pointer only when it was never used as a number.
    my @text = map { "$_" } $source, $target, $type, $data;
    return syscall($number{mount}, $text[0], $text[1], $text[2], $flags, $text[3]) == 0;
}

sub bind_at {
    my ($source, $target, $flags) = @_;
    mount_at($source, $target, "none", $MS_BIND | $MS_REC, "") or fail("bind $source");
    restrict($target, $flags) if $flags;
}

# Adds flags to a mount and to all below it, and drops none that they came with.
sub restrict {
    my ($target, $flags, $reach) = @_;
    my $attributes = pack "Q4", $flags, 0, 0, 0;
    syscall($number{mount_setattr}, $AT_FDCWD, "$target", $reach // $AT_RECURSIVE, $attributes, 32) == 0
      or fail("restrict $target");
}

# The devices of every one-shot: made once, since bubblewrap's own cost each call six mounts. Its folder cannot be written.
sub make_devices {
    mount_at("tmpfs", "$root/t/dev", "tmpfs", $NOSUID | $NODEV, "mode=0755,size=64k") or fail("tmpfs of the devices");
    for my $name (qw(null zero full random urandom tty)) {
        next unless -c "/dev/$name";
        open(my $point, ">", "$root/t/dev/$name") or fail("device $name");
        close $point;
        # Started by real root, what runs in a one-shot owns the machine's device nodes: were they not read-only, it could
        # change their mode for everybody. Reading and writing a device is not writing to its file system.
        bind_at("/dev/$name", "$root/t/dev/$name", $RDONLY | $NOSUID);
    }
    mkdir "$root/t/dev/$_", 0755 for qw(pts shm);
    # Terminals of the session alone; the machine's are not among them.
    mount_at("devpts", "$root/t/dev/pts", "devpts", $NOSUID | $NOEXEC, "newinstance,ptmxmode=0666,mode=620,max=256")
      or fail("devpts");
    bind_at("$root/s/shm", "$root/t/dev/shm");
    symlink "pts/ptmx", "$root/t/dev/ptmx";
    symlink "/proc/kcore", "$root/t/dev/core";
    symlink "/proc/self/fd", "$root/t/dev/fd";
    symlink "/proc/self/fd/$_->[0]", "$root/t/dev/std$_->[1]" for [0, "in"], [1, "out"], [2, "err"];
    restrict("$root/t/dev", $RDONLY, 0);
}

sub unmount { my ($target, $flags) = @_; return syscall($number{umount2}, "$target", $flags) == 0 }

sub make_node { my ($path, $mode) = @_; return syscall($number{mknodat}, $AT_FDCWD, "$path", $mode, 0) == 0 }

sub make_folders {
    my ($path) = @_;
    my $made = "";
    for my $part (split m{/}, $path) { next if $part eq ""; $made .= "/$part"; mkdir $made, 0755 }
}

sub loopback_up {
    socket(my $sock, 2, 2, 0) or fail("socket for the loopback");
    my $request = pack "a16 s x22", "lo", 0x41;
    ioctl($sock, 0x8914, $request) or fail("loopback up");
    close $sock;
}

# Hands a socket of the session's network to the host, in the words of Node's own channel, by which it takes a descriptor.
sub hand_out {
    my ($socket, $id) = @_;
    my $text = qq({"cmd":"NODE_HANDLE","type":"net.Native","msg":"$id"}\n);
    my $part = pack "P Q", $text, length $text;
    my $rights = pack "Q l l l x4", 20, 1, 1, fileno $socket;
    my $message = pack "Q L x4 P Q P Q l x4", 0, 0, $part, 1, $rights, length $rights, 0;
    return syscall($number{sendmsg}, fileno $channel, $message, 0) == length $text;
}

sub loopback { return pack "S n C4 x8", 2, $_[0], 127, 0, 0, 1 }

# Listens on the session's own loopback for the host, which accepts what the box connects: no route leads out, and nothing
# is relayed. No command runs yet that could have taken the port.
sub hand_out_listener {
    my ($port) = @_;
    my $listener;
    socket($listener, 2, 1, 0) && bind($listener, loopback($port)) && listen($listener, 511)
      or fail("listen on 127.0.0.1:$port of the box");
    hand_out($listener, "listener") or fail("hand out the listener");
}

# Connects the host to a server of the box, which may listen on either loopback. On those the answer is there at once, but
# from a server that does not accept: that one must not stop everything else.
sub hand_out_connection {
    my ($id, $port) = @_;
    for ([2, loopback($port)], [10, pack "S n N x15 C N", 10, $port, 0, 1, 0]) {
        my ($family, $address) = @$_;
        socket(my $socket, $family, 1 | 04000, 0) or next;
        if (!connect $socket, $address) {
            next if $! != $EINPROGRESS;
            vec(my $waiting = "", fileno $socket, 1) = 1;
            select undef, $waiting, undef, 0.05;
            # Why it was refused, if it was.
            next if unpack "i", getsockopt $socket, 1, 4;
        }
        return hand_out($socket, "connection $id");
    }
    return 0;
}

sub make_fifos { my ($id) = @_; for (qw(i o e s)) { make_node("/f/$id.$_", $S_IFIFO | 0600) or fail("fifo") } }

# Prints every file of the checkout that may hold a secret; the host answers with the copies it wrote.
sub scan_secrets {
    open(my $out, "-|", $find, "/lower", split /\n/, $scan_expr) or fail("find");
    local $/ = "\0";
    while (my $path = <$out>) {
        chomp $path;
        my $content = "";
        if (-f $path && !-l $path && open(my $file, "<", $path)) { read $file, $content, 1 << 20; close $file }
        print "secret ", unpack("H*", substr $path, 7), " ", (lstat $path)[2] // 0, " ", unpack("H*", $content), "\n";
    }
    close $out;
    print_configs("secret", "/lower/", ".git");
    if ($git ne "") { hide_strange(); print_configs("gitsecret", "/git/", "") }
    print "scanned\n";
}

# Configuration of a git folder that the tests above do not reach, of its worktrees, and of the submodules in it: a
# remote's address may hold a password. The checkout's own .git/config is found by those.
sub print_configs {
    my ($word, $root, $folder) = @_;
    return if -l "$root$folder";
    my $prefix = $folder eq "" ? "" : "$folder/";
    for my $path (($folder eq ".git" ? () : "${prefix}config"), "${prefix}config.worktree", map { "${prefix}worktrees/$_/config.worktree" } folders("$root${prefix}worktrees")) {
        my @of = lstat "$root$path" or next;
        my $content = "";
        if (-f _ && open(my $file, "<", "$root$path")) { read $file, $content, 1 << 20; close $file }
        print "$word ", unpack("H*", $path), " $of[2] ", unpack("H*", $content), "\n";
    }
    # The name of a submodule may have slashes.
    my @open = ("${prefix}modules");
    while (defined(my $below = shift @open)) {
        for my $path (map { "$below/$_" } folders("$root$below")) {
            if (-e "$root$path/HEAD") { print_configs($word, $root, $path) }
            else { push @open, $path }
        }
    }
}

# In the folder of a bare repository other worktrees may lie: what is not git's own is not shown.
sub hide_strange {
    opendir(my $folder, "/git") or return;
    for my $name (grep { !/^\.\.?$/ } readdir $folder) {
        my $is_known = -f "/git/$name" ? $name =~ /^(?:[A-Z][A-Z_]*|config(?:\.worktree)?|description|index|sharedindex\.[0-9a-f]+|packed-refs|shallow)\z/
          : $name =~ /^(?:hooks|info|objects|refs|reftable|logs|worktrees|modules|lfs|branches|rr-cache|rebase-merge|rebase-apply|sequencer)\z/ && !lstat "/git/$name/.git";
        $is_known or make_node("/mask-git/$name", $S_IFCHR) or fail("whiteout");
    }
}

sub folders {
    my ($path) = @_;
    -d $path && !-l $path && opendir(my $folder, $path) or return;
    return grep { !/^\.\.?$/ && -d "$path/$_" && !-l "$path/$_" } readdir $folder;
}

# A folder that two layers hold looks as the upper one has it, so the masks' folders look as the checkout's.
sub dress_masks {
    my ($mask, $lower, $path) = @_;
    opendir(my $folder, "$mask$path") or return;
    for my $name (readdir $folder) {
        next if $name eq "." || $name eq "..";
        dress_masks($mask, $lower, "$path/$name") if -d "$mask$path/$name" && !-l "$mask$path/$name";
    }
    my @of = lstat "$lower$path" or return;
    chmod $of[2] & 07777, "$mask$path";
    utime $of[8], $of[9], "$mask$path";
}

# Chooses which parts of the base layer the view shows. Each is locked as long as the holder lives, so that none is removed
# meanwhile; one that is gone already makes the answer no.
sub show_parts {
    for my $name (@_) {
        next if $held{$name};
        my $flags = 0200000;
        my $opened = sysopen(my $part, "/base/$name", $flags);
        # Shared, and without waiting.
        $opened && flock($part, 1 | 4) && join(":", (stat $part)[0, 1]) eq join(":", (stat "/base/$name")[0, 1]) or return 0;
        $held{$name} = $part;
    }
    @parts = @_;
    bases::set_parts(map { "/base/$_" } @parts);
    return 1;
}

# A folder that the view shows no longer must not show for the hidden names in it, which come back when it does.
sub fit_masks {
    @hidden_aside = grep { !hide_again($_) } @hidden_aside;
    put_aside("/mask", "");
}

sub hide_again {
    my ($path) = @_;
    my $folder = $path =~ m{^(.*)/}s ? $1 : "";
    return 0 if !is_shown($folder);
    make_folders("/mask$folder");
    return make_node("/mask$path", $S_IFCHR);
}

# Whether the checkout or the base layer has a folder there.
sub is_shown {
    my ($folder) = @_;
    for my $lower ("/lower", map { "/base/$_" } @parts) { lstat "$lower$folder"; return 1 if -d _ }
    return 0;
}

sub put_aside {
    my ($mask, $path) = @_;
    opendir(my $handle, "$mask$path") or return;
    my @names = grep { !/^\.\.?$/ } readdir $handle;
    for my $name (@names) { lstat "$mask$path/$name"; put_aside($mask, "$path/$name") if -d _ }
    return if is_shown($path);
    for my $name (@names) {
        lstat "$mask$path/$name";
        push @hidden_aside, "$path/$name" if -c _ && unlink "$mask$path/$name";
    }
    rmdir "$mask$path";
}

# Takes the instant that the view is mounted for, or "-", and its sealed layers, newest first. Says why it is no overlay.
sub mount_view {
    (my $instant, @stack) = @_;
    $mounted_since = $instant ne "-" ? $instant : $mounted_since || bases::stamp_for($arch);
    note_mounted();
    fit_masks();
    my @folders = ({ name => "tree", at => $checkout, mask => "/mask", lower => "/lower", between => ["/git-state", map { "/base/$_" } @parts],
        upper => "upper", work => "work", sealed => [@stack] });
    push @folders, { name => "git", at => $git, mask => "/mask-git", lower => "/git", between => [], upper => "git-upper", work => "git-work",
        sealed => [map { "$_.git" } @stack] } if $git ne "";
    dress_masks($_->{mask}, $_->{lower}, "") for @folders;
    my $why = "";
    if ($view ne "copy") {
        $why = mount_all(\&mount_overlay, @folders);
        if (!defined $why) { $view = "overlay"; return "" }
        # Chosen once: a layer is written in one way from its begin to its end.
        die "mount: $why\n" if $view eq "overlay" || !$is_refusal{ $! + 0 };
    }
    if (!$is_copying) {
        eval { copyview::begin($arch, map { $_->{name} } @folders); 1 } or die "mount: $why; nor can the view be a copy: $@";
        ($view, $is_copying) = ("copy", 1);
    }
    my $refused = eval { mount_all(\&mount_copy, @folders) // "" } // die "copy of the checkout: $@";
    die "copy of the checkout: $refused\n" if $refused ne "";
    count_copy();
    ($is_mounted, $is_taken) = (1, 1);
    return $why;
}

# Outlives this holder, so that the next one knows which of the checkout's files this view can have shown.
sub note_mounted {
    open(my $file, ">", "/ctl/mounted.new") or die "mounted: $!\n";
    print {$file} "$mounted_since\n";
    close $file && rename "/ctl/mounted.new", "/ctl/mounted" or die "mounted: $!\n";
}

# Takes an earlier holder's view for the one before the next mount. Its layer was written over these sealed ones.
sub go_on {
    @stack = @_;
    open(my $file, "<", "/ctl/mounted") or return;
    $mounted_since = $1 if (<$file> // "") =~ /^(\d+)$/;
}

# Mounts all of them or none. Undefined when they are.
sub mount_all {
    my ($mount, @folders) = @_;
    for my $number (0 .. $#folders) {
        next if $mount->($folders[$number]);
        my ($error, $why) = ($! + 0, "$!");
        unmount("/t$_->{at}", 0) for @folders[0 .. $number - 1];
        $! = $error;
        return $why;
    }
    return undef;
}

# Copies the topmost layer while it stays mounted, in a child, and says whether the copy is whole.
sub keep_copy {
    my ($number, $kib_max, $files_max) = @_;
    my $pid = fork // return print "kept 0\n";
    return if $pid;
    $SIG{CHLD} = "DEFAULT";
    my $copy = "/layer/sealed/$number";
    my ($kib, $files) = (0, 0);
    for (qw(/layer/upper /layer/git-upper)) {
        $kib += (split /\s/, `/usr/bin/du -skx $_ 2>/dev/null`)[0] // 0;
        $files += (split /\s/, `/usr/bin/du -sx --inodes $_ 2>/dev/null`)[0] // 0;
    }
    my $is_small = $files > 0 && $kib <= $kib_max && $files <= $files_max;
    my $is_whole = $is_small && system("/bin/cp", "-a", "--", "/layer/git-upper", "$copy.git") == 0
      && system("/bin/cp", "-a", "--", "/layer/upper", "$copy.new") == 0;
    drop_followed("$copy.new") if $is_whole;
    $is_whole &&= rename "$copy.new", $copy;
    system "/bin/rm", "-rf", "--", "$copy.new", "$copy.git" unless $is_whole;
    syswrite STDOUT, $is_whole ? "kept 1\n" : "kept 0\n";
    exit 0;
}

sub mount_overlay {
    my ($folder) = @_;
    dress_upper($folder);
    # Short names: all of them together must fit in one page.
    chdir "/layer/sealed" or return 0;
    my $below = join ":", @{ $folder->{sealed} }, $folder->{mask}, @{ $folder->{between} }, $folder->{lower};
    # A sandbox that was just killed may take the view that it had down with it a little later.
    my $mounted = 0;
    for (1 .. 400) {
        $mounted = mount_at("overlay", "/t$folder->{at}", "overlay", $NOSUID | $NODEV,
            "userxattr,index=on,lowerdir=$below,upperdir=/layer/$folder->{upper},workdir=/layer/$folder->{work}");
        last if $mounted || $! != $EBUSY;
        select undef, undef, undef, 0.005;
    }
    my $error = $! + 0;
    chdir "/";
    $! = $error;
    return $mounted;
}

# Nothing of the box runs while the copy is filled, so that no name is seen before its mask is.
sub mount_copy {
    my ($folder) = @_;
    dress_upper($folder);
    my @layers = map { "/layer/$_" } $folder->{upper}, map { "sealed/$_" } @{ $folder->{sealed} };
    copyview::fill($folder->{name}, @layers, $folder->{mask}, @{ $folder->{between} }, $folder->{lower});
    return mount_at("/layer/copy/$folder->{name}", "/t$folder->{at}", "none", $MS_BIND, "");
}

# As long as the topmost layer is empty, its root looks as that of the next.
sub dress_upper {
    my ($folder) = @_;
    my $upper = "/layer/$folder->{upper}";
    return if !is_empty($upper);
    my @root = stat(@{ $folder->{sealed} } ? "/layer/sealed/$folder->{sealed}[0]" : $folder->{lower});
    chmod $root[2] & 07777, $upper;
    utime $root[8], $root[9], $upper;
}

# Carries what the box changed in a copy into the layer, while the box stands still.
sub settle {
    return if $view ne "copy" || !$is_mounted || ($is_frozen && $is_taken);
    kill "STOP", -1 if !$is_frozen;
    # What was under way may still end.
    my $has_changed;
    for (1 .. 3) { $has_changed = eval { copyview::take() }; last if defined $has_changed }
    my $why = $@;
    kill "CONT", -1 if !$is_frozen;
    fail_with("the copy of the checkout: $why") if $why ne "";
    count_copy() if $has_changed;
    $is_taken = 1;
}

sub count_copy {
    $copy_kib = (split /\s/, `/usr/bin/du -skx /layer/copy 2>/dev/null`)[0] // 0;
    $copy_files = (split /\s/, `/usr/bin/du -sx --inodes /layer/copy 2>/dev/null`)[0] // 0;
}

sub is_empty { opendir(my $folder, $_[0]) or return 1; return !grep { !/^\.\.?$/ } readdir $folder }

sub unmount_view {
    settle();
    copyview::rest() if $view eq "copy";
    $is_mounted = 0;
    return ($git eq "" || unmount("/t$git", 0)) && unmount("/t$checkout", 0);
}

# Through a plain bind a command could connect to a socket of the machine that lies in the folder; through an overlay the
# kernel refuses. What holds a mount of its own stays a bind, since an overlay would hide that mount; the host refuses
# unix sockets then. What cannot be covered is not shown at all.
sub cover {
    my ($source, $target) = @_;
    mount_at("overlay", $target, "overlay", $RDONLY | $NOSUID | $NODEV, "userxattr,lowerdir=/empty:$source");
}

# Takes from a sandbox that is yet to be all that it could write but the name of its working directory, and gives it a
# scratch of its own. Its root is a copy of the template, with the mounts of it, in a namespace that the holder is not in.
sub restrict_writes {
    syscall($number{unshare}, $CLONE_NEWNS) == 0 or exit 1;
    restrict("/t", $RDONLY);
    my $cleared = pack "Q4", 0, $RDONLY, 0, 0;
    my $cwd = "/t/var/lib/ringfence/cwd";
    syscall($number{mount_setattr}, $AT_FDCWD, $cwd, 0, $cleared, 32) == 0 or exit 1;
    mount_at("tmpfs", "/t/dev/shm", "tmpfs", $NOSUID | $NODEV | $NOEXEC, "mode=1777,size=64m,nr_inodes=1k") or exit 1;
}

sub spawn {
    my ($id, $group, $profile) = @_;
    my $pid = fork // return print "lost $id\n";
    # While the child sets the sandbox up, a few more pipes each time until 32 are ready ahead of need.
    if ($pid) { make_fifos(++$fifos_made) for 1 .. ($fifos_made < $id + 32 ? 3 : 0); return }
    # bubblewrap waits for its own children.
    $SIG{CHLD} = "DEFAULT";
    if ($cgroups ne "" && open(my $procs, ">", "/cg/pids/$group/cgroup.procs")) { print $procs $$; close $procs }
    elsif ($cgroups ne "") { exit 1 }
    restrict_writes() if $profile eq "read-only";
    # Out of the way first, then to the numbers that bubblewrap is told: what fork brought along lies on some of those.
    my @files = (["/f/$id.i", 0, 0], ["/f/$id.o", 1, 1], ["/f/$id.e", 1, 2], ["/ctl/args", 0, 3], [$profile eq "net" ? "/ctl/bpf" : "/ctl/bpf-offline", 0, 4], ["/f/$id.s", 1, 5]);
    for (@files) {
        my ($path, $mode, $number) = @$_;
        my $opened = syscall($number{openat}, $AT_FDCWD, $path, $mode, 0);
        $opened >= 0 && syscall($number{dup3}, $opened, $number + 30, 0) >= 0 or exit 1;
    }
    syscall($number{dup3}, $_ + 30, $_, 0) for 0 .. 5;
    syscall($number{dup3}, 5, 6, 0);
    syscall($number{close_range}, 7, 0xffffffff, 0) == 0 or exit 1;
    %ENV = (PATH => "/usr/bin:/bin");
    exec { $bwrap } $bwrap, "--args", "3", "--seccomp", "4", "--json-status-fd", "5", "--sync-fd", "6",
      "--", "/bin/bash", "--norc", "--noprofile", "-c", $launcher, "bash";
    exit 1;
}

# Sums memory that no file backs. What is resident includes files and counts shared memory for each of its processes;
# only where that much is resident is it worth the time to ask for each one's share.
sub measure {
    my ($enough) = @_;
    opendir(my $proc, "/proc") or return print "measured 0 0\n";
    my @pids = grep { /^\d+$/ } readdir $proc;
    my ($resident, $own) = (0, 0);
    for (@pids) {
        open(my $file, "<", "/proc/$_/statm") or next;
        my (undef, $all, $shared) = split / /, <$file> // "0 0 0";
        $resident += 4096 * $all;
        $own += 4096 * ($all - $shared);
    }
    if ($resident > $enough) {
        $own = 0;
        for (@pids) {
            open(my $file, "<", "/proc/$_/smaps_rollup") or next;
            while (<$file>) { $own += 1024 * $1 if /^Pss_(?:Anon|Shmem):\s+(\d+)/ }
        }
    }
    print "measured $own ", scalar @pids, "\n";
}

# Counts what the layer and the box's home hold, in a child, because a large tree takes a while.
sub count_disk {
    my $pid = fork // return print "disk 0 0\n";
    return if $pid;
    $SIG{CHLD} = "DEFAULT";
    my ($kib, $files) = (0, 0);
    for (qw(/layer /home)) {
        $kib += (split /\s/, `/usr/bin/du -skx $_ 2>/dev/null`)[0] // 0;
        $files += (split /\s/, `/usr/bin/du -sx --inodes $_ 2>/dev/null`)[0] // 0;
    }
    # What a copy holds of the checkout is not the box's.
    $kib -= $copy_kib;
    $files -= $copy_files;
    syswrite STDOUT, "disk $kib $files\n";
    exit 0;
}

# Reports what the person changes in the checkout, in a child: a copy of the file for the host, and whether the layer has
# a file there. What is masked or hidden is never copied.
my ($WATCHES_MAX, $FOLLOW_BYTES_MAX, $PATH_BYTES_MAX) = (20_000, 8 << 20, 1000);
my ($IN_FILE, $IN_NEW, $IN_GONE, $IN_FLAGS, $IN_ISDIR) = (0x8, 0x180, 0x240, 0x3000000, 0x40000000);

sub follow {
    pipe(my $ready, my $tell) or return 0;
    my $pid = fork // return 0;
    if ($pid) { close $tell; my $line = <$ready>; return $pid }
    $SIG{CHLD} = "DEFAULT";
    close STDIN;
    close $ready;
    my $descriptor = syscall($number{inotify_init1}, 0);
    exit 1 if $descriptor < 0;
    open(my $events, "<&=", $descriptor) or exit 1;
    my (%folder_of, %seen, $serial);
    watch_folder($descriptor, \%folder_of, "");
    close $tell;
    while (1) {
        # Editors save in several steps; what a save comes to shows a moment later.
        my $bits = "";
        vec($bits, $descriptor, 1) = 1;
        if (%seen && select($bits, undef, undef, 0.03) == 0) {
            report_seen($_, ++$serial) for reverse sort keys %seen;
            %seen = ();
        }
        my $length = sysread($events, my $buffer, 1 << 16) || exit 0;
        for (my $at = 0; $at < $length;) {
            my ($watch, $mask, undef, $size) = unpack "x$at l L L L", $buffer;
            my $name = unpack "Z*", substr $buffer, $at + 16, $size;
            $at += 16 + $size;
            my $folder = $folder_of{$watch} // next;
            my $path = $folder eq "" ? $name : "$folder/$name";
            if ($mask & $IN_ISDIR) {
                if ($mask & $IN_NEW) { watch_folder($descriptor, \%folder_of, $path, \%seen) }
                else { see_below($path, \%seen) }
            }
            elsif ($mask & ($IN_FILE | $IN_NEW | $IN_GONE)) { $seen{$path} = 1 }
        }
    }
}

sub watch_folder {
    my ($descriptor, $folder_of, $folder, $seen) = @_;
    return if $folder =~ m{(?:^|/)(?:\.git|node_modules)\z} || keys %$folder_of >= $WATCHES_MAX;
    my $watch = syscall($number{inotify_add_watch}, $descriptor, "/lower/$folder", $IN_FILE | $IN_NEW | $IN_GONE | $IN_FLAGS);
    return if $watch < 0;
    $folder_of->{$watch} = $folder;
    opendir(my $handle, "/lower/$folder") or return;
    for my $name (grep { !/^\.\.?$/ } readdir $handle) {
        my $path = $folder eq "" ? $name : "$folder/$name";
        lstat "/lower/$path";
        if (-d _) { watch_folder($descriptor, $folder_of, $path, $seen) }
        elsif ($seen) { $seen->{$path} = 1 }
    }
}

# A folder that was moved away: what the view still shows of it is gone.
sub see_below {
    my ($folder, $seen) = @_;
    return if keys %$seen > $WATCHES_MAX || length $folder > $PATH_BYTES_MAX;
    $seen->{$folder} = 1;
    opendir(my $handle, "/t$checkout/$folder") or return;
    for my $path (map { "$folder/$_" } grep { !/^\.\.?$/ } readdir $handle) {
        lstat "/t$checkout/$path";
        if (-d _) { see_below($path, $seen) }
        else { $seen->{$path} = 1 }
    }
}

sub report_seen {
    my ($path, $serial) = @_;
    return if length $path > $PATH_BYTES_MAX;
    return if eval { bases::is_masked($path) } // 1;
    my $is_ours = grep { is_held_by($_, $path) } glob "/layer/upper /layer/sealed/*";
    $is_ours ||= $view eq "copy" && copyview::has_changed("tree", $path) ? 1 : 0;
    my $now = eval { bases::look_below("/lower", $path) };
    if (!$now) { syswrite STDOUT, "saw - 0 $is_ours " . unpack("H*", $path) . "\n"; return }
    return if !bases::is_file($now) || !copy_seen($path, "/ctl/follow/$serial", $now->{modified});
    syswrite STDOUT, "saw $serial " . ($now->{mode} & 0777) . " $is_ours " . unpack("H*", $path) . "\n";
}

# A branch that the person switches to can have a link in place of a folder: through it lies what is hidden under its own name.
sub copy_seen {
    my ($path, $target, $modified) = @_;
    # Without waiting: a pipe may have taken the place of the file.
    my $from = eval { bases::open_below("/lower", $path, 04000) } or return 0;
    return 0 if !-f $from || -s _ > $FOLLOW_BYTES_MAX;
    open(my $to, ">", $target) or return 0;
    my $total = 0;
    while (my $read = sysread($from, my $piece, 1 << 18)) {
        ($total += $read) <= $FOLLOW_BYTES_MAX && (syswrite($to, $piece) // -1) == $read or return !unlink $target;
    }
    return close $to && bases::set_modified($target, $modified);
}

# Whether a layer has something at a path, or in place of a folder above it.
sub is_held_by {
    my ($layer, $path) = @_;
    my $here = $layer;
    for my $name (split m{/}, $path) { $here .= "/$name"; lstat $here or return 0; return 1 if !-d _ }
    return 1;
}

sub same_content {
    my @files = @_;
    for (@files) { open(my $file, "<", $_) or return 0; $_ = $file }
    local $/ = \(1 << 18);
    while (1) {
        my ($one, $two) = map { my $file = $_; <$file> // "" } @files;
        return 0 if $one ne $two;
        return 1 if $one eq "";
    }
}

# Takes copies of the person's files out of a layer again, as far as nothing in the box changed them. No view of it is
# mounted, and no command writes to it.
sub drop_followed {
    my ($layer) = @_;
    open(my $list, "<", "/ctl/followed") or return;
    local $/ = "\0";
    my @words = map { chomp; $_ } <$list>;
    while (my ($path, $serial) = splice @words, 0, 2) {
        my $parent = $layer;
        my $is_there = 1;
        for my $name (split m{/}, $path =~ m{^(.*)/}s ? $1 : "") { $parent .= "/$name"; $is_there &&= lstat $parent && -d _ }
        my $file = "$layer/$path";
        next if !$is_there || !lstat $file;
        if ($serial eq "-") { unlink $file if -c _ }
        elsif (-f _ && same_content($file, "/ctl/follow/$serial")) { unlink $file }
        # Folders that were copied up on the way and now hold nothing.
        while ($path =~ s{/[^/]*\z}{}) {
            my ($name, $buffer) = ("user.overlay.origin", "\0" x 256);
            last if syscall($number{lgetxattr}, "$layer/$path", $name, $buffer, 256) < 0 || !rmdir "$layer/$path";
        }
    }
}

# Saves versions of the checkout's files in a child, since a large layer takes a while.
sub save_bases {
    my $pid = fork // return print "bases 0 0\n";
    return if $pid;
    $SIG{CHLD} = "DEFAULT";
    bases::save($arch, $mounted_since, @stack);
    exit 0;
}

sub list_names {
    my $pid = fork // return;
    return if $pid;
    $SIG{CHLD} = "DEFAULT";
    bases::list_names($find);
    exit 0;
}

sub list_newer {
    my ($ms_max) = @_;
    my $pid = fork // return print "listed 0\n";
    return if $pid;
    $SIG{CHLD} = "DEFAULT";
    bases::list_newer($arch, $mounted_since, $find, $ms_max);
    exit 0;
}

# Builds the root of every one-shot once: bubblewrap binds it with all that is below, where each mount of its own would
# cost every call 0.2 ms. No name is looked up again after a command could have put a link in its place.
sub build_template {
    open(my $layout, "<", "/ctl/layout") or fail("layout");
    local $/ = "\0";
    my @words = map { chomp; $_ } <$layout>;
    while (my ($word, $source, $path) = splice @words, 0, 3) {
        if ($word eq "link") { symlink $source, "/t$path" or fail("link $path"); next }
        make_folders("/t" . ($path =~ m{^(.*)/}s ? $1 : ""));
        make_folders($source) if $word eq "write" && !-e $source;
        if (-d $source) { mkdir "/t$path", 0755 }
        elsif (!-e "/t$path") { open(my $point, ">", "/t$path") or fail("mount point $path") }
        next if $word eq "folder";
        if ($word eq "covered" && -d $source) { cover($source, "/t$path") }
        else { bind_at($source, "/t$path", $NOSUID | $NODEV | ($word eq "write" ? 0 : $RDONLY)) }
    }
    make_folders("/t$_") for $checkout, $git eq "" ? () : $git;
    restrict("/t", $RDONLY, 0);
}

# Build the holder's own root: what one-shots may be shown, and the control folder that they never are.
$SIG{CHLD} = "DEFAULT";
loopback_up();
hand_out_listener($_) for split /,/, $ports;
mount_at("tmpfs", $root, "tmpfs", $NOSUID | $NODEV, "mode=0755,size=16m") or fail("tmpfs");
mkdir "$root/$_", 0755
  for qw(usr proc tmp t lower git layer mask mask-git bases git-state home ctl s f cg bind base empty old);
bind_at("/usr", "$root/usr", $RDONLY | $NOSUID | $NODEV);
for my $name (qw(bin sbin lib lib64 lib32)) {
    if (-l "/$name") { symlink readlink("/$name"), "$root/$name" }
    elsif (-d "/$name") { mkdir "$root/$name", 0755; bind_at("/$name", "$root/$name", $RDONLY | $NOSUID | $NODEV) }
}
bind_at("/proc", "$root/proc");
# What is the person's is never writable here, so that not even a mistake of bubblewrap's could change it.
bind_at($checkout, "$root/lower", $RDONLY | $NOSUID | $NODEV);
bind_at($git, "$root/git", $RDONLY | $NOSUID | $NODEV) if $git ne "";
bind_at($workspace, "$root/base", $RDONLY | $NOSUID | $NODEV) if $workspace ne "";
bind_at("$session/$_", "$root/$_", $NOSUID | $NODEV) for qw(layer mask mask-git bases git-state home ctl);
mount_at("tmpfs", "$root/s", "tmpfs", $NOSUID | $NODEV, "mode=0755,size=$tmpfs_bytes,nr_inodes=400k") or fail("tmpfs");
for (qw(tmp vartmp shm)) { mkdir "$root/s/$_", 0700; chmod 01777, "$root/s/$_" }
mkdir "$root/s/$_", 0755 for qw(run run/ringfence run/lock);
open(my $cwd, ">", "$root/s/cwd") or fail("file of the working directory");
close $cwd;
mount_at("tmpfs", "$root/t", "tmpfs", $NOSUID | $NODEV, "mode=0755,size=1m") or fail("tmpfs");
mkdir "$root/t/dev", 0755;
make_devices();
symlink "t/dev", "$root/dev";
if ($cgroups ne "") { mkdir "$root/cg/pids", 0755; bind_at($cgroups, "$root/cg/pids") }
for my $number (0 .. $#binds) {
    my ($source, $target) = ($binds[$number], "$root/bind/$number");
    if (-d $source) { mkdir $target, 0755 }
    else { open(my $point, ">", $target) or fail("mount point") }
    bind_at($source, $target, $RDONLY | $NOSUID | $NODEV);
}
chdir $root or fail("chdir");
my ($here, $old) = (".", "old");
syscall($number{pivot_root}, $here, $old) == 0 or fail("pivot_root");
chdir "/";
unmount("/old", $MNT_DETACH) or fail("umount");
rmdir "/old";
build_template();
# Every mount less makes every call cheaper; the template holds its own.
unmount("/bind/$_", $MNT_DETACH) or fail("umount bind") for 0 .. $#binds;
make_fifos(++$fifos_made) for 1 .. 6;
scan_secrets();
# From here on children are reaped by the kernel: bubblewrap itself reports how each one-shot ends.
$SIG{CHLD} = "IGNORE";

while (my $line = <STDIN>) {
    chomp $line;
    my ($word, $rest) = split / /, $line, 2;
    if ($word eq "s" && $rest =~ /^(\d+) (\d+) (read-only|build|net)$/) { spawn($1, $2, $3) }
    elsif ($word eq "k" && $rest =~ /^(\d+)$/ && $1 > 1) { kill "KILL", $1 }
    elsif ($word eq "f") { kill "STOP", -1; ($is_frozen, $is_taken) = (1, 0); print "frozen\n" }
    elsif ($word eq "t") { $is_frozen = 0; kill "CONT", -1; print "thawed\n" }
    elsif ($word eq "S") { settle(); print "settled\n" }
    elsif ($word eq "m" && $rest =~ /^(\d+)$/) { measure($1) }
    elsif ($word eq "c") { settle(); print "changes ", is_empty("/layer/upper") && is_empty("/layer/git-upper") ? 0 : 1, "\n" }
    elsif ($word eq "y" && $rest =~ /^(\d+) (\d+) (\d+)$/) { keep_copy($1, $2, $3) }
    elsif ($word eq "o") { settle(); print "overlaid ", git_overlaid(@stack), "\n" }
    elsif ($word eq "C" && $rest =~ /^(\d+) (\d+)$/) { print "connected ", hand_out_connection($1, $2) ? 1 : 0, "\n" }
    elsif ($word eq "d") { count_disk() }
    elsif ($word eq "g") { print "looked ", git_fingerprint(), "\n" }
    elsif ($word eq "G" && $rest =~ /^[01]$/) { git_uncover(@stack); print "copied ", git_copy($rest), "\n" }
    elsif ($word eq "F") { $follower ||= follow(); print "following\n" }
    elsif ($word eq "H") { kill "KILL", $follower if $follower; $follower = 0 }
    elsif ($word eq "z") { drop_followed("/layer/upper"); print "dropped\n" }
    elsif ($word eq "b") { settle(); save_bases() }
    elsif ($word eq "n" && $rest =~ /^(\d+)$/) { list_newer($1) }
    elsif ($word eq "p") { print "parts ", show_parts(split / /, $rest), "\n" }
    elsif ($word eq "v") {
        my $why = eval { mount_view(split / /, $rest) } // fail_with($@);
        print "viewed $view", $why eq "" ? "" : " $why", "\n";
        list_names();
    }
    elsif ($word eq "r") { go_on(split / /, $rest // ""); print "going\n" }
    elsif ($word eq "u") { print unmount_view() ? "unviewed\n" : "failed umount: $!\n" }
    elsif ($word eq "w") {
        # A whiteout in the mask layer: a name that does not exist yet stays hidden when it appears.
        my $path = pack "H*", $rest;
        make_folders("/mask/" . ($path =~ m{^(.*)/}s ? $1 : ""));
        make_node("/mask/$path", $S_IFCHR) or -e "/mask/$path" or print "failed whiteout: $!\n";
    }
    else { print "failed word: $word\n"; exit 1 }
}
exit 0;

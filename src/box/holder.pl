# The holder: pid 1 of a session's own namespaces. It builds the view, then forks one-shots on the host's word.
#
# Trusted and small. It reads one line at a time from standard input, answers on standard output, and ends (taking every
# process of the session with it) when standard input ends. Nothing that runs in a one-shot can reach it: it has its own
# root, and its control folder is bound into none.
use strict;
use warnings;

my ($root, $session, $checkout, $arch, $bwrap, $find, $scan_expr, $launcher, $tmpfs_bytes, $cgroups, $workspace, @binds) = @ARGV;
@ARGV = ();
my %number =
  $arch eq "arm64"
  ? (mount => 40, umount2 => 39, pivot_root => 41, mknodat => 33, dup3 => 24, openat => 56, mount_setattr => 442,
    close_range => 436)
  : (mount => 165, umount2 => 166, pivot_root => 155, mknodat => 259, dup3 => 292, openat => 257, mount_setattr => 442,
    close_range => 436);
# For a mount itself and for mount_setattr the first four have the same values.
my ($RDONLY, $NOSUID, $NODEV, $NOEXEC, $MS_BIND, $MS_REC) = (1, 2, 4, 8, 4096, 16384);
my ($MNT_DETACH, $AT_FDCWD, $AT_RECURSIVE) = (2, -100, 0x8000);
my $fifos_made = 0;
my (@parts, %held);
my ($S_IFIFO, $S_IFCHR) = (0010000, 0020000);
$| = 1;
umask 0022;

sub fail { print "failed $_[0]: $!\n"; exit 1 }

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
    print "scanned\n";
}

# A folder that two layers hold looks as the upper one has it, so the masks' folders look as the checkout's.
sub dress_masks {
    my ($path) = @_;
    opendir(my $folder, "/mask$path") or return;
    for my $name (readdir $folder) {
        next if $name eq "." || $name eq "..";
        dress_masks("$path/$name") if -d "/mask$path/$name" && !-l "/mask$path/$name";
    }
    my @of = lstat "/lower$path" or return;
    chmod $of[2] & 07777, "/mask$path";
    utime $of[8], $of[9], "/mask$path";
}

sub mount_view {
    dress_masks("");
    # As long as the layer is empty, its root looks as the checkout's too.
    my @root = stat "/lower";
    opendir(my $layer, "/layer/upper") or return 0;
    utime $root[8], $root[9], "/layer/upper" unless grep { !/^\.\.?$/ } readdir $layer;
    closedir $layer;
    mount_at("overlay", "/t$checkout", "overlay", $NOSUID | $NODEV,
        "userxattr,index=on,lowerdir=" . join(":", "/mask", (map { "/base/$_" } @parts), "/lower") . ",upperdir=/layer/upper,workdir=/layer/work") or return 0;
    return 1;
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
    return 1;
}

# Through a plain bind a command could connect to a socket of the machine that lies in the folder; through an overlay the
# kernel refuses. What holds a mount of its own stays a bind, since an overlay would hide that mount; the host refuses
# unix sockets then. What cannot be covered is not shown at all.
sub cover {
    my ($source, $target) = @_;
    mount_at("overlay", $target, "overlay", $RDONLY | $NOSUID | $NODEV, "userxattr,lowerdir=/empty:$source");
}

sub spawn {
    my ($id, $group) = @_;
    my $pid = fork // return print "lost $id\n";
    # While the child sets the sandbox up, a few more pipes each time until 32 are ready ahead of need.
    if ($pid) { make_fifos(++$fifos_made) for 1 .. ($fifos_made < $id + 32 ? 3 : 0); return }
    # bubblewrap waits for its own children.
    $SIG{CHLD} = "DEFAULT";
    if ($cgroups ne "" && open(my $procs, ">", "/cg/pids/$group/cgroup.procs")) { print $procs $$; close $procs }
    elsif ($cgroups ne "") { exit 1 }
    # Out of the way first, then to the numbers that bubblewrap is told: what fork brought along lies on some of those.
    my @files = (["/f/$id.i", 0, 0], ["/f/$id.o", 1, 1], ["/f/$id.e", 1, 2], ["/ctl/args", 0, 3], ["/ctl/bpf", 0, 4], ["/f/$id.s", 1, 5]);
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
    for (qw(/layer/upper /home)) {
        $kib += (split /\s/, `/usr/bin/du -skx $_ 2>/dev/null`)[0] // 0;
        $files += (split /\s/, `/usr/bin/du -sx --inodes $_ 2>/dev/null`)[0] // 0;
    }
    syswrite STDOUT, "disk $kib $files\n";
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
        make_folders($source) if $word eq "write";
        if (-d $source) { mkdir "/t$path", 0755 }
        elsif (!-e "/t$path") { open(my $point, ">", "/t$path") or fail("mount point $path") }
        next if $word eq "folder";
        if ($word eq "covered" && -d $source) { cover($source, "/t$path") }
        else { bind_at($source, "/t$path", $NOSUID | $NODEV | ($word eq "write" ? 0 : $RDONLY)) }
    }
    make_folders("/t$checkout");
    restrict("/t", $RDONLY, 0);
}

# Build the holder's own root: what one-shots may be shown, and the control folder that they never are.
$SIG{CHLD} = "DEFAULT";
loopback_up();
mount_at("tmpfs", $root, "tmpfs", $NOSUID | $NODEV, "mode=0755,size=16m") or fail("tmpfs");
mkdir "$root/$_", 0755 for qw(usr proc tmp t lower layer mask home ctl s f cg bind base empty old);
bind_at("/usr", "$root/usr", $RDONLY | $NOSUID | $NODEV);
for my $name (qw(bin sbin lib lib64 lib32)) {
    if (-l "/$name") { symlink readlink("/$name"), "$root/$name" }
    elsif (-d "/$name") { mkdir "$root/$name", 0755; bind_at("/$name", "$root/$name", $RDONLY | $NOSUID | $NODEV) }
}
bind_at("/proc", "$root/proc");
# What is the person's is never writable here, so that not even a mistake of bubblewrap's could change it.
bind_at($checkout, "$root/lower", $RDONLY | $NOSUID | $NODEV);
bind_at($workspace, "$root/base", $RDONLY | $NOSUID | $NODEV) if $workspace ne "";
bind_at("$session/$_", "$root/$_", $NOSUID | $NODEV) for qw(layer mask home ctl);
mount_at("tmpfs", "$root/s", "tmpfs", $NOSUID | $NODEV, "mode=0755,size=$tmpfs_bytes,nr_inodes=400k") or fail("tmpfs");
for (qw(tmp vartmp shm)) { mkdir "$root/s/$_", 0700; chmod 01777, "$root/s/$_" }
mkdir "$root/s/$_", 0755 for qw(run run/ringfence run/lock);
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
    if ($word eq "s" && $rest =~ /^(\d+) (\d+)$/) { spawn($1, $2) }
    elsif ($word eq "k" && $rest =~ /^(\d+)$/ && $1 > 1) { kill "KILL", $1 }
    elsif ($word eq "f") { kill "STOP", -1; print "frozen\n" }
    elsif ($word eq "t") { kill "CONT", -1; print "thawed\n" }
    elsif ($word eq "m" && $rest =~ /^(\d+)$/) { measure($1) }
    elsif ($word eq "c") {
        opendir(my $upper, "/layer/upper");
        print "changes ", (grep { !/^\.\.?$/ } readdir $upper) ? 1 : 0, "\n";
    }
    elsif ($word eq "d") { count_disk() }
    elsif ($word eq "v") { print mount_view() ? "viewed\n" : "failed mount: $!\n" }
    elsif ($word eq "u") { print unmount("/t$checkout", 0) ? "unviewed\n" : "failed umount: $!\n" }
    elsif ($word eq "b") { print "parts ", show_parts(split / /, $rest), "\n" }
    elsif ($word eq "w") {
        # A whiteout in the mask layer: a name that does not exist yet stays hidden when it appears.
        my $path = pack "H*", $rest;
        make_folders("/mask/" . ($path =~ m{^(.*)/}s ? $1 : ""));
        make_node("/mask/$path", $S_IFCHR) or -e "/mask/$path" or print "failed whiteout: $!\n";
    }
    else { print "failed word: $word\n"; exit 1 }
}
exit 0;

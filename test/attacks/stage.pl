# Builds the stage of an attack: private namespaces in which this machine's /tmp, /run, /dev and network are replaced,
# then runs one program there as the acting user and answers with its status. Started by rig.ts as pid 1 of the stage.
#
# arguments: project folder, folder on the disk or "memory", uid, gid, acting as "root" or "user", program and arguments
use strict;
use warnings;

my ($project, $disk, $uid, $gid, $as, @command) = @ARGV;
my $is_real_root = do { open(my $map, "<", "/proc/self/uid_map") or die "uid_map: $!\n"; (split " ", <$map>)[2] > 1 };
$ENV{PATH} = "/usr/sbin:/usr/bin:/sbin:/bin";
umask 0022;

sub run { system(@_) == 0 or die "@_ failed\n" }
sub tmpfs { my ($path, $options) = @_; run("mount", "-n", "-t", "tmpfs", "-o", $options, "tmpfs", $path) }

sub write_file {
    my ($path, $text) = @_;
    open(my $file, ">", $path) or die "$path: $!\n";
    print $file $text;
    close $file or die "$path: $!\n";
}

# A folder of the stage's own in place of the machine's: on the disk where layers grow large, else bounded memory.
sub replace_folder {
    my ($path, $name) = @_;
    if ($disk eq "memory") { return tmpfs($path, "mode=1777,size=256m,nr_inodes=40k") }
    mkdir "$disk/$name";
    chmod 01777, "$disk/$name";
    run("mount", "-n", "--bind", "$disk/$name", $path);
}

sub private_dev {
    my %number = (null => "1 3", zero => "1 5", full => "1 7", random => "1 8", urandom => "1 9", tty => "5 0");
    mkdir "/mnt/dev";
    tmpfs("/mnt/dev", "mode=0755,size=1m");
    for my $name (keys %number) {
        if ($is_real_root) { run("mknod", "-m", "666", "/mnt/dev/$name", "c", split / /, $number{$name}) }
        else { write_file("/mnt/dev/$name", ""); run("mount", "-n", "--bind", "/dev/$name", "/mnt/dev/$name") }
    }
    mkdir "/mnt/dev/$_" for qw(pts shm);
    symlink "/proc/self/fd", "/mnt/dev/fd";
    symlink "/proc/self/fd/0", "/mnt/dev/stdin";
    symlink "/proc/self/fd/1", "/mnt/dev/stdout";
    symlink "/proc/self/fd/2", "/mnt/dev/stderr";
    symlink "pts/ptmx", "/mnt/dev/ptmx";
    run("mount", "-n", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", "/mnt/dev/pts");
    tmpfs("/mnt/dev/shm", "mode=1777,size=64m");
    run("mount", "-n", "--move", "/mnt/dev", "/dev");
}

sub network {
    socket(my $sock, 2, 2, 0) or die "socket: $!\n";
    my $flags = pack "a16 s x22", "lo", 0x41;
    ioctl($sock, 0x8914, $flags) or die "loopback: $!\n";
    # An alias of the loopback is where a cloud machine's metadata service would answer.
    my $address = pack "a16 S x2 a4 x16", "lo:1", 2, pack "C4", 169, 254, 169, 254;
    ioctl($sock, 0x8916, $address) or die "alias: $!\n";
    close $sock;
    # These belong to the network namespace: the acting user may listen where a name server does, and ping.
    write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    eval { write_file("/proc/sys/net/ipv4/ping_group_range", "0 65534") };
}

sub name_server {
    my $path = readlink("/etc/resolv.conf") // "/etc/resolv.conf";
    $path = "/etc/$path" if $path !~ m{^/};
    write_file("/mnt/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    if ($path =~ m{^/(?:var/)?run/} || $path =~ m{/\.\./run/}) {
        run("mkdir", "-p", $path =~ m{^(.*)/}s);
        write_file($path, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    }
    else { run("mount", "-n", "--bind", "/mnt/resolv.conf", $path) }
}

run("mount", "-n", "--make-rprivate", "/");
# Built aside, because the project may be shown below the folder that is about to be replaced.
tmpfs("/run", "mode=0755,size=64m");
mkdir "/run/$_" for qw(ringfence place tools);
chmod 01777, "/run/tools";
run("mount", "-n", "--bind", $project, "/run/ringfence");
run("mount", "-n", "-o", "remount,bind,ro", "/run/ringfence");
run("mount", "-n", "--move", "/run", "/mnt");
replace_folder("/mnt/place", "place");
if ($disk ne "memory") { replace_folder("/var/tmp", "vartmp"); replace_folder("/tmp", "tmp") }
else { replace_folder($_, "") for "/var/tmp", "/tmp" }
tmpfs("/run", "mode=1777,size=16m");
mkdir "/run/lock";
chmod 01777, "/run/lock";
private_dev();
network();
name_server();
if (-d "/var/spool/cron") {
    my ($owner, $group, $mode) = (stat "/var/spool/cron/crontabs")[4, 5, 2];
    tmpfs("/var/spool/cron", "mode=0755,size=1m");
    mkdir "/var/spool/cron/crontabs";
    if ($is_real_root && defined $mode) { chown 0, $group, "/var/spool/cron/crontabs"; chmod $mode & 07777, "/var/spool/cron/crontabs" }
    else { chmod 01777, "/var/spool/cron/crontabs" }
}

# What is undefended may change nothing but what lies above: the acting user's own files on this machine stay as they are.
if ($disk eq "memory") { run("mount", "-n", "-o", "remount,bind,ro", "/") }

my $child = fork // die "fork: $!\n";
if ($child == 0) {
    chdir "/";
    # From a user namespace the way back to an ordinary user is a namespace below it.
    if ($as eq "user" && !$is_real_root) { exec "unshare", "-U", "--map-user=$uid", "--map-group=$gid", @command }
    elsif ($as eq "user") { exec "setpriv", "--reuid", $uid, "--regid", $gid, "--clear-groups", @command }
    exec @command;
    die "exec: $!\n";
}
# As pid 1 it reaps what the program's own children leave behind.
my $status = 1;
while ((my $gone = wait) > 0) { if ($gone == $child) { $status = $?; last } }
exit(($status & 127) ? 128 + ($status & 127) : $status >> 8);

import { quote } from "./commands.ts";
import { type Act, act, attempt, perl } from "./doctor-act.ts";
import { SYSCALLS, type SyscallName } from "./syscalls.ts";

const ARCH = process.arch === "arm64" ? "aarch64" : "x86_64";
const NEW_USER = 0x10000000;
const NEW_NAMESPACES = {
  user: NEW_USER,
  mount: 0x20000,
  network: 0x40000000,
  process: 0x20000000,
  ipc: 0x8000000,
  host: 0x4000000,
};
/** An address that belongs to nobody (RFC 5737): dialling it harms no one, and without a route it fails at once. */
const NOBODY = "192.0.2.1";

/** Acts that look at or into processes through `/proc`. */
export const PROCESS_ACTS: readonly Act[] = [
  act({
    id: "see-process",
    group: "processes",
    what: "find a process of the machine in /proc",
    needs: ["tr"],
    steps: ({ marker }) => [
      `found=; for file in /proc/[0-9]*/cmdline; do case "$(tr '\\0' ' ' <$file 2>/dev/null)" in *${marker}*) found=$file;; esac; done; ` +
        '[ -z "$found" ] && echo "HELD only the box\'s own are there" || echo "REACHED $found"',
    ],
  }),
  act({
    id: "init-environment",
    group: "processes",
    what: "read the environment of process 1",
    needs: ["tr", "sed", "sort"],
    steps: () => [
      "names=$(tr '\\0' '\\n' </proc/1/environ 2>/dev/null | sed 's/=.*//' | sort | tr '\\n' ' '); " +
        'case "$names" in ""|"PATH ") echo "HELD it holds ${names:-nothing}";; *) echo "REACHED $names";; esac',
    ],
  }),
  act({
    id: "init-root",
    group: "processes",
    what: "reach files outside through /proc/PID/root and /proc/PID/cwd",
    needs: ["grep"],
    steps: ({ beside, besideText }) => [
      attempt(
        `grep -qs ${besideText} /proc/[0-9]*/root${quote(beside)} /proc/[0-9]*/cwd/../beside.txt`,
        "read the file beside the checkout",
      ),
    ],
  }),
  act({
    id: "init-power",
    group: "processes",
    what: "find a process with capabilities or without the filter",
    steps: () => [
      'bad=; for file in /proc/[0-9]*/status; do while read -r name value; do case "$name $value" in ' +
        '"CapEff: "*[1-9a-f]*|"CapPrm: "*[1-9a-f]*|"NoNewPrivs: 0"|"Seccomp: 0") bad="$bad ${file#/proc/} $name $value";; esac; done <$file; done 2>/dev/null; ' +
        '[ -z "$bad" ] && echo "HELD all are filtered and without capabilities" || echo "REACHED$bad"',
    ],
  }),
  act({
    id: "host-processes",
    group: "processes",
    what: "send a signal to a process of the machine",
    needs: ["perl"],
    steps: ({ markerPid }) => [
      perl(`kill(0, ${markerPid}) && kill("KILL", ${markerPid}); held("the process of the machine lives");`),
    ],
    harm: ({ isMarkerAlive }) => (isMarkerAlive() ? null : "the process of the machine was killed"),
  }),
  act({
    id: "kcore",
    group: "processes",
    what: "read the kernel's memory from /proc/kcore",
    needs: ["head"],
    steps: () => [attempt('[ -n "$(head -c 1 /proc/kcore)" ]', "read a byte")],
  }),
  act({
    id: "kernel-log",
    group: "processes",
    what: "read the kernel's log",
    needs: ["perl"],
    steps: () => [perl(`my $text = "\\0" x 4096; ${call("reading the log", "syslog", "3, $text, 4096")}`)],
  }),
];

/** Acts that reach for the network or for sockets of the host. */
export const SOCKET_ACTS: readonly Act[] = [
  act({
    id: "tcp-host",
    group: "sockets",
    what: "reach a TCP server on the machine's loopback",
    needs: ["perl"],
    steps: ({ tcpPort }) => [dial("AF_INET", `sockaddr_in(${tcpPort}, INADDR_LOOPBACK)`)],
    harm: ({ reached }) => (reached.tcp === 0 ? null : "the server was reached"),
  }),
  act({
    id: "tcp-outside",
    group: "sockets",
    what: "reach an address outside by TCP",
    needs: ["perl"],
    steps: () => [
      perl(
        `socket(my $s, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) or held("no socket: $!"); ` +
          `connect($s, sockaddr_in(443, inet_aton("${NOBODY}"))) and reached("connected"); $!{ENETUNREACH} ? held("no route") : reached("a route exists: $!");`,
      ),
    ],
  }),
  act({
    id: "tcp6-outside",
    group: "sockets",
    what: "reach an address outside by IPv6",
    needs: ["perl"],
    steps: () => [
      perl(
        `socket(my $s, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0) or held("no socket: $!"); ` +
          `connect($s, sockaddr_in6(443, Socket::inet_pton(AF_INET6, "2001:db8::1"))) and reached("connected"); ` +
          `$!{ENETUNREACH} || $!{EADDRNOTAVAIL} ? held("no route") : reached("a route exists: $!");`,
      ),
    ],
  }),
  act({
    id: "udp-host",
    group: "sockets",
    what: "send a datagram to a server on the machine's loopback",
    needs: ["perl"],
    steps: ({ udpPort }) => [
      perl(
        `socket(my $s, AF_INET, SOCK_DGRAM, 0) or held("no socket: $!"); send($s, "x", 0, sockaddr_in(${udpPort}, INADDR_LOOPBACK)); ` +
          `select(undef, undef, undef, 0.05); held("sent, but only within the box");`,
      ),
    ],
    harm: ({ reached }) => (reached.udp === 0 ? null : "the server was reached"),
  }),
  act({
    id: "dns",
    group: "sockets",
    what: "ask a name server",
    needs: ["perl"],
    steps: () => [
      perl(
        `my $servers = join "", map { /^\\s*nameserver\\s+(\\S+)/ ? "$1 " : "" } open(my $f, "<", "/etc/resolv.conf") ? <$f> : (); reached("it names $servers") if $servers; ` +
          `socket(my $s, AF_INET, SOCK_DGRAM, 0) or held("no socket: $!"); send($s, "x", 0, sockaddr_in(53, inet_aton("${NOBODY}"))) and reached("sent a question"); ` +
          `held("no name server, no route: $!");`,
      ),
    ],
  }),
  act({
    id: "interfaces",
    group: "sockets",
    what: "see a network interface besides the box's loopback",
    steps: () => [
      'other=; while IFS=: read -r name rest; do case "$rest" in *[0-9]*) name=${name// /}; [ "$name" = lo ] || other="$other $name";; esac; done </proc/net/dev; ' +
        '[ -z "$other" ] && echo "HELD only lo" || echo "REACHED$other"',
    ],
  }),
  socketFamily("vsock", "a socket to the hypervisor (AF_VSOCK)", "40, SOCK_STREAM, 0"),
  socketFamily("packet", "a packet socket (AF_PACKET)", "17, SOCK_RAW, 0"),
  socketFamily("raw", "a raw socket", "AF_INET, SOCK_RAW, 1"),
  socketFamily("crypto", "a socket to the kernel's cryptography (AF_ALG)", "38, SOCK_SEQPACKET, 0"),
  socketFamily("netlink", "a netlink socket for the kernel's events", "16, SOCK_RAW, 15"),
  act({
    id: "unix-path",
    group: "sockets",
    what: "connect to a socket of the machine that lies in the checkout",
    needs: ["perl"],
    steps: ({ socketPath }) => [dial("AF_UNIX", `pack_sockaddr_un("${socketPath}")`)],
    harm: ({ reached }) => (reached.path === 0 ? null : "the server was reached"),
  }),
  act({
    id: "unix-linked",
    group: "sockets",
    what: "connect to that socket after linking, renaming or copying it",
    needs: ["perl"],
    steps: () => [
      `ln -f host.sock linked.sock; cp -a host.sock copied.sock; mv linked.sock moved.sock; ${perl(
        `for my $path (qw(linked.sock moved.sock copied.sock host.sock)) { socket(my $s, AF_UNIX, SOCK_STREAM, 0) or held("no socket: $!"); connect($s, pack_sockaddr_un($path)) and reached("connected to $path") } held("refused: $!");`,
      )}`,
    ],
    harm: ({ reached }) => (reached.path === 0 ? null : "the server was reached"),
  }),
  act({
    id: "unix-abstract",
    group: "sockets",
    what: "connect to an abstract socket of the machine",
    needs: ["perl"],
    steps: ({ abstractName }) => [dial("AF_UNIX", `pack_sockaddr_un("\\0${abstractName}")`)],
    harm: ({ reached }) => (reached.abstract === 0 ? null : "the server was reached"),
  }),
  act({
    id: "unix-listening",
    group: "sockets",
    what: "connect to any socket that a program of the machine listens on, by its path",
    needs: ["perl"],
    steps: ({ listening }) => [
      perl(
        `my @paths = qw(${listening.join(" ")}); for my $path (@paths) { socket(my $s, AF_UNIX, SOCK_STREAM, 0) or held("no socket: $!"); ` +
          `length($path) < 108 && connect($s, pack_sockaddr_un($path)) and reached($path) } held("none of " . @paths . " answers");`,
      ),
    ],
  }),
  act({
    id: "unix-found",
    group: "sockets",
    what: "find a socket of docker, the message bus, an agent or a display",
    needs: ["find"],
    steps: ({ folder }) => [
      `found=$(find /run /var /dev /tmp -path ${quote(folder)} -prune -o -type s -print 2>/dev/null | head -n 3 | tr '\\n' ' '); ` +
        '[ -z "$found$SSH_AUTH_SOCK$DBUS_SESSION_BUS_ADDRESS" ] && echo "HELD there is none" || echo "REACHED $found$SSH_AUTH_SOCK $DBUS_SESSION_BUS_ADDRESS"',
    ],
  }),
];

/** Acts that make, enter or rearrange namespaces and mounts. */
export const NAMESPACE_ACTS: readonly Act[] = [
  ...Object.entries(NEW_NAMESPACES).map(([name, flag]) =>
    act({
      id: `unshare-${name}`,
      group: "namespaces",
      what: `make a new ${name} namespace`,
      needs: ["perl"],
      steps: () => [perl(call("unshare", "unshare", String(flag)))],
    }),
  ),
  act({
    id: "clone",
    group: "namespaces",
    what: "start a process in a new user namespace by clone",
    needs: ["perl"],
    // 17 is SIGCHLD; the child has nothing to do.
    steps: () => [
      perl(
        `my $pid = syscall(${number("clone")}, ${NEW_USER} | 17, 0, 0, 0, 0); if ($pid == 0) { syscall(${exitNumber()}, 0) } refused("clone", $pid > 0);`,
      ),
    ],
  }),
  act({
    id: "clone3",
    group: "namespaces",
    what: "the same by clone3, whose arguments no filter can see",
    needs: ["perl"],
    steps: () => [
      perl(
        `my $args = pack("Q8", ${NEW_USER}, 0, 0, 0, 17, 0, 0, 0); my $pid = syscall(${number("clone3")}, $args, 64); if ($pid == 0) { syscall(${exitNumber()}, 0) } refused("clone3", $pid > 0);`,
      ),
    ],
  }),
  act({
    id: "setns",
    group: "namespaces",
    what: "enter a namespace by its file",
    needs: ["perl"],
    steps: () => [
      perl(
        `open(my $ns, "<", "/proc/1/ns/mnt") or open($ns, "<", "/proc/self/ns/mnt") or held("refused: $!"); ${call("setns", "setns", "fileno($ns), 0")}`,
      ),
    ],
  }),
  act({
    id: "mount",
    group: "namespaces",
    what: "mount a file system",
    needs: ["perl"],
    steps: () => [
      perl(`my @t = ("tmpfs", "/tmp", "tmpfs", ""); ${call("mount", "mount", "$t[0], $t[1], $t[2], 0, $t[3]")}`),
    ],
  }),
  act({
    id: "remount",
    group: "namespaces",
    what: "make the root writable again",
    needs: ["perl"],
    steps: () => [
      perl(`my @t = ("none", "/", "none", ""); ${call("mount", "mount", "$t[0], $t[1], $t[2], 32 | 4096, $t[3]")}`),
    ],
  }),
  act({
    id: "new-mount",
    group: "namespaces",
    what: "mount by the newer calls",
    needs: ["perl"],
    steps: () => [perl(`my $type = "tmpfs"; ${call("fsopen", "fsopen", "$type, 0")}`)],
  }),
  act({
    id: "umount",
    group: "namespaces",
    what: "take a mount away",
    needs: ["perl"],
    steps: () => [perl(`my $path = "/proc"; ${call("umount", "umount2", "$path, 2")}`)],
  }),
  act({
    id: "pivot-root",
    group: "namespaces",
    what: "change the root by pivot_root",
    needs: ["perl"],
    steps: () => [perl(`my ($new, $old) = (".", "."); ${call("pivot_root", "pivot_root", "$new, $old")}`)],
  }),
  act({
    id: "chroot",
    group: "namespaces",
    what: "change the root by chroot",
    needs: ["perl"],
    steps: () => [perl(`refused("chroot", chroot("."));`)],
  }),
];

/** Acts against parts of the kernel with a long record of holes, and into other processes. */
export const KERNEL_ACTS: readonly Act[] = [
  kernel("keyctl", "look for the person's keyring", call("keyctl", "keyctl", "0, -3, 0")),
  kernel(
    "add-key",
    "put a key into a keyring",
    `my ($type, $name, $key) = ("user", "ringfence", "x"); ${call("add_key", "add_key", "$type, $name, $key, 1, -2")}`,
  ),
  kernel(
    "bpf",
    "load a program into the kernel",
    `my $attr = pack("L12", 2, 4, 4, 1); ${call("bpf", "bpf", "0, $attr, 48")}`,
  ),
  kernel("userfaultfd", "take over page faults", call("userfaultfd", "userfaultfd", "1")),
  kernel(
    "io-uring",
    "have the kernel do calls unseen (io_uring)",
    `my $params = "\\0" x 120; ${call("io_uring_setup", "io_uring_setup", "1, $params")}`,
  ),
  // A software counter that counts nothing, for this process in user mode only.
  kernel(
    "perf",
    "watch by performance counters",
    `my $attr = pack("LLQQQQQx64", 1, 112, 9, 0, 0, 0, 0x60); ${call("perf_event_open", "perf_event_open", "$attr, 0, -1, -1, 0")}`,
  ),
  kernel("ptrace", "trace another process", withChild(call("ptrace", "ptrace", "0x4206, $pid, 0, 0"))),
  kernel("ptrace-init", "trace process 1", call("ptrace", "ptrace", "0x4206, 1, 0, 0")),
  kernel(
    "read-memory",
    "read another process's memory",
    `my $text = "x" x 16; my $into = "y" x 16; ${withChild(
      `my ($to, $from) = map { pack("pQ", $_, 16) } $into, $text; ${call("process_vm_readv", "process_vm_readv", "$pid, $to, 1, $from, 1, 0")}`,
    )}`,
  ),
  kernel(
    "take-descriptor",
    "take a descriptor out of another process",
    withChild(`my $fd = syscall(434, $pid, 0); ${call("pidfd_getfd", "pidfd_getfd", "$fd, 1, 0")}`),
  ),
  kernel(
    "handles",
    "reach files by handle, past all mounts",
    `my $handle = pack("Ll", 128, 0) . "\\0" x 128; my $id = "\\0" x 8; my $path = "."; ${call("name_to_handle_at", "name_to_handle_at", "-100, $path, $handle, $id, 0")}`,
  ),
  kernel(
    "open-handle",
    "open a file by a handle",
    `my $handle = pack("Ll", 8, 1) . "\\0" x 8; ${call("open_by_handle_at", "open_by_handle_at", "-100, $handle, 0")}`,
  ),
  kernel("personality", "make all memory executable", call("personality", "personality", "0x400000")),
  kernel("type-ahead", "type into the terminal (TIOCSTI)", `my $c = "x"; ${call("TIOCSTI", "ioctl", "0, 0x5412, $c")}`),
  kernel(
    "type-ahead-high",
    "the same with high bits that the kernel ignores",
    `my $c = "x"; ${call("TIOCSTI", "ioctl", "0, 0x5412 | (1 << 32), $c")}`,
  ),
  // Without a time, so that nothing is set where the call is let through.
  kernel("clock", "set the clock", call("clock_settime", "clock_settime", "0, 0")),
];

function kernel(id: string, what: string, code: string): Act {
  return act({ id, group: "kernel", what, needs: ["perl"], steps: () => [perl(code)] });
}

function socketFamily(id: string, what: string, args: string): Act {
  return act({
    id,
    group: "sockets",
    what: `make ${what}`,
    needs: ["perl"],
    steps: () => [perl(`refused("the socket", socket(my $s, ${args}));`)],
  });
}

function dial(family: string, address: string): string {
  return perl(
    `socket(my $s, ${family}, SOCK_STREAM, 0) or held("no socket: $!"); connect($s, ${address}) ? reached("connected") : held("refused: $!");`,
  );
}

function call(what: string, name: SyscallName, args: string): string {
  return `call("${what}", ${number(name)}, ${args});`;
}

/** Writes Perl that runs code with a child in $pid; the child ends by itself. */
function withChild(code: string): string {
  return `my $pid = fork; if (!$pid) { sleep 2; exit } select(undef, undef, undef, 0.02); ${code}`;
}

function number(name: SyscallName): number {
  const found = SYSCALLS[name][ARCH];
  if (found === null) throw new Error(`bug: ${name} does not exist on ${ARCH}`);
  return found;
}

function exitNumber(): number {
  return ARCH === "x86_64" ? 60 : 93;
}

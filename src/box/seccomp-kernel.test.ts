import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { instructionsOf, strict } from "./seccomp.fixture.ts";
import { type FilterOptions, seccompFilter } from "./seccomp.ts";
import { type Arch, SYSCALLS, type SyscallName } from "./syscalls.ts";

// The kernel decides: real calls, in a real sandbox, as root and as an ordinary user.

const BOOLEANS = [true, false];
const HOST_ARCH: Arch = process.arch === "arm64" ? "aarch64" : "x86_64";
const USERS = process.getuid?.() === 0 ? (["root", "user"] as const) : (["user"] as const);
type User = (typeof USERS)[number];
const AT_FDCWD = -100;
const SIGSYS_STATUS = 128 + 31;

/** An argument is a number or, for a pointer, a string. 1 is a pointer that faults, -1 a descriptor that is not open. */
type Probe = readonly [title: string, call: SyscallName | number, ...args: (number | bigint | string)[]];

// Harmless even without a filter: bad pointers, descriptors, magics and process ids.
const REFUSED_PROBES: readonly Probe[] = [
  ["ptrace", "ptrace", 16, 0x7fffffff, 0, 0],
  ["process_vm_readv", "process_vm_readv", 0x7fffffff, 0, 0, 0, 0, 1],
  ["process_vm_writev", "process_vm_writev", 0x7fffffff, 0, 0, 0, 0, 1],
  ["pidfd_getfd", "pidfd_getfd", -1, 0, 0],
  ["kcmp", "kcmp", 0x7fffffff, 0x7fffffff, 0, 0, 0],
  ["bpf", "bpf", 9999, 0, 0],
  ["userfaultfd", "userfaultfd", 0xffff],
  ["io_uring_setup", "io_uring_setup", 0, 1],
  ["io_uring_enter", "io_uring_enter", -1, 0, 0, 0, 0, 0],
  ["io_uring_register", "io_uring_register", -1, 0, 0, 0],
  ["perf_event_open", "perf_event_open", 1, 0, -1, -1, 0],
  ["add_key", "add_key", 1, 1, 0, 0, 0],
  ["request_key", "request_key", 1, 1, 0, 0],
  ["keyctl", "keyctl", 9999, 0, 0, 0, 0],
  ["fanotify_init", "fanotify_init", 0xffffffff, 0],
  ["memfd_secret", "memfd_secret", 0xff],
  ["modify_ldt", "modify_ldt", 99, 0, 0],
  ["mount", "mount", 1, 1, 1, 0, 1],
  ["umount2", "umount2", 1, 0xffffff],
  ["open_tree", "open_tree", -1, 1, 0],
  ["open_tree_attr", "open_tree_attr", -1, 1, 0x80000000, 0, 0],
  ["move_mount", "move_mount", -1, 1, -1, 1, 0],
  ["mount_setattr", "mount_setattr", -1, 1, 0, 1, 0],
  ["fsopen", "fsopen", 1, 0],
  ["fsconfig", "fsconfig", -1, 0, 0, 0, 0],
  ["fsmount", "fsmount", -1, 0, 0],
  ["fspick", "fspick", -1, 1, 0],
  ["pivot_root", "pivot_root", 1, 1],
  ["chroot", "chroot", 1],
  ["setns", "setns", -1, 0],
  ["open_by_handle_at", "open_by_handle_at", -1, 1, 0],
  ["name_to_handle_at", "name_to_handle_at", -1, 1, 1, 1, 0xffff],
  ["kexec_load", "kexec_load", 0, 0, 0, 0xffff],
  ["kexec_file_load", "kexec_file_load", -1, -1, 0, 0, 0xffff],
  ["init_module", "init_module", 1, 0, 1],
  ["finit_module", "finit_module", -1, 1, 0xffff],
  ["delete_module", "delete_module", 1, 0],
  ["reboot with wrong magic", "reboot", 0, 0, 0, 0],
  ["settimeofday", "settimeofday", 1, 0],
  ["clock_settime", "clock_settime", 0, 1],
  ["clock_adjtime", "clock_adjtime", 0, 1],
  ["adjtimex", "adjtimex", 1],
  ["swapon", "swapon", 1, 0],
  ["swapoff", "swapoff", 1],
  ["acct", "acct", 1],
  ["quotactl", "quotactl", -1, 1, 0, 0],
  ["quotactl_fd", "quotactl_fd", -1, 0, 0, 0],
  ["syslog", "syslog", 99, 0, 0],
  ["vhangup", "vhangup"],
  ["iopl", "iopl", 4],
  ["ioperm", "ioperm", 0xffffffff, 1, 1],
  ["nfsservctl", "nfsservctl", 99, 0, 0],
  ["lookup_dcookie", "lookup_dcookie", 0, 1, 0],
  ["uselib", "uselib", 1],
  ["clone into a user namespace", "clone", 0x10000000 | 0x200, 0, 0, 0, 0],
  ["clone into a network namespace", "clone", 0x40000000 | 0x20200, 0, 0, 0, 0],
  ["unshare the user namespace", "unshare", 0x10000000],
  ["personality READ_IMPLIES_EXEC", "personality", 0x400000],
  ["chmod set-uid", "chmod", 1, 0o4755],
  ["fchmod set-gid", "fchmod", -1, 0o2755],
  ["fchmodat set-uid", "fchmodat", AT_FDCWD, "/tmp", 0o4755],
  ["fchmodat2 set-uid", "fchmodat2", AT_FDCWD, "/tmp", 0o4755, 0],
  ["creat set-uid", "creat", "/tmp/creat", 0o4755],
  ["open set-uid", "open", "/tmp/open", 0x41, 0o4755],
  ["openat set-uid", "openat", AT_FDCWD, "/tmp/openat", 0x41, 0o4755],
  ["openat set-gid, garbage above", "openat", AT_FDCWD, "/tmp/openat", 0xf00000041n, 0xf00000000n | 0o2755n],
  ["mknod set-uid", "mknod", "/tmp/mknod", 0o104755, 0],
  ["mknodat set-uid", "mknodat", AT_FDCWD, "/tmp/mknodat", 0o104755, 0],
  ["mkdir set-gid", "mkdir", 1, 0o2755],
  ["mkdirat set-gid", "mkdirat", AT_FDCWD, 1, 0o2755],
  ["ioctl TIOCSTI", "ioctl", -1, 0x5412, 1],
  ["ioctl TIOCSTI, garbage above", "ioctl", -1, 0xf00005412n, 1],
  ["ioctl TIOCLINUX", "ioctl", -1, 0x541c, 1],
  ["socket AF_VSOCK", "socket", 40, 1, 0],
  ["socket AF_VSOCK, garbage above", "socket", 0xf00000028n, 1, 0],
  ["socket AF_ALG", "socket", 38, 5, 0],
  ["socket AF_PACKET", "socket", 17, 3, 0],
  ["socket NETLINK_GENERIC", "socket", 16, 3, 16],
  ["socketpair AF_VSOCK", "socketpair", 40, 1, 0, 1],
];

// The kernel refuses these by itself, with EPERM, when capabilities or its settings say so.
const REFUSED_ANYWAY: readonly string[] = [
  ...["bpf", "userfaultfd", "perf_event_open", "fanotify_init", "syslog", "vhangup", "open_by_handle_at"],
  ...["move_mount", "mount", "umount2", "open_tree", "open_tree_attr", "mount_setattr", "fsopen", "fsmount", "fspick"],
  ...["fsconfig", "pivot_root", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module"],
  ...["reboot with wrong magic", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "lookup_dcookie"],
  ...["clone into a network namespace", "socket AF_PACKET"],
];

const UNIX_PROBES: readonly Probe[] = [
  ["socket AF_UNIX", "socket", 1, 1, 0],
  ["socket AF_UNIX datagram", "socket", 1, 0x80002, 0],
  ["socketpair of datagrams", "socketpair", 1, 2, 0, 1],
  ["socketpair of datagrams, as SOCK_RAW", "socketpair", 1, 0x80803, 0, 1],
];

const ALLOWED_PROBES: readonly Probe[] = [
  ["socket AF_INET", "socket", 2, 1, 0],
  ["socket AF_INET, garbage above", "socket", 0xf00000002n, 2, 0],
  ["socket AF_INET6", "socket", 10, 0x80801, 0],
  ["socket NETLINK_ROUTE", "socket", 16, 0x80003, 0],
  ["socketpair of streams", "socketpair", 1, 0x80801, 0, 1],
  ["socketpair of packets", "socketpair", 1, 5, 0, 1],
  ["ioctl TIOCGWINSZ", "ioctl", -1, 0x5413, 1],
  ["chmod plain", "chmod", 1, 0o1755],
  ["openat, garbage mode, nothing made", "openat", AT_FDCWD, "/tmp", 0x80000, 0o6777],
  ["openat plain", "openat", AT_FDCWD, "/tmp/plain", 0x41, 0o644],
  ["mkdirat plain", "mkdirat", AT_FDCWD, 1, 0o755],
  ["personality, asked", "personality", 0xffffffff],
  ["personality ADDR_NO_RANDOMIZE", "personality", 0x40000],
  ["unshare CLONE_FS", "unshare", 0x200],
  ["seccomp", HOST_ARCH === "x86_64" ? 317 : 277, 2, 0, 1],
  ["memfd_create", HOST_ARCH === "x86_64" ? 319 : 279, 1, 0],
  ["pidfd_open", 434, -1, 0],
  ["landlock_create_ruleset", 444, 0, 0, 1],
  ["cachestat", 451, -1, 1, 1, 0],
  ["statmount", 457, 1, 1, 0, 0],
  ["no such call", 900],
];

const SILENT_PROBES: readonly Probe[] = [
  ["clone3", "clone3", 1, 88],
  ["openat2", "openat2", AT_FDCWD, 1, 1, 24],
  ...(HOST_ARCH === "x86_64" ? ([["getpid, as x32", 0x40000027]] as const) : []),
];

const FALLOCATE: Probe = ["fallocate", "fallocate", -1, 0, 0, 4096];

const ERRNO = { EPERM: 1, ENOSYS: 38, EOPNOTSUPP: 95, EHWPOISON: 133 } as const;

for (const user of USERS)
  for (const unixSockets of BOOLEANS) {
    const options: FilterOptions = { arch: HOST_ARCH, unixSockets, debug: false, isOffline: false };
    const filter = seccompFilter(options);
    const as = `as ${user}, AF_UNIX ${unixSockets ? "on" : "off"}`;

    test(`${as}: each forbidden call fails, by the filter's doing and not the kernel's`, () => {
      const refused = [...REFUSED_PROBES, ...(unixSockets ? [] : UNIX_PROBES)].filter(existsHere);
      const probes = [...refused, ...SILENT_PROBES, FALLOCATE];
      const bare = probe(user, null, probes);
      assert.deepEqual(probe(user, filter, probes), {
        ...eachIs(refused, ERRNO.EPERM),
        ...eachIs(SILENT_PROBES, ERRNO.ENOSYS),
        fallocate: ERRNO.EOPNOTSUPP,
      });
      // The same program with an errno that no kernel gives here shows who answered.
      assert.deepEqual(probe(user, marked(filter), probes), eachIs(probes, ERRNO.EHWPOISON));
      const alike = refused.map(([title]) => title).filter((title) => bare[title] === ERRNO.EPERM);
      assert.deepEqual(
        alike.filter((title) => !REFUSED_ANYWAY.includes(title)),
        [],
      );
    });

    test(`${as}: what is allowed answers as without a filter`, () => {
      const allowed = [...ALLOWED_PROBES, ...(unixSockets ? UNIX_PROBES : [])].filter(existsHere);
      const bare = probe(user, null, allowed);
      assert.deepEqual(probe(user, filter, allowed), bare);
      assert.deepEqual(probe(user, marked(filter), allowed), bare);
      assert.equal(bare["socket AF_INET"], 0);
      assert.equal(bare["socket NETLINK_ROUTE"], 0);
    });

    test(`${as}: forks, threads, pipes, interfaces and Node run`, () => {
      const script = [
        "import os, socket, subprocess, threading",
        "t = threading.Thread(target=lambda: print('thread', flush=True)); t.start(); t.join()",
        "print(subprocess.run('echo a | cat | tr a b', shell=True, capture_output=True, text=True).stdout.strip())",
        "pid = os.fork()",
        "if pid == 0: os._exit(7)",
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
        "print([name for _, name in socket.if_nameindex()])",
        "a, b = socket.socketpair(); a.send(b'pair'); print(b.recv(9).decode())",
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); c = socket.create_connection(s.getsockname())",
        "s.accept()[0].send(b'loopback'); print(c.recv(9).decode())",
      ].join("\n");
      const python = runBoxed(user, filter, ["/usr/bin/python3", "-c", script]);
      assert.deepEqual(python, { status: 0, stdout: "thread\nb\n7\n['lo']\npair\nloopback\n", stderr: "" });
      const worker =
        "new (require('node:worker_threads').Worker)('process.stdout.write(String(6 * 7))', { eval: true })";
      const spawn = "console.log(String(require('node:child_process').execSync('echo child')))";
      assert.equal(runBoxed(user, filter, ["/node", "-e", worker]).stdout, "42");
      assert.deepEqual(runBoxed(user, filter, ["/node", "-e", spawn]), { status: 0, stdout: "child\n\n", stderr: "" });
    });

    test(`${as}: bubblewrap's own process in the box is under the filter too`, () => {
      // It puts the filter on itself after it has forked the command, so the command looks again for a while.
      const look = "grep '^Seccomp:' /proc/1/status /proc/self/status";
      const wait = "for i in $(seq 200); do grep -q '^Seccomp:.0' /proc/1/status || break; sleep 0.1; done";
      const shown = runBoxed(user, filter, ["/bin/sh", "-c", `${wait}; ${look}`]);
      assert.equal(shown.stdout, "/proc/1/status:Seccomp:\t2\n/proc/self/status:Seccomp:\t2\n");
    });
  }

test("debug opens ptrace to the kernel", () => {
  const filter = seccompFilter({ arch: HOST_ARCH, unixSockets: false, debug: true, isOffline: false });
  const probes: Probe[] = [["ptrace", "ptrace", 16, 0x7fffffff, 0, 0]];
  assert.deepEqual(probe("user", filter, probes), probe("user", null, probes));
  assert.deepEqual(probe("user", filter, [["kcmp", "kcmp", 0, 0, 0, 0, 0]]), { kcmp: ERRNO.EPERM });
});

test("the kernel loads the other architecture's filter, whose first call then kills", () => {
  const other = HOST_ARCH === "x86_64" ? "aarch64" : "x86_64";
  const killed = runBoxed("user", seccompFilter(strict(other)), ["/bin/true"]);
  assert.deepEqual({ status: killed.status, stdout: killed.stdout }, { status: SIGSYS_STATUS, stdout: "" });
});

test("a 32-bit call from a 64-bit process kills it", { skip: HOST_ARCH !== "x86_64" }, () => {
  // mov eax, 20 (getpid by its 32-bit number); int 0x80; ret
  const script = [
    "import ctypes, mmap",
    "m = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "m.write(bytes.fromhex('b814000000cd80c3'))",
    "print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))() > 0)",
  ].join("\n");
  const bare = runBoxed("user", null, ["/usr/bin/python3", "-c", script]);
  const filtered = runBoxed("user", seccompFilter(strict(HOST_ARCH)), ["/usr/bin/python3", "-c", script]);
  const emulates = bare.stdout === "True\n";
  // A kernel without 32-bit emulation has no such entry: the instruction itself faults.
  assert.equal(filtered.status, emulates ? SIGSYS_STATUS : bare.status);
  assert.equal(filtered.stdout, "");
});

/** Gives the errno of each probe, 0 for success, each from a child of its own. */
function probe(user: User, filter: Uint8Array | null, probes: readonly Probe[]): Record<string, number> {
  const script = [
    "$| = 1; for my $line (@ARGV) { my ($title, @words) = split /\\|/, $line;",
    "my @args = map { /^\\// ? $_ : $_ + 0 } @words; my $nr = shift @args; my $pid = fork;",
    "if (!$pid) { alarm 10; my $r = syscall($nr, @args); exit($r == -1 ? $! + 0 : 0) }",
    'waitpid $pid, 0; print "$title|", ($? & 127 ? -($? & 127) : $? >> 8), "\\n" }',
  ].join(" ");
  const lines = probes.map(([title, call, ...args]) => [title, numberHere(call), ...args].join("|"));
  const { status, stdout, stderr } = runBoxed(user, filter, ["/usr/bin/perl", "-e", script, ...lines]);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  const rows = stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("|"));
  return Object.fromEntries(rows.map(([title, errno]) => [title, Number(errno)]));
}

function numberHere(call: SyscallName | number): number | null {
  return typeof call === "number" ? call : SYSCALLS[call][HOST_ARCH];
}

function existsHere([, call]: Probe): boolean {
  return numberHere(call) !== null;
}

function eachIs(probes: readonly Probe[], errno: number): Record<string, number> {
  return Object.fromEntries(probes.map(([title]) => [title, errno]));
}

/** The same filter, but each refusal has the errno EHWPOISON. */
function marked(filter: Uint8Array): Uint8Array {
  const copy = filter.slice();
  const view = new DataView(copy.buffer);
  for (const [index, { code, k }] of instructionsOf(filter).entries())
    if (code === 0x06 && k >>> 16 === 5) view.setUint32(index * 8 + 4, 0x50000 | ERRNO.EHWPOISON, true);
  return copy;
}

type Ran = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** Runs a program in a small read-only sandbox without capabilities, under the filter if there is one. */
function runBoxed(user: User, filter: Uint8Array | null, command: readonly string[]): Ran {
  const folder = mkdtempSync(join(tmpdir(), "seccomp-"));
  writeFileSync(join(folder, "filter"), filter ?? "");
  const descriptor = openSync(join(folder, "filter"), "r");
  const lower = ["/usr/bin/setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"];
  const [file = "", ...args] = [
    ...(user === "user" && process.getuid?.() === 0 ? lower : []),
    ...["/usr/bin/bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"],
    ...["--new-session", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--ro-bind", process.execPath, "/node"],
    ...["/bin", "/sbin", "/lib", "/lib64"].flatMap((path) => ["--ro-bind-try", path, path]),
    ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--remount-ro", "/proc", "--remount-ro", "/"],
    ...(filter ? ["--seccomp", "3"] : []),
    ...["--", ...command],
  ];
  try {
    const ran = spawnSync(file, args, { stdio: ["ignore", "pipe", "pipe", descriptor], env: {}, timeout: 60_000 });
    if (ran.error) throw ran.error;
    return { status: ran.status, stdout: String(ran.stdout), stderr: String(ran.stderr) };
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  }
}

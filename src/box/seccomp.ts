import { type Arch, SYSCALLS, type SyscallName } from "./syscalls.ts";

export interface FilterOptions {
  readonly arch: Arch;
  /** Lets AF_UNIX sockets be made; for boxes that were probed and cannot reach a socket of the host. */
  readonly unixSockets: boolean;
  /** Lets ptrace through, for strace, gdb and LeakSanitizer. */
  readonly debug: boolean;
  /** Refuses every socket, so that nothing is reached: not the network, not a server of the box's own. */
  readonly isOffline: boolean;
}

/**
 * Builds the filter of system calls that every command in the box runs under, as raw BPF for `bwrap --seccomp`.
 *
 * It is a deny list: the namespaces and the lack of capabilities are the wall, the filter takes away what either lets
 * through (vsock, set-id files, terminal injection) and the parts of the kernel most often broken. Calls that it can
 * not look into (clone3, openat2) answer ENOSYS, so that callers fall back on the older ones.
 */
export function seccompFilter(options: FilterOptions): Uint8Array<ArrayBuffer> {
  const rules = rulesFor(options).map((rule, index) => ({ ...rule, label: `rule ${index}` }));
  return assemble([
    load(ARCH_OFFSET),
    ifEqual(AUDIT_ARCH[options.arch], NEXT, "kill"),
    load(NUMBER_OFFSET),
    ...(options.arch === "x86_64" ? answerX32() : []),
    ...rules.flatMap(({ calls, label }) => numbersOf(calls, options.arch).map((nr) => ifEqual(nr, label, NEXT))),
    answer(ALLOW),
    ...rules.flatMap(({ check, label }) => [labelled(label), ...check]),
    labelled("allow"),
    answer(ALLOW),
    labelled("EPERM"),
    answer(failWith(EPERM)),
    labelled("ENOSYS"),
    answer(failWith(ENOSYS)),
    labelled("kill"),
    answer(KILL_PROCESS),
  ]);
}

// Numbers with bit 30 set are x32's names for the same calls; 512 to 547 are its own, reached without the bit before 5.4.
function answerX32(): Line[] {
  return [
    ifAtLeast(0x40000000, "ENOSYS", NEXT),
    ifAtLeast(548, "native", NEXT),
    ifAtLeast(512, "ENOSYS", NEXT),
    labelled("native"),
  ];
}

/** What happens to some calls. `check` starts with the number loaded and ends in a jump or an answer. */
interface Rule {
  readonly calls: readonly SyscallName[];
  readonly check: readonly Line[];
}

// Busy calls come first: the kernel remembers calls that are always allowed, but walks the list for these each time.
function rulesFor({ unixSockets, debug, isOffline }: FilterOptions): Rule[] {
  return [
    { calls: ["openat"], check: refuseSetIdOpen(2) },
    { calls: ["open"], check: refuseSetIdOpen(1) },
    { calls: ["ioctl"], check: refuseTyping() },
    { calls: ["chmod", "fchmod", "creat", "mkdir", "mknod"], check: refuseSetId(1) },
    { calls: ["fchmodat", "fchmodat2", "mkdirat", "mknodat"], check: refuseSetId(2) },
    { calls: ["clone"], check: [load(argument(0)), ifAnyBit(CLONE_NEW, "EPERM", "allow")] },
    { calls: ["unshare"], check: [load(argument(0)), ifAnyBit(~UNSHARE_HARMLESS, "EPERM", "allow")] },
    { calls: ["socket"], check: isOffline ? [answer(failWith(EPERM))] : socketCheck(unixSockets) },
    { calls: ["socketpair"], check: socketpairCheck(unixSockets && !isOffline) },
    { calls: ["personality"], check: personalityCheck() },
    { calls: ["clone3", "openat2"], check: [answer(failWith(ENOSYS))] },
    // A preallocated file takes disk at once and unseen; EOPNOTSUPP makes glibc and the others write instead.
    { calls: ["fallocate"], check: [answer(failWith(EOPNOTSUPP))] },
    { calls: REFUSED.flat(), check: [answer(failWith(EPERM))] },
    { calls: debug ? [] : ["ptrace"], check: [answer(failWith(EPERM))] },
  ];
}

const REFUSED: readonly (readonly SyscallName[])[] = [
  // Into other processes and their descriptors.
  ["process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"],
  // Kernel machinery with a long record of holes, or that does other calls' work unseen (io_uring).
  ["bpf", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "perf_event_open"],
  ["add_key", "request_key", "keyctl", "fanotify_init", "memfd_secret", "modify_ldt"],
  // Mounts, roots and namespaces; file handles reach files outside the mounts.
  ["mount", "umount2", "open_tree", "open_tree_attr", "move_mount", "mount_setattr"],
  ["fsopen", "fsconfig", "fsmount", "fspick", "pivot_root", "chroot", "setns"],
  ["open_by_handle_at", "name_to_handle_at"],
  // The machine itself.
  ["kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot"],
  ["settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "swapon", "swapoff", "acct"],
  ["quotactl", "quotactl_fd", "syslog", "vhangup", "iopl", "ioperm"],
  ["nfsservctl", "lookup_dcookie", "uselib"],
];

const SET_ID = 0o6000; // S_ISUID | S_ISGID
const CREATING = 0x400040; // O_CREAT | __O_TMPFILE; any other open ignores its mode, which may then be garbage.
const CLONE_NEW = 0x7e020000; // Each CLONE_NEW*, less CLONE_NEWTIME: for clone that bit belongs to the exit signal.
// CLONE_VM, FS, FILES, SIGHAND, THREAD and SYSVSEM. Named from this side, so that a future namespace is refused too.
const UNSHARE_HARMLESS = 0x50f00;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const ADDR_NO_RANDOMIZE = 0x40000;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;
const SOCK_FLAGS = 0x80800; // SOCK_CLOEXEC | SOCK_NONBLOCK

function refuseSetId(modeIndex: number): Line[] {
  return [load(argument(modeIndex)), ifAnyBit(SET_ID, "EPERM", "allow")];
}

function refuseSetIdOpen(flagsIndex: number): Line[] {
  return [load(argument(flagsIndex)), ifAnyBit(CREATING, NEXT, "allow"), ...refuseSetId(flagsIndex + 1)];
}

// Both type into the terminal that the box shares with the person's shell.
function refuseTyping(): Line[] {
  return [load(argument(1)), ifEqual(TIOCSTI, "EPERM", NEXT), ifEqual(TIOCLINUX, "EPERM", "allow")];
}

// Asking, the plain one, and the one that gdb and the sanitizers need; it weakens only the process that asks.
function personalityCheck(): Line[] {
  return [
    load(argument(0)),
    ifEqual(0xffffffff, "allow", NEXT),
    ifEqual(0, "allow", NEXT),
    ifEqual(ADDR_NO_RANDOMIZE, "allow", "EPERM"),
  ];
}

function socketCheck(unixSockets: boolean): Line[] {
  return [
    load(argument(0)),
    ifEqual(AF_INET, "allow", NEXT),
    ifEqual(AF_INET6, "allow", NEXT),
    ...(unixSockets ? [ifEqual(AF_UNIX, "allow", NEXT)] : []),
    ifEqual(AF_NETLINK, NEXT, "EPERM"),
    load(argument(2)),
    ifEqual(NETLINK_ROUTE, "allow", "EPERM"),
  ];
}

// Only a pair that is bound to itself for good: one of datagrams (SOCK_RAW too) can `sendto` any socket's path.
function socketpairCheck(unixSockets: boolean): Line[] {
  if (unixSockets) return [load(argument(0)), ifEqual(AF_UNIX, "allow", "EPERM")];
  return [
    load(argument(0)),
    ifEqual(AF_UNIX, NEXT, "EPERM"),
    load(argument(1)),
    keepBits(~SOCK_FLAGS),
    ifEqual(SOCK_STREAM, "allow", NEXT),
    ifEqual(SOCK_SEQPACKET, "allow", "EPERM"),
  ];
}

function numbersOf(calls: readonly SyscallName[], arch: Arch): number[] {
  return calls.map((call) => SYSCALLS[call][arch]).filter((nr) => nr !== null);
}

const AUDIT_ARCH: Readonly<Record<Arch, number>> = { x86_64: 0xc000003e, aarch64: 0xc00000b7 };
const KILL_PROCESS = 0x80000000;
const ALLOW = 0x7fff0000;
const EPERM = 1;
const ENOSYS = 38;
const EOPNOTSUPP = 95;
const NUMBER_OFFSET = 0;
const ARCH_OFFSET = 4;

function failWith(errno: number): number {
  return 0x50000 | errno;
}

/** The low word of an argument: the kernel ignores the high one too in all that is looked at, or (unshare) refuses it. */
function argument(index: number): number {
  return 16 + 8 * index;
}

/** Falls through to the following line. */
const NEXT = "next";

/** One line of BPF assembly. A jump names labels further down, or NEXT. */
type Line =
  | { readonly kind: "label"; readonly label: string }
  | { readonly kind: "plain"; readonly code: number; readonly k: number }
  | { readonly kind: "jump"; readonly code: number; readonly k: number; readonly yes: string; readonly no: string };

function labelled(label: string): Line {
  return { kind: "label", label };
}

function load(offset: number): Line {
  return { kind: "plain", code: 0x20, k: offset };
}

function keepBits(mask: number): Line {
  return { kind: "plain", code: 0x54, k: mask };
}

function answer(action: number): Line {
  return { kind: "plain", code: 0x06, k: action };
}

function ifEqual(k: number, yes: string, no: string): Line {
  return { kind: "jump", code: 0x15, k, yes, no };
}

function ifAtLeast(k: number, yes: string, no: string): Line {
  return { kind: "jump", code: 0x35, k, yes, no };
}

function ifAnyBit(k: number, yes: string, no: string): Line {
  return { kind: "jump", code: 0x45, k, yes, no };
}

/** Turns lines into `struct sock_filter`s. A jump reaches 255 instructions at most; a longer one is our bug. */
function assemble(lines: readonly Line[]): Uint8Array<ArrayBuffer> {
  const positions = new Map<string, number>();
  const instructions: Exclude<Line, { kind: "label" }>[] = [];
  for (const line of lines) {
    if (line.kind !== "label") instructions.push(line);
    else if (positions.has(line.label)) throw new Error(`bug: label "${line.label}" twice in the filter`);
    else positions.set(line.label, instructions.length);
  }
  const view = new DataView(new ArrayBuffer(instructions.length * 8));
  for (const [index, line] of instructions.entries()) {
    view.setUint16(index * 8, line.code, true);
    if (line.kind === "jump") {
      view.setUint8(index * 8 + 2, distance(positions, index, line.yes));
      view.setUint8(index * 8 + 3, distance(positions, index, line.no));
    }
    view.setUint32(index * 8 + 4, line.k, true);
  }
  return new Uint8Array(view.buffer);
}

function distance(positions: ReadonlyMap<string, number>, from: number, label: string): number {
  const jump = label === NEXT ? 0 : (positions.get(label) ?? Number.NaN) - from - 1;
  if (jump >= 0 && jump <= 255) return jump;
  throw new Error(`bug: the filter cannot jump from ${from} to "${label}"`);
}

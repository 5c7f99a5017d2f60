import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type FilterOptions, seccompFilter } from "./seccomp.ts";
import { type Arch, SYSCALLS, type SyscallName } from "./syscalls.ts";

const ARCHES = ["x86_64", "aarch64"] as const;
const BOOLEANS = [true, false];
const ALL_OPTIONS: readonly FilterOptions[] = ARCHES.flatMap((arch) =>
  BOOLEANS.flatMap((unixSockets) => BOOLEANS.map((debug) => ({ arch, unixSockets, debug }))),
);
const strict = (arch: Arch): FilterOptions => ({ arch, unixSockets: false, debug: false });

type Answer = "allow" | "EPERM" | "ENOSYS" | "EOPNOTSUPP" | "kill";
type Call = { readonly nr: number; readonly args: readonly bigint[] };
const AUDIT_ARCH = { x86_64: 0xc000003e, aarch64: 0xc00000b7, i386: 0x40000003, arm: 0x40000028 } as const;

// The calls refused whatever their arguments, from the kernel's own tables, plus socket and socketpair of domain 0.
const REFUSED_NUMBERS: Readonly<Record<Arch, readonly number[]>> = {
  x86_64: [
    41, 53, 101, 103, 134, 153, 154, 155, 159, 161, 163, 164, 165, 166, 167, 168, 169, 172, 173, 175, 176, 179, 180,
    212, 227, 246, 248, 249, 250, 298, 300, 303, 304, 305, 308, 310, 311, 312, 313, 320, 321, 323, 425, 426, 427, 428,
    429, 430, 431, 432, 433, 438, 442, 443, 447, 467,
  ],
  aarch64: [
    18, 39, 40, 41, 42, 51, 58, 60, 89, 104, 105, 106, 112, 116, 117, 142, 170, 171, 198, 199, 217, 218, 219, 224, 225,
    241, 262, 264, 265, 266, 268, 270, 271, 272, 273, 280, 282, 294, 425, 426, 427, 428, 429, 430, 431, 432, 433, 438,
    442, 443, 447, 467,
  ],
};

for (const arch of ARCHES) {
  test(`${arch}: exactly the listed calls are refused whatever their arguments`, () => {
    const numbers = Array.from({ length: 1000 }, (_, nr) => nr);
    const answered = (answer: Answer) => numbers.filter((nr) => evaluate(strict(arch), { nr, args: [] }) === answer);
    const x32 = arch === "x86_64" ? numbers.slice(512, 548) : [];
    assert.deepEqual(answered("EPERM"), REFUSED_NUMBERS[arch]);
    assert.deepEqual(answered("ENOSYS"), [435, 437, ...x32]);
    assert.deepEqual(answered("EOPNOTSUPP"), [SYSCALLS.fallocate[arch]]);
    assert.deepEqual(answered("kill"), []);
  });

  test(`${arch}: a call by another architecture's entry kills the process`, () => {
    for (const other of Object.values(AUDIT_ARCH).filter((value) => value !== AUDIT_ARCH[arch]))
      for (const nr of [0, 1, 20, 41, 101, 0x40000000])
        assert.equal(evaluate(strict(arch), { nr, args: [] }, other), "kill", `arch ${other.toString(16)} nr ${nr}`);
  });

  test(`${arch}: each refusal that depends on arguments sees through garbage in the high words`, () => {
    for (const { call, args, answer, options } of vectors(arch))
      for (const high of [0n, 1n, 0x80000000n, 0xffffffffn]) {
        const words = args.map((arg) => (high << 32n) | BigInt(arg >>> 0));
        const nr = SYSCALLS[call][arch];
        const title = `${call}(${words.map((word) => `0x${word.toString(16)}`)}) ${JSON.stringify(options)}`;
        if (nr !== null) assert.equal(evaluate({ ...strict(arch), ...options }, { nr, args: words }), answer, title);
      }
  });
}

type Vector = {
  readonly call: SyscallName;
  readonly args: readonly number[];
  readonly answer: Answer;
  readonly options: Partial<FilterOptions>;
};

function vectors(arch: Arch): Vector[] {
  const both = (call: SyscallName, answer: Answer, ...rows: number[][]): Vector[] =>
    BOOLEANS.flatMap((unixSockets) => rows.map((args) => ({ call, args, answer, options: { unixSockets } })));
  const unix = (call: SyscallName, off: Answer, on: Answer, ...rows: number[][]): Vector[] =>
    rows.flatMap((args) => [
      { call, args, answer: off, options: { unixSockets: false } },
      { call, args, answer: on, options: { unixSockets: true } },
    ]);
  const domains = Array.from({ length: 64 }, (_, domain) => domain);
  const namespaces = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
  const setIds = [0o4755, 0o2755, 0o6755, 0o4000, 0o2000, 0x8000 | 0o4755, 0xffffffff];
  const plain = [0o755, 0o644, 0o1777, 0, 0x8000 | 0o644];
  const directory = arch === "x86_64" ? 0x10000 : 0x4000;
  const create = [0x40, 0x241, 0x80041, 0x400000 | directory | 2, 0xffffffff];
  return [
    ...both("ptrace", "EPERM", [0], [16, 1]),
    ...[0, 16, 0x4206].map((request) => ({
      call: "ptrace" as const,
      args: [request],
      answer: "allow" as const,
      options: { debug: true },
    })),
    ...both("clone", "EPERM", ...namespaces.map((flag) => [flag | 17])),
    // The last one is glibc's pthread_create; the one before has the bit that means CLONE_NEWTIME elsewhere.
    ...both("clone", "allow", [17], [0x1200011], [0x4111], [0x80 | 17], [0x3d0f00]),
    ...both("unshare", "EPERM", ...[...namespaces, 0x80, 0x100000, 0x200 | 0x10000000].map((flag) => [flag])),
    ...both("unshare", "allow", [0], [0x200], [0x400], [0x40000], [0x50f00]),
    ...both("personality", "allow", [0xffffffff], [0], [0x40000]),
    ...both("personality", "EPERM", [8], [0x400000], [0x440000], [0x20000], [0xfffffffe], [1]),
    ...both("ioctl", "EPERM", [0, 0x5412], [0x5412, 0x541c]),
    ...both("ioctl", "allow", [0x5412, 0x5413], [0, 0x5401], [0, 0], [0x541c, 0x541b]),
    ...both("chmod", "EPERM", ...setIds.map((mode) => [0, mode])),
    ...both("chmod", "allow", ...plain.map((mode) => [0o6000, mode, 0o6000])),
    ...(["fchmod", "creat", "mkdir", "mknod"] as const).flatMap((call) => [
      ...both(call, "EPERM", ...setIds.map((mode) => [0, mode])),
      ...both(call, "allow", ...plain.map((mode) => [0o6000, mode, 0o6000])),
    ]),
    ...(["fchmodat", "fchmodat2", "mkdirat", "mknodat"] as const).flatMap((call) => [
      ...both(call, "EPERM", ...setIds.map((mode) => [0, 0, mode])),
      ...both(call, "allow", ...plain.map((mode) => [0o6000, 0o6000, mode, 0o6000])),
    ]),
    ...both("open", "EPERM", ...create.flatMap((flags) => setIds.map((mode) => [0, flags, mode]))),
    ...both("open", "allow", ...create.flatMap((flags) => plain.map((mode) => [0, flags, mode])), [0, 0x80000, 0o6755]),
    ...both("openat", "EPERM", ...create.flatMap((flags) => setIds.map((mode) => [0, 0, flags, mode]))),
    ...both("openat", "allow", ...create.flatMap((flags) => plain.map((mode) => [0, 0, flags, mode]))),
    ...both("openat", "allow", [0, 0, 0x80000, 0o6755], [0, 0, directory, 0xffffffff]),
    ...both("socket", "allow", [2, 1, 6], [10, 2, 17], [16, 3, 0], [16, 0x80003, 0]),
    ...both("socket", "EPERM", [16, 3, 2], [16, 3, 12], [16, 3, 15], [16, 3, 16], [40, 1, 0], [38, 5, 0], [17, 3, 0]),
    ...both("socket", "EPERM", ...domains.filter((domain) => ![1, 2, 10, 16].includes(domain)).map((d) => [d, 1, 0])),
    ...unix("socket", "EPERM", "allow", [1, 1, 0], [1, 2, 0], [1, 5, 0], [1, 0x80801, 0]),
    ...both("socketpair", "EPERM", ...domains.filter((domain) => domain !== 1).map((domain) => [domain, 1, 0])),
    ...both("socketpair", "allow", [1, 1], [1, 5], [1, 0x80801], [1, 0x80005], [1, 0x801]),
    ...unix("socketpair", "EPERM", "allow", [1, 2], [1, 3], [1, 0x80002], [1, 0x80803], [1, 0x11], [1, 0x100001]),
  ];
}

test("every filter has at most 400 instructions, forward jumps inside itself, and ends in an answer", () => {
  for (const options of ALL_OPTIONS) {
    const program = instructionsOf(seccompFilter(options));
    assert.ok(program.length <= 400, `${program.length} instructions`);
    assert.equal(program.at(-1)?.code, 0x06);
    for (const [index, { code, yes, no }] of program.entries())
      assert.ok(code === 0x06 || index + 1 + Math.max(yes, no) < program.length, `line ${index} leaves the program`);
  }
});

const anyOptions = fc.constantFrom(...ALL_OPTIONS);
const anyCall = fc.record({
  nr: fc.oneof(
    fc.constantFrom(...Object.values(SYSCALLS).flatMap((row) => ARCHES.map((arch) => row[arch] ?? 0))),
    fc.nat(600),
    fc.nat(0xffffffff),
  ),
  args: fc.array(fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 64n })), {
    minLength: 6,
    maxLength: 6,
  }),
});

test("any call on any architecture gets one of the five answers", () => {
  fc.assert(
    fc.property(anyOptions, anyCall, fc.nat(0xffffffff), (options, call, arch) => {
      const answers: readonly string[] = ["allow", "EPERM", "ENOSYS", "EOPNOTSUPP"];
      assert.ok(answers.includes(evaluate(options, call)));
      assert.equal(evaluate(options, call, arch) === "kill", arch !== AUDIT_ARCH[options.arch]);
    }),
    { numRuns: 3000 },
  );
});

test("the high words of arguments never change the answer", () => {
  fc.assert(
    fc.property(anyOptions, anyCall, fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), (options, { nr, args }, high) => {
      const changed = args.map((arg) => (arg & 0xffffffffn) | (high << 32n));
      assert.equal(evaluate(options, { nr, args: changed }), evaluate(options, { nr, args }));
    }),
    { numRuns: 3000 },
  );
});

test("an option opens ptrace or AF_UNIX and nothing else", () => {
  fc.assert(
    fc.property(anyOptions, anyCall, (options, call) => {
      const before = evaluate(strict(options.arch), call);
      const after = evaluate(options, call);
      if (before === after) return;
      assert.deepEqual([before, after], ["EPERM", "allow"]);
      const isPtrace = call.nr === SYSCALLS.ptrace[options.arch];
      const isSocket = [SYSCALLS.socket, SYSCALLS.socketpair].some((row) => row[options.arch] === call.nr);
      const isUnix = isSocket && BigInt.asUintN(32, call.args[0] ?? 0n) === 1n;
      assert.ok((options.debug && isPtrace) || (options.unixSockets && isUnix));
    }),
    { numRuns: 3000 },
  );
});

test("AF_VSOCK is refused with every option, type and protocol", () => {
  fc.assert(
    fc.property(
      anyOptions,
      fc.nat(0xffffffff),
      fc.nat(0xffffffff),
      fc.nat(0xffffffff),
      (options, high, type, protocol) => {
        const args = [(BigInt(high) << 32n) | 40n, BigInt(type), BigInt(protocol)];
        assert.equal(evaluate(options, { nr: SYSCALLS.socket[options.arch], args }), "EPERM");
        assert.equal(evaluate(options, { nr: SYSCALLS.socketpair[options.arch], args }), "EPERM");
      },
    ),
  );
});

/** Runs the filter as the kernel would; throws on anything that the kernel would refuse to load or run. */
function evaluate(options: FilterOptions, call: Call, audit: number = AUDIT_ARCH[options.arch]): Answer {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.nr, true);
  data.setUint32(4, audit, true);
  for (const [index, arg] of call.args.entries()) data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, arg), true);
  const program = filters.get(JSON.stringify(options)) ?? instructionsOf(seccompFilter(options));
  filters.set(JSON.stringify(options), program);
  let at = 0;
  let word = 0;
  for (;;) {
    const line = program[at];
    if (!line) throw new Error(`ran off the program at ${at}`);
    const { code, k, yes, no } = line;
    at += 1;
    if (code === 0x20 && k % 4 === 0) word = data.getUint32(k, true);
    else if (code === 0x54) word = (word & k) >>> 0;
    else if (code === 0x15) at += word === k ? yes : no;
    else if (code === 0x35) at += word >= k ? yes : no;
    else if (code === 0x45) at += (word & k) !== 0 ? yes : no;
    else if (code === 0x06) return answerOf(k);
    else throw new Error(`unknown instruction ${code.toString(16)} ${k.toString(16)}`);
  }
}

type Instruction = { readonly code: number; readonly yes: number; readonly no: number; readonly k: number };
const filters = new Map<string, Instruction[]>();

function instructionsOf(filter: Uint8Array): Instruction[] {
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  return Array.from({ length: filter.byteLength / 8 }, (_, index) => ({
    code: view.getUint16(index * 8, true),
    yes: view.getUint8(index * 8 + 2),
    no: view.getUint8(index * 8 + 3),
    k: view.getUint32(index * 8 + 4, true),
  }));
}

function answerOf(action: number): Answer {
  const answers: Readonly<Record<number, Answer>> = {
    2147418112: "allow",
    327681: "EPERM",
    327718: "ENOSYS",
    327775: "EOPNOTSUPP",
    2147483648: "kill",
  };
  const answer = answers[action];
  if (!answer) throw new Error(`unknown action ${action.toString(16)}`);
  return answer;
}

// From here on the kernel decides: real calls, in a real sandbox, as root and as an ordinary user.

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
    const options: FilterOptions = { arch: HOST_ARCH, unixSockets, debug: false };
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
      const wait = "for i in 1 2 3 4 5 6 7 8 9; do grep -q '^Seccomp:.0' /proc/1/status || break; sleep 0.2; done";
      const shown = runBoxed(user, filter, ["/bin/sh", "-c", `${wait}; ${look}`]);
      assert.equal(shown.stdout, "/proc/1/status:Seccomp:\t2\n/proc/self/status:Seccomp:\t2\n");
    });
  }

test("debug opens ptrace to the kernel", () => {
  const filter = seccompFilter({ arch: HOST_ARCH, unixSockets: false, debug: true });
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

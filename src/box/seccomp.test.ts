import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Instruction, instructionsOf, strict } from "./seccomp.fixture.ts";
import { type FilterOptions, seccompFilter } from "./seccomp.ts";
import { type Arch, SYSCALLS, type SyscallName } from "./syscalls.ts";

const ARCHES = ["x86_64", "aarch64"] as const;
const BOOLEANS = [true, false];
const ALL_OPTIONS: readonly FilterOptions[] = ARCHES.flatMap((arch) =>
  BOOLEANS.flatMap((unixSockets) => BOOLEANS.map((debug) => ({ arch, unixSockets, debug, isOffline: false }))),
);

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

const filters = new Map<string, Instruction[]>();

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

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { measureChanges } from "./changes.ts";
import { measureDecide, policyText, RULES } from "./decide.ts";
import { measureInstall } from "./install.ts";
import { measureKill } from "./kill.ts";
import { type Launch, launch, type Subject } from "./launch.ts";
import { measureLedger } from "./ledger.ts";
import type { CpuMeter } from "./meter.ts";
import { measureMonitor } from "./monitor.ts";
import { measureNet } from "./net.ts";
import { type Installed, run } from "./program.ts";
import { makeProjects } from "./projects.ts";
import { type Key, type Measured, mean, median, percentile, rounded } from "./report.ts";
import { measureResume } from "./resume.ts";
import { measureSecrets } from "./secrets.ts";
import type { ModelServer } from "./server.ts";
import { measureShell } from "./shell.ts";
import { measureWork } from "./work.ts";

/** Everything that one run of the bench has at hand. */
export interface Round {
  readonly root: string;
  readonly work: string;
  readonly installed: Installed;
  readonly server: ModelServer;
  readonly cpu: CpuMeter;
  readonly keys: ReadonlySet<Key>;
  readonly isQuick: boolean;
  readonly say: (message: string) => void;
  readonly ours: Subject;
  readonly oursBig: Subject;
  readonly plain: Subject;
  readonly bwrap: Subject;
  readonly version: Subject;
  readonly empty: Subject;
  readonly exec: Subject;
  readonly bare: Subject;
}

const LONG = 200;
const SHORT = 20;
/** Calls at the beginning of a long run that are left out: the loop is not yet compiled, the pool not yet filled. */
const COLD_CALLS = 5;
const VERSION_MS_MAX = 10_000;
const COPY_MS_MAX = 120_000;

const STEPS: readonly { readonly keys: readonly Key[]; readonly step: (round: Round) => Promise<Measured[]> }[] = [
  { keys: ["first_request_ms", "first_request_bytes"], step: measureStart },
  {
    keys: [
      "tool_call_p50_ms",
      "tool_call_ratio",
      "tool_call_p95_ratio",
      "cpu_200_s",
      "growth",
      "tool_call_big_host_ratio",
    ],
    step: measureCalls,
  },
  { keys: ["cpu_20_s"], step: measureShort },
  { keys: ["anon_mb_1", "anon_mb_200"], step: measureMemory },
  { keys: ["work_ratio"], step: measureWorks },
  { keys: ["diff_list_50k_ms", "diff_50k_ratio", "checkpoint_50k_ms", "land_50k_ratio"], step: measureLarge },
  { keys: ["scan_100mb_ms", "mask_100mb_ms"], step: measureSearch },
  {
    keys: [
      "net_request_over_ms",
      "net_slowdown",
      "net_tls_slowdown",
      "net_lost",
      "net_body_rss_mb",
      "session_20k_growth",
    ],
    step: measureNetwork,
  },
  { keys: ["decide_200_us"], step: measureDecisions },
  { keys: ["shell_analysis_p95_us"], step: measureAnalysis },
  { keys: ["policy_load_ms"], step: measurePolicy },
  { keys: ["policy_managed_ms"], step: measureManaged },
  { keys: ["npm_install_ratio"], step: measureInstalls },
  { keys: ["ledger_append_ratio", "ledger_group_us", "ledger_verify_us"], step: measureLog },
  { keys: ["resume_10k_ms"], step: measureResumed },
  { keys: ["monitor_event_us"], step: measureWatching },
  { keys: ["kill_ms"], step: measureKilling },
  { keys: ["version_ms"], step: measureVersion },
  {
    keys: ["packed_mb"],
    step: async ({ installed }) => [{ key: "packed_mb", value: installed.packedMb, note: installed.packedNote }],
  },
];

/** Measures what was chosen, one kind after the other; nothing else of the bench runs beside it. */
export async function measure(round: Round): Promise<Measured[]> {
  // The first start fills the caches of the disk and of compiled code, as the first start after an installation does.
  await launch(round.ours, round.server, 1);
  const measured: Measured[] = [];
  for (const { keys, step } of STEPS) {
    if (keys.some((key) => round.keys.has(key))) measured.push(...(await step(round)));
  }
  return measured.filter(({ key }) => round.keys.has(key));
}

async function measureStart({ ours, plain, server, isQuick, say }: Round): Promise<Measured[]> {
  const times = isQuick ? 10 : 20;
  say(`first request, ${times} times`);
  const { own, floor } = await inTurns(times, {
    own: () => launch(ours, server, 1),
    floor: () => launch(plain, server, 1),
  });
  const note = `plain floor ${rounded(median(floor.map(({ firstMs }) => firstMs)))} ms; ${times} starts`;
  const bytes = Buffer.byteLength(own[0]?.play.asked[0]?.body ?? "");
  return [
    { key: "first_request_ms", value: median(own.map(({ firstMs }) => firstMs)), note },
    { key: "first_request_bytes", value: bytes, note: "" },
  ];
}

/** What a policy of 200 rules with an example each costs until the first request, beside a start without one. */
async function measurePolicy({ ours, server, work, isQuick, say }: Round): Promise<Measured[]> {
  const times = isQuick ? 10 : 20;
  say(`a policy of ${RULES} rules, ${times} times`);
  const file = join(work, "policy.yaml");
  writeFileSync(file, policyText());
  const ruled = { ...ours, command: [...ours.command, "--policy", file] };
  const { without, own } = await inTurns(times, {
    without: () => launch(ours, server, 1),
    own: () => launch(ruled, server, 1),
  });
  const [before, after] = [without, own].map((all) => median(all.map(({ firstMs }) => firstMs)));
  const note = `first request with none ${rounded(before ?? 0)} ms; ${RULES} rules with an example each, ${times} starts`;
  return [{ key: "policy_load_ms", value: (after ?? 0) - (before ?? 0), note }];
}

/** What the same costs as the machine's own, which is read anew at every start; `/etc` is another one for both. */
async function measureManaged({ ours, server, work, isQuick, say }: Round): Promise<Measured[]> {
  const times = isQuick ? 10 : 20;
  say(`the machine's policy of ${RULES} rules, ${times} times`);
  const mount = 'mount -t overlay overlay -o "lowerdir=/etc,upperdir=$0/upper,workdir=$0/work" /etc && exec "$@"';
  const flags = process.getuid?.() === 0 ? ["-m"] : ["-Urm"];
  const [without, ruled] = ["no-policy", "policy"].map((name): Subject => {
    const over = join(work, name);
    mkdirSync(join(over, "upper/ringfence"), { recursive: true });
    mkdirSync(join(over, "work"));
    if (name === "policy") writeFileSync(join(over, "upper/ringfence/policy.yaml"), policyText());
    return { ...ours, command: ["unshare", ...flags, "sh", "-c", mount, over, ...ours.command] };
  }) as [Subject, Subject];
  const starts = await inTurns(times, {
    without: () => launch(without, server, 1),
    own: () => launch(ruled, server, 1),
  });
  const [before, after] = [starts.without, starts.own].map((all) => median(all.map(({ firstMs }) => firstMs)));
  const note = `first request with none ${rounded(before ?? 0)} ms; ${RULES} rules with an example each, ${times} starts`;
  return [{ key: "policy_managed_ms", value: (after ?? 0) - (before ?? 0), note }];
}

async function measureCalls({
  ours,
  oursBig,
  plain,
  bwrap,
  server,
  cpu,
  keys,
  isQuick,
  say,
}: Round): Promise<Measured[]> {
  const runs = isQuick ? 3 : 6;
  say(`${LONG} tool calls, ${runs} times`);
  const all = await inTurns(runs, {
    own: () => launch(ours, server, LONG, { cpu }),
    wrapped: () => launch(bwrap, server, LONG, { cpu }),
    bare: () => launch(plain, server, LONG, { cpu }),
  });
  const [own, wrapped, bare] = [summed(all.own), summed(all.wrapped), summed(all.bare)];
  const floors = (pick: (calls: Calls) => number, unit: string) =>
    `floors: plain ${rounded(pick(bare))}, bubblewrap ${rounded(pick(wrapped))}${unit}`;
  const measured: Measured[] = [
    { key: "tool_call_p50_ms", value: own.p50, note: `${floors(({ p50 }) => p50, " ms")}; ${runs} runs` },
    { key: "tool_call_ratio", value: own.p50 / wrapped.p50, note: `to the plain floor ${rounded(own.p50 / bare.p50)}` },
    {
      key: "tool_call_p95_ratio",
      value: own.p95 / wrapped.p95,
      note: `${rounded(own.p95)} ms; ${floors(({ p95 }) => p95, " ms")}`,
    },
    { key: "cpu_200_s", value: own.cpu, note: `${floors((calls) => calls.cpu, " s")}; by ${cpu.means}` },
    {
      key: "growth",
      value: own.growth / wrapped.growth,
      note: `own ${rounded(own.growth)}; ${floors(({ growth }) => growth, "")}`,
    },
  ];
  if (keys.has("tool_call_big_host_ratio")) {
    say("the same with 300 MB more in the host");
    const { big, usual } = await inTurns(3, {
      big: () => launch(oursBig, server, LONG),
      usual: () => launch(ours, server, LONG),
    });
    const [bigP50, usualP50] = [summed(big).p50, summed(usual).p50];
    measured.push({
      key: "tool_call_big_host_ratio",
      value: bigP50 / usualP50,
      note: `${rounded(bigP50)}:${rounded(usualP50)} ms`,
    });
  }
  return measured;
}

interface Calls {
  readonly p50: number;
  readonly p95: number;
  readonly cpu: number;
  readonly growth: number;
}

function summed(runs: readonly Launch[]): Calls {
  const gaps = runs.flatMap(({ gapsMs }) => gapsMs.slice(COLD_CALLS));
  return {
    p50: median(gaps),
    p95: percentile(gaps, 0.95),
    cpu: medianCpu(runs),
    growth: median(runs.map(({ gapsMs }) => mean(gapsMs.slice(-SHORT)) / mean(gapsMs.slice(0, SHORT)))),
  };
}

function medianCpu(runs: readonly Launch[]): number {
  return median(runs.map(({ cpuSeconds }) => cpuSeconds ?? 0));
}

async function measureShort({ ours, bwrap, server, cpu, isQuick, say }: Round): Promise<Measured[]> {
  const runs = isQuick ? 5 : 10;
  say(`${SHORT} tool calls, ${runs} times`);
  const { own, floor } = await inTurns(runs, {
    own: () => launch(ours, server, SHORT, { cpu }),
    floor: () => launch(bwrap, server, SHORT, { cpu }),
  });
  const note = `bubblewrap floor ${rounded(medianCpu(floor))} s; by ${cpu.means}`;
  return [{ key: "cpu_20_s", value: medianCpu(own), note }];
}

async function measureMemory({ ours, plain, server, isQuick, say }: Round): Promise<Measured[]> {
  const runs = isQuick ? 2 : 3;
  say(`anonymous memory, ${runs} times`);
  const memory = true;
  const { one, long, floor } = await inTurns(runs, {
    one: () => launch(ours, server, 1, { memory }),
    long: () => launch(ours, server, LONG, { memory }),
    floor: () => launch(plain, server, LONG, { memory }),
  });
  const peak = (launches: readonly Launch[]) => median(launches.map(({ anonymousMb }) => anonymousMb ?? 0));
  const note = "peak of the sum over all processes, seen every 10 ms";
  return [
    { key: "anon_mb_1", value: peak(one), note },
    { key: "anon_mb_200", value: peak(long), note: `plain floor ${rounded(peak(floor))} MB` },
  ];
}

async function measureWorks({ root, work, installed, exec, isQuick, say }: Round): Promise<Measured[]> {
  const rounds = isQuick ? 5 : 9;
  say(`work inside and outside, ${rounds} times each`);
  const [inside, outside] = [join(work, "work-inside"), join(work, "work-outside")];
  makeProjects(root, installed.node, inside);
  run(["cp", "-a", inside, outside], work, COPY_MS_MAX);
  const { worst, note } = await measureWork(
    { ...exec, folder: inside },
    { ...exec, command: [], folder: outside },
    rounds,
  );
  return [{ key: "work_ratio", value: worst, note }];
}

async function measureLarge({ work, bare, isQuick, say }: Round): Promise<Measured[]> {
  const rounds = isQuick ? 5 : 11;
  say(`diff and land in a large and a small repository, ${rounds} times`);
  return measureChanges(work, bare, rounds);
}

async function measureSearch({ isQuick, say }: Round): Promise<Measured[]> {
  const rounds = isQuick ? 3 : 7;
  say(`100 MB searched for secrets, ${rounds} times`);
  return measureSecrets(rounds);
}

async function measureNetwork({ exec, installed, work, isQuick, say }: Round): Promise<Measured[]> {
  say("requests and bodies through the proxy and directly, 3 times");
  return measureNet(exec, installed.node, work, isQuick);
}

async function measureDecisions({ isQuick, say }: Round): Promise<Measured[]> {
  const rounds = isQuick ? 5 : 15;
  say(`decisions about requests, with 200 rules, ${rounds} times`);
  return measureDecide(rounds);
}

async function measureAnalysis({ root, isQuick, say }: Round): Promise<Measured[]> {
  const rounds = isQuick ? 5 : 15;
  say(`commands of the shell analysed, ${rounds} times`);
  return measureShell(root, rounds);
}

async function measureInstalls({ exec, work, isQuick, say }: Round): Promise<Measured[]> {
  const rounds = isQuick ? 3 : 5;
  say(`npm ci inside and outside, ${rounds} times each`);
  return measureInstall(exec, work, rounds);
}

async function measureLog({ work, isQuick, say }: Round): Promise<Measured[]> {
  const rounds = isQuick ? 3 : 7;
  say(`the ledger: appending, signing and verifying, ${rounds} times`);
  return measureLedger(join(work, "ledger"), rounds);
}

async function measureResumed({ ours, server, isQuick, say }: Round): Promise<Measured[]> {
  const times = isQuick ? 5 : 11;
  say(`a session of 10,000 events that goes on, ${times} times`);
  return measureResume(ours, server, times);
}

async function measureWatching({ isQuick, say }: Round): Promise<Measured[]> {
  const rounds = isQuick ? 5 : 15;
  say(`the monitor, ${rounds} times`);
  return measureMonitor(rounds);
}

async function measureKilling({ exec, isQuick, say }: Round): Promise<Measured[]> {
  const times = isQuick ? 5 : 11;
  say(`a session that is killed, ${times} times`);
  return measureKill(exec, times);
}

async function measureVersion({ version, empty, isQuick, say }: Round): Promise<Measured[]> {
  const times = isQuick ? 10 : 20;
  say(`--version, ${times} times`);
  const start = async ({ command: [program = "", ...args], environment }: Subject) => {
    const startedAt = performance.now();
    const { status } = spawnSync(program, args, { env: environment, timeout: VERSION_MS_MAX, stdio: "ignore" });
    if (status !== 0) throw new Error(`${args.join(" ")} ended with status ${status}`);
    return performance.now() - startedAt;
  };
  const { own, floor } = await inTurns(times, { own: () => start(version), floor: () => start(empty) });
  return [{ key: "version_ms", value: median(own), note: `empty Node ${rounded(median(floor))} ms; ${times} starts` }];
}

/** Does each act once a round, so that what disturbs the machine disturbs all of them. */
async function inTurns<Name extends string, Result>(
  rounds: number,
  acts: Readonly<Record<Name, () => Promise<Result>>>,
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(acts) as Name[];
  const results = Object.fromEntries(names.map((name): [Name, Result[]] => [name, []])) as Record<Name, Result[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await acts[name]());
  }
  return results;
}

import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { release, userInfo } from "node:os";
import { join } from "node:path";
import type { Effect } from "../core/effect.ts";
import type { Outcome } from "../core/outcome.ts";
import { Box } from "./box.ts";
import { ACT_MS, type Act, tryAct, type Verdict } from "./doctor-act.ts";
import { FILE_ACTS } from "./doctor-acts-files.ts";
import { GIT_ACTS, MASK_ACTS } from "./doctor-acts-git.ts";
import { HOME_ACTS, LINK_ACTS } from "./doctor-acts-home.ts";
import { KERNEL_ACTS } from "./doctor-acts-kernel.ts";
import { DISK_ACTS, FULL_LIMITS, LIMIT_ACTS, TIGHT_LIMITS } from "./doctor-acts-limits.ts";
import { NAMESPACE_ACTS, PROCESS_ACTS } from "./doctor-acts-processes.ts";
import { ENVIRONMENT_ACTS, SIGNAL_ACTS, TERMINAL_ACTS } from "./doctor-acts-session.ts";
import { SOCKET_ACTS } from "./doctor-acts-sockets.ts";
import { describeLimits, type LimitsReport } from "./doctor-limits.ts";
import { makePlace, type Place, removeFolder } from "./doctor-place.ts";
import { compareToolchains, type ToolchainsReport } from "./doctor-toolchains.ts";
import { makeSessionFolder } from "./folder.ts";
import type { ViewKind } from "./holder.ts";
import type { Identity } from "./identity.ts";
import { LIMITS_DEFAULT, type Limits } from "./limits.ts";
import { perform } from "./perform.ts";
import { findPrograms } from "./programs.ts";
import { mayUseUnixSockets } from "./socket-probe.ts";
import { findToolchains } from "./toolchains.ts";

export interface DoctorPlan {
  /** The program's own state folder. */
  readonly state: string;
  readonly identity: Identity;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly ripgrep: string;
  readonly startedAt: number;
  /** Folder in which a private one is made for the throw-away checkout. */
  readonly temp: string;
}

export interface DoctorReport {
  /** Every act was tried and held, and every program has the version that it has outside. */
  readonly ok: boolean;
  readonly as: string;
  readonly kernel: string;
  readonly bubblewrap: string;
  /** What a session's view of a checkout in the folder for temporary files is. */
  readonly view: ViewKind;
  /** Whether commands may make unix sockets; false where the probe could reach one of the host's. */
  readonly unixSockets: boolean;
  readonly limits: LimitsReport;
  readonly toolchains: ToolchainsReport;
  readonly acts: readonly ActResult[];
}

export interface ActResult extends Verdict {
  readonly id: string;
  readonly group: string;
  readonly what: string;
}

/** Acts of a box with ordinary limits. */
export const ACTS: readonly Act[] = [
  ...FILE_ACTS,
  ...HOME_ACTS,
  ...LINK_ACTS,
  ...PROCESS_ACTS,
  ...SOCKET_ACTS,
  ...NAMESPACE_ACTS,
  ...KERNEL_ACTS,
  ...SIGNAL_ACTS,
  ...GIT_ACTS,
  ...ENVIRONMENT_ACTS,
  ...MASK_ACTS,
  ...TERMINAL_ACTS,
];

const CANARY = "RINGFENCE_CANARY";
const LATE_MS = 3000;

/**
 * Tries forbidden acts in a real box on a throw-away checkout, on this machine, now, and tells what held.
 *
 * Throws BoxUnavailable, which names the fix, where no box can be set up.
 */
export async function runDoctor(plan: DoctorPlan): Promise<DoctorReport> {
  const programs = findPrograms();
  const { identity } = plan;
  const state = mkdtempSync(join(plan.state, "doctor-"));
  const { roots } = findToolchains(identity.home, state, plan.environment.PATH ?? "", identity.uid);
  const place = await makePlace({ temp: plan.temp, home: identity.home, toolchainRoots: roots });
  // The variable has to be in this very process, for what it starts to inherit where nothing keeps it from that.
  process.env[CANARY] = place.canary;
  const open = (limits: Limits) =>
    Box.open({
      folder: makeSessionFolder(state, plan.startedAt),
      checkout: place.checkout,
      state,
      identity,
      environment: { ...plan.environment, [CANARY]: place.canary },
      limits,
      tools: { rg: plan.ripgrep },
      startedAt: plan.startedAt,
    });
  try {
    const [roomy, tight] = await Promise.all([
      tryIn(() => open(LIMITS_DEFAULT), ACTS, place, plan),
      tryIn(() => open(TIGHT_LIMITS), LIMIT_ACTS, place, null),
    ]);
    // A layer that is full ends every further command, so each of these has its own.
    const full: ActResult[] = [];
    for (const act of DISK_ACTS) full.push(...(await tryIn(() => open(FULL_LIMITS), [act], place, null)).acts);
    const toolchains = roomy.toolchains ?? { roots, programs: [] };
    const acts = [...roomy.acts, ...tight.acts, ...full];
    return {
      ok: acts.every(({ held }) => held) && toolchains.programs.every(({ isSame }) => isSame),
      as: `${userInfo().username} (uid ${identity.uid})`,
      kernel: release(),
      bubblewrap: execFileSync(programs.bwrap, ["--version"], {
        cwd: "/",
        env: {},
        timeout: 5000,
        encoding: "utf8",
      }).trim(),
      view: roomy.view,
      unixSockets: await mayUseUnixSockets({ state: plan.state, programs }),
      limits: describeLimits(LIMITS_DEFAULT),
      toolchains,
      acts,
    };
  } finally {
    delete process.env[CANARY];
    place.remove();
    removeFolder(state);
  }
}

/** Tries acts in one box, in their order; with a plan, programs' versions are asked there too. */
async function tryIn(open: () => Promise<Box>, acts: readonly Act[], place: Place, plan: DoctorPlan | null) {
  const box = await open();
  try {
    const results: ActResult[] = [];
    const missing = await findMissing(box, acts);
    for (const act of acts) {
      const absent = act.needs.find((name) => missing.has(name));
      const tried =
        absent === undefined ? tryAct(act, place, (command, timeoutMs) => run(box, command, timeoutMs)) : null;
      const { held, detail } = (await tried) ?? { held: false, detail: `not tried: ${absent} is missing` };
      results.push({ id: act.id, group: act.group, what: act.what, held, detail });
    }
    const toolchains =
      plan === null
        ? null
        : await compareToolchains(plan, place.toolchainRoots, (command) => run(box, command, ACT_MS));
    return { acts: results, toolchains, view: box.view };
  } finally {
    await box.close();
  }
}

async function findMissing(box: Box, acts: readonly Act[]): Promise<Set<string>> {
  const names = [...new Set(acts.flatMap(({ needs }) => needs))];
  const { text } = await run(
    box,
    `for name in ${names.join(" ")}; do command -v $name >/dev/null || echo "missing $name"; done; echo asked`,
    ACT_MS,
  );
  if (!/^asked$/m.test(text)) return new Set(names);
  return new Set(names.filter((name) => new RegExp(`^missing ${name}$`, "m").test(text)));
}

// A command that outlives its kill must not keep the doctor waiting: it is what the doctor is there to find.
async function run(box: Box, command: string, timeoutMs: number): Promise<Outcome> {
  const effect: Effect = { kind: "run", command, timeoutMs, background: false, profile: "net" };
  const late = Promise.withResolvers<Outcome>();
  const text = `no answer ${LATE_MS} ms after it was to be killed`;
  const timer = setTimeout(() => late.resolve({ ok: false, code: "timeout", text }), timeoutMs + LATE_MS);
  const outcome = await Promise.race([perform(box, effect, { signal: new AbortController().signal }), late.promise]);
  clearTimeout(timer);
  return outcome;
}

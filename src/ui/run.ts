import { setFlagsFromString } from "node:v8";
import { type LandedBranch, planBranch } from "../agent/branch.ts";
import type { RunLimits } from "../agent/budget.ts";
import { type Config, stateFolder } from "../agent/config.ts";
import { findCheckout, instructionFolders } from "../agent/config-checkout.ts";
import { Inspection } from "../agent/inspection.ts";
import type { AskPerson } from "../agent/questions.ts";
import type { Resumption } from "../agent/resume.ts";
import type { Session } from "../agent/session.ts";
import { beginSession } from "../agent/session-open.ts";
import { settle, settleBranch } from "../agent/settle.ts";
import { type TurnEnd, takeTurn } from "../agent/turn.ts";
import { ceilingsOf, NO_NEEDS, prepareWorkplace, type Start, type Workplace } from "../agent/workplace.ts";
import type { BranchFacts } from "../box/folder.ts";
import { isGitPath } from "../core/classify-path.ts";
import { type EndReason, EXIT_CODES, type SessionEvent } from "../core/event.ts";
import { checkModel, type ModelSettings, openModel } from "../model/open.ts";
import { ModelFailure } from "../model/port.ts";
import { NO_COSTS } from "./costs.ts";
import { diskWords, exitCodeOfError } from "./errors.ts";
import { type Leftover, makeReport, NO_LEFTOVER, NO_TOTALS, type OutputFormat } from "./report.ts";
import { adviseOnSize } from "./sessions.ts";
import type { Terminal } from "./terminal.ts";

export interface RunOptions {
  readonly prompt: string;
  readonly model: string | null;
  readonly format: OutputFormat;
  readonly limits: RunLimits;
  /** `auto` lands source at the end without a person having seen it: the person's own choice. */
  readonly land: "patch" | "auto";
  /** A branch to work on, which takes the commits at the end; null works on the checkout as it is. */
  readonly branch: string | null;
  /** The session that goes on, by its id, or "last"; null for a new one. */
  readonly resume: string | null;
}

/** Runs one task without a person; returns the exit status. Whatever happens, one `result` is reported last. */
export async function runTask(options: RunOptions, start: Start, terminal: Terminal): Promise<number> {
  const report = makeReport(options.format, terminal);
  const startedAt = Date.now();
  let session: string | null = null;
  let [totals, costs] = [NO_TOTALS, NO_COSTS];
  let leftover = NO_LEFTOVER;
  let end: TurnEnd;
  let failure: unknown = null;
  let inspection = new Inspection();
  let opened: Session | null = null;
  const interrupt = listenForSignals((name) => opened?.kill(`${name} was sent`));
  try {
    const { path } = findCheckout(start.folder);
    const branch = options.branch === null ? null : await planBranch(path, options.branch);
    const workplace = await placeFor(start, options);
    const going = await openSession(workplace, { ...options, branch, ask: null }, (event) => report.show(event));
    opened = going;
    session = going.id;
    inspection = going.inspection;
    try {
      end = await takeTurn(going, options.prompt, interrupt.signal);
      leftover = await settleTask(going, options);
      const isOver = end.reason === "done" || end.reason === "denied";
      if (isOver && leftover.held.some(waitsForApproval)) end = { ...end, reason: "approval-needed" };
      if (leftover.branch) end = endOfBranch(end, leftover.branch);
      end = going.monitor.ended() ?? end;
      going.finish(end);
    } finally {
      totals = going.totals;
      costs = going.budget.costs;
      await going.close(leftover.branch?.isWhole);
    }
  } catch (error) {
    // What was going on in the box when it was killed fails in whatever way.
    const killed = opened?.isKilled ? opened.monitor.ended() : null;
    failure = killed === null ? error : null;
    const said = error instanceof Error ? error.message : String(error);
    end = killed ?? { reason: reasonOf(error), message: diskWords(error, start.environment) ?? said };
  } finally {
    interrupt.close();
  }
  const exitCode = exitCodeOf(end.reason, failure, interrupt.signalNumber());
  const told = inspection.redacted({ ...end, leftover });
  report.result({ ...told, session, durationMs: Date.now() - startedAt, exitCode, totals, costs });
  if (options.format === "text" && session !== null) await adviseOnSize(start, terminal);
  return exitCode;
}

/** Prepares a new session, or an earlier one to go on. Throws before there is anything of it where its model cannot be had. */
export async function placeFor(
  start: Start,
  { resume, model }: Pick<RunOptions, "resume" | "model">,
): Promise<Workplace> {
  const check = (config: Config) => checkModel(specOf(model, config), settingsOf(start, config));
  if (resume === null) return prepareWorkplace(start, {}, NO_NEEDS, null, check);
  const { findResumable } = await import("../agent/config-resume.ts");
  const earlier = findResumable(stateFolder(start.environment), findCheckout(start.folder).path, resume);
  return prepareWorkplace(start, {}, NO_NEEDS, earlier, check);
}

function specOf(typed: string | null, { model }: Config): string {
  const spec = typed ?? model;
  if (spec !== null) return spec;
  throw new ModelFailure(
    "auth",
    "no model is chosen: pass --model PROVIDER/NAME, or set `model` in config.yaml; `ringfence` alone says how",
  );
}

function settingsOf({ environment: env }: Start, { providers }: Config): ModelSettings {
  return { env, providers };
}

async function resumptionOf({ earlier, folder, checkout }: Workplace): Promise<Resumption | null> {
  if (earlier === null) return null;
  const { Resumption } = await import("../agent/resume.ts");
  return Resumption.open(folder, checkout.path, earlier.hasLayer);
}

// What a killed session changed stays in its layer; an alarm that has all requests ask lets nothing land unread.
async function settleTask(session: Session, { land, prompt }: RunOptions): Promise<Leftover> {
  if (session.isKilled) return NO_LEFTOVER;
  const view = session.branchView;
  return view ? settleBranch(session, view, prompt) : settle(session, session.monitor.isAskingAll ? "patch" : land);
}

/** Opens a session, the model loading beside the box. */
export async function openSession(
  workplace: Workplace,
  options: Pick<RunOptions, "model" | "limits"> & {
    readonly branch: BranchFacts | null;
    readonly ask: AskPerson | null;
  },
  show: (event: SessionEvent) => void,
): Promise<Session> {
  const { start, config } = workplace;
  const before = await resumptionOf(workplace);
  const session = await beginSession({
    before,
    folder: workplace.folder,
    box: workplace.box,
    model: openModel(specOf(options.model, config), settingsOf(start, config)),
    instructionFolders: instructionFolders(workplace.checkout),
    limits: { ...options.limits, ceilings: ceilingsOf(config, options.limits.ceilings) },
    branch: options.branch,
    network: config.net,
    log: config.log,
    policy: workplace.policy,
    alarms: config.monitor,
    vault: workplace.vault,
    trust: workplace.trust,
    authors: config.trust,
    version: start.version,
    build: start.build,
    now: Date.now,
    show,
    ask: options.ask,
  });
  keepYoungSpaceSmall();
  return session;
}

// V8 doubles the space for young objects when many survive a while, as a conversation does, up to 48 MB for good. Set only
// here, because a small space makes starting slower.
function keepYoungSpaceSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

// Source that waits is the ordinary end of a run; a file that would run later is an effect refused for want of a person.
function waitsForApproval(held: Leftover["held"][number]): boolean {
  return (held.class === "run-later" || held.class === "instruction") && !isGitPath(held.path);
}

// A script must not take commits that wait, or that no branch has, for done.
function endOfBranch(end: TurnEnd, branch: LandedBranch): TurnEnd {
  if (end.reason !== "done" || branch.isWhole) return end;
  if (branch.commits.some(({ state }) => state === "waits")) return { ...end, reason: "approval-needed" };
  return {
    reason: "error",
    message: `${end.message}\nthe work did not land whole: ${branch.note ?? "see ringfence land"}`.trim(),
  };
}

interface Interrupt {
  readonly signal: AbortSignal;
  signalNumber(): number;
  close(): void;
}

// The first signal stops the turn, and what it did is kept; SIGTERM, or a second one, kills the session; the second ends the
// program at once as well.
function listenForSignals(kill: (name: string) => void): Interrupt {
  const controller = new AbortController();
  let received = 0;
  const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
  const listeners = Object.entries(numbers).map(([name, number]) => {
    const listener = () => {
      if (received > 0) endNow(128 + number, () => kill(`${name} was sent, after another signal`));
      received = number;
      controller.abort();
      if (name === "SIGTERM") kill(name);
    };
    process.on(name, listener);
    return { name, listener };
  });
  return {
    signal: controller.signal,
    signalNumber: () => received,
    close: () => {
      for (const { name, listener } of listeners) process.off(name, listener);
    },
  };
}

function endNow(status: number, kill: () => void): void {
  try {
    kill();
  } finally {
    process.exit(status);
  }
}

function reasonOf(error: unknown): EndReason {
  if (error instanceof ModelFailure) return error.kind === "auth" ? "model-auth" : "model-provider";
  return "error";
}

function exitCodeOf(reason: EndReason, failure: unknown, signalNumber: number): number {
  if (reason === "interrupted") return 128 + (signalNumber || 2);
  if (reason === "killed" && signalNumber > 0) return 128 + signalNumber;
  return failure === null || reason !== "error" ? EXIT_CODES[reason] : exitCodeOfError(failure);
}

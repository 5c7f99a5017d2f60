import { join } from "node:path";
import type { ChangeType } from "../core/changes.ts";
import type { SessionFacts } from "./folder.ts";
import { type Answer, keepAnswer, keptAfter, type LanderPlan, runLander, type Step } from "./lander.ts";
import { type LandedChange, type Landing, type Pending, readPending, writePending } from "./landing.ts";
import { keepBases } from "./merge.ts";
import type { Programs } from "./programs.ts";
import { runSandbox } from "./sandbox.ts";

export interface UndoPlan {
  readonly sessionPath: string;
  readonly facts: SessionFacts;
  readonly landing: Landing;
  readonly programs: Programs;
  /** For tests alone: the step at which the lander dies. */
  readonly dieAt?: number;
}

/** What became of an undo, or of what a landing or an undo left when it broke off. */
export interface UndoResult {
  readonly done: readonly string[];
  /** What is left as it stands, because the person changed it since. */
  readonly held: readonly Left[];
  readonly failed: readonly Left[];
}

interface Left {
  readonly path: string;
  readonly why: string;
}

/** What was put right after a landing or an undo that broke off. */
export interface Recovered extends UndoResult {
  readonly what: Pending["what"];
  readonly number: number;
}

const PROBE_MS_MAX = 30_000;

/**
 * Puts back what a landing replaced or deleted, and takes away what it added.
 *
 * A file that is not as the landing left it is the person's work by now and stays. The caller records the result and then
 * calls `endPending`.
 */
export async function undoLanding(plan: UndoPlan): Promise<UndoResult> {
  const { landing, sessionPath } = plan;
  const pending: Pending = {
    what: "undo",
    number: landing.number,
    at: Date.now(),
    stage: landing.stage,
    steps: landing.changes.map(toStep),
    changes: landing.changes.length,
  };
  writePending(sessionPath, pending);
  const answer = await runLander(await landerPlan(plan), pending, "begin");
  keepAnswer(sessionPath, pending, answer, true);
  await keepBases(plan.programs, sessionPath, join(sessionPath, pending.stage), keptAfter(pending, answer));
  return toResult(answer);
}

/**
 * Makes each file whole, old or new, that a landing or an undo was at when it broke off; null when none did.
 *
 * What had landed stays landed and can be undone; what had not is not begun. The caller records the result and then calls
 * `endPending`.
 */
export async function recoverLanding(plan: Omit<UndoPlan, "landing">): Promise<Recovered | null> {
  const pending = readPending(plan.sessionPath);
  if (pending === null) return null;
  const answer = await runLander(await landerPlan(plan), pending, "recover");
  keepAnswer(plan.sessionPath, pending, answer, false);
  await keepBases(plan.programs, plan.sessionPath, join(plan.sessionPath, pending.stage), keptAfter(pending, answer));
  return { ...toResult(answer), what: pending.what, number: pending.number };
}

async function landerPlan(plan: Omit<UndoPlan, "landing">): Promise<LanderPlan> {
  return { ...plan, gitType: await askGitType(plan.facts.checkout, plan.programs) };
}

async function askGitType(checkout: string, programs: Programs): Promise<ChangeType | null> {
  const result = await runSandbox({
    programs,
    binds: [{ source: checkout, target: "/checkout", access: "read" }],
    command: [programs.find, "/checkout", "-mindepth", "1", "-maxdepth", "1", "-name", ".git", "-printf", "%y"],
    input: Buffer.alloc(0),
    timeoutMs: PROBE_MS_MAX,
    stdoutBytesMax: 16,
    capability: null,
  });
  if (result.status !== 0) throw new Error(`${checkout} cannot be read: ${result.stderr.trim()}`);
  const letter = result.stdout.toString("latin1");
  return letter === "d" ? "dir" : letter === "f" ? "file" : letter === "" ? null : "other";
}

function toStep({ path, before, after }: LandedChange): Step {
  const base = after && { type: after.type, mode: after.mode, hash: after.hash };
  const exact = before && { mode: before.mode, mtime: before.mtime };
  const [type, hash] = [before?.type ?? after?.type ?? "other", before?.hash ?? null];
  const action = before === null ? "delete" : after === null ? "add" : "edit";
  return { path, action, type, executable: false, hash, base, exact };
}

function toResult({ done, left, failed }: Answer): UndoResult {
  return { done: done.map(({ path }) => path), held: left.map(([path, why]) => ({ path, why })), failed };
}

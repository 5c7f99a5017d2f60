import { basename, dirname } from "node:path";
import type { Approval } from "../core/approval.ts";
import { type ChangeClass, isHeld } from "../core/classify.ts";
import { choose } from "./choose.ts";
import { type ClassifiedChange, type Collected, isLandable } from "./collect.ts";
import type { SessionFacts } from "./folder.ts";
import { keepAnswer, keptAfter, runLander, type Step } from "./lander.ts";
import { listLandings, writePending } from "./landing.ts";
import { keepBases } from "./merge.ts";
import type { Programs } from "./programs.ts";

export interface LandPlan {
  readonly facts: SessionFacts;
  readonly collected: Collected;
  /** Paths to land, or null for all that may. One that may not is held all the same. */
  readonly which: readonly string[] | null;
  /** Held changes to land as well; one that is not exactly as approved ends the landing before it begins. */
  readonly approvals: readonly Approval[];
  readonly programs: Programs;
  /** For tests alone: the step at which the lander dies. */
  readonly dieAt?: number;
}

/** A change that stays in the layer, and why. */
export interface Held {
  readonly path: string;
  readonly cls: ChangeClass;
  readonly why: string;
  readonly runs: string | null;
  /** What an approval of it names; null for what no approval can land. */
  readonly hash: string | null;
}

export interface LandResult {
  readonly landed: readonly string[];
  readonly held: readonly Held[];
  /** What could not be done although it was allowed; each such file of the checkout is as it was, or `why` says where. */
  readonly failed: readonly { readonly path: string; readonly why: string }[];
}

const CONFLICT_WHY = {
  changed: "you changed it meanwhile; ringfence diff compares the two, take over by hand what is right",
  deleted: "you deleted it meanwhile; ringfence diff shows it, take over by hand what is right",
  appeared: "you made it meanwhile; ringfence diff compares the two, or move yours away and land again",
} as const;

/**
 * Lands source, and held changes that were approved, in the checkout and says what became of every change.
 *
 * What is held, in conflict, or not as it was when it was collected is left alone. Nothing under any `.git` is touched.
 * The caller records the result and then calls `endPending`; until then a landing counts as one that broke off.
 */
export async function landChanges(plan: LandPlan): Promise<LandResult> {
  const { collected, facts, programs, dieAt } = plan;
  const { chosen, refusals } = choose(collected, plan.which, plan.approvals);
  if (refusals.length > 0) throw new Error("bug: landing with an approval that does not hold");
  const held = [
    ...collected.changes.filter((one) => !chosen.includes(one) && waits(one)).map(toHeld),
    ...heldGit(collected),
  ];
  if (chosen.length === 0) return { landed: [], held, failed: [] };
  const sessionPath = dirname(collected.stage);
  const pending = {
    what: "land",
    number: (listLandings(sessionPath).at(-1)?.number ?? 0) + 1,
    at: Date.now(),
    stage: basename(collected.stage),
    steps: chosen.map(toStep),
    changes: collected.changes.filter(({ cls }) => cls !== "ignored").length + collected.gitChanges + collected.left,
  } as const;
  writePending(sessionPath, pending);
  const lander = {
    sessionPath,
    facts,
    programs,
    gitType: collected.gitType,
    ...(dieAt === undefined ? {} : { dieAt }),
  };
  const answer = await runLander(lander, pending, "begin");
  // The time of a folder is all that tells of a file which the person took out of it, so it is not taken for landing's own.
  const clashes = new Set(collected.changes.filter(({ conflict }) => conflict !== null).map(folderOf));
  const folders = answer.folders.filter(([path]) => !clashes.has(path));
  keepAnswer(sessionPath, pending, { ...answer, folders }, true);
  await keepBases(programs, sessionPath, collected.stage, keptAfter(pending, answer));
  const byPath = new Map(chosen.map((one) => [one.change.path, one]));
  for (const [path, why] of answer.left) {
    const one = byPath.get(path);
    if (one) held.push({ path, cls: one.cls, why, runs: one.runs, hash: null });
  }
  return { landed: answer.done.map(({ path }) => path), held, failed: answer.failed };
}

function folderOf({ change }: ClassifiedChange): string {
  return change.path.slice(0, Math.max(0, change.path.lastIndexOf("/")));
}

function toStep({ change }: ClassifiedChange): Step {
  const { path, action, type, executable, hash, base } = change;
  return { path, action, type, executable, hash, base, exact: null };
}

/** Source that was not asked for is not held. */
function waits(one: ClassifiedChange): boolean {
  return !isLandable(one) && one.cls !== "ignored";
}

function toHeld({ change, cls, why, runs, conflict, waitsFor, hash }: ClassifiedChange): Held {
  const { path } = change;
  if (conflict !== null) return { path, cls, why: CONFLICT_WHY[conflict], runs, hash: null };
  if (waitsFor !== null)
    return { path, cls, why: `it goes together with ${waitsFor}, which is held`, runs, hash: null };
  return { path, cls, why, runs, hash: isHeld(cls) && cls !== "outside" ? hash : null };
}

function heldGit(collected: Collected): Held[] {
  const runs = "git reads it as a repository's own data";
  return collected.gitHeld.map((path) => ({
    path,
    cls: "run-later",
    why: "nothing under .git is landed",
    runs,
    hash: null,
  }));
}

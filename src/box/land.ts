import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Approval } from "../core/approval.ts";
import { type ChangeType, encodePath } from "../core/changes.ts";
import { type ChangeClass, isHeld } from "../core/classify.ts";
import { choose } from "./choose.ts";
import { type ClassifiedChange, type Collected, isLandable } from "./collect.ts";
import type { SessionFacts } from "./folder.ts";
import { readLanded, writeLanded } from "./landed.ts";
import { findProgram, type Programs } from "./programs.ts";
import { type Bind, runSandbox, scriptBind } from "./sandbox.ts";
import { RecordReader, strings } from "./script.ts";

export interface LandPlan {
  readonly facts: SessionFacts;
  readonly collected: Collected;
  /** Paths to land, or null for all that may. One that may not is held all the same. */
  readonly which: readonly string[] | null;
  /** Held changes to land as well; one that is not exactly as approved ends the landing before it begins. */
  readonly approvals: readonly Approval[];
  readonly programs: Programs;
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

/** Name of the journal in the session's folder: it is there exactly while a landing is under way, or when one broke off. */
const JOURNAL = "landing.journal";

const LAND_MS_MAX = 120_000;
const ANSWER_BYTES_MAX = 128 << 20;
const CONFLICT_WHY = {
  changed: "you changed it meanwhile; ringfence diff compares the two, take over by hand what is right",
  deleted: "you deleted it meanwhile; ringfence diff shows it, take over by hand what is right",
  appeared: "you made it meanwhile; ringfence diff compares the two, or move yours away and land again",
} as const;

/**
 * Lands source, and held changes that were approved, in the checkout and says what became of every change.
 *
 * What is held, in conflict, or not as it was when it was collected is left alone. Nothing under any `.git` is touched.
 */
export async function landChanges(plan: LandPlan): Promise<LandResult> {
  const { collected } = plan;
  const { chosen, refusals } = choose(collected, plan.which, plan.approvals);
  if (refusals.length > 0) throw new Error("bug: landing with an approval that does not hold");
  const held = [
    ...collected.changes.filter((one) => !chosen.includes(one) && waits(one)).map(toHeld),
    ...heldGit(collected),
  ];
  if (chosen.length === 0) return { landed: [], held, failed: [] };
  const answer = await runLander(plan, chosen);
  remember(plan, chosen, answer);
  const byPath = new Map(chosen.map((one) => [one.change.path, one]));
  for (const [path, why] of answer.left) {
    const one = byPath.get(path);
    if (one) held.push({ path, cls: one.cls, why, runs: one.runs, hash: null });
  }
  return { landed: answer.landed, held, failed: answer.failed };
}

interface Answer {
  readonly landed: string[];
  readonly left: [string, string][];
  readonly failed: { path: string; why: string }[];
  readonly folders: [string, string][];
}

async function runLander(plan: LandPlan, chosen: readonly ClassifiedChange[]): Promise<Answer> {
  const { collected, facts, programs } = plan;
  const journal = join(dirname(collected.stage), JOURNAL);
  writeFileSync(journal, "", { flag: "a", mode: 0o600 });
  const script = scriptBind("lander.pl");
  const result = await runSandbox({
    programs,
    binds: [
      script,
      { source: collected.stage, target: "/stage", access: "read" },
      { source: journal, target: "/journal", access: "write" },
      { source: facts.checkout, target: "/checkout", access: "write" },
      ...gitBind(collected.gitType, facts.checkout),
    ],
    command: [programs.perl, script.target, process.arch, findProgram("sha256sum") ?? "/usr/bin/sha256sum"],
    input: strings(chosen.flatMap(toPlan)),
    timeoutMs: LAND_MS_MAX,
    stdoutBytesMax: ANSWER_BYTES_MAX,
    capability: null,
  });
  if (result.status !== 0)
    throw new Error(
      `landing broke off: ${result.stderr.trim() || `status ${result.status}`}; ${journal} names what was begun`,
    );
  const answer = readAnswer(result.stdout);
  rmSync(journal, { force: true });
  return answer;
}

/** The repository's own data is read-only in the lander. A link leads nowhere there, and no path through it is landed. */
function gitBind(type: ChangeType | null, checkout: string): Bind[] {
  const path = join(checkout, ".git");
  return type === "dir" || type === "file" ? [{ source: path, target: "/checkout/.git", access: "read" }] : [];
}

function toPlan({ change }: ClassifiedChange): (string | Buffer)[] {
  const { path, action, type, base, executable, hash } = change;
  return [
    Buffer.from(encodePath(path)),
    action,
    type,
    base?.type ?? "-",
    String(base?.mode ?? 0),
    executable ? "x" : "-",
    hash ?? "",
    base?.hash ?? "",
  ];
}

function readAnswer(stdout: Buffer): Answer {
  const reader = new RecordReader(stdout);
  const answer: Answer = { landed: [], left: [], failed: [], folders: [] };
  while (!reader.isAtEnd) {
    const tag = reader.text();
    if (tag === "L") answer.landed.push(reader.path());
    else if (tag === "H") answer.left.push([reader.path(), reader.path()]);
    else if (tag === "F") answer.failed.push({ path: reader.path(), why: reader.path() });
    else if (tag === "D") answer.folders.push([reader.path(), reader.text()]);
    else throw reader.broken(`record ${tag}`);
  }
  return answer;
}

/** Keeps what landed, so that the next collection does not take it for the person's own work. */
function remember(plan: LandPlan, chosen: readonly ClassifiedChange[], answer: Answer): void {
  const sessionPath = dirname(plan.collected.stage);
  const before = readLanded(sessionPath);
  const contents = new Map(before.contents);
  const done = new Set(answer.landed);
  for (const { change } of chosen) {
    if (!done.has(change.path)) continue;
    if (change.action === "delete" || change.hash === null) contents.delete(change.path);
    else contents.set(change.path, change.hash);
  }
  writeLanded(sessionPath, { contents, folders: new Map([...before.folders, ...answer.folders]) });
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

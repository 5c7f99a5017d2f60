import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ChangeBase, type ChangeType, encodePath } from "../core/changes.ts";
import type { SessionFacts } from "./folder.ts";
import { FOLDER, readLanded, writeLanded } from "./landed.ts";
import { journalOf, type LandedChange, listLandings, type Pending, writeLanding } from "./landing.ts";
import type { Kept } from "./merge.ts";
import { findProgram, type Programs } from "./programs.ts";
import { type Bind, runSandbox, scriptBind } from "./sandbox.ts";
import { RecordReader, strings } from "./script.ts";

/** What the lander does at one path. */
export interface Step {
  readonly path: string;
  readonly action: "add" | "edit" | "delete";
  /** What stands there afterwards; for a deletion, what stood there. */
  readonly type: ChangeType;
  readonly executable: boolean;
  readonly hash: string | null;
  readonly base: ChangeBase | null;
  /** Exact mode and mtime of an earlier version that is put back; null for a mode that follows from the checkout's. */
  readonly exact: { readonly mode: number; readonly mtime: string | null } | null;
}

export interface LanderPlan {
  readonly sessionPath: string;
  readonly facts: SessionFacts;
  readonly programs: Programs;
  /** What the checkout's own `.git` is; null when it has none. */
  readonly gitType: ChangeType | null;
  /** For tests alone: the step at which the lander dies. */
  readonly dieAt?: number;
}

/** What became of the steps of a landing or an undo. */
export interface Answer {
  readonly done: readonly Done[];
  readonly left: readonly (readonly [path: string, why: string])[];
  readonly failed: readonly { readonly path: string; readonly why: string }[];
  /** Folders that were made on the way. */
  readonly made: readonly string[];
  readonly folders: readonly (readonly [path: string, changed: string])[];
}

interface Done {
  readonly path: string;
  readonly was: { readonly mode: number; readonly mtime: string } | null;
  readonly became: number | null;
}

const NOTHING: Answer = { done: [], left: [], failed: [], made: [], folders: [] };
const LAND_MS_MAX = 120_000;
const ANSWER_BYTES_MAX = 128 << 20;

/** Does the steps of what is pending, or, when they broke off, puts right what was begun. Throws when it breaks off. */
export async function runLander(plan: LanderPlan, pending: Pending, how: "begin" | "recover"): Promise<Answer> {
  const { facts, programs, sessionPath } = plan;
  const journal = journalOf(sessionPath);
  if (how === "recover" && (!existsSync(journal) || statSync(journal).size === 0)) return NOTHING;
  const stage = join(sessionPath, pending.stage);
  const [a, b] = pending.what === "land" ? ["a", "b"] : ["b", "a"];
  const script = scriptBind("lander.pl");
  const sha256sum = findProgram("sha256sum") ?? "/usr/bin/sha256sum";
  const result = await runSandbox({
    programs,
    binds: [
      script,
      { source: join(stage, a), target: "/stage/a", access: "read" },
      { source: join(stage, b), target: "/stage/b", access: "read" },
      { source: journal, target: "/journal", access: "write" },
      { source: facts.checkout, target: "/checkout", access: "write" },
      ...gitBind(plan.gitType, facts.checkout),
    ],
    command: [
      ...[programs.perl, script.target, pending.what, how, process.arch, sha256sum],
      plan.dieAt === undefined ? "-" : String(plan.dieAt),
    ],
    input: strings(pending.steps.flatMap(toPlan)),
    timeoutMs: LAND_MS_MAX,
    stdoutBytesMax: ANSWER_BYTES_MAX,
    capability: null,
  });
  if (result.status === 0) return readAnswer(result.stdout);
  const name = pending.what === "land" ? "landing" : "the undo";
  throw new Error(
    `${name} broke off: ${result.stderr.trim() || `status ${result.status}`}; the next diff, land or undo puts right what was begun (${journal})`,
  );
}

/**
 * Keeps what came of it: for an undo, and so that the next collection does not take it for the person's own work.
 *
 * `isWhole` says that it did not break off: an undo that had to leave something alone is over all the same.
 */
export function keepAnswer(sessionPath: string, pending: Pending, answer: Answer, isWhole: boolean): void {
  if (pending.what === "land") {
    const { number, at, stage } = pending;
    const changes = landedBy(pending, answer);
    const left = pending.changes - answer.done.length;
    if (changes.length > 0) writeLanding(sessionPath, { number, at, stage, changes, left, isUndone: false });
  } else {
    const earlier = listLandings(sessionPath).find(({ number }) => number === pending.number);
    if (!earlier) throw new Error("bug: an undo of a landing that is not kept");
    const done = new Set(answer.done.map(({ path }) => path));
    const changes = earlier.changes.filter(({ path }) => !done.has(path));
    const isUndone = changes.length === 0 || (isWhole && done.size > 0);
    writeLanding(sessionPath, { ...earlier, changes, isUndone });
  }
  remember(sessionPath, pending, answer);
}

/** Tells what the layer's files derive from once this is done: after a landing the layer's own version, after an undo the one before. */
export function keptAfter({ what, steps }: Pending, answer: Answer): Kept[] {
  const done = new Set(answer.done.map(({ path }) => path));
  return steps
    .filter(({ path }) => done.has(path))
    .map(({ path, action, type }): Kept => {
      if (action === "delete" || type !== "file") return ["-", path];
      return [what === "land" ? "l" : "o", path];
    });
}

function landedBy({ steps }: Pending, { done, made }: Answer): LandedChange[] {
  const stepOf = new Map(steps.map((step) => [step.path, step]));
  const files = done.flatMap(({ path, was, became }): LandedChange[] => {
    const step = stepOf.get(path);
    if (!step) throw new Error("bug: the lander did what it was not asked for");
    const { base, type, hash } = step;
    // A folder that was there when it came to be added is somebody else's.
    if (was !== null && base === null) return [];
    const before = was && base && { type: base.type, mode: was.mode, hash: base.hash, mtime: was.mtime };
    return [{ path, before, after: became === null ? null : { type, mode: became, hash, mtime: null } }];
  });
  const folder = { type: "dir", mode: 0o755, hash: null, mtime: null } as const;
  return [...files, ...made.map((path) => ({ path, before: null, after: folder }))];
}

function remember(sessionPath: string, { steps }: Pending, answer: Answer): void {
  const before = readLanded(sessionPath);
  const contents = new Map(before.contents);
  const done = new Set(answer.done.map(({ path }) => path));
  for (const { path, action, type, hash } of steps) {
    if (!done.has(path)) continue;
    if (action === "delete") contents.delete(path);
    else contents.set(path, type === "dir" ? FOLDER : (hash ?? "unknown"));
  }
  writeLanded(sessionPath, { contents, folders: new Map([...before.folders, ...answer.folders]) });
}

/** The repository's own data is read-only in the lander. A link leads nowhere there, and no path through it is landed. */
function gitBind(type: ChangeType | null, checkout: string): Bind[] {
  const path = join(checkout, ".git");
  return type === "dir" || type === "file" ? [{ source: path, target: "/checkout/.git", access: "read" }] : [];
}

function toPlan({ path, action, type, executable, hash, base, exact }: Step): (string | Buffer)[] {
  return [
    Buffer.from(encodePath(path)),
    action,
    type,
    base?.type ?? "-",
    String(base?.mode ?? 0),
    executable ? "x" : "-",
    hash ?? "",
    base?.hash ?? "",
    exact === null ? "-" : String(exact.mode),
    exact?.mtime ?? "-",
  ];
}

function readAnswer(stdout: Buffer): Answer {
  const reader = new RecordReader(stdout);
  const done: Done[] = [];
  const left: [string, string][] = [];
  const failed: { path: string; why: string }[] = [];
  const made: string[] = [];
  const folders: [string, string][] = [];
  while (!reader.isAtEnd) {
    const tag = reader.text();
    if (tag === "L") done.push(readDone(reader));
    else if (tag === "H") left.push([reader.path(), reader.path()]);
    else if (tag === "F") failed.push({ path: reader.path(), why: reader.path() });
    else if (tag === "M") made.push(readMade(reader));
    else if (tag === "D") folders.push([reader.path(), reader.text()]);
    else throw reader.broken(`record ${tag}`);
  }
  return { done, left, failed, made, folders };
}

function readDone(reader: RecordReader): Done {
  const [path, mode, mtime, became] = [reader.path(), reader.text(), reader.text(), reader.text()];
  if (!/^(?:-|\d{1,5})$/.test(mode) || !/^-?\d{0,20}$/.test(mtime) || !/^(?:-|\d{1,5})$/.test(became))
    throw reader.broken("a mode or a time");
  return {
    path,
    was: mode === "-" ? null : { mode: Number(mode), mtime },
    became: became === "-" ? null : Number(became),
  };
}

function readMade(reader: RecordReader): string {
  const path = reader.path();
  reader.number();
  return path;
}

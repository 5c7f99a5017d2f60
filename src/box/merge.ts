import { existsSync } from "node:fs";
import { join } from "node:path";
import { encodePath } from "../core/changes.ts";
import type { Item } from "./collect-list.ts";
import { mergeVerdict, withExecutable } from "./merge-verdict.ts";
import { findProgram, type Programs } from "./programs.ts";
import { type Bind, runSandbox, scriptBind } from "./sandbox.ts";
import { RecordReader, strings } from "./script.ts";

/** A staged change, judged by the version of the checkout that it derives from; null when nothing of it is left to land. */
export type Merged = ReadonlyMap<string, Item | null>;

/** What a file of a layer derives from by now: what was staged of the layer, what it was before, the checkout's, or nothing. */
export type Kept = readonly [word: "l" | "o" | "a" | "-", path: string];

const MERGE_MS_MAX = 60_000;
const MERGED_FILES_MAX = 2000;
const PRINT_BYTES_MAX = 64 << 20;

/**
 * Judges staged changes by content, and merges those that the person changed as well; a clean merge takes the layer's place
 * in the stage. What cannot be merged stays in conflict.
 */
export async function mergeStaged(
  programs: Programs,
  stage: string,
  staged: ReadonlyMap<string, Item>,
): Promise<Merged> {
  const judged = new Map<string, Item | null>();
  const toMerge: Item[] = [];
  for (const [path, item] of staged) {
    const verdict = mergeVerdict(item);
    if (verdict === "merge") toMerge.push(item);
    judged.set(path, verdict === "merge" ? { ...item, conflict: "changed", isJudged: true } : verdict);
  }
  for (const [path, item] of await mergeFiles(programs, stage, toMerge)) judged.set(path, item);
  return judged;
}

async function mergeFiles(programs: Programs, stage: string, items: readonly Item[]): Promise<Merged> {
  const git = findProgram("git");
  const merged = new Map<string, Item | null>();
  const chosen = items.slice(0, MERGED_FILES_MAX);
  if (git === null || chosen.length === 0) return merged;
  const byPath = new Map(chosen.map((item) => [item.change.path, item]));
  const sha256sum = findProgram("sha256sum") ?? "/usr/bin/sha256sum";
  const stdout = await runMerge(programs, ["merge", git, sha256sum], pathsOf(chosen), [
    { source: stage, target: "/stage", access: "write" },
  ]);
  const reader = new RecordReader(stdout);
  while (!reader.isAtEnd) {
    if (reader.text() !== "M") throw reader.broken("a record");
    const item = byPath.get(reader.path());
    const [state, size, hash, head] = [reader.text(), reader.number(), reader.text(), reader.text()];
    if (!item || !/^(?:-|s)$/.test(state) || !/^(?:[0-9a-f]{64})?$/.test(hash)) throw reader.broken("a field");
    if (state === "s") merged.set(item.change.path, addMerged(item, { size, hash, head: Buffer.from(head, "hex") }));
  }
  return merged;
}

function addMerged(item: Item, { size, hash, head }: { size: number; hash: string; head: Buffer }): Item | null {
  const change = withExecutable({ ...item.change, size, hash }, item);
  const isTaken = change.base?.hash === hash && change.executable === ((change.base.mode & 0o100) !== 0);
  if (isTaken) return null;
  return { ...item, change, conflict: null, isJudged: true, isMerged: true, heads: { ...item.heads, new: head } };
}

/** Keeps what files of a session's layer derive from, once the checkout or the layer has other versions of them. */
export async function keepBases(
  programs: Programs,
  sessionPath: string,
  stage: string,
  kept: readonly Kept[],
): Promise<void> {
  const bases = join(sessionPath, "bases");
  // A discarded session has no layer any more.
  if (kept.length === 0 || !existsSync(bases)) return;
  const input = kept.flatMap(([word, path]) => [word, Buffer.from(encodePath(path))]);
  await runMerge(programs, ["keep"], input, [
    { source: stage, target: "/stage", access: "read" },
    { source: bases, target: "/bases", access: "write" },
  ]);
}

/** Reads staged files, each named with its side (`b/PATH`). */
export async function readStaged(programs: Programs, stage: string, names: readonly string[]): Promise<Buffer[]> {
  const input = names.map((name) => Buffer.from(encodePath(name)));
  const stdout = await runMerge(programs, ["print"], input, [{ source: stage, target: "/stage", access: "read" }]);
  let at = 0;
  return names.map(() => {
    const end = stdout.indexOf(0, at);
    const length = Number(stdout.subarray(at, end).toString("latin1"));
    if (end < 0 || !Number.isSafeInteger(length) || end + 1 + length > stdout.length)
      throw new Error("bug: merge.pl printed something else than the staged files");
    at = end + 1 + length;
    return stdout.subarray(end + 1, at);
  });
}

async function runMerge(
  programs: Programs,
  words: readonly string[],
  input: readonly (string | Buffer)[],
  binds: readonly Bind[],
): Promise<Buffer> {
  const script = scriptBind("merge.pl");
  const result = await runSandbox({
    programs,
    binds: [...binds, script],
    command: [programs.perl, script.target, ...words],
    input: strings(input),
    timeoutMs: MERGE_MS_MAX,
    stdoutBytesMax: PRINT_BYTES_MAX,
    capability: null,
  });
  if (result.status === 0) return result.stdout;
  throw new Error(
    `the changes could not be merged (${words[0]}): ${result.stderr.trim() || `status ${result.status}`}; try again`,
  );
}

function pathsOf(items: readonly Item[]): Buffer[] {
  return items.map(({ change }) => Buffer.from(encodePath(change.path)));
}

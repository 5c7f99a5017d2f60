import { randomBytes } from "node:crypto";
import { decodePath, encodePath } from "../core/changes.ts";
import { type FilePatch, readPatch, writePatch } from "../core/patch-text.ts";
import { type Collected, isLandable } from "./collect.ts";
import { BoxUnavailable, findProgram, type Programs } from "./programs.ts";
import { runSandbox, scriptBind } from "./sandbox.ts";
import { strings } from "./script.ts";

export interface PatchPlan {
  readonly collected: Collected;
  readonly programs: Programs;
  /** `source` is what may land without an approval; `all` is everything that is staged. */
  readonly include: "source" | "all";
}

/** How much of one file differs. Null counts for content that is no text. */
export interface FileStat {
  readonly path: string;
  /** The path that it was renamed from; null when it was not. */
  readonly from: string | null;
  readonly added: number | null;
  readonly removed: number | null;
}

const PATCH_MS_MAX = 60_000;
const PATCH_BYTES_MAX = 256 << 20;

/** Writes the changes as a patch that `git apply` takes in the checkout. Empty folders are not in it: git knows none. */
export async function makePatch(plan: PatchPlan): Promise<Buffer> {
  return Buffer.from(
    writePatch(await patchFiles(plan), () => null),
    "latin1",
  );
}

/** Reads the changes as a patch, file by file. */
export async function patchFiles(plan: PatchPlan): Promise<FilePatch[]> {
  return readPatch((await diff(plan, "patch")).toString("latin1"));
}

/** Counts the lines that each changed file gains and loses, by path. */
export async function countLines(plan: PatchPlan): Promise<FileStat[]> {
  const counts = await diff(plan, "numstat");
  const stats = new Map<string, FileStat>();
  for (const { path, from, added, removed } of readNumstat(counts)) {
    const before = stats.get(path);
    // A file that becomes a link, or a folder, is listed twice.
    stats.set(path, {
      path,
      from: before?.from ?? from,
      added: sum(before?.added, added),
      removed: sum(before?.removed, removed),
    });
  }
  return [...stats.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function diff({ collected, programs, include }: PatchPlan, how: "patch" | "numstat"): Promise<Buffer> {
  const chosen = collected.changes.filter((one) => one.isStaged && (include === "all" || isLandable(one)));
  if (chosen.length === 0) return Buffer.alloc(0);
  const git = findProgram("git");
  if (git === null)
    throw new BoxUnavailable('a diff needs git: run "apt-get install git" (or your system\'s package manager)');
  const script = scriptBind("collect.pl");
  const folder = `patch-${randomBytes(4).toString("hex")}`;
  const result = await runSandbox({
    programs,
    binds: [script, { source: collected.stage, target: "/stage", access: "write" }],
    command: [programs.perl, script.target, "patch", process.arch, git, folder, how],
    input: strings(chosen.map(({ change }) => Buffer.from(encodePath(change.path)))),
    timeoutMs: PATCH_MS_MAX,
    stdoutBytesMax: PATCH_BYTES_MAX,
    capability: null,
  });
  if (result.status !== 0)
    throw new Error(`the diff could not be made: ${result.stderr.trim() || `status ${result.status}`}`);
  return result.stdout;
}

/** Reads `git diff --numstat -z`: "added TAB removed TAB path", or nothing for the path and then the old and the new one. */
function readNumstat(bytes: Buffer): FileStat[] {
  const pattern = /(\d+|-)\t(\d+|-)\t(?:([^\0]+)|\0([^\0]+)\0([^\0]+))\0/gy;
  const text = bytes.toString("latin1");
  const found = [...text.matchAll(pattern)];
  if (found.reduce((length, [all]) => length + all.length, 0) !== text.length)
    throw new Error("bug: git's counts are not as agreed");
  return found.map(([, added = "", removed = "", one, before, after]) => {
    // Each begins with "a/" or "b/"; a side that is missing is called /dev/null.
    const path = one ?? (after === "/dev/null" ? before : after) ?? "";
    const isRename =
      one === undefined && before !== "/dev/null" && after !== "/dev/null" && before?.slice(2) !== path.slice(2);
    return {
      path: nameOf(path),
      from: isRename && before !== undefined ? nameOf(before) : null,
      added: count(added),
      removed: count(removed),
    };
  });
}

function nameOf(name: string): string {
  return decodePath(Buffer.from(name.slice(2), "latin1"));
}

function count(text: string): number | null {
  return text === "-" ? null : Number(text);
}

function sum(before: number | null | undefined, now: number | null): number | null {
  if (before === undefined) return now;
  return before === null || now === null ? null : before + now;
}

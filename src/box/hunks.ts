import { createHash } from "node:crypto";
import { type Change, encodePath } from "../core/changes.ts";
import { isHeld } from "../core/classify.ts";
import { classifyAll } from "../core/classify-all.ts";
import { type FilePatch, type Hunk, headerOf } from "../core/patch-text.ts";
import { type ClassifiedChange, type Collected, isLandable } from "./collect.ts";
import { MEANWHILE } from "./collect-list.ts";
import { patchFiles } from "./patch.ts";
import { findProgram, type Programs } from "./programs.ts";
import { runSandbox, scriptBind } from "./sandbox.ts";
import { RecordReader, strings } from "./script.ts";

/** A hunk as a person names it. */
export interface NamedHunk {
  /** Counts the hunks of a file, from 1. */
  readonly number: number;
  readonly header: string;
  /** SHA-256, hex, over its place in the base and its lines. */
  readonly hash: string;
}

/** A collection of which one file is the base with some of its hunks, or why there is none. */
export type Part =
  | {
      readonly ok: true;
      readonly collected: Collected;
      /** The hash of each hunk to the one that it has once these have landed, or to "" for those. */
      readonly after: ReadonlyMap<string, string>;
    }
  | { readonly ok: false; readonly why: string };

const PART_MS_MAX = 60_000;

/** Says whether a change can land by hunk: source that edits a file. What is held is approved whole. */
export function landsByHunk(one: ClassifiedChange): boolean {
  const { action, type, base } = one.change;
  return isLandable(one) && action === "edit" && type === "file" && base?.type === "file";
}

/** Numbers the hunks of what a patch says of one file. */
export function nameHunks({ hunks }: FilePatch): NamedHunk[] {
  return hunks.map((hunk, at) => ({
    number: at + 1,
    header: Buffer.from(headerOf(hunk), "latin1").toString("utf8"),
    hash: hashOf(hunk, 0),
  }));
}

/**
 * Makes of a collection one in which a file is its base with the chosen hunks, each named by a hash or the beginning of one.
 *
 * The staged copy is replaced, and the content is judged anew: what lands is classed, hashed and kept for an undo like
 * every other. The file's mode stays that of the base.
 */
export async function takeHunks(
  collected: Collected,
  path: string,
  hashes: readonly string[],
  programs: Programs,
): Promise<Part> {
  const one = collected.changes.find(({ change }) => change.path === path);
  if (!one) return refuse("the session did not change it");
  if (one.conflict !== null) return refuse(`${MEANWHILE[one.conflict]}; compare the two by hand`);
  if (isHeld(one.cls)) return refuse(`it is held (${one.cls}: ${one.why}), and approved whole or not at all`);
  if (!landsByHunk(one)) return refuse("only a source file that is edited lands by hunk: land all of it");
  const [file] = await patchFiles({ collected: { ...collected, changes: [one] }, programs, include: "source" });
  if (!file || file.hunks.length === 0)
    return refuse("it has no hunks: its content is no text, or only its mode differs");
  const named = nameHunks(file);
  const found = hashes.map((hash) => named.filter((hunk) => hunk.hash.startsWith(hash)));
  if (found.some(({ length }) => length !== 1)) return refuse(STALE);
  const numbers = [...new Set(found.flat().map(({ number }) => number))].sort((a, b) => a - b);
  const made = await makePart(
    collected.stage,
    path,
    numbers.flatMap((number) => file.hunks[number - 1] ?? []),
    programs,
  );
  const part = judge(collected, one, made);
  if (!isLandable(part)) return refuse(`these hunks alone are ${part.cls}: ${part.why}; land the whole file`);
  const changes = collected.changes.map((other) => (other === one ? part : other));
  const digest = sha256(JSON.stringify([collected.digest, path, part.hash]));
  const isWhole = numbers.length === named.length && part.change.mode === one.change.mode;
  return {
    ok: true,
    collected: { ...collected, changes, digest, left: isWhole ? 0 : 1 },
    after: hashesAfter(file.hunks, new Set(numbers)),
  };
}

// What lands moves the lines that follow, so that the hunks after it have another place and nothing else.
function hashesAfter(hunks: readonly Hunk[], landed: ReadonlySet<number>): Map<string, string> {
  let moved = 0;
  return new Map(
    hunks.map((hunk, at) => {
      if (!landed.has(at + 1)) return [hashOf(hunk, 0), hashOf(hunk, moved)];
      moved += hunk.newCount - hunk.oldCount;
      return [hashOf(hunk, 0), ""];
    }),
  );
}

function hashOf({ oldStart, oldCount, body }: Hunk, moved: number): string {
  return sha256(Buffer.from(`${oldStart + moved},${oldCount}\n${body}`, "latin1"));
}

const STALE = "a hunk is not what was shown last; look at it again with ringfence diff";

function refuse(why: string): Part {
  return { ok: false, why };
}

interface Made {
  readonly size: number;
  readonly hash: string;
  readonly content: Uint8Array;
  readonly baseContent: Uint8Array;
}

async function makePart(stage: string, path: string, hunks: readonly Hunk[], programs: Programs): Promise<Made> {
  const script = scriptBind("hunks.pl");
  const result = await runSandbox({
    programs,
    binds: [script, { source: stage, target: "/stage", access: "write" }],
    command: [programs.perl, script.target, findProgram("sha256sum") ?? "/usr/bin/sha256sum"],
    input: strings([
      Buffer.from(encodePath(path)),
      ...hunks.flatMap(({ oldStart, oldCount, newStart, newCount }) =>
        [oldStart, oldCount, newStart, newCount].map(String),
      ),
    ]),
    timeoutMs: PART_MS_MAX,
    stdoutBytesMax: 8 << 20,
    capability: null,
  });
  if (result.status !== 0)
    throw new Error(`the hunks could not be put together: ${result.stderr.trim() || `status ${result.status}`}`);
  const reader = new RecordReader(result.stdout);
  const [size, hash, head, base] = [reader.number(), reader.text(), reader.text(), reader.text()];
  if (!/^[0-9a-f]{64}$/.test(hash) || !reader.isAtEnd) throw new Error("bug: hunks.pl answered with something else");
  return { size, hash, content: Buffer.from(head, "hex"), baseContent: Buffer.from(base, "hex") };
}

/** A manifest that is longer than what was read of it could be judged by its beginning. */
const MANIFEST_BYTES_MAX = 1 << 20;

function judge(collected: Collected, one: ClassifiedChange, made: Made): ClassifiedChange {
  const { change } = one;
  const mode = change.base?.mode ?? 0;
  const part: Change = { ...change, mode, executable: (mode & 0o100) !== 0, size: made.size, hash: made.hash };
  const all = collected.changes.map((other) => (other === one ? part : other.change));
  const whole = (content: Uint8Array) => (content.length <= MANIFEST_BYTES_MAX ? content : null);
  const found = classifyAll(all, {
    links: collected.links,
    // Of the others only the names count here; their own classes stay what they are.
    of: (other) => ({
      isIgnored: false,
      oldContent: other === part ? whole(made.baseContent) : null,
      newContent: other === part ? whole(made.content) : null,
    }),
  }).get(part.path);
  if (!found) throw new Error("bug: a change without a class");
  const { cls, why, runs = null } = found;
  return { ...one, change: part, cls, why, runs, hash: sha256(JSON.stringify([one.hash, "hunks", made.hash])) };
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

import type { Collected } from "../box/collect.ts";
import { landsByHunk, type NamedHunk, nameHunks, type Part, takeHunks } from "../box/hunks.ts";
import { patchFiles } from "../box/patch.ts";
import { findPrograms } from "../box/programs.ts";
import { readShown, writeShown } from "../box/shown.ts";
import { writePatch } from "../core/patch-text.ts";
import type { ChangedSession } from "./changeset.ts";

/** A diff for a person, and the hunks that they can land by their numbers, by path. */
export interface NumberedDiff {
  readonly text: Buffer;
  readonly hunks: ReadonlyMap<string, readonly NamedHunk[]>;
}

/** A hunk that a person chose: by its number in the diff that they saw last, or by a hash of `diff --json` besides. */
export interface WantedHunk {
  readonly number: number;
  readonly hash: string | null;
}

/** Makes a diff, each hunk that can land alone numbered in its header, where `git apply` passes the number over. */
export async function numberedDiff(collected: Collected, include: "source" | "all"): Promise<NumberedDiff> {
  const files = await patchFiles({ collected, include, programs: findPrograms() });
  const paths = new Set(collected.changes.filter(landsByHunk).map(({ change }) => change.path));
  const numbered = files.filter(({ newPath, hunks }) => newPath !== null && paths.has(newPath) && hunks.length > 0);
  const isNumbered = new Set(numbered);
  const text = writePatch(files, (file, at) => (isNumbered.has(file) ? `(hunk ${at + 1})` : null));
  return {
    text: Buffer.from(text, "latin1"),
    hunks: new Map(numbered.map((file) => [file.newPath ?? "", nameHunks(file)])),
  };
}

/** Keeps which hunks a person was shown, so that their numbers mean these and no others; of a part, besides the rest. */
export function keepShown(session: ChangedSession, { hunks }: NumberedDiff, isWhole: boolean): void {
  const shown = [...hunks].map(([path, named]) => [path, named.map(({ hash }) => hash)] as const);
  writeShown(session.path, new Map([...(isWhole ? [] : readShown(session.path)), ...shown]));
}

/** Makes the collection that lands just these hunks of a file. A number is bound to what was shown under it. */
export async function partOf(
  session: ChangedSession,
  collected: Collected,
  path: string,
  wanted: readonly WantedHunk[],
): Promise<Part> {
  const shown = readShown(session.path).get(path);
  const hashes: string[] = [];
  for (const { number, hash } of wanted) {
    const found = hash ?? shown?.[number - 1];
    if (shown === undefined && found === undefined)
      return { ok: false, why: "its hunks were not shown yet; ringfence diff numbers them" };
    if (found === undefined)
      return { ok: false, why: `hunk ${number} does not exist: it was shown with ${shown?.length}` };
    if (found === "") return { ok: false, why: `hunk ${number} has landed already` };
    hashes.push(found);
  }
  return takeHunks(collected, path, hashes, findPrograms());
}

/** Keeps that some hunks landed: the others go on under the numbers that the person saw. */
export function keepLanded(session: ChangedSession, path: string, { after }: Part & { readonly ok: true }): void {
  const shown = readShown(session.path);
  const hashes = shown.get(path);
  if (hashes === undefined) return;
  // One that is none of the file's any more means nothing, and stays so.
  writeShown(session.path, new Map([...shown, [path, hashes.map((hash) => after.get(hash) ?? hash)]]));
}

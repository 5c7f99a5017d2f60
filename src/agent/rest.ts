import type { Collected } from "../box/collect.ts";
import type { FoundCommits, Move } from "../box/commits.ts";
import { readRest, writeRest } from "../box/landing.ts";
import type { ChangedSession, LandedCommits } from "./changeset.ts";

/**
 * Keeps what is left of a session, for `sessions` and `gc`, once something of it has landed.
 *
 * `commits` is null where nobody looked for any; then what was known before counts.
 */
export function keepRest(
  { path }: ChangedSession,
  { changes, gitChanges, left }: Collected,
  landed: readonly string[],
  commits: { readonly found: FoundCommits | null; readonly landed: LandedCommits | null } | null,
): void {
  const done = new Set(landed);
  const waiting = changes.filter(({ cls, change }) => cls !== "ignored" && !done.has(change.path));
  const hasCommits =
    commits === null ? (readRest(path)?.hasCommits ?? gitChanges > 0) : hasCommitsLeft(commits.found, commits.landed);
  writeRest(path, { changes: waiting.length + left, hasCommits });
}

/** Names the moves that were made, of every branch. */
export function movesOf(landed: LandedCommits | null): Move[] {
  return [landed, ...(landed?.others ?? [])].flatMap((one) => one?.move ?? []);
}

/** Says whether commits are left that no branch of the person's has, or that could not be read. */
export function hasCommitsLeft(found: FoundCommits | null, landed: LandedCommits | null): boolean {
  if (found === null) return false;
  const moves = [landed, ...(landed?.others ?? [])];
  return [found, ...found.others].some((one, at) => !hasLandedWhole(one, moves[at]?.move ?? null));
}

function hasLandedWhole({ commits, pack, note }: FoundCommits, move: Move | null): boolean {
  // Without a pack there are none, or they could not even be read.
  if (pack[0] === "") return note === null && commits.length === 0;
  return (move !== null || commits.length === 0) && commits.every(({ state }) => state === "lands");
}

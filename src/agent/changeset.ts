import { dirname, join } from "node:path";
import type { Box } from "../box/box.ts";
import { recordSigned } from "../box/branch.ts";
import { choose } from "../box/choose.ts";
import { type ClassifiedChange, type Collected, collectChanges } from "../box/collect.ts";
import { type FoundCommits, findCommits, type Move } from "../box/commits.ts";
import { releaseStage } from "../box/discard.ts";
import { readFacts, removeUnused, type SessionFacts } from "../box/folder.ts";
import type { LandResult } from "../box/land.ts";
import { beginMove, endMove, endPending, keepMove, type Moving, readMoving } from "../box/landing.ts";
import { countLines, type FileStat, makePatch } from "../box/patch.ts";
import {
  discardPermitted,
  emptyPermitted,
  landCommitsPermitted,
  landPermitted,
  releasePermitted,
  removePermitted,
} from "../box/permitted.ts";
import { BoxUnavailable, findPrograms } from "../box/programs.ts";
import type { Approval } from "../core/approval.ts";
import { isHeld } from "../core/classify.ts";
import type { LabelledFile } from "../core/file-labels.ts";
import { type JsonObject, recordOf } from "../core/json.ts";
import { writerOf } from "../core/session-label.ts";
import type { Ledger } from "../ledger/append.ts";
import { readBareLedger } from "../ledger/verify.ts";
import { noteWritten } from "./config-trust.ts";
import type { Gate } from "./gate.ts";

/** A session's folder and what is known of it. */
export interface ChangedSession {
  readonly path: string;
  readonly facts: SessionFacts;
}

/**
 * Notes for later sessions what of this one's comes into the checkout, landed or as a patch, at its label. False where
 * nobody would ask, since the person trusts nothing of the repository.
 */
export function noteWriter(session: ChangedSession, changes: readonly ClassifiedChange[]): boolean {
  return noteOwn(
    session,
    changes.map(({ change }) => ({ path: change.path, hash: change.hash })),
  );
}

function noteOwn({ path, facts }: ChangedSession, files: readonly LabelledFile[]): boolean {
  const events = () => [...readBareLedger(join(path, "ledger.log"))].map(({ event }) => event);
  return noteWritten(dirname(dirname(path)), facts.checkout, files, () => writerOf(events()));
}

/** Collects a session's changes, hands them to `use`, and removes the staged copies that no undo needs, whatever happens. */
export async function withChanges<T>(session: ChangedSession, use: (collected: Collected) => Promise<T>): Promise<T> {
  const programs = findPrograms();
  const collected = await collectChanges({ sessionPath: session.path, facts: session.facts, programs });
  try {
    return await use(collected);
  } finally {
    await releaseStage(collected, programs);
  }
}

/** Makes the patch of the source changes, or of all that is shown to a person. */
export function patchOf(collected: Collected, include: "source" | "all"): Promise<Buffer> {
  return makePatch({ collected, include, programs: findPrograms() });
}

export function linesOf(collected: Collected): Promise<FileStat[]> {
  return countLines({ collected, include: "all", programs: findPrograms() });
}

/** What the person asked to land: the named paths of source or all of it, and held files that they approved. */
export interface Wish {
  readonly which: readonly string[] | null;
  readonly approvals: readonly Approval[];
}

/** Lands changes for the person who asked: decided and recorded first, recorded again with what came of it. */
export async function landFor(
  session: ChangedSession,
  collected: Collected,
  wish: Wish,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<LandResult> {
  const { approvals } = wish;
  const { chosen } = choose(collected, wish.which, approvals);
  const paths = chosen.map(({ change }) => change.path);
  const held = chosen.filter(({ cls }) => isHeld(cls)).map(({ change }) => change.path);
  const { digest } = collected;
  // Before a file of them stands there: a landing that breaks off, or a session that reads meanwhile, knows whose it is.
  const isNoted = noteWriter(session, chosen);
  const permit = record.gate.passForPerson({ kind: "land", paths, digest, held, approvals, approvedBy: "person" });
  const result = await landPermitted(permit, {
    facts: session.facts,
    collected,
    programs: findPrograms(),
  });
  // The person may have approved a commit meanwhile, which these files were not compared with.
  if (!isNoted) noteWriter(session, chosen);
  record.ledger.append({
    type: "landed",
    at: Date.now(),
    landed: result.landed,
    failed: result.failed.map(({ path, why }) => ({ path, why })),
  });
  record.ledger.seal();
  endPending(session.path);
  return result;
}

/** Finds the commits that the box made, or null; what is staged of them goes with the collection. */
export function commitsOf(session: ChangedSession, collected: Collected): Promise<FoundCommits | null> {
  return findCommits({ sessionPath: session.path, facts: session.facts, programs: findPrograms() }, collected);
}

/** Which branch took the commits, and why a better way was refused; `move` is null when nothing landed. */
export interface LandedCommits {
  readonly move: Move | null;
  readonly note: string | null;
  readonly others: readonly LandedCommits[];
}

/**
 * Lands commits for the person who asked, each try decided and recorded first. The files of the commits landed before:
 * a branch moves only to what lies in the checkout.
 */
export async function landCommitsFor(
  session: ChangedSession,
  found: FoundCommits,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<LandedCommits> {
  const landed = await landBranchFor(session, found, record);
  const others: LandedCommits[] = [];
  for (const other of found.others) others.push(await landBranchFor(session, other, record));
  return { ...landed, others };
}

async function landBranchFor(
  session: ChangedSession,
  found: FoundCommits,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<LandedCommits> {
  let note = found.note;
  // Any of their files can be taken out of them later, or stay where the branch is taken back.
  if (found.moves.length > 0) noteOwn(session, found.files);
  for (const move of found.moves) {
    const effect = { kind: "land-commits", ...move, digest: found.digest, approvedBy: "person" } as const;
    const permit = record.gate.passForPerson(effect);
    const { branch, oldId, newId } = move;
    const moving = { branch, oldId, newId, unsigned: found.unsigned };
    beginMove(session.path, moving);
    const refused = await landCommitsPermitted(permit, {
      facts: session.facts,
      found,
      programs: findPrograms(),
    });
    if (refused === null) concludeMove(session, record, moving, { refused });
    // It may have died in its sandbox, before the move or after it.
    else if ((await releaseFor(session, record, refused))?.branch !== move.branch) {
      note = refused;
      continue;
    }
    return { move, note, others: [] };
  }
  return { move: null, note, others: [] };
}

/** What was put right after a landing of commits. */
export interface Released {
  /** Why its locks may still be there; null when they are not. */
  readonly problem: string | null;
  /** The branch that has its commits; null when the move was not made, or nobody can tell. */
  readonly branch: string | null;
}

/**
 * Takes away the locks of a landing of commits that broke off, which else would stand before the person's git, and records
 * what came of it unless it came to that; null when none did. `refused` is what it said for itself, where it could.
 */
export async function releaseFor(
  session: ChangedSession,
  record: { readonly gate: Gate; readonly ledger: Ledger },
  refused: string | null = null,
): Promise<Released | null> {
  const kept = readMoving(session.path);
  if (kept === null) return null;
  const move = kept === "lost" ? recordedMove(session.path) : kept;
  const permit = record.gate.passForPerson({ kind: "release", approvedBy: "person" });
  let [hasMoved, problem]: [boolean, string | null] = [false, null];
  try {
    hasMoved = await releasePermitted(permit, { facts: session.facts, programs: findPrograms() }, move);
  } catch (error) {
    // The repository may be gone, which must not stand before every later command.
    problem = error instanceof Error ? error.message : String(error);
  }
  const lost = problem === null ? "it broke off before the branch had them" : `it broke off; ${problem}`;
  const why = hasMoved ? null : (refused ?? lost);
  concludeMove(session, record, move, refused === null ? { refused: why, brokeOff: true } : { refused: why });
  return { problem, branch: hasMoved ? move.branch : null };
}

function concludeMove(
  { path }: ChangedSession,
  { ledger }: { readonly ledger: Ledger },
  move: Moving,
  end: { readonly refused: string | null; readonly brokeOff?: true },
): void {
  const { branch, newId: commit } = move;
  const told = end.brokeOff ? toldOfMove(path) : null;
  if (told === null) {
    ledger.append({ type: "landed-commits", at: Date.now(), branch, commit, ...end });
    ledger.seal();
  }
  if ((told ?? end).refused === null) {
    keepMove(path, move);
    if (move.unsigned.length > 0) recordSigned(path, move.unsigned);
  }
  endMove(path);
}

/** Reads the newest move that the record says was decided: it stands there before anything is done for it. */
function recordedMove(path: string): Moving {
  let move: Moving = { branch: "", oldId: null, newId: "", unsigned: [] };
  for (const { event } of readBareLedger(join(path, "ledger.log"))) {
    const { kind, branch, oldId, newId } = recordOf(event.effect);
    if (kind === "land-commits")
      move = { ...move, branch: String(branch), oldId: oldId === null ? null : String(oldId), newId: String(newId) };
  }
  return move;
}

/** Reads what the record says of the newest landing of commits; null where that broke off before anything was said. */
function toldOfMove(path: string): JsonObject | null {
  let told: JsonObject | null = null;
  for (const { event } of readBareLedger(join(path, "ledger.log"))) {
    if (event.type === "landed-commits") told = event;
    else if (recordOf(event.effect).kind === "land-commits") told = null;
  }
  return told;
}

/** Throws a session's layer away; its ledger stays. */
export async function discardFor(
  session: ChangedSession,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<void> {
  const permit = record.gate.passForPerson({ kind: "discard", approvedBy: "person" });
  await discardPermitted(permit, session.path, findPrograms());
}

/** Ends a session that could not begin: nothing of it stays but the record of what was done, if anything could be. */
export async function abandon(
  path: string,
  box: Box | null,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<void> {
  await box?.close();
  try {
    // An empty layer left behind would stand before an earlier session whose changes wait.
    if (box !== null) return await discardFor({ path, facts: readFacts(path) }, record);
  } catch (error) {
    // Where no sandbox can be made to discard it, none could be made to write to it.
    if (!(error instanceof BoxUnavailable)) throw error;
  } finally {
    record.ledger.close();
  }
  removeUnused(path);
}

/** Removes all of a session that is over but its ledger: layer, and what an undo of its landings needs. */
export async function removeFor(
  session: ChangedSession,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<void> {
  const permit = record.gate.passForPerson({ kind: "remove", approvedBy: "person" });
  await removePermitted(permit, session.path, findPrograms());
  record.ledger.append({ type: "removed", at: Date.now() });
}

/** Empties the layer of a session that goes on. */
export async function emptyFor(box: Box, record: { readonly gate: Gate; readonly ledger: Ledger }): Promise<void> {
  const permit = record.gate.passForPerson({ kind: "discard", approvedBy: "person" });
  await emptyPermitted(permit, box, findPrograms());
}

import type { Box } from "../box/box.ts";
import { type ClassifiedChange, type Collected, collectChanges, isLandable } from "../box/collect.ts";
import { releaseStage } from "../box/discard.ts";
import type { SessionFacts } from "../box/folder.ts";
import type { LandResult } from "../box/land.ts";
import { endPending } from "../box/landing.ts";
import { countLines, type FileStat, makePatch } from "../box/patch.ts";
import { discardPermitted, emptyPermitted, landPermitted, removePermitted } from "../box/permitted.ts";
import { findPrograms } from "../box/programs.ts";
import type { Ledger } from "../ledger/append.ts";
import type { Gate } from "./gate.ts";

/** A session's folder and what is known of it. */
export interface ChangedSession {
  readonly path: string;
  readonly facts: SessionFacts;
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

/** Lands changes for the person who asked: decided and recorded first, recorded again with what came of it. */
export async function landFor(
  session: ChangedSession,
  collected: Collected,
  which: readonly string[] | null,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<LandResult> {
  const paths = collected.changes
    .filter((one) => isLandable(one) && (which === null || which.includes(one.change.path)))
    .map(pathOf);
  const effect = { kind: "land", paths, digest: collected.digest, held: false, approvedBy: "person" } as const;
  const gated = record.gate.pass(effect, null);
  if (gated.verdict !== "allow") throw new Error(`bug: landing for the person was refused: ${gated.reason}`);
  const result = await landPermitted(gated.permit, {
    facts: session.facts,
    collected,
    which,
    programs: findPrograms(),
  });
  record.ledger.append({
    type: "landed",
    at: Date.now(),
    landed: result.landed,
    failed: result.failed.map(({ path, why }) => ({ path, why })),
  });
  record.ledger.sync();
  endPending(session.path);
  return result;
}

/** Throws a session's layer away; its ledger stays. */
export async function discardFor(
  session: ChangedSession,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<void> {
  const gated = record.gate.pass({ kind: "discard", approvedBy: "person" }, null);
  if (gated.verdict !== "allow") throw new Error(`bug: discarding for the person was refused: ${gated.reason}`);
  await discardPermitted(gated.permit, session.path, findPrograms());
}

/** Removes all of a session that is over but its ledger: layer, and what an undo of its landings needs. */
export async function removeFor(
  session: ChangedSession,
  record: { readonly gate: Gate; readonly ledger: Ledger },
): Promise<void> {
  const gated = record.gate.pass({ kind: "remove", approvedBy: "person" }, null);
  if (gated.verdict !== "allow") throw new Error(`bug: removing for the person was refused: ${gated.reason}`);
  await removePermitted(gated.permit, session.path, findPrograms());
  record.ledger.append({ type: "removed", at: Date.now() });
}

/** Empties the layer of a session that goes on. */
export async function emptyFor(box: Box, record: { readonly gate: Gate; readonly ledger: Ledger }): Promise<void> {
  const gated = record.gate.pass({ kind: "discard", approvedBy: "person" }, null);
  if (gated.verdict !== "allow") throw new Error(`bug: discarding for the person was refused: ${gated.reason}`);
  await emptyPermitted(gated.permit, box, findPrograms());
}

function pathOf(one: ClassifiedChange): string {
  return one.change.path;
}

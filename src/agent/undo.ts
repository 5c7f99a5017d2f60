import { removeStage } from "../box/discard.ts";
import { digestOfLanding, endPending, type Landing, listLandings, readPending } from "../box/landing.ts";
import { recoverPermitted, undoPermitted } from "../box/permitted.ts";
import { findPrograms } from "../box/programs.ts";
import type { Recovered, UndoResult } from "../box/undo.ts";
import type { ChangedSession } from "./changeset.ts";
import type { Record } from "./record.ts";

/** Undoes a landing for the person who asked: decided and recorded first, recorded again with what came of it. */
export async function undoFor(session: ChangedSession, landing: Landing, record: Record): Promise<UndoResult> {
  const { number, changes } = landing;
  const paths = changes.map(({ path }) => path);
  const effect = {
    kind: "undo",
    landing: number,
    paths,
    digest: digestOfLanding(landing),
    approvedBy: "person",
  } as const;
  const permit = record.gate.passForPerson(effect);
  const { path: sessionPath, facts } = session;
  const result = await undoPermitted(permit, { sessionPath, facts, landing, programs: findPrograms() });
  conclude(session, record, { ...result, what: "undo", number }, false);
  await removeSpentStage(session, landing.stage);
  return result;
}

/** Puts right what a landing or an undo of the session left when it broke off; null when none did. */
export async function recoverFor(session: ChangedSession, record: Record): Promise<Recovered | null> {
  const pending = readPending(session.path);
  if (pending === null) return null;
  const { what, number, stage } = pending;
  const permit = record.gate.passForPerson({ kind: "recover", what, landing: number, approvedBy: "person" });
  const { path: sessionPath, facts } = session;
  const recovered = await recoverPermitted(permit, { sessionPath, facts, programs: findPrograms() });
  if (recovered !== null) conclude(session, record, recovered, true);
  await removeSpentStage(session, stage);
  return recovered;
}

function conclude(session: ChangedSession, { ledger }: Record, result: Recovered, brokeOff: boolean): void {
  const { what, number, done, held, failed } = result;
  ledger.append({
    type: what === "land" ? "landed" : "undone",
    at: Date.now(),
    landing: number,
    ...(what === "land" ? { landed: done } : { undone: done }),
    held: held.map(({ path, why }) => ({ path, why })),
    failed: failed.map(({ path, why }) => ({ path, why })),
    ...(brokeOff ? { brokeOff } : {}),
  });
  ledger.seal();
  endPending(session.path);
}

/** Removes the copies that no undo can need any more. */
async function removeSpentStage({ path }: ChangedSession, stage: string): Promise<void> {
  const isNeeded = listLandings(path).some((landing) => landing.stage === stage && landing.changes.length > 0);
  if (!isNeeded) await removeStage({ stage: `${path}/${stage}` }, findPrograms());
}

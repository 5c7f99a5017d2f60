import { type ChangedSession, releaseFor } from "../agent/changeset.ts";
import { stateFolder } from "../agent/config.ts";
import { findCheckout } from "../agent/config-checkout.ts";
import { findLanding, listPending, listSessions, newestLanding } from "../agent/config-sessions.ts";
import { knownSecrets } from "../agent/known-secrets.ts";
import { type Record, withRecord } from "../agent/record.ts";
import type { Session } from "../agent/session.ts";
import { recoverFor, undoFor } from "../agent/undo.ts";
import type { Start } from "../agent/workplace.ts";
import { readFacts } from "../box/folder.ts";
import { type LandedMove, type Landing, readRest } from "../box/landing.ts";
import type { Recovered, UndoResult } from "../box/undo.ts";
import { LedgerFailure } from "../ledger/failure.ts";
import { anchorLast } from "./anchor.ts";
import { wordOf } from "./branch.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

/** `ringfence undo`: gives back what the newest landing replaced, of this checkout or of the named session. */
export async function undoCommand(
  options: { readonly session: string | null },
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const state = stateFolder(start.environment);
  const checkout = findCheckout(start.folder).path;
  await putRight(state, checkout, options.session, terminal);
  const found = findLanding(state, checkout, options.session);
  if (found === null) return tellNoLanding(state, checkout, options.session, terminal);
  const { session, landing } = found;
  const texts = await knownSecrets(start, session.facts.checkout);
  const last = anchorLast(session, start, terminal);
  const result = await withRecord(session, (record) => undoFor(session, landing, record), { texts, last });
  return tellUndo(result, session.path, landing, terminal);
}

// What landed may have been commits alone.
function tellNoLanding(state: string, checkout: string, id: string | null, { stdout, stderr }: Terminal): number {
  const sessions = listSessions(state, id === null ? checkout : null).filter(
    ({ facts }) => (id ?? facts.id) === facts.id,
  );
  const moves = sessions.map(({ path }) => readRest(path)?.moves ?? []).find(({ length }) => length > 0);
  for (const move of moves ?? []) writeSafe(stdout, branchText(move));
  writeSafe(stderr, row(`nothing to undo: there is no landing of ${id === null ? checkout : `session ${id}`} left`));
  return 1;
}

/** Undoes the newest landing of a session that goes on, and lets the box see the checkout as it is now. */
export async function undoLive(session: Session, terminal: Terminal): Promise<void> {
  const { path } = session.box.folder;
  const changed = { path, facts: readFacts(path) };
  await session.box.freeze();
  try {
    await putRightLive(session, terminal);
    const landing = newestLanding(path);
    if (!landing) terminal.stdout.write("this session has no landing to undo\n");
    else tellUndo(await undoFor(changed, landing, session), path, landing, terminal);
  } finally {
    await session.box.thaw();
  }
  await session.box.remount();
}

/** Puts right what landings and undos of a checkout, and of the named session, left when they broke off, and says so. */
export async function putRight(state: string, checkout: string, id: string | null, terminal: Terminal): Promise<void> {
  for (const session of listPending(state, checkout, id)) {
    try {
      await withRecord(session, (record) => putSessionRight(session, record, terminal));
    } catch (error) {
      // The session goes on, so its landing may be under way right now.
      if (!(error instanceof LedgerFailure)) throw error;
      writeSafe(terminal.stderr, `a landing of session ${session.facts.id} is not over: ${error.message}\n`);
    }
  }
}

/** The same for a session that goes on. */
export async function putRightLive(session: Session, terminal: Terminal): Promise<void> {
  const { path } = session.box.folder;
  await putSessionRight({ path, facts: readFacts(path) }, session, terminal);
}

async function putSessionRight(session: ChangedSession, record: Record, terminal: Terminal): Promise<void> {
  tellRecovered(await recoverFor(session, record), terminal);
  const released = await releaseFor(session, record);
  if (released === null) return;
  const why =
    released.problem === null ? "its locks are taken away" : `its locks may still be there: ${released.problem}`;
  const what =
    released.branch === null
      ? "What did not land lands by ringfence land"
      : `Branch ${released.branch} has its commits; what else did not land lands by ringfence land`;
  writeSafe(terminal.stderr, row(`a landing of commits broke off; ${why}. ${what}`));
}

function tellUndo(result: UndoResult, sessionPath: string, { at, stage }: Landing, { stdout }: Terminal): number {
  writeSafe(stdout, linesOf(result, "undone"));
  if (result.done.length + result.held.length + result.failed.length === 0) stdout.write("nothing was left to undo\n");
  const moves = readRest(sessionPath)?.moves ?? [];
  for (const move of moves.filter((one) => one.at >= at)) writeSafe(stdout, branchText(move));
  if (result.held.length + result.failed.length === 0) return 0;
  writeSafe(stdout, `what stood there before that landing is kept in ${sessionPath}/${stage}/a\n`);
  return 1;
}

/** A branch is the person's to move: they may have gone on from there. */
function branchText({ branch, oldId, newId }: LandedMove): string {
  const [name, id] = [wordOf(branch, "BRANCH"), newId.slice(0, 7)];
  if (oldId === null)
    return row(
      `stays   branch ${branch}, which the landing made at ${id}; if you do not want it: git branch -D ${name}`,
    );
  const old = oldId.slice(0, 12);
  return row(
    `stays   branch ${branch}, which the landing moved to ${id}; if it is still there, this takes it back: git reset ${old} (on ${branch}), git branch -f ${name} ${old} (elsewhere)`,
  );
}

function tellRecovered(recovered: Recovered | null, { stderr }: Terminal): void {
  if (recovered === null) return;
  const [name, done] = recovered.what === "land" ? ["landing", "landed"] : ["undo", "undone"];
  writeSafe(stderr, `an earlier ${name} broke off; this much of it was done, and the rest was not begun:\n`);
  writeSafe(stderr, linesOf(recovered, done) || "nothing\n");
}

function linesOf({ done, held, failed }: UndoResult, word: string): string {
  const lines = done.map((path) => row(`${word.padEnd(7)} ${path}`));
  const others = [...held.map((one) => ["held", one] as const), ...failed.map((one) => ["failed", one] as const)];
  return [...lines, ...others.map(([how, { path, why }]) => row(`${how.padEnd(7)} ${path}: ${why}`))].join("");
}

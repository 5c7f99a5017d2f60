import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readFacts, type SessionFacts } from "../box/folder.ts";
import { type Landing, listLandings, readMoving, readPending } from "../box/landing.ts";
import { UsageError } from "./config.ts";

export interface StoredSession {
  readonly path: string;
  readonly facts: SessionFacts;
  readonly hasLayer: boolean;
}

/** Lists the sessions of a checkout, or of all when it is null, newest first. */
export function listSessions(state: string, checkout: string | null): StoredSession[] {
  const folder = join(state, "sessions");
  const sessions: StoredSession[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    // A link would have us remove what lies elsewhere.
    if (!entry.isDirectory() || !existsSync(join(path, "session.json"))) continue;
    const facts = factsOf(path);
    if (facts === null) continue;
    if (checkout === null || facts.checkout === checkout)
      sessions.push({ path, facts, hasLayer: existsSync(join(path, "layer")) });
  }
  // An id tells the second alone.
  return sessions.sort((a, b) => begunAt(b) - begunAt(a) || (a.facts.id < b.facts.id ? 1 : -1));
}

function begunAt({ facts }: StoredSession): number {
  return facts.forkedAt ?? facts.startedAt;
}

/** Finds the session that a person calls so: by its id, or the name that they gave it. Throws UsageError. */
export function sessionCalled(state: string, called: string): StoredSession {
  const found = listSessions(state, null).find(isCalled(called));
  if (!found) throw new UsageError(`there is no session "${called}"; see ringfence sessions --all`);
  return found;
}

/** Says of a session whether it is the one that a person calls so. */
export function isCalled(called: string): (session: StoredSession) => boolean {
  return ({ facts }) => facts.id === called || facts.name === called;
}

// What an older version left where the disk was full.
function factsOf(path: string): SessionFacts | null {
  try {
    return readFacts(path);
  } catch {
    return null;
  }
}

/** Finds the named session, else the newest of this checkout that has a layer. */
export function findSession(state: string, checkout: string, id: string | null): StoredSession {
  if (id !== null) {
    const found = sessionCalled(state, id);
    if (!found.hasLayer) throw new UsageError(`the layer of session ${id} is discarded`);
    return found;
  }
  const found = listSessions(state, checkout).find(({ hasLayer }) => hasLayer);
  if (!found) throw new UsageError(`no session of ${checkout} has changes that wait`);
  return found;
}

/** Lists the sessions of a checkout, and the named one, of which a landing or an undo is under way, or broke off. */
export function listPending(state: string, checkout: string, id: string | null): StoredSession[] {
  return listSessions(state, null).filter(
    (session) =>
      (session.facts.checkout === checkout || (id !== null && isCalled(id)(session))) &&
      (readPending(session.path) !== null || readMoving(session.path) !== null),
  );
}

/** Finds the newest landing of a session that is not undone. */
export function newestLanding(sessionPath: string): Landing | null {
  return listLandings(sessionPath).findLast(({ isUndone }) => !isUndone) ?? null;
}

/** Finds what `undo` means: the newest landing that is not undone, of the named session, else of the whole checkout; or null. */
export function findLanding(
  state: string,
  checkout: string,
  id: string | null,
): { readonly session: StoredSession; readonly landing: Landing } | null {
  const sessions = id === null ? listSessions(state, checkout) : [sessionCalled(state, id)];
  const found = sessions.flatMap((session) => {
    const landing = newestLanding(session.path);
    return landing === null ? [] : [{ session, landing }];
  });
  return found.sort((a, b) => a.landing.at - b.landing.at).at(-1) ?? null;
}

/** Finds the ledger of the named session, else of the newest of the checkout. */
export function ledgerOf(state: string, checkout: string, id: string | null): string {
  const session = id === null ? listSessions(state, checkout)[0] : sessionCalled(state, id);
  if (!session) throw new UsageError(`there is no session of ${checkout} yet`);
  return join(session.path, "ledger.log");
}

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readFacts, type SessionFacts } from "../box/folder.ts";
import { UsageError } from "./config.ts";

export interface StoredSession {
  readonly path: string;
  readonly facts: SessionFacts;
  readonly hasLayer: boolean;
}

/** Lists the sessions of a checkout, or of all when it is null, newest first. */
function listSessions(state: string, checkout: string | null): StoredSession[] {
  const folder = join(state, "sessions");
  const sessions: StoredSession[] = [];
  for (const id of readdirSync(folder).sort().reverse()) {
    const path = join(folder, id);
    if (!existsSync(join(path, "session.json"))) continue;
    const facts = readFacts(path);
    if (checkout === null || facts.checkout === checkout)
      sessions.push({ path, facts, hasLayer: existsSync(join(path, "layer")) });
  }
  return sessions;
}

/** Finds the session that `diff`, `land` and `discard` mean: the named one, else the newest of this checkout that has a layer. */
export function findSession(state: string, checkout: string, id: string | null): StoredSession {
  if (id !== null) {
    const found = listSessions(state, null).find(({ facts }) => facts.id === id);
    if (!found) throw new UsageError(`there is no session "${id}"; see ${join(state, "sessions")}`);
    if (!found.hasLayer) throw new UsageError(`the layer of session ${id} is discarded`);
    return found;
  }
  const found = listSessions(state, checkout).find(({ hasLayer }) => hasLayer);
  if (!found) throw new UsageError(`no session of ${checkout} has changes that wait`);
  return found;
}

/** Finds the ledger of the named session, else of the newest of the checkout. */
export function ledgerOf(state: string, checkout: string, id: string | null): string {
  const session =
    id === null ? listSessions(state, checkout)[0] : listSessions(state, null).find(({ facts }) => facts.id === id);
  if (!session)
    throw new UsageError(id === null ? `there is no session of ${checkout} yet` : `there is no session "${id}"`);
  return join(session.path, "ledger.log");
}

import { join } from "node:path";
import { isLocked } from "../ledger/lock.ts";
import { readLedger } from "../ledger/verify.ts";
import { UsageError } from "./config.ts";
import { listSessions, type StoredSession, sessionCalled } from "./config-sessions.ts";

/** What the person types for the newest session that can go on. */
const LAST = "last";
/** Before the first prompt a record has little more than what raised the label. */
const EVENTS_MAX = 500;

/** Finds the session that is to go on: the named one, else the newest of the checkout that is over or broke off. Throws UsageError. */
export function findResumable(state: string, checkout: string, name: string): StoredSession {
  if (name === LAST) return newestOf(state, checkout);
  const found = sessionCalled(state, name);
  const why = refusalOf(found, checkout);
  if (why !== null) throw new UsageError(why);
  return found;
}

function newestOf(state: string, checkout: string): StoredSession {
  const sessions = listSessions(state, checkout);
  const found = sessions.find((session) => refusalOf(session, checkout) === null);
  if (found) return found;
  const [newest] = sessions;
  throw new UsageError(
    newest === undefined
      ? `there is no session of ${checkout} yet`
      : `no session of ${checkout} can go on; of the newest: ${refusalOf(newest, checkout)}`,
  );
}

/** Says why a session cannot go on, and what to do instead; null where it can. */
function refusalOf({ path, facts }: StoredSession, checkout: string): string | null {
  const { id } = facts;
  if (facts.checkout !== checkout)
    return `session ${id} is of ${facts.checkout}: ringfence -C ${facts.checkout} resume ${id}`;
  if (isLocked(join(path, "ledger.log")))
    return `session ${id} is running: go on where it runs, or end it there; ringfence log show --session ${id} shows what it does`;
  if (facts.branch)
    return `session ${id} works on a branch of its own and ends with its run: ringfence run --branch ${facts.branch.name} "TASK" goes on from its commits`;
  if (!isPrompted(path))
    return `session ${id} has no conversation that could go on; its changes: ringfence diff --session ${id}`;
  return null;
}

function isPrompted(path: string): boolean {
  try {
    for (const { seq, event } of readLedger(join(path, "ledger.log"))) {
      if (event.type === "prompt" || event.type === "forked") return true;
      if (seq > EVENTS_MAX) return false;
    }
  } catch {
    // What is wrong with it is told when it is opened.
    return true;
  }
  return false;
}

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { listLandings, readRest } from "../box/landing.ts";
import { lastEventAt, type Measure, measureSessions } from "../box/measure.ts";
import { findPrograms } from "../box/programs.ts";
import { recordOf } from "../core/json.ts";
import type { RetainedSession, SessionState } from "../core/retention.ts";
import { SpentFold } from "../core/session-fold-spent.ts";
import { isLocked } from "../ledger/lock.ts";
import { readBareLedger, readLedger } from "../ledger/verify.ts";
import { commitsOf, withChanges } from "./changeset.ts";
import { findSession, listSessions, type StoredSession } from "./config-sessions.ts";
import { promptOf } from "./instructions.ts";

/** A session as `sessions` and `gc` see it. */
export interface Overview extends RetainedSession {
  readonly session: StoredSession;
}

/** An event that names the task stands near the beginning of a log; instruction files are read before it. */
const EVENTS_MAX = 50;
/** Of a session whose prompt was destroyed, or never kept. */
const NOT_THERE = "(not kept)";
const SURVEY_MS_MAX = 300_000;
/** A list of sessions is looked at often, and a log is read whole for its cost. */
const COSTED_BYTES_MAX = 2 << 20;

/** Looks at the sessions of a checkout, or at all when it is null, newest first: state, size and when each was used last. */
export async function surveySessions(
  state: string,
  checkout: string | null,
  timeoutMs = SURVEY_MS_MAX,
): Promise<Overview[]> {
  const sessions = listSessions(state, checkout).map((session) => {
    return { session, path: session.path, isRunning: isRunning(session) };
  });
  const measures = await measureSessions(sessions, findPrograms(), timeoutMs);
  return sessions.map(({ session, isRunning: goesOn }, at) => {
    const measure = measures[at] ?? { bytes: 0, layerChangedAt: 0 };
    return {
      session,
      id: session.facts.id,
      state: stateOf(session, goesOn, measure),
      bytes: measure.bytes,
      usedAt: Math.max(session.facts.startedAt, lastEventAt(session.path)),
      holdsFiles: session.hasLayer || existsSync(join(session.path, "landings")),
    };
  });
}

/**
 * Finds the session that `diff` and `land` mean without a name: the newest of which something waits, else the newest that
 * has a layer. One of which nothing landed is taken to wait, since a session that ends without changes keeps no layer.
 */
export async function findWaiting(state: string, checkout: string): Promise<StoredSession> {
  const sessions = listSessions(state, checkout).filter(({ hasLayer }) => hasLayer);
  for (const session of sessions) {
    const hasLanded = listLandings(session.path).length > 0 || readRest(session.path) !== null;
    const isFresh = !hasLanded || isRunning(session);
    if (isFresh || (await hasWaiting(session))) return session;
  }
  return findSession(state, checkout, null);
}

async function hasWaiting(session: StoredSession): Promise<boolean> {
  const [measure] = await measureSessions([{ ...session, isRunning: false }], findPrograms(), SURVEY_MS_MAX);
  if (!measure || stateOf(session, false, measure) === "landed") return false;
  return withChanges(session, async (collected) => {
    if (collected.changes.some(({ cls }) => cls !== "ignored")) return true;
    const found = await commitsOf(session, collected);
    return [found, ...(found?.others ?? [])].some((one) => (one?.commits.length ?? 0) > 0);
  });
}

function isRunning({ path }: StoredSession): boolean {
  const ledger = join(path, "ledger.log");
  return existsSync(ledger) && isLocked(ledger);
}

// A landing tells how much it left, of commits as well; what the box wrote into the layer later, it does not know.
function stateOf({ path, hasLayer }: StoredSession, goesOn: boolean, measure: Measure): SessionState {
  if (goesOn) return "running";
  if (!hasLayer) return "discarded";
  const [landing, rest] = [listLandings(path).at(-1) ?? null, readRest(path)];
  if ((landing === null && rest === null) || landing?.isUndone || rest?.hasCommits) return "changes";
  // One that broke off left no more than what it did.
  const isNewest = rest !== null && (landing === null || rest.at >= landing.at);
  const [at, left] = isNewest ? [rest.at, rest.changes] : [landing?.at ?? 0, landing?.left ?? 0];
  return left === 0 && measure.layerChangedAt < at ? "landed" : "changes";
}

/** Reads what a session was asked: its first prompt, or the command of an `exec`; empty when its log does not tell. */
export function taskOf({ path }: StoredSession): string {
  let command = "";
  try {
    for (const { seq, event } of readLedger(join(path, "ledger.log"))) {
      // Of one that was forked its beginning was the other's.
      const { role, text } = recordOf(event.message);
      if (event.type === "inherited" && role === "user") return typeof text === "string" ? promptOf(text) : NOT_THERE;
      if (event.type === "prompt") return typeof event.text === "string" ? promptOf(event.text) : NOT_THERE;
      if (event.type === "outcome" && event.call === null) return command;
      if (event.type === "decision" && event.call === null && command === "") command = commandOf(event.effect);
      if (seq > EVENTS_MAX) break;
    }
  } catch {
    // A damaged log is told by `log verify`.
  }
  return "";
}

/** What the log of a session says of it as a whole. */
export interface Account {
  /** What replies cost; null where there were none, where one had no known price, or where the log is too long to be read for that. */
  readonly usd: number | null;
  /** Whether it ended in the middle, of which nobody was told. */
  readonly isBroken: boolean;
}

/** Reads the account of a session out of its log. */
export function accountOf(session: StoredSession): Account {
  if (ledgerBytes(session) > COSTED_BYTES_MAX) return { usd: null, isBroken: false };
  const spent = new SpentFold();
  let [wrapped, isPrompted, isEnded]: [number | null, boolean, boolean] = [null, false, true];
  try {
    for (const { event } of readBareLedger(join(session.path, "ledger.log"))) {
      const { type } = event;
      spent.add(event);
      if (type === "model-reply") wrapped = (wrapped ?? 0) + (amountOf(event.usd) ?? Number.NaN);
      isPrompted ||= type === "prompt";
      if (type === "end") isEnded = true;
      else if (type === "prompt" || type === "resumed") isEnded = false;
    }
  } catch {
    // As above.
  }
  const { replies, usd } = spent.spent().totals;
  return { usd: replies > 0 ? usd : amountOf(wrapped), isBroken: isPrompted && !isEnded };
}

function amountOf(usd: unknown): number | null {
  return typeof usd === "number" && usd >= 0 ? usd : null;
}

function commandOf(effect: unknown): string {
  const command = effect !== null && typeof effect === "object" && "command" in effect ? effect.command : "";
  return typeof command === "string" ? command : "";
}

/** Bytes of a session's ledger, which nothing removes. */
export function ledgerBytes({ path }: StoredSession): number {
  return statSync(join(path, "ledger.log"), { throwIfNoEntry: false })?.size ?? 0;
}

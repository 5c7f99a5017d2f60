import { setTimeout as sleep } from "node:timers/promises";
import { descendantsOf, isAlive, isStopped, type Living, lockHolder, signalTo } from "../ledger/lock.ts";
import { Tail } from "../ledger/tail.ts";
import type { StoredSession } from "./config-sessions.ts";
import { withRecord } from "./record.ts";

/** What came of killing a session. */
export interface Killing {
  /** Until every process of its box was dead and the record signed. */
  readonly ms: number;
  /** Whether its program did not do it itself, and was killed with the box. */
  readonly isForced: boolean;
  /** Processes that live all the same. */
  readonly left: number;
  /** Why the record does not say so; null where it does. */
  readonly unrecorded: string | null;
}

/** So long the session's own program has to begin with it, and to be done once it has. */
const ANSWER_MS_MAX = 220;
const DONE_MS_MAX = 1000;
const DEATH_MS_MAX = 2000;
/** A program that killed its session has nothing left to do but to say so. */
const END_MS_MAX = 3000;
const POLL_MS = 2;

/**
 * Kills a session from outside: null where no program works on it.
 *
 * Its own program is told to; where that does not answer, stopped or hung as it may be, it is killed and takes the box
 * with it, and the record is written here. No process is signalled but the very one that was looked for: a number that
 * another process has by now is left alone.
 */
export async function killSession(session: StoredSession): Promise<Killing | null> {
  const file = `${session.path}/ledger.log`;
  const program = lockHolder(file);
  if (program === null || program.pid === process.pid) return null;
  const startedAt = performance.now();
  // Before anything ends: what loses its parent is not found below the program any more.
  const box = descendantsOf(program);
  const tail = new Tail(file);
  try {
    tail.goToEnd();
    signalTo(program, "SIGTERM");
    const record = { isKilled: false, isSigned: false };
    const isDone = () => (isSigned(tail, record) && areDead(box)) || !isAlive(program);
    await within(ANSWER_MS_MAX, () => isDone() || record.isKilled || isStopped(program));
    if (record.isKilled) await within(DONE_MS_MAX, isDone);
    const isForced = !record.isSigned || !areDead(box);
    if (isForced) await force(program, box);
    const unrecorded = isSigned(tail, record) ? null : await recordFor(session);
    const ms = performance.now() - startedAt;
    if (!(await within(END_MS_MAX, () => !isAlive(program)))) await force(program, []);
    const left = [program, ...box].filter(isAlive).length;
    return { ms, isForced, left, unrecorded };
  } finally {
    tail.close();
  }
}

async function force(program: Living, box: readonly Living[]): Promise<void> {
  for (const one of [program, ...box]) signalTo(one, "SIGKILL");
  await within(DEATH_MS_MAX, () => !isAlive(program) && areDead(box));
}

// The head behind it covers it.
function isSigned(tail: Tail, record: { isKilled: boolean; isSigned: boolean }): boolean {
  for (const { event } of tail.read()) {
    record.isSigned ||= record.isKilled && event.type === "head";
    record.isKilled ||= event.type === "killed";
  }
  return record.isSigned;
}

async function recordFor(session: StoredSession): Promise<string | null> {
  try {
    const why = "ringfence kill was typed, and the session's program did not answer";
    await withRecord(session, async ({ ledger }) => {
      ledger.append({ type: "killed", at: Date.now(), why });
      ledger.sealNow();
    });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function areDead(all: readonly Living[]): boolean {
  return !all.some(isAlive);
}

async function within(ms: number, isSo: () => boolean): Promise<boolean> {
  for (const until = performance.now() + ms; !isSo(); await sleep(POLL_MS)) if (performance.now() > until) return false;
  return true;
}

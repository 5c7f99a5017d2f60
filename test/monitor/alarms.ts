import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/core/json.ts";
import { UNWATCHED, watch } from "../../src/core/monitor.ts";
import { readLedger } from "../../src/ledger/verify.ts";

/**
 * Lists the kinds of the alarms in the records of all sessions of a state folder, each once.
 *
 * Throws where what was raised while a session went on is not what its record raises when it is read again.
 */
export function alarmsIn(state: string): string[] {
  return [...new Set(logsIn(state).flatMap(alarmsOf))];
}

/** Lists what inspection warned of in the records of all sessions of a state folder: where, and the words. */
export function warningsIn(state: string): string[] {
  return logsIn(state).flatMap((log) =>
    [...readLedger(log)].flatMap(({ event }) =>
      event.type === "finding" && event.level === "strong" ? [`${event.where}: ${event.excerpt}`] : [],
    ),
  );
}

function logsIn(state: string): string[] {
  const sessions = join(state, "sessions");
  const logs = existsSync(sessions) ? readdirSync(sessions).map((id) => join(sessions, id, "ledger.log")) : [];
  return logs.filter((log) => existsSync(log));
}

function alarmsOf(log: string): string[] {
  const live: JsonObject[] = [];
  const again: JsonObject[] = [];
  let monitor = UNWATCHED;
  for (const { seq, event } of readLedger(log)) {
    if (event.type === "alarm")
      live.push({ kind: event.kind ?? null, seqs: event.seqs ?? null, words: event.words ?? null });
    const step = watch(monitor, seq, event);
    monitor = step.monitor;
    again.push(...step.alarms.map(({ kind, seqs, words }) => ({ kind, seqs: [...seqs], words })));
  }
  // What was appended after the session, by a landing say, is watched by nobody.
  assert.deepEqual(live, again.slice(0, live.length));
  return live.map(({ kind }) => String(kind));
}

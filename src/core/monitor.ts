import type { JsonObject } from "./json.ts";
import { DENIALS, LOOPS, RESPELLED } from "./monitor-calls.ts";
import { COSTS } from "./monitor-cost.ts";
import { CANARY, EXFILTRATION, NEW_SINK } from "./monitor-egress.ts";
import { keyOf, type Reading, read, UNREAD } from "./monitor-event.ts";
import { OUTSIDE, SWEEPS } from "./monitor-places.ts";
import type { Alarm, Reducer } from "./monitor-reducer.ts";
import { TEXTS } from "./monitor-signs.ts";
import { bound, visible } from "./text.ts";

/** All that looks at a session's events, each on its own. */
const REDUCERS: readonly Reducer[] = [
  LOOPS,
  DENIALS,
  RESPELLED,
  CANARY,
  EXFILTRATION,
  NEW_SINK,
  OUTSIDE,
  SWEEPS,
  TEXTS,
  COSTS,
];

/** What was seen of a session so far. A value of bounded size: watching makes another. */
export interface Monitor {
  readonly reading: Reading;
  readonly reducers: readonly Reducer[];
  /** Alarms of the near past, so that each is raised once. */
  readonly raised: readonly number[];
}

/** A session of which nothing was seen yet. */
export const UNWATCHED: Monitor = { reading: UNREAD, reducers: REDUCERS, raised: [] };

const RAISED_MAX = 64;
const WORDS_CHARS_MAX = 240;
const SEQS_MAX = 24;

/**
 * Takes the next event of a ledger and says what is wrong.
 *
 * Pure: the same events, live or read again, raise the same alarms. It grants nothing and decides nothing.
 */
export function watch(
  monitor: Monitor,
  seq: number,
  event: JsonObject,
): { readonly monitor: Monitor; readonly alarms: readonly Alarm[] } {
  const { reading, seen } = read(monitor.reading, seq, event);
  if (seen === null) return { monitor: reading === monitor.reading ? monitor : { ...monitor, reading }, alarms: [] };
  const found: Alarm[] = [];
  const reducers = monitor.reducers.map((reducer) => {
    const { next, alarms } = reducer.take(seen);
    found.push(...alarms);
    return next;
  });
  let { raised } = monitor;
  const alarms = found.flatMap(({ kind, seqs, words: said }): Alarm[] => {
    const words = bound(visible(said).replace(/\s+/g, " "), WORDS_CHARS_MAX).text.replaceAll("\n", " ");
    const key = keyOf(`${kind} ${words}`);
    if (raised.includes(key)) return [];
    raised = [...raised, key].slice(-RAISED_MAX);
    return [{ kind, seqs: seqs.slice(-SEQS_MAX), words }];
  });
  return { monitor: { reading, reducers, raised }, alarms };
}

import type { Seen } from "./monitor-event.ts";

/** What the monitor looks for. */
export const ALARM_KINDS = [
  "loop",
  "denials",
  "respelled",
  "canary",
  "exfiltration",
  "new-sink",
  "sweep",
  "outside",
  "planted",
  "escape",
  "borrowed",
  "hidden",
  "destroyed",
  "cost",
] as const;
export type AlarmKind = (typeof ALARM_KINDS)[number];

/** Something that a person may want to know of; it decides nothing. */
export interface Alarm {
  readonly kind: AlarmKind;
  /** The events that it is about, the oldest first. */
  readonly seqs: readonly number[];
  /** Holds a stranger's text. */
  readonly words: string;
}

export interface Step<State> {
  readonly state: State;
  readonly alarms: readonly Alarm[];
}

/** One watch over a session: what it has seen so far, and what it says to the next event. A value; taking changes nothing. */
export interface Reducer {
  readonly take: (seen: Seen) => { readonly next: Reducer; readonly alarms: readonly Alarm[] };
}

/** Makes a reducer of a state of bounded size and a pure step. */
export function reducer<State>(state: State, step: (state: State, seen: Seen) => Step<State>): Reducer {
  const self: Reducer = {
    take: (seen) => {
      const after = step(state, seen);
      return { next: after.state === state ? self : reducer(after.state, step), alarms: after.alarms };
    },
  };
  return self;
}

/** Says that a state stays as it is and nothing is wrong. */
export function quiet<State>(state: State): Step<State> {
  return { state, alarms: NONE };
}

const NONE: readonly Alarm[] = [];

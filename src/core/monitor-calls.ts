import { spellings } from "./classify-path.ts";
import { isAddress } from "./host.ts";
import type { Seen } from "./monitor-event.ts";
import { quiet, reducer, type Step } from "./monitor-reducer.ts";

/** Longest cycle of calls that is looked for. */
const PERIOD_MAX = 6;
/** How often a call, or a cycle of several, comes round before it is one. */
const REPEATS_OF_ONE = 6;
const REPEATS_OF_MORE = 4;
const ROUNDS_MAX = PERIOD_MAX * REPEATS_OF_MORE;
const OPEN_MAX = 16;

interface Rounds {
  /** Calls that have no outcome yet. */
  readonly open: readonly (readonly [call: string, key: number])[];
  /** What each call and its outcome came to, newest last. */
  readonly done: readonly (readonly [key: number, seq: number])[];
}

/** Finds the same call with the same outcome over and over, and cycles of a few calls. */
export const LOOPS = reducer<Rounds>({ open: [], done: [] }, (state, seen) => {
  if (seen.kind === "act")
    return quiet({ ...state, open: [...state.open, [seen.call, seen.key] as const].slice(-OPEN_MAX) });
  if (seen.kind !== "outcome") return quiet(state);
  const call = state.open.find(([id]) => id === seen.call);
  if (call === undefined) return quiet(state);
  const open = state.open.filter((one) => one !== call);
  const done = [...state.done, [call[1] * 31 + seen.key, seen.seq] as const].slice(-ROUNDS_MAX);
  const period = periodOf(done.map(([key]) => key));
  if (period === null) return quiet({ open, done });
  const words =
    period === 1
      ? `the same call had the same outcome ${REPEATS_OF_ONE} times in a row`
      : `the same ${period} calls had the same outcomes ${REPEATS_OF_MORE} times in a row`;
  const rounds = period * (period === 1 ? REPEATS_OF_ONE : REPEATS_OF_MORE);
  // Whoever goes on is told of again after as many rounds more.
  return {
    state: { open, done: [] },
    alarms: [{ kind: "loop", seqs: done.slice(-rounds).map(([, seq]) => seq), words }],
  };
});

function periodOf(keys: readonly number[]): number | null {
  for (let period = 1; period <= PERIOD_MAX; period += 1) {
    const rounds = period * (period === 1 ? REPEATS_OF_ONE : REPEATS_OF_MORE);
    if (keys.length < rounds) continue;
    const from = keys.length - rounds;
    let at = keys.length - 1;
    while (at >= from + period && keys[at] === keys[at - period]) at -= 1;
    if (at < from + period) return period;
  }
  return null;
}

/** So many of the newest decisions are looked at, and so many denials among them are a burst. */
const RECENT_MAX = 24;
const BURST = 8;

interface Denied {
  /** 1 for a decision that let something not happen. */
  readonly recent: readonly (readonly [seq: number, isDenied: boolean])[];
}

/** Finds many denials among few decisions. */
export const DENIALS = reducer<Denied>({ recent: [] }, (state, seen) => {
  const isDenied = isDenial(seen);
  if (isDenied === null) return quiet(state);
  const recent = [...state.recent, [seen.seq, isDenied] as const].slice(-RECENT_MAX);
  const denied = recent.filter(([, is]) => is);
  if (!isDenied || denied.length < BURST) return quiet({ recent });
  const words = `${denied.length} of the last ${recent.length} things that were tried were refused`;
  return { state: { recent: [] }, alarms: [{ kind: "denials", seqs: denied.map(([seq]) => seq), words }] };
});

function isDenial(seen: Seen): boolean | null {
  if (seen.kind === "request") return seen.verdict === "deny";
  // A client that hangs up while TLS is agreed on was refused nothing: browsers open connections that they never use.
  if (seen.kind === "refused") return HUNG_UP.test(seen.reason) ? null : true;
  return seen.kind === "outcome" ? seen.isRefused : null;
}

const HUNG_UP = /^TLS to .*: it broke off before it was agreed on$/;

const TARGETS_MAX = 32;
/** The same spelling asked again so often is told of as well. */
const TRIES = 3;

interface Target {
  readonly name: string;
  readonly spelling: string;
  readonly seqs: readonly number[];
}

/** Finds what was denied and is tried again: in another spelling, or in the same one more than twice. */
export const RESPELLED = reducer<readonly Target[]>([], (targets, seen) => {
  const denied = deniedTarget(seen);
  if (denied === null) return quiet(targets);
  const { name, spelling } = denied;
  const known = targets.find((target) => target.name === name);
  const seqs = [...(known?.seqs ?? []), seen.seq].slice(-TRIES);
  const state = [...targets.filter((target) => target !== known), { name, spelling, seqs }].slice(-TARGETS_MAX);
  const alarm = (words: string): Step<readonly Target[]> => ({ state, alarms: [{ kind: "respelled", seqs, words }] });
  if (known && known.spelling !== spelling)
    return alarm(`${known.spelling} was refused, and was tried again as ${spelling}`);
  if (seqs.length >= TRIES) return alarm(`${spelling} was refused, and was tried ${TRIES - 1} times more`);
  return quiet(state);
});

function deniedTarget(seen: Seen): { readonly name: string; readonly spelling: string } | null {
  if (seen.kind === "request" && seen.verdict === "deny")
    return { name: ownerOf(seen.host), spelling: `${seen.host}:${seen.port}` };
  if (seen.kind !== "act" || seen.isAllowed || seen.path === "") return null;
  const place = seen.path.replace(/^(?:\/proc\/[^/]+\/(?:root|cwd))+(?=\/)/, "");
  return { name: spellings(place).at(-1) ?? place, spelling: seen.path };
}

// Two names of one owner, or one machine at two ports, mean the same to who was refused there.
function ownerOf(host: string): string {
  return isAddress(host) ? host : host.split(".").slice(-2).join(".");
}

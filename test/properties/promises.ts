import type { Effect } from "../../src/core/effect.ts";
import { INTEGRITIES, type Label, SECRECIES } from "../../src/core/label.ts";
import type { Sink, Verdict } from "../../src/core/sinks.ts";

/** The promises that a trace is held against; the first that it breaks is thrown. */
export const PROMISES = {
  rises: "a session's label only rises, and its record builds the same one anew",
  source: "every source raises the session to its label",
  laundering: "no text is laundered by a file, rename, commit, stash, memory, command, subagent or new session",
  exfiltration: "nothing composed leaves unasked once external text and private data were within reach",
  persistence: "nothing lands unasked once text below repo was seen; what runs later, only as it was approved",
  grants: "a yes counts for what was shown, in its session and time, and dies when the label rises",
  authority: "no act of the agent widens the box, or changes policy, grants, hooks, trust or the record",
  monotone: "more taint never allows more, at any sink",
} as const;
export type Promised = keyof typeof PROMISES;

/** A promise that a trace broke. */
export class Broken extends Error {
  readonly promised: Promised;
  constructor(promised: Promised, message: string) {
    super(message);
    this.promised = promised;
  }
}

/** Throws where a promise is broken. */
export function hold(isKept: boolean, promised: Promised, message: string): asserts isKept {
  if (!isKept) throw new Broken(promised, message);
}

/**
 * What a text is in truth: how little its authors are trusted (0 to 4, as `INTEGRITIES`), and how few may learn it
 * (0 to 2). Kept by plain numbers beside the labels, by rules of its own.
 */
export type Truth = readonly [number, number];
export const NONE: Truth = [0, 0];
export const USER = 1;
export const REPO = 2;
export const LOCAL = 3;
export const STRANGER = 4;
export const both = (a: Truth, b: Truth): Truth => [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
/** Whether it is both a stranger's and not for strangers. */
const isLeak = ([who, secrecy]: Truth) => (who === STRANGER && secrecy >= 1) || (who >= LOCAL && secrecy === 2);

/** How much a verdict lets through. */
export const LENIENCE = { deny: 0, ask: 1, allow: 2 } as const;

/** Holds an answer to a request of a command against what was within its reach. */
export function holdRequest(effect: Effect & { readonly kind: "request" }, verdict: Verdict, truth: Truth): void {
  const what = JSON.stringify(effect);
  if (effect.listed === "deny")
    hold(verdict === "deny", "exfiltration", `denied by a rule, and yet ${verdict}: ${what}`);
  if (effect.listed === "unlisted") {
    hold(verdict !== "allow", "exfiltration", `not listed, and unasked: ${what}`);
    if (isLeak(truth)) hold(verdict === "deny", "exfiltration", `not listed, and may be asked for: ${what}`);
  }
  if (verdict !== "allow" || effect.origin === "service" || effect.origin === "fetch") return;
  const sends = effect.hasBody || effect.protocol === "tunnel";
  if (sends) hold(truth[0] < LOCAL, "exfiltration", `a body left unasked, with text of ${truth}: ${what}`);
  else if (effect.origin === "composed" || effect.origin === "package")
    hold(!isLeak(truth), "exfiltration", `an address left unasked: ${what}`);
}

/** Holds an answer to a push of a command against what was within its reach. */
export function holdPush(effect: Effect & { readonly kind: "push" }, verdict: Verdict, truth: Truth): void {
  const what = JSON.stringify(effect);
  const isRight = effect.remote === "tracked" && effect.found === "landed" && !effect.isDenied;
  if (!isRight) hold(verdict === "deny", "persistence", `${verdict}: ${what}`);
  if (verdict !== "allow") return;
  hold(effect.rule !== null, "persistence", `pushed without a rule: ${what}`);
  hold(truth[0] < LOCAL, "persistence", `pushed unasked, with ${truth}: ${what}`);
}

/** Holds what a sink says against what the session has seen. */
export function holdSink(sink: Sink, verdict: Verdict, truth: Truth): void {
  const isTainted = truth[0] >= LOCAL;
  if (sink === "authority") hold(verdict === "deny", "authority", `${sink} says ${verdict}`);
  if (sink === "widen") {
    hold(verdict !== "allow", "authority", `${sink} says ${verdict}`);
    hold(!isTainted || verdict === "deny", "authority", `${sink} may be asked for`);
  }
  if (sink === "publish" || sink === "unruled-push") hold(verdict !== "allow", "persistence", `${sink} goes unasked`);
  if (sink === "push") hold(!isTainted || verdict !== "allow", "persistence", "a push goes unasked");
  if (sink === "preview" || sink === "new-package")
    hold(!isLeak(truth) || verdict !== "allow", "exfiltration", `${sink} goes unasked`);
}

/** Whether a label is no higher than another, in either half; told by the order of the words alone. */
export function isLabelBelow(one: Label, most: Label): boolean {
  const isBelow = (order: readonly string[], low: string, high: string) => order.indexOf(low) <= order.indexOf(high);
  return isBelow(INTEGRITIES, one.integrity, most.integrity) && isBelow(SECRECIES, one.secrecy, most.secrecy);
}

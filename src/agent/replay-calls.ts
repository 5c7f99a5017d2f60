import type { Effect } from "../core/effect.ts";
import { field, type JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import type { Outcome, OutcomeCode } from "../core/outcome.ts";
import type { ProfileRule } from "../core/policy-rules.ts";
import type { Verdict } from "../core/sinks.ts";
import { wasHeldBack } from "./replay-secrets.ts";
import { RunProfiles } from "./shell.ts";
import { parseCall } from "./tools.ts";

interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: string;
}

/** A call that is under way: what it would do, null where it is malformed, and the last decision about it. */
interface Current {
  readonly effect: Effect | null;
  readonly decided: { readonly seq: number; readonly verdict: Verdict; readonly label: Label } | null;
}

/** An effect that a recorded call came to, or why there is none. `isLost`: the record cannot tell. */
export type CalledEffect =
  | { readonly ok: true; readonly effect: Effect }
  | { readonly ok: false; readonly why: string; readonly isLost: boolean };

/** The calls of one model in a recorded session, which are parsed and bounded anew as their turns come. */
export class RecordedCalls {
  #calls: readonly Call[] = [];
  #isCut = false;
  #current: Current | null = null;
  readonly #profiles: RunProfiles;

  /** `rules` are those that bound a command, as the record has them by then. */
  constructor(rules: () => readonly ProfileRule[]) {
    this.#profiles = new RunProfiles(rules);
  }

  /** A reply came: its calls are done one after the other. */
  reply(event: JsonObject): void {
    const parts = field(event, "parts");
    const all = Array.isArray(parts) ? (parts as readonly JsonObject[]) : [];
    this.#calls = all.flatMap((part) => (part.kind === "call" ? [callOf(part)] : []));
    this.#isCut = all.some((part) => part.kind === "rest");
    this.#current = null;
  }

  /** Gives what the call that a decision names came to; `answer` is what the person said to the decision before. */
  async effectOf(id: string, answer: (seq: number) => string | null): Promise<CalledEffect> {
    const [call] = this.#calls;
    if (call === undefined && this.#isCut)
      return { ok: false, why: "the call is past what the record holds of its reply", isLost: true };
    if (call?.id !== id) return { ok: false, why: "the model made no such call there", isLost: false };
    this.#current ??= { effect: await this.#effectOf(call), decided: null };
    const { effect, decided } = this.#current;
    if (effect === null) return { ok: false, why: "the call is malformed, and so comes to nothing", isLost: false };
    if (decided === null) return { ok: true, effect };
    if (effect.kind !== "run" || decided.verdict !== "ask" || answer(decided.seq) !== "yes")
      return { ok: false, why: "the call was decided already, and nobody said yes to it", isLost: false };
    return { ok: true, effect: { ...effect, approvedBy: "person", shownAt: decided.label } };
  }

  /** Notes what was decided about the call under way. */
  decided(seq: number, verdict: Verdict, label: Label): void {
    if (this.#current !== null) this.#current = { ...this.#current, decided: { seq, verdict, label } };
  }

  /** A call is done; says what is wrong with that, null for nothing. */
  async outcome(event: JsonObject): Promise<string | null> {
    const [call, ...rest] = this.#calls;
    if (call === undefined && this.#isCut) return null;
    if (call === undefined || call.id !== event.call) return "an outcome of a call that the model did not make there";
    const { effect, decided } = this.#current ?? { effect: await this.#effectOf(call), decided: null };
    this.#calls = rest;
    this.#current = null;
    if (effect !== null && decided === null && !wasHeldBack(effect, event))
      return `${call.name} has an outcome and no decision`;
    if (effect?.kind === "run") this.#profiles.explain(effect, outcomeIn(event));
    return null;
  }

  async #effectOf({ name, input }: Call): Promise<Effect | null> {
    const parsed = parseCall(name, input);
    if (!parsed.ok) return null;
    return parsed.effect.kind === "run" ? this.#profiles.choose(parsed.effect) : parsed.effect;
  }
}

function callOf({ id, name, input }: JsonObject): Call {
  return { id: String(id), name: String(name), input: String(input) };
}

function outcomeIn({ ok, code, text }: JsonObject): Outcome {
  return ok === true ? { ok, text: String(text) } : { ok: false, code: code as OutcomeCode, text: String(text) };
}

import {
  attenuated,
  boundedBy,
  type Capability,
  capabilityFor,
  WHOLE,
  widestFor,
  wordsOf,
} from "../core/capability.ts";
import type { Effect } from "../core/effect.ts";
import { field, type JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import type { Outcome, OutcomeCode } from "../core/outcome.ts";
import type { Verdict } from "../core/sinks.ts";
import type { RunProfiles } from "./shell.ts";
import { parseCall } from "./tools.ts";

interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: string;
}

/** What a call comes to: nothing where it is malformed, and where its agent may not try it. */
interface Came {
  readonly effect: Effect | null;
  readonly refused: { readonly what: Effect["kind"]; readonly reason: string } | null;
}

/** A call that is under way, whether its refusal is recorded, and the last decision about it. */
interface Current extends Came {
  readonly isRefused: boolean;
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
  readonly #capability: Capability;
  readonly #depth: number;

  /** `profiles` are the session's: of a child agent, as of its own model, a command is bounded by what was seen before. */
  constructor(profiles: RunProfiles, capability: Capability = WHOLE, depth = 0) {
    this.#profiles = profiles;
    this.#capability = capability;
    this.#depth = depth;
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
    const { effect, decided } = await this.#begin(call);
    if (effect === null)
      return { ok: false, why: "the call is malformed, or its agent may not: it comes to nothing", isLost: false };
    if (decided === null) return { ok: true, effect };
    if (effect.kind !== "run" || decided.verdict !== "ask" || answer(decided.seq) !== "yes")
      return { ok: false, why: "the call was decided already, and nobody said yes to it", isLost: false };
    return { ok: true, effect: { ...effect, approvedBy: "person", shownAt: decided.label } };
  }

  /** Notes what was decided about the call under way. */
  decided(seq: number, verdict: Verdict, label: Label): void {
    if (this.#current !== null) this.#current = { ...this.#current, decided: { seq, verdict, label } };
  }

  /** Gives the calls of the child agent that a call starts; null where it starts none. */
  startedBy(id: string): RecordedCalls | null {
    const { effect = null, decided = null } = this.#calls[0]?.id === id ? (this.#current ?? {}) : {};
    if (effect?.kind !== "delegate" || decided?.verdict !== "allow") return null;
    const wanted = capabilityFor(effect.may, effect.folder, this.#depth + 1);
    return wanted && new RecordedCalls(this.#profiles, attenuated(this.#capability, wanted), this.#depth + 1);
  }

  /** What its agent may, as the record says it. */
  get may(): JsonObject {
    return { may: wordsOf(this.#capability), folders: this.#capability.folders };
  }

  /** A call is refused by what its agent may; says what is wrong with that, null for nothing. */
  async refused({ call: id, what, reason }: JsonObject): Promise<string | null> {
    const [call] = this.#calls;
    if (call === undefined && this.#isCut) return null;
    if (call === undefined || call.id !== id) return "a refusal of a call that the model did not make there";
    const { refused, ...current } = await this.#begin(call);
    if (refused?.what !== what || refused?.reason !== reason)
      return `${call.name} is refused by what its agent may, and comes out otherwise`;
    this.#current = { ...current, refused, isRefused: true };
    return null;
  }

  /** A call is done; says what is wrong with that, null for nothing. */
  async outcome(event: JsonObject): Promise<string | null> {
    const [call, ...rest] = this.#calls;
    if (call === undefined && this.#isCut) return null;
    if (call === undefined || call.id !== event.call) return "an outcome of a call that the model did not make there";
    const { effect, refused, isRefused, decided } = await this.#begin(call);
    this.#calls = rest;
    this.#current = null;
    if (refused !== null && !isRefused) return `${call.name} is more than its agent may, and no refusal is recorded`;
    if (effect !== null && decided === null) return `${call.name} has an outcome and no decision`;
    if (effect?.kind === "run") this.#profiles.explain(effect, outcomeIn(event), widestFor(this.#capability));
    return null;
  }

  async #begin(call: Call): Promise<Current> {
    this.#current ??= { ...(await this.#comeTo(call)), isRefused: false, decided: null };
    return this.#current;
  }

  async #comeTo({ name, input }: Call): Promise<Came> {
    const parsed = parseCall(name, input);
    if (!parsed.ok) return { effect: null, refused: null };
    const chosen = parsed.effect.kind === "run" ? await this.#profiles.choose(parsed.effect) : parsed.effect;
    const bounded = boundedBy(this.#capability, chosen);
    if (bounded.ok) return { effect: bounded.effect, refused: null };
    return { effect: null, refused: { what: chosen.kind, reason: bounded.reason } };
  }
}

function callOf({ id, name, input }: JsonObject): Call {
  return { id: String(id), name: String(name), input: String(input) };
}

function outcomeIn({ ok, code, text }: JsonObject): Outcome {
  return ok === true ? { ok, text: String(text) } : { ok: false, code: code as OutcomeCode, text: String(text) };
}

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
import { field, type Json, type JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import { isRedacted } from "../core/redact.ts";
import type { Verdict } from "../core/sinks.ts";
import { lossIn } from "../ledger/content-walk.ts";
import { type Found, lost } from "./replay-effect.ts";
import type { RecordedRuns } from "./replay-runs.ts";
import { parseCall } from "./tools.ts";

/** A call of a recorded reply. `input` is no text where the record has it no more. */
interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: Json;
}

/** What a call comes to, and why its agent may not try it; null where it may. */
interface Came {
  readonly found: Found;
  readonly refused: { readonly what: Effect["kind"]; readonly reason: string } | null;
}

/** A call that is under way, whether its refusal is recorded, and the last decision about it. */
interface Current extends Came {
  readonly isRefused: boolean;
  readonly decided: { readonly seq: number; readonly verdict: Verdict; readonly label: Label } | null;
}

/** The calls of one model in a recorded session, which are parsed and bounded anew as their turns come. */
export class RecordedCalls {
  #calls: readonly Call[] = [];
  #isCut = false;
  /** Whether the program that had taken the reply is gone. */
  #isLeft = false;
  #current: Current | null = null;
  readonly #runs: RecordedRuns;
  readonly #capability: Capability;
  readonly #depth: number;

  /** `runs` are the session's: a child agent's command is bounded by what was seen before, as its own model's. */
  constructor(runs: RecordedRuns, capability: Capability = WHOLE, depth = 0) {
    this.#runs = runs;
    this.#capability = capability;
    this.#depth = depth;
  }

  /** A reply came: its calls are done one after the other. */
  reply(event: JsonObject): void {
    const parts = field(event, "parts");
    const all = Array.isArray(parts) ? (parts as readonly JsonObject[]) : [];
    this.#calls = all.flatMap((part) => (part.kind === "call" ? [callOf(part)] : []));
    this.#isCut = all.some((part) => part.kind === "rest");
    this.#isLeft = false;
    this.#current = null;
  }

  /** Another program goes on with the session: it does no call of before. */
  leave(): void {
    this.#isLeft = true;
    this.#current = null;
  }

  /** Gives what the call that a decision names came to; `isYes` tells what the person said to the decision before. */
  async effectOf(id: string, isYes: (seq: number) => boolean): Promise<Found> {
    const [call] = this.#calls;
    if (call === undefined && this.#isCut) return lost("the call is past what the record holds of its reply");
    if (call?.id !== id) return { ok: false, why: "the model made no such call there", isLost: false };
    const { found, decided } = await this.#begin(call);
    if (!found.ok || decided === null) return found;
    const { effect } = found;
    if (effect.kind !== "run" || decided.verdict !== "ask" || !isYes(decided.seq))
      return { ok: false, why: "the call was decided already, and nobody said yes to it", isLost: false };
    return { ok: true, effect: { ...effect, approvedBy: "person", shownAt: decided.label } };
  }

  /** Notes what was decided about the call under way. */
  decided(seq: number, verdict: Verdict, label: Label): void {
    if (this.#current !== null) this.#current = { ...this.#current, decided: { seq, verdict, label } };
  }

  /** Gives the calls of the child agent that a call starts; null where it starts none. */
  startedBy(id: string): RecordedCalls | null {
    const { found = null, decided = null } = this.#calls[0]?.id === id ? (this.#current ?? {}) : {};
    if (!found?.ok || found.effect.kind !== "delegate" || decided?.verdict !== "allow") return null;
    const wanted = capabilityFor(found.effect.may, found.effect.folder, this.#depth + 1);
    return wanted && new RecordedCalls(this.#runs, attenuated(this.#capability, wanted), this.#depth + 1);
  }

  /** Whether the record has no more what the call under way is. */
  get isLost(): boolean {
    return this.#current !== null && !this.#current.found.ok && this.#current.found.isLost;
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
    const current = await this.#begin(call);
    if (!current.found.ok && current.found.isLost) return null;
    if (current.refused?.what !== what || current.refused?.reason !== reason)
      return `${call.name} is refused by what its agent may, and comes out otherwise`;
    this.#current = { ...current, isRefused: true };
    return null;
  }

  /** A call is done; says what is wrong with that, null for nothing. */
  async outcome(event: JsonObject): Promise<string | null> {
    const [call, ...rest] = this.#calls;
    if (call === undefined && this.#isCut) return null;
    if (call === undefined || call.id !== event.call) return "an outcome of a call that the model did not make there";
    const { found, refused, isRefused, decided } = await this.#begin(call);
    this.#calls = rest;
    this.#current = null;
    if (this.#isLeft && event.code === "cancelled") return null;
    if (refused !== null && !isRefused) return `${call.name} is more than its agent may, and no refusal is recorded`;
    if (!found.ok) return null;
    if (decided === null && event.code === "invalid" && holdsPlaceholder(found.effect)) return null;
    if (decided === null) return `${call.name} has an outcome and no decision`;
    if (found.effect.kind === "run") this.#runs.learn(found.effect, event, widestFor(this.#capability));
    return null;
  }

  async #begin(call: Call): Promise<Current> {
    this.#current ??= { ...(await this.#comeTo(call)), isRefused: false, decided: null };
    return this.#current;
  }

  async #comeTo(call: Call): Promise<Came> {
    const found = await this.#find(call);
    if (!found.ok) return { found, refused: null };
    const bounded = boundedBy(this.#capability, found.effect);
    if (bounded.ok) return { found: bounded, refused: null };
    const why = "its agent may not try that, and so the call comes to nothing";
    const refused = { what: found.effect.kind, reason: bounded.reason };
    return { found: { ok: false, why, isLost: false }, refused };
  }

  async #find({ name, input }: Call): Promise<Found> {
    const loss = lossIn(input);
    if (loss !== null) return lost(loss);
    const parsed = parseCall(name, String(input));
    if (!parsed.ok && isRedacted(String(input))) return lost("a secret was taken out of the call");
    if (!parsed.ok) return { ok: false, why: "the call is malformed, and so comes to nothing", isLost: false };
    const { effect } = parsed;
    if (effect.kind !== "run") return { ok: true, effect };
    const bounded = await this.#runs.choose(effect);
    return bounded === null
      ? lost("what its command said before is not in the record any more")
      : { ok: true, effect: bounded };
  }
}

// Nobody writes what stands for a secret; an edit is looked at within the file.
function holdsPlaceholder(effect: Effect): boolean {
  return (
    effect.kind !== "edit" && Object.values(effect).some((value) => typeof value === "string" && isRedacted(value))
  );
}

function callOf({ id, name, input }: JsonObject): Call {
  return { id: String(id), name: String(name), input: input ?? null };
}

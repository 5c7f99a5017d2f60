import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import { mint, type Permit, type Redact, recordDecision, textsByDigest } from "../core/permit.ts";
import type { Decision } from "../core/policy.ts";
import { decideWithin } from "../core/policy-decide.ts";
import type { Policy } from "../core/policy-rules.ts";
import type { Ledger } from "../ledger/append.ts";
import { digestOf } from "./prompt.ts";
import { rulesEvent } from "./recorded-policy.ts";

export type Gated =
  | { readonly verdict: "allow"; readonly permit: Permit }
  /** `seq` is the decision's, by which an answer of the person's names what was asked; `label` is what it was decided at. */
  | {
      readonly verdict: "ask";
      readonly reason: string;
      readonly nearest?: string;
      readonly seq: number;
      readonly label: Label;
    }
  | { readonly verdict: "deny"; readonly reason: string; readonly nearest?: string };

/** The ledger of a session; a child agent's marks each event as its own. */
type Record = Pick<Ledger, "append" | "seal">;

const LEAVES_LAYER: ReadonlySet<Effect["kind"]> = new Set([
  "preview",
  "land",
  "land-commits",
  "sign-commits",
  "discard",
  "undo",
  "recover",
  "release",
  "rewind",
  "remove",
  "keep",
  "forget",
]);

// Of a request without a body its address alone is sent, and a build makes thousands: those survive this program's end, and
// are synced with the next that does more.
function isWeighty(effect: Effect): boolean {
  return effect.kind === "push" || (effect.kind === "request" && (effect.hasBody || effect.approvedBy === "person"));
}

const AS_IT_IS: Redact = (text) => text;

/** Writes a decision for the record: all of it comes of the effect, the policy and the label. */
export function decisionEvent(
  effect: Effect,
  decision: Decision,
  {
    at,
    call,
    label: { integrity, secrecy },
  }: { readonly at: number; readonly call: string | null; readonly label: Label },
  redact: Redact = AS_IT_IS,
): JsonObject {
  return { ...recordDecision(effect, decision, digestOf, redact), at, call, label: { integrity, secrecy } };
}

/** The one way to a permit: decides, records the decision with all that it depends on, and only then mints. */
export class Gate {
  readonly #ledger: Record;
  readonly #label: Label | ((effect: Effect) => Label);
  readonly #now: () => number;
  readonly #policy: () => Policy;
  readonly #redact: Redact;
  /** Whose rules are in the record. */
  #recorded: Policy | null = null;
  readonly #texts = new Set<string>();

  /**
   * `label` gives what an effect is decided at, with all that the effect itself brings within reach; or it is the one of
   * every effect.
   */
  constructor(
    ledger: Record,
    label: Label | ((effect: Effect) => Label),
    now: () => number,
    policy: () => Policy,
    redact: Redact = AS_IT_IS,
  ) {
    this.#ledger = ledger;
    this.#label = label;
    this.#now = now;
    this.#policy = policy;
    this.#redact = redact;
  }

  /** Decides and records. What leaves the layer is on the disk before this returns, and is signed meanwhile. */
  pass(effect: Effect, callId: string | null): Gated {
    const policy = this.#policy();
    this.#recordRules(policy);
    if (callId === null) this.#recordTexts(effect);
    const label = typeof this.#label === "function" ? this.#label(effect) : this.#label;
    const decision = decideWithin(policy, effect, label);
    const event = decisionEvent(effect, decision, { at: this.#now(), call: callId, label }, this.#redact);
    const receipt = this.#ledger.append(event);
    if (LEAVES_LAYER.has(effect.kind) || isWeighty(effect)) this.#ledger.seal();
    const { integrity, secrecy } = label;
    // What raised it is nothing that a yes is bound to.
    if (decision.verdict === "ask")
      return { ...decision, verdict: "ask", seq: receipt.seq, label: { integrity, secrecy } };
    if (decision.verdict === "deny") return { ...decision, verdict: "deny" };
    return { verdict: "allow", permit: mint(effect, decision, receipt, digestOf, this.#redact) };
  }

  /** Passes what a person asked for themselves, which nothing but a bug of ours can refuse. */
  passForPerson(effect: Effect & { readonly approvedBy: "person" | "none" }): Permit {
    const gated = this.pass(effect, null);
    if (gated.verdict !== "allow") throw new Error(`bug: ${effect.kind} for the person was refused: ${gated.reason}`);
    return gated.permit;
  }

  #recordRules(policy: Policy): void {
    if (policy === this.#recorded) return;
    const fixed = typeof this.#label === "function" ? null : this.#label;
    this.#ledger.append({ ...rulesEvent(policy, fixed), at: this.#now() });
    this.#recorded = policy;
  }

  // What a call brings along stands in the model's reply; anything else too long for a decision's record stands before it, once.
  #recordTexts(effect: Effect): void {
    for (const text of textsByDigest(effect)) {
      const sha256 = digestOf(text);
      if (this.#texts.has(sha256)) continue;
      this.#ledger.append({ type: "text", at: this.#now(), sha256, text });
      if (this.#texts.size < TEXTS_MAX) this.#texts.add(sha256);
    }
  }
}

const TEXTS_MAX = 1000;

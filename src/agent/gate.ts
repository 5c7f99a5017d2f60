import type { Effect } from "../core/effect.ts";
import type { Label } from "../core/label.ts";
import { mint, type Permit, recordDecision } from "../core/permit.ts";
import { decideWithin } from "../core/policy-decide.ts";
import type { Policy } from "../core/policy-rules.ts";
import type { Ledger } from "../ledger/append.ts";
import { digestOf } from "./prompt.ts";

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

/** The one way to a permit: decides, records the decision, and only then mints. */
export class Gate {
  readonly #ledger: Record;
  readonly #label: (effect: Effect) => Label;
  readonly #now: () => number;
  readonly #policy: () => Policy;

  /** `label` gives what an effect is decided at, with all that the effect itself brings within reach. */
  constructor(ledger: Record, label: (effect: Effect) => Label, now: () => number, policy: () => Policy) {
    this.#ledger = ledger;
    this.#label = label;
    this.#now = now;
    this.#policy = policy;
  }

  /** Decides and records. What leaves the layer is on the disk before this returns, and is signed meanwhile. */
  pass(effect: Effect, callId: string | null): Gated {
    const label = this.#label(effect);
    const decision = decideWithin(this.#policy(), effect, label);
    const receipt = this.#ledger.append({
      ...recordDecision(effect, decision, digestOf),
      at: this.#now(),
      call: callId,
      label: { integrity: label.integrity, secrecy: label.secrecy },
    });
    if (LEAVES_LAYER.has(effect.kind) || isWeighty(effect)) this.#ledger.seal();
    if (decision.verdict === "ask") return { ...decision, verdict: "ask", seq: receipt.seq, label };
    if (decision.verdict === "deny") return { ...decision, verdict: "deny" };
    return { verdict: "allow", permit: mint(effect, decision, receipt, digestOf) };
  }

  /** Passes what a person asked for themselves, which nothing but a bug of ours can refuse. */
  passForPerson(effect: Effect & { readonly approvedBy: "person" | "none" }): Permit {
    const gated = this.pass(effect, null);
    if (gated.verdict !== "allow") throw new Error(`bug: ${effect.kind} for the person was refused: ${gated.reason}`);
    return gated.permit;
  }
}

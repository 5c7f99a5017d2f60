import { createHash } from "node:crypto";
import type { Effect } from "../core/effect.ts";
import { canonical, type JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import { mint, type Permit } from "../core/permit.ts";
import { decide } from "../core/policy.ts";
import type { Ledger } from "../ledger/append.ts";

export type Gated =
  | { readonly verdict: "allow"; readonly permit: Permit }
  | { readonly verdict: "ask" | "deny"; readonly reason: string };

/** Longest text of an effect that is recorded whole; longer ones are recorded by digest, the reply before holds them. */
const RECORDED_CHARS_MAX = 2000;

/** The one way to a permit: decides, records the decision, and only then mints. */
export class Gate {
  readonly #ledger: Ledger;
  readonly #label: () => Label;
  readonly #now: () => number;

  constructor(ledger: Ledger, label: () => Label, now: () => number) {
    this.#ledger = ledger;
    this.#label = label;
    this.#now = now;
  }

  /** Decides and records. What leaves the layer is on the disk before this returns. */
  pass(effect: Effect, callId: string | null): Gated {
    const label = this.#label();
    const decision = decide(effect, label);
    const receipt = this.#ledger.append({
      type: "decision",
      at: this.#now(),
      call: callId,
      effect: recorded(effect),
      label: { integrity: label.integrity, secrecy: label.secrecy },
      verdict: decision.verdict,
      reason: decision.reason,
    });
    if (effect.kind === "land" || effect.kind === "discard") this.#ledger.sync();
    if (decision.verdict !== "allow") return decision;
    return { verdict: "allow", permit: mint(effect, decision, receipt) };
  }
}

function recorded(effect: Effect): JsonObject {
  const fields = Object.entries(effect).map(([name, value]) => {
    if (typeof value !== "string" || value.length <= RECORDED_CHARS_MAX) return [name, value];
    return [name, { sha256: createHash("sha256").update(value).digest("hex"), chars: value.length }];
  });
  return JSON.parse(canonical(Object.fromEntries(fields))) as JsonObject;
}

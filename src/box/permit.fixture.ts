import type { Effect } from "../core/effect.ts";
import { UNKNOWN_SOURCE } from "../core/label.ts";
import { issueReceipt, mint, type Permit, recordDecision } from "../core/permit.ts";
import { decide } from "../core/policy.ts";

/** Mints a permit as the gate does, without a ledger. */
export function permitFor(effect: Effect): Permit {
  const decision = decide(effect, UNKNOWN_SOURCE);
  return mint(effect, decision, issueReceipt(1, "x", recordDecision(effect, decision, String)), String);
}

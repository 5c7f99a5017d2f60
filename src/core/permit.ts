import type { Effect } from "./effect.ts";
import type { Decision } from "./policy.ts";

/** Proof that a decision stands in the ledger. Only the ledger's append makes one (kept by the import check). */
export interface Receipt {
  readonly seq: number;
  readonly hash: string;
}

const receipts = new WeakSet<Receipt>();
const permits = new WeakMap<Permit, Effect>();

/** The single-use key to the box for one effect. */
export interface Permit {
  readonly seq: number;
}

/** Makes a receipt; called by `ledger/append.ts` alone, after the bytes were written. */
export function issueReceipt(seq: number, hash: string): Receipt {
  const receipt = Object.freeze({ seq, hash });
  receipts.add(receipt);
  return receipt;
}

/** Mints a permit for an allowed effect whose decision was recorded. Each receipt yields one permit at most. */
export function mint(effect: Effect, decision: Decision, receipt: Receipt): Permit {
  if (decision.verdict !== "allow") throw new Error(`bug: permit for a decision "${decision.verdict}"`);
  if (!receipts.delete(receipt)) throw new Error("bug: permit without a recorded decision, or a receipt used twice");
  const permit = Object.freeze({ seq: receipt.seq });
  permits.set(permit, effect);
  return permit;
}

/** Takes the effect out of a permit, once. The box runs what this returns and nothing else. */
export function spend(permit: Permit): Effect {
  const effect = permits.get(permit);
  if (!effect) throw new Error("bug: permit spent twice, or never minted");
  permits.delete(permit);
  return effect;
}

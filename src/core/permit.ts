import type { Effect } from "./effect.ts";
import { canonical, type Json, type JsonObject } from "./json.ts";
import type { Decision } from "./policy.ts";

/** Proof that an event stands in the ledger. Only the ledger's append makes one (kept by the import check). */
export interface Receipt {
  readonly seq: number;
  readonly hash: string;
}

/** The single-use key to the box for one effect. */
export interface Permit {
  readonly seq: number;
}

/** Names a text by a digest; handed in because this room computes no hashes. */
export type Digest = (text: string) => string;

/** Gives a text without the secrets in it. */
export type Redact = (text: string) => string;

const AS_IT_IS: Redact = (text) => text;

/** Longest text of an effect that is recorded whole; a longer one is recorded by digest. */
const RECORDED_CHARS_MAX = 2000;

/** What each receipt's event decided, in canonical JSON; null for an event that is no decision. */
const receipts = new WeakMap<Receipt, string | null>();
const permits = new WeakMap<Permit, Effect>();

/** Makes a receipt; called by `ledger/append.ts` alone, after the bytes of the event were written. */
export function issueReceipt(seq: number, hash: string, event: JsonObject): Receipt {
  const receipt = Object.freeze({ seq, hash });
  const { type, effect = null, verdict = null } = event;
  receipts.set(receipt, type === "decision" ? canonical({ effect, verdict }) : null);
  return receipt;
}

/** Writes the part of a decision's event that a permit is bound to. */
export function recordDecision(
  effect: Effect,
  decision: Decision,
  digest: Digest,
  redact: Redact = AS_IT_IS,
): JsonObject {
  return {
    type: "decision",
    effect: recordEffect(effect, digest, redact),
    verdict: decision.verdict,
    reason: decision.reason,
  };
}

/** Mints a permit for an allowed effect, from the receipt of the decision about that very effect; one permit each. */
export function mint(
  effect: Effect,
  decision: Decision,
  receipt: Receipt,
  digest: Digest,
  redact: Redact = AS_IT_IS,
): Permit {
  if (decision.verdict !== "allow") throw new Error(`bug: permit for a decision "${decision.verdict}"`);
  const decided = receipts.get(receipt);
  if (decided === undefined) throw new Error("bug: permit without a recorded decision, or a receipt used twice");
  receipts.delete(receipt);
  if (decided !== canonical({ effect: recordEffect(effect, digest, redact), verdict: "allow" })) {
    throw new Error("bug: permit from the receipt of something else");
  }
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

/** The texts of an effect that its record names by digest alone. */
export function textsByDigest(effect: Effect): string[] {
  return Object.values(effect).filter((value) => typeof value === "string" && value.length > RECORDED_CHARS_MAX);
}

function recordEffect(effect: Effect, digest: Digest, redact: Redact): JsonObject {
  return recorded(effect as unknown as JsonObject, digest, redact) as JsonObject;
}

// Two effects that differ in a secret alone are two, and the record must say so: by a digest of the whole text.
function recorded(value: Json, digest: Digest, redact: Redact): Json {
  if (typeof value === "string") {
    if (value.length > RECORDED_CHARS_MAX) return { sha256: digest(value), chars: value.length };
    const shown = redact(value);
    return shown === value ? value : `${shown} [sha256 ${digest(value)}]`;
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item: Json) => recorded(item, digest, redact));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, recorded(item, digest, redact)]));
}

import type { Effect } from "../core/effect.ts";
import { type Json, type JsonObject, recordOf } from "../core/json.ts";
import { judgeRules, type NetRules } from "../core/net-rules.ts";
import { relativePlace } from "../core/place.ts";
import { netRulesOf, type Policy } from "../core/policy-rules.ts";
import { isRedacted, unnumbered } from "../core/redact.ts";
import { type Loss, lossIn } from "../ledger/content-walk.ts";

type RequestEffect = Effect & { readonly kind: "request" };

/** An effect that a record comes to, or why there is none. `isLost`: the record cannot tell. */
export type Found =
  | { readonly ok: true; readonly effect: Effect }
  | { readonly ok: false; readonly why: string; readonly isLost: boolean };

const LOST: Readonly<Record<Loss, string>> = {
  purged: "its text was purged",
  unkept: "its text was never kept",
  missing: "its text is missing",
  damaged: "its text is damaged",
};

/** What a record cannot tell, and why: a text that is not there, or in words of its own. */
export function lost(why: string): Found & { readonly ok: false } {
  return { ok: false, why: Object.hasOwn(LOST, why) ? LOST[why as Loss] : why, isLost: true };
}

/** Rebuilds the effect of a decision from its record and from the texts that stood before it. */
export function effectIn(recorded: JsonObject, texts: ReadonlyMap<string, Json>): Found {
  const fields = Object.entries(recorded).map(([name, value]) => [name, textOf(value, texts)] as const);
  if (fields.some(([, value]) => value === undefined))
    return lost("a text of its effect is in the record by digest alone");
  const effect = Object.fromEntries(fields) as JsonObject;
  const loss = lossIn(effect);
  if (loss !== null) return lost(loss);
  // What is no effect by its kind is denied by the table, as any value from outside the type.
  return { ok: true, effect: effect as unknown as Effect };
}

/**
 * Puts in where the box was asked that the name of a file leads, which no call tells. It is taken from the record only
 * behind the decision to ask there (`asked`), and never in the place of the name as it is spelled.
 */
export function placedAs(
  effect: Effect,
  recorded: JsonObject,
  { policy, checkout, asked }: { readonly policy: Policy; readonly checkout: string; readonly asked: string | null },
): Effect {
  if (effect.kind !== "write" && effect.kind !== "edit") return effect;
  const { places } = recorded;
  const isRuled = policy.restricting.has("write") || policy.restricting.has("read");
  if (!isRuled || asked !== effect.path || !Array.isArray(places) || places.length > 2) return effect;
  const [spelled, ...others] = places.map(String);
  return spelled === relativePlace(checkout, effect.path) ? { ...effect, places: [spelled, ...others] } : effect;
}

/** Says of a request what a policy's rules say of it, as the proxy looks that up before the gate decides. */
export function relisted(effect: Effect, policy: Policy): Effect {
  if (effect.kind === "push") {
    const ruled = judgeRules(rulesOf(policy), effect);
    return ruled.verdict === "deny" ? { ...effect, rule: ruled.rule.id, isDenied: true } : effect;
  }
  if (effect.kind !== "request") return effect;
  const { origin, rule } = effect;
  // What the person shows, or wraps, and what the host reads for itself no rule lists.
  if (origin === "service" || origin === "model" || rule === HOST_READS) return effect;
  const ruled = judgeRules(rulesOf(policy), effect);
  if (origin === "fetch") {
    const denied = ruled.verdict === "deny" ? ruled.rule.id : null;
    return { ...effect, listed: denied === null ? "allow" : "deny", rule: denied ?? TRACKED };
  }
  if (ruled.verdict === "unlisted")
    return isOfRegistry(effect)
      ? { ...effect, listed: "allow", rule: rule?.startsWith(PRESET) ? rule : PRESET.trim() }
      : { ...effect, listed: "unlisted", rule: null };
  const isRead = ruled.verdict === "deny" && (origin === "locked" || origin === "package");
  return { ...effect, listed: ruled.verdict, rule: ruled.rule.id, origin: isRead ? "composed" : origin };
}

/** What lists a request that the host makes for its own judgement of a package. */
export const HOST_READS = "registry";
const TRACKED = "tracked remote";
/** Begins the name of what lists a request to a registry of the person's tools. */
const PRESET = "preset ";

function isOfRegistry({ origin, rule }: RequestEffect): boolean {
  return origin === "locked" || origin === "package" || (rule?.startsWith(PRESET) ?? false);
}

const rules = new WeakMap<Policy, NetRules>();

function rulesOf(policy: Policy): NetRules {
  const known = rules.get(policy) ?? netRulesOf(policy);
  rules.set(policy, known);
  return known;
}

/** What a decision's record has behind a text of which a secret was taken out. */
const WHOLE = / \[sha256 [0-9a-f]{64}\]$/;

/**
 * Writes the effect of a decision that was made again: of a text without its secret, as the record has it, the digest of the
 * whole one is taken from there.
 */
export function redactedAs(made: JsonObject, effect: Effect, recorded: JsonObject): JsonObject {
  const texts = effect as unknown as JsonObject;
  const fields = Object.entries(made).map(([name, value]) => {
    const [text, was] = [texts[name], recorded[name] ?? null];
    const isSame =
      typeof text === "string" &&
      isRedacted(text) &&
      (typeof was === "string"
        ? WHOLE.test(was) && unnumbered(was.replace(WHOLE, "")) === unnumbered(text)
        : isDigest(was));
    return [name, isSame ? was : value];
  });
  return Object.fromEntries(fields) as JsonObject;
}

function isDigest(value: Json): value is { readonly sha256: string; readonly chars: number } {
  const { sha256, chars } = recordOf(value) ?? {};
  return typeof sha256 === "string" && typeof chars === "number";
}

// A text that is too long for a decision's record stands in it by its digest.
function textOf(value: Json, texts: ReadonlyMap<string, Json>): Json | undefined {
  if (typeof value === "string" && isRedacted(value)) return value.replace(WHOLE, "");
  return isDigest(value) ? texts.get(value.sha256) : value;
}

import type { Effect } from "../core/effect.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { judgeRules, type NetRules } from "../core/net-rules.ts";
import { netRulesOf, type Policy } from "../core/policy-rules.ts";

type RequestEffect = Effect & { readonly kind: "request" };

/** Rebuilds the effect of a decision from its record and from the texts that stood before it; null where one is missing. */
export function effectIn(recorded: JsonObject, texts: ReadonlyMap<string, string>): Effect | null {
  const fields = Object.entries(recorded).map(([name, value]) => [name, textOf(value, texts)] as const);
  // What is no effect by its kind is denied by the table, as any value from outside the type.
  return fields.some(([, value]) => value === undefined) ? null : (Object.fromEntries(fields) as unknown as Effect);
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
const HOST_READS = "registry";
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

// A text that is too long for a decision's record stands in it by its digest.
function textOf(value: Json, texts: ReadonlyMap<string, string>): Json | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const { sha256, chars } = value as JsonObject;
  return typeof sha256 === "string" && typeof chars === "number" ? texts.get(sha256) : value;
}

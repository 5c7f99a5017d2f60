import type { Effect } from "../core/effect.ts";
import { decideWithin, repositoryOf } from "../core/policy-decide.ts";
import { rulesOn } from "../core/policy-match.ts";
import { lowest, makePolicy, type Policy, type Rule } from "../core/policy-rules.ts";
import type { Verdict } from "../core/sinks.ts";
import type { LoadedFile } from "./config-policy.ts";
import type { Redecided } from "./replay.ts";
import { relisted } from "./replay-effect.ts";

/** A decision that another policy would have made otherwise. */
export interface Otherwise {
  readonly seq: number;
  readonly effect: Effect;
  readonly from: Verdict;
  readonly to: Verdict;
  /** Why it was so, and why it would be otherwise; a rule is named in it. */
  readonly was: string;
  readonly wouldBe: string;
  readonly origin: string;
}

/** Says how another policy decides about an effect that was recorded; null where it comes to the same. */
export function decideOtherwise({ seq, effect, label, decision, origin }: Redecided, policy: Policy): Otherwise | null {
  const { verdict, reason } = decideWithin(policy, repushed(relisted(effect, policy), policy), label);
  if (verdict === decision.verdict) return null;
  return { seq, effect, from: decision.verdict, to: verdict, was: decision.reason, wouldBe: reason, origin };
}

/**
 * Puts one file in the place of the policy files that a session had, the checkout's included. The machine's own rules stay,
 * as do those of config.yaml.
 */
export function withFile(recorded: Policy, { rules, ceilings, profiles }: LoadedFile): Policy {
  const isKept = ({ tier, id }: Pick<Rule, "tier" | "id">) => tier === "managed" || CONFIG_RULE.test(id);
  const bounds = [...recorded.profiles.filter(isKept), ...profiles];
  return makePolicy([...recorded.rules.filter(isKept), ...rules], lowest([recorded.ceilings, ceilings]), bounds);
}

/** The name of a rule in config.yaml begins with its key; one in a policy file with the tier. */
const CONFIG_RULE = /^net\./;

// What lists a push is a rule about its branch; of one over ssh its repository cannot be told from its address alone.
function repushed(effect: Effect, policy: Policy): Effect {
  if (effect.kind !== "push" || effect.isDenied) return effect;
  const repository = repositoryOf(effect);
  if (repository === null) return effect;
  const branch = effect.ref.replace(/^refs\/heads\//, "");
  const rule = rulesOn(policy, { kind: "push", repository, branch }).find(({ verdict }) => verdict === "allow");
  return { ...effect, rule: rule?.id ?? null };
}

import { canonical, field, type Json, type JsonObject } from "../core/json.ts";
import { type Label, parseLabel } from "../core/label.ts";
import {
  type Ceilings,
  makePolicy,
  NO_CEILINGS,
  type Policy,
  type ProfileRule,
  type Rule,
} from "../core/policy-rules.ts";
import { digestOf } from "./prompt.ts";
import { toJson } from "./recorded.ts";

/** What decisions are made by, as the record has it. */
export interface RecordedRules {
  readonly policy: Policy;
  /** The label that every effect is decided at; null where it is the session's own. */
  readonly label: Label | null;
}

/** Names a policy by a digest of all its rules, whoever wrote them down. */
export function digestOfPolicy({ rules, ceilings, profiles }: Policy): string {
  return digestOf(canonical([jsonOf(rules), jsonOf(ceilings), jsonOf(profiles)]));
}

/** Writes down whole what decisions are made by from here on. */
export function rulesEvent(policy: Policy, label: Label | null): JsonObject {
  const { rules, ceilings, profiles } = policy;
  const fixed = label && { integrity: label.integrity, secrecy: label.secrecy };
  return {
    type: "policy-rules",
    policy: digestOfPolicy(policy),
    label: fixed,
    rules: jsonOf(rules),
    ceilings: jsonOf(ceilings),
    profiles: jsonOf(profiles),
  };
}

/** Reads such an event; throws an Error that says what is wrong with it. */
export function parseRules(event: JsonObject): RecordedRules {
  const { rules, ceilings, label = null, profiles } = event;
  if (!Array.isArray(rules) || !rules.every(isRule)) throw new Error("its rules are no rules");
  if (!Array.isArray(profiles) || !profiles.every(isProfileRule)) throw new Error("its profiles are none");
  const policy = makePolicy(rules, { ...NO_CEILINGS, ...(ceilings as Partial<Ceilings>) }, profiles);
  if (digestOfPolicy(policy) !== field(event, "policy")) throw new Error("its rules are not those of its digest");
  if (label === null) return { policy, label: null };
  const fixed = label as JsonObject;
  return { policy, label: parseLabel(fixed.integrity, fixed.secrecy) };
}

function isRule(value: unknown): value is Rule {
  const rule = value as Partial<Rule> | null;
  return typeof rule?.id === "string" && typeof rule.verdict === "string" && typeof rule.scope?.kind === "string";
}

function isProfileRule(value: unknown): value is ProfileRule {
  const rule = value as Partial<ProfileRule> | null;
  return typeof rule?.id === "string" && typeof rule.profile === "string" && Array.isArray(rule.argv);
}

function jsonOf<Value extends object>(value: Value): Value extends readonly unknown[] ? readonly Json[] : JsonObject;
function jsonOf(value: object): Json {
  return toJson({ value }).value ?? null;
}

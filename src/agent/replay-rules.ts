import { canonical, type JsonObject } from "../core/json.ts";
import { makePolicy, NO_CEILINGS, type ProfileRule } from "../core/policy-rules.ts";
import { isRedacted } from "../core/redact.ts";
import { lossIn } from "../ledger/content-walk.ts";
import { parseRules, type RecordedRules } from "./recorded-policy.ts";
import { lost } from "./replay-effect.ts";

/** The rules by which a recorded session decides, as the gate of each of its agents wrote them down. */
export class RulesInForce {
  readonly #rules = new Map<string, RecordedRules>();
  #profiles: readonly ProfileRule[] = [];
  #missing = "the record has only the digest of its policy";

  /** Null where the record has none. */
  of(agent: string): RecordedRules | null {
    return this.#rules.get(agent) ?? null;
  }

  /** Why the record has none. */
  get missing(): string {
    return this.#missing;
  }

  /** What bounds the commands of every agent. */
  get profiles(): readonly ProfileRule[] {
    return this.#profiles;
  }

  /** An older log says of no rules that there are none, and of others nothing. */
  begin({ rules }: JsonObject): void {
    this.#rules.clear();
    if (Array.isArray(rules) && rules.length === 0)
      this.#rules.set("", { policy: makePolicy([], NO_CEILINGS), label: null });
  }

  /** Takes rules from the record; says what is wrong with them, null for nothing. */
  take(agent: string, event: JsonObject): string | null {
    this.#rules.delete(agent);
    const loss = lossIn(event);
    if (loss !== null || isRedacted(canonical(event))) {
      const why = loss === null ? "a secret was taken out of them" : lost(loss).why;
      this.#missing = `of the rules that it was decided by: ${why}`;
      return null;
    }
    try {
      const rules = parseRules(event);
      this.#rules.set(agent, rules);
      this.#profiles = rules.policy.profiles;
      return null;
    } catch (error) {
      return `the policy cannot be taken from the record: ${error instanceof Error ? error.message : error}`;
    }
  }
}

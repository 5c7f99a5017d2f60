import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import type { Outcome, OutcomeCode } from "../core/outcome.ts";
import type { ProfileRule } from "../core/policy-rules.ts";
import type { RunProfile } from "../core/shell.ts";
import { lossIn } from "../ledger/content-walk.ts";
import { RunProfiles } from "./shell.ts";

type RunEffect = Effect & { readonly kind: "run" };

/** The profiles of the commands of a recorded session, which are chosen anew. */
export class RecordedRuns {
  readonly #rules: () => readonly ProfileRule[];
  #profiles: RunProfiles;
  /** Commands of which the record has no more what they said, by which the next one of the same text is bound. */
  readonly #unsure = new Set<string>();

  /** `rules` are those that bound a command, as the record has them by then. */
  constructor(rules: () => readonly ProfileRule[]) {
    this.#rules = rules;
    this.#profiles = new RunProfiles(rules);
  }

  /** Another program goes on with the session: it knows no command of before. */
  leave(): void {
    this.#profiles = new RunProfiles(this.#rules);
    this.#unsure.clear();
  }

  /** Chooses as the session did; null where that depends on what is lost. */
  async choose(effect: RunEffect): Promise<RunEffect | null> {
    return this.#unsure.has(effect.command) ? null : this.#profiles.choose(effect);
  }

  /** Takes what came of a command; `widest` is the profile that its agent may have. */
  learn(effect: RunEffect, event: JsonObject, widest: RunProfile): void {
    if (lossIn(event) === null) this.#profiles.explain(effect, outcomeIn(event), widest);
    else if (event.code === "exit" && effect.profile !== "net") this.#unsure.add(effect.command);
  }
}

function outcomeIn({ ok, code, text }: JsonObject): Outcome {
  return ok === true ? { ok, text: String(text) } : { ok: false, code: code as OutcomeCode, text: String(text) };
}

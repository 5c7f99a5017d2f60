import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import { type Label, parseLabel } from "../core/label.ts";
import { explain } from "../core/session-label.ts";
import type { Source } from "../core/source.ts";
import type { RecordedRules } from "./recorded-policy.ts";
import { SessionLabel } from "./session-label.ts";

/** The label of a recorded session, which is joined anew of what the record says entered it. */
export class RecordedLabel {
  readonly #label = new SessionLabel(() => {});
  /** Whether the record is of a program that wrote no sources into it. */
  readonly #isOld: boolean;
  /** What the host found out that the next decision's effect brings. */
  #foreseen: JsonObject | null = null;
  #given = 0;

  constructor(isOld: boolean) {
    this.#isOld = isOld;
  }

  /** How many labels were taken from the record. */
  get given(): number {
    return this.#given;
  }

  enter(source: JsonObject): void {
    this.#label.enter(carried(source));
  }

  foresee(event: JsonObject): void {
    this.#foreseen = event;
  }

  /** A decision is over, and what was foreseen of its effect with it. */
  forget(): void {
    this.#foreseen = null;
  }

  /** Gives the label that an effect is decided at. */
  at(effect: Effect, rules: RecordedRules, recorded: Label): Label {
    if (this.#isOld) {
      this.#given += 1;
      return recorded;
    }
    if (rules.label !== null) return rules.label;
    if (this.#foreseen !== null) {
      const brings = this.#foreseen.brings as JsonObject | null;
      this.#label.foresee(effect, brings && carried(brings));
    }
    return this.#label.at(effect);
  }

  /** Says in words what had raised it; "" where nothing had, or where a decision's label is not the session's. */
  origin(rules: RecordedRules): string {
    return rules.label === null && !this.#isOld ? explain(this.#label.current) : "";
  }
}

function carried({ what, integrity, secrecy }: JsonObject): Source {
  const named = typeof what === "string" ? what : "something that the record does not name";
  return { kind: "carried", what: named, label: parseLabel(integrity, secrecy) };
}

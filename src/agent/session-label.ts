import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import { join, type Label, LOWEST, UNKNOWN_SOURCE } from "../core/label.ts";
import { heardBy, reachOf } from "../core/reach.ts";
import { foreseenEvent, raised, sourceEvent, type TracedLabel, UNTOUCHED, wouldRaise } from "../core/session-label.ts";
import { labelOf, nameOf, type Source } from "../core/source.ts";

/**
 * The label of a session, which begins at the bottom and only rises. What raises it is in the record before it counts.
 *
 * What an effect brings is taken for the worst, external and private, unless the host has looked before and found less.
 */
export class SessionLabel {
  readonly #record: (event: JsonObject) => void;
  readonly #onRise: () => void;
  #label: TracedLabel;
  /** What effects bring of which the host has looked before. */
  readonly #foreseen = new WeakMap<Effect, Source | null>();

  /** `onRise` is called after each rise, once it counts. `before` is what the session has seen already. */
  constructor(record: (event: JsonObject) => void, onRise: () => void = () => {}, before: TracedLabel = UNTOUCHED) {
    this.#label = before;
    this.#record = record;
    this.#onRise = onRise;
  }

  get current(): TracedLabel {
    return this.#label;
  }

  /** Notes that text of a source enters the session. */
  enter(source: Source): void {
    const by = labelOf(source);
    const rises = wouldRaise(this.#label, by);
    // What looks like an injection is named to whoever is asked, though it may raise nothing more.
    if (!rises && source.kind !== "injection") return;
    this.#record(sourceEvent(by, nameOf(source)));
    this.#label = raised(this.#label, by, nameOf(source));
    if (rises) this.#onRise();
  }

  /** Notes what an effect will bring, as the host found out for this very one; null for nothing. Else the worst is taken. */
  foresee(effect: Effect, source: Source | null): void {
    this.#foreseen.set(effect, source);
  }

  /** Gives the label that an effect is decided at: with all that doing it brings within the session's reach. */
  at(effect: Effect): Label {
    const foreseen = this.#foreseen.get(effect);
    if (foreseen !== undefined) this.#record(foreseenEvent(foreseen));
    const source = foreseen === undefined ? broughtBy(effect, this.#label) : foreseen;
    if (source !== null) this.enter(source);
    return this.#label;
  }
}

/**
 * What the answer of a reader brings. An identifier is a text that a file of the view chose: it is as good as `names`, the
 * label of where all of them are from.
 */
export function readerAnswer(names: Label): Source {
  const label = join(names, { ...LOWEST, secrecy: "private" });
  return { kind: "carried", what: "the answer of a reader", label };
}

/** What an effect brings into the session; null for one that shows nothing to the model or to a command. */
function broughtBy(effect: Effect, session: Label): Source | null {
  switch (effect.kind) {
    case "read":
    case "edit":
      return { kind: "checkout", path: effect.path, standing: "unknown", openness: "private", carried: LOWEST };
    case "search":
    case "list":
    case "sync":
      return { kind: "checkout", path: "files", standing: "unknown", openness: "private", carried: LOWEST };
    case "write":
    case "run":
    case "output":
    case "kill": {
      const network = effect.kind === "run" ? heardBy(effect.profile) : "private";
      // Nobody knows all that such a one-shot can read.
      const label = reachOf({ session, view: null, shared: null, programs: null, network });
      return {
        kind: "carried",
        what: "a command that could read what is of no commit that you approved",
        label,
      };
    }
    case "ask":
      // Its type vouches for the answer, which may be of something private all the same.
      return readerAnswer(effect.answer === "identifier" ? UNKNOWN_SOURCE : LOWEST);
    // What answers a request is heard later, and enters then.
    case "fetch":
    case "delegate":
    case "request":
    case "push":
    case "names":
    case "resolve":
    case "preview":
    case "land":
    case "land-commits":
    case "sign-commits":
    case "discard":
    case "rewind":
    case "undo":
    case "recover":
    case "release":
    case "keep":
    case "forget":
    case "remove":
      return null;
  }
}

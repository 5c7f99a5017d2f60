import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import { type Label, LOWEST } from "../core/label.ts";
import { heardBy, reachOf } from "../core/reach.ts";
import { raised, sourceEvent, type TracedLabel, UNTOUCHED, wouldRaise } from "../core/session-label.ts";
import { labelOf, nameOf, type Source } from "../core/source.ts";

/**
 * The label of a session, which begins at the bottom and only rises. What raises it is in the record before it counts.
 *
 * No commit can be approved and no repository be marked public yet, so the first effect that reads or runs in the box
 * takes it to external and private, and nothing that is decided before that depends on it.
 */
export class SessionLabel {
  readonly #record: (event: JsonObject) => void;
  #label: TracedLabel = UNTOUCHED;

  constructor(record: (event: JsonObject) => void) {
    this.#record = record;
  }

  get current(): TracedLabel {
    return this.#label;
  }

  /** Notes that text of a source enters the session. */
  enter(source: Source): void {
    const by = labelOf(source);
    if (!wouldRaise(this.#label, by)) return;
    this.#record(sourceEvent(by, nameOf(source)));
    this.#label = raised(this.#label, by, nameOf(source));
  }

  /** Gives the label that an effect is decided at: with all that doing it brings within the session's reach. */
  at(effect: Effect): Label {
    const source = broughtBy(effect, this.#label);
    if (source !== null) this.enter(source);
    return this.#label;
  }
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
        what: "a command that could read the checkout, of which you approved no commit",
        label,
      };
    }
    case "ask":
      // Its type vouches for the answer, which may be of something private all the same.
      return { kind: "carried", what: "the answer of a reader", label: { ...LOWEST, secrecy: "private" } };
    case "fetch":
      return { kind: "page", host: effect.url, openness: "private" };
    case "request":
      if (effect.isForReader) return null;
      return { kind: "page", host: effect.host, openness: "private" };
    case "push":
      return { kind: "page", host: effect.host, openness: "private" };
    case "names":
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

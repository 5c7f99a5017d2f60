import { field, type JsonObject } from "./json.ts";
import { join, type Label, LOWEST, parseLabel, UNKNOWN_SOURCE } from "./label.ts";
import { labelOf, nameOf, type Source } from "./source.ts";
import { bound, visible } from "./text.ts";

/** A label, and what raised each half of it to where it is, oldest first. */
export interface TracedLabel extends Label {
  readonly integrityFrom: readonly string[];
  readonly secrecyFrom: readonly string[];
}

/** Sources named for each half: an explanation has room for a few, and the first raised it. */
export const NAMED_MAX = 4;
const NAME_CHARS_MAX = 160;

/** The label of a session that has seen nothing. */
export const UNTOUCHED: TracedLabel = { ...LOWEST, integrityFrom: [], secrecyFrom: [] };

/** Raises a session's label by what entered it; there is no act that lowers one. */
export function raised(label: TracedLabel, by: Label, what: string): TracedLabel {
  const { integrity, secrecy } = join(label, by);
  const name = bound(visible(what).replace(/\s+/g, " "), NAME_CHARS_MAX).text;
  return {
    integrity,
    secrecy,
    integrityFrom: named(label.integrityFrom, name, [label.integrity, by.integrity, integrity, LOWEST.integrity]),
    secrecyFrom: named(label.secrecyFrom, name, [label.secrecy, by.secrecy, secrecy, LOWEST.secrecy]),
  };
}

/** Whether something would raise a label, so that most of what enters need not be recorded. */
export function wouldRaise(label: TracedLabel, by: Label): boolean {
  const { integrity, secrecy } = join(label, by);
  return integrity !== label.integrity || secrecy !== label.secrecy;
}

/** Writes down that something entered the session. It is recorded before the model or a command has it. */
export function sourceEvent(by: Label, what: string): JsonObject {
  return { type: "source", integrity: by.integrity, secrecy: by.secrecy, what: what.toWellFormed() };
}

/** Writes down what the host found out that the next decision's effect will bring; null for nothing. */
export function foreseenEvent(source: Source | null): JsonObject {
  if (source === null) return { type: "foreseen", brings: null };
  const { integrity, secrecy } = labelOf(source);
  return { type: "foreseen", brings: { integrity, secrecy, what: nameOf(source).toWellFormed() } };
}

/** Builds a session's label from its record; an event of a source that cannot be read raises it to the top. */
export function rebuiltFrom(events: Iterable<JsonObject>, before: TracedLabel = UNTOUCHED): TracedLabel {
  let label = before;
  for (const event of events) {
    if (field(event, "type") !== "source") continue;
    const what = field(event, "what");
    const by = parseLabel(field(event, "integrity"), field(event, "secrecy"));
    label = raised(label, by, typeof what === "string" ? what : "something that the record does not name");
  }
  return label;
}

/** The label of all that a session wrote, by its record. Where no model was prompted, nobody knows what its commands did. */
export function writerOf(events: Iterable<JsonObject>): Label {
  const all = [...events];
  return all.some((event) => field(event, "type") === "prompt") ? rebuiltFrom(all) : UNKNOWN_SOURCE;
}

/** Says in plain words where a session's label comes from; "" for one that has seen nothing but its own words. */
export function explain(label: TracedLabel): string {
  const because = (half: string, from: readonly string[]) => (from.length > 0 ? [`${half} by ${from.join(", ")}`] : []);
  return [...because(label.integrity, label.integrityFrom), ...because(label.secrecy, label.secrecyFrom)].join("; ");
}

type Half = Label["integrity"] | Label["secrecy"];

// A source that lies below where the half is did not raise it; one that lifts it is the only one that counts from then on.
function named(
  before: readonly string[],
  name: string,
  [was, by, is, lowest]: readonly [Half, Half, Half, Half],
): readonly string[] {
  if (by !== is || is === lowest) return before;
  if (was !== is) return [name];
  return before.includes(name) || before.length >= NAMED_MAX ? before : [...before, name];
}

import type { JsonObject } from "../core/json.ts";
import { bound } from "../core/text.ts";

/** What of an event stands in the columns before, or says nothing to a person. */
const SET_APART: readonly string[] = ["type", "at"];
const VALUE_CHARS_MAX = 160;

/** Writes an event of a record as one line for a person; the lines of JSON have all of it. */
export function eventText(seq: number, event: JsonObject): string {
  const { type, at } = event;
  const time = typeof at === "number" && Number.isFinite(at) ? new Date(at).toISOString().slice(11, 19) : "";
  return `${String(seq).padStart(5)}  ${time.padEnd(8)}  ${String(type ?? "?").padEnd(14)} ${summaryOf(event)}`.trimEnd();
}

function summaryOf(event: JsonObject): string {
  const { type, effect, verdict, reason } = event;
  if (type === "decision" && typeof effect === "object" && effect !== null && !Array.isArray(effect)) {
    const { kind, ...more } = effect as JsonObject;
    return `${verdict} ${kind}${spaced(fieldsOf(more))}: ${reason}`;
  }
  const rest = Object.fromEntries(Object.entries(event).filter(([key]) => !SET_APART.includes(key)));
  return fieldsOf(rest);
}

function fieldsOf(fields: JsonObject): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== null && value !== "" && value !== false)
    .map(([key, value]) => `${key}=${valueText(value)}`)
    .join(" ");
}

function valueText(value: unknown): string {
  const text = typeof value === "string" ? value.replace(/\s+/g, " ") : JSON.stringify(value);
  return bound(text, VALUE_CHARS_MAX).text.replaceAll("\n", " ");
}

function spaced(text: string): string {
  return text === "" ? "" : ` ${text}`;
}

import { canonical, type Json, type JsonObject } from "../core/json.ts";
import { bound } from "../core/text.ts";

const SHOWN_CHARS_MAX = 300;

/** Says in which fields a decision that was made again is another than the recorded one. */
export function difference(recorded: JsonObject, made: JsonObject): string {
  const names = [...new Set([...Object.keys(recorded), ...Object.keys(made)])];
  const show = (value: Json | undefined) =>
    value === undefined ? "nothing" : bound(canonical(value), SHOWN_CHARS_MAX).text;
  return names
    .filter((name) => canonical(recorded[name] ?? null) !== canonical(made[name] ?? null))
    .map((name) => `${name} is recorded as ${show(recorded[name])} and comes out as ${show(made[name])}`)
    .join("; ");
}

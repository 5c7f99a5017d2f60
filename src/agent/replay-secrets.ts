import type { Effect } from "../core/effect.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { holdsPlaceholder } from "../core/redact.ts";

const BEFORE_DIGEST = " [sha256 ";

/**
 * Writes an effect that was made again as the record has it where its texts held secrets: a reply is recorded without them, and a
 * decision with a digest of what was decided about. What of a text is no secret must still be the same.
 */
export function asRecorded(made: JsonObject, effect: Effect, recorded: Json | undefined): JsonObject {
  const all = recorded as JsonObject | null;
  const taken = Object.entries(effect as unknown as JsonObject).filter(([name, text]) => {
    const own = all?.[name];
    if (typeof text !== "string" || own === undefined || !holdsPlaceholder(text)) return false;
    return typeof own === "string" ? own.startsWith(text + BEFORE_DIGEST) : isDigest(own) && isDigest(made[name]);
  });
  return { ...made, ...Object.fromEntries(taken.map(([name]) => [name, all?.[name] as Json])) };
}

/** Whether a call came to nothing before any decision, because it had a placeholder where a secret belongs. */
export function wasHeldBack(effect: Effect, { ok, code, text }: JsonObject): boolean {
  if (ok !== false || code !== "invalid" || effect.kind === "edit") return false;
  return (
    String(text).startsWith(`${effect.kind}: not done: `) &&
    Object.values(effect).some((value) => typeof value === "string" && holdsPlaceholder(value))
  );
}

function isDigest(value: Json | undefined): boolean {
  return typeof (value as JsonObject | null | undefined)?.sha256 === "string";
}

import { field, type JsonObject } from "./json.ts";

/** The shape of events that this program writes, named in the first event of each log. */
export const SCHEMA = 1;

/** Turns an event of one shape into the next; what it does not know it leaves as it is. */
type Migration = (event: JsonObject) => JsonObject;

/** From each shape to the one after it, in order: the first is of logs that name none. */
const MIGRATIONS: readonly Migration[] = [toRecordedRules];

/** SHA-256 of the JSON of no rules and no ceilings, as logs without a schema name it. */
const NO_RULES_BEFORE = "9224cb9c5c4b3542d8c5e95a629fb84248af29010d1d20735b84f68f51784763";

/** Reads the schema of a log out of its first event; null where that is no number that a program could have written. */
export function schemaOf(first: JsonObject): number | null {
  const named = field(first, "type") === "start" ? field(first, "schema") : undefined;
  const schema = named === undefined ? 0 : named;
  return typeof schema === "number" && Number.isSafeInteger(schema) && schema >= 0 ? schema : null;
}

/** Turns an event of an older log into one as this program writes it. `start.schema` stays what it was. */
export function migrated(event: JsonObject, schema: number): JsonObject {
  if (schema === SCHEMA) return event;
  return MIGRATIONS.slice(schema).reduce((shaped, migrate) => migrate(shaped), event);
}

// Of the policy such a log has the digest alone; that of no rules at all tells all of it.
function toRecordedRules(event: JsonObject): JsonObject {
  const type = field(event, "type");
  if (type !== "start" && type !== "policy") return event;
  const rules = field(event, "policy") === NO_RULES_BEFORE ? { rules: [] } : {};
  return type === "start" ? { schema: 0, build: "unknown", ...event, ...rules } : { ...event, ...rules };
}

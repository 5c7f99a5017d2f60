/** A JSON value, as it may stand in the ledger. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Writes a value with sorted keys and no white space, so that equal values have equal bytes. */
export function canonical(value: Json): string {
  const sorted = sortedCopy(value);
  return sorted === undefined ? piecemeal(value) : JSON.stringify(sorted);
}

// The engine's own writer is twice as fast, but keeps keys like "10" and "9" in the order of numbers; undefined for those.
function sortedCopy(value: Json): Json | undefined {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const item of value as readonly Json[]) {
      const copy = sortedCopy(item);
      if (copy === undefined) return undefined;
      items.push(copy);
    }
    return items;
  }
  const object = value as JsonObject;
  const sorted: Record<string, Json> = {};
  for (const key of Object.keys(object).sort()) {
    const copy = key === "__proto__" || /^\d/.test(key) ? undefined : sortedCopy(object[key] ?? null);
    if (copy === undefined) return undefined;
    sorted[key] = copy;
  }
  return sorted;
}

function piecemeal(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(piecemeal).join(",")}]`;
  const object = value as JsonObject;
  const fields = Object.keys(object).sort();
  return `{${fields.map((key) => `${JSON.stringify(key)}:${piecemeal(object[key] ?? null)}`).join(",")}}`;
}

/** Parses JSON; null when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Takes a value for a record; anything else is an empty one. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** A field of a record's own; what it inherits is none. */
export function field(record: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

import type { Json, JsonObject } from "../core/json.ts";
import { DEPTH_MAX } from "./event.ts";

/** Fields whose texts are content whatever their length: what a person, a model or a command wrote, not what was decided of it. */
const TEXTS: ReadonlySet<string> = new Set([
  "text",
  "typed",
  "input",
  "message",
  "title",
  "content",
  "oldString",
  "newString",
  "question",
  "task",
  "excerpt",
]);
/** Data of a vendor's own beside a reply; ids in it are shorter than this. */
const VENDOR = "vendor";
const VENDOR_CHARS_MIN = 64;
/** Longer than any text by which something is decided. */
const PLAIN_CHARS_MAX = 2048;
/** Marks a reference; a key of a stranger's that looks like one gets another "$" in front, and loses it when it is read. */
export const MARK = "$content";
const DOLLAR = 0x24;
const MARKS = /^\$+content$/;

const LOSSES = ["purged", "unkept", "missing", "damaged"] as const;
/** Why a text is not there: destroyed at the person's word; never kept; gone without one; or not what was recorded. */
export type Loss = (typeof LOSSES)[number];

/** Puts what `put` returns in place of each content of an event; the event itself where it has none. */
export function withoutTexts(event: JsonObject, put: (text: string) => JsonObject): JsonObject {
  return holdsContent(event, "", 0, false) ? mapObject(event, 1, false, put) : event;
}

/** Puts what `fill` returns in place of each reference in an event. */
export function withTexts(event: JsonObject, fill: (reference: JsonObject) => Json): JsonObject {
  return filled(event, fill) as JsonObject;
}

/** The same, but each is looked for when its field is read first. */
export function withTextsLater(event: JsonObject, fill: (reference: JsonObject) => Json): JsonObject {
  return filledLater(event, fill) as JsonObject;
}

/** The references of an event, in order. */
export function referencesIn(event: JsonObject): JsonObject[] {
  const found: JsonObject[] = [];
  withTexts(event, (reference) => {
    found.push(reference);
    return null;
  });
  return found;
}

// Nearly no decision holds any, and looking costs a fifth of rebuilding.
function holdsContent(value: Json, name: string, depth: number, isVendors: boolean): boolean {
  if (typeof value === "string") return isContent(value, name, isVendors);
  if (typeof value !== "object" || value === null || depth > DEPTH_MAX) return false;
  if (isList(value)) {
    for (const item of value) if (holdsContent(item, name, depth + 1, isVendors)) return true;
    return false;
  }
  for (const key in value) {
    if (key.charCodeAt(0) === DOLLAR && MARKS.test(key)) return true;
    if (holdsContent(value[key] ?? null, key, depth + 1, isVendors || key === VENDOR)) return true;
  }
  return false;
}

function mapObject(
  object: JsonObject,
  depth: number,
  isVendors: boolean,
  put: (text: string) => JsonObject,
): JsonObject {
  return rebuilt(
    object,
    (key, value) => mapValue(value, key, depth, isVendors || key === VENDOR, put),
    (key) => (key.startsWith("$") && MARKS.test(key) ? `$${key}` : key),
  );
}

// The object itself where nothing of it changes, as is so of nearly all.
function rebuilt(
  object: JsonObject,
  mapped: (key: string, value: Json) => Json,
  renamed: (key: string) => string,
): JsonObject {
  const keys = Object.keys(object);
  let entries: (readonly [string, Json])[] | null = null;
  for (const [at, key] of keys.entries()) {
    const value = object[key] ?? null;
    const [name, item] = [renamed(key), mapped(key, value)];
    if (name === key && item === value) entries?.push([key, value]);
    else {
      entries ??= keys.slice(0, at).map((before) => [before, object[before] ?? null]);
      entries.push([name, item]);
    }
  }
  return entries === null ? object : Object.fromEntries(entries);
}

function mapValue(
  value: Json,
  name: string,
  depth: number,
  isVendors: boolean,
  put: (text: string) => JsonObject,
): Json {
  if (typeof value === "string") return isContent(value, name, isVendors) ? put(value) : value;
  // What is deeper is refused when it is written down.
  if (typeof value !== "object" || value === null || depth > DEPTH_MAX) return value;
  if (!isList(value)) return mapObject(value, depth + 1, isVendors, put);
  const mapped = value.map((item) => mapValue(item, name, depth + 1, isVendors, put));
  return mapped.every((item, at) => item === value[at]) ? value : mapped;
}

function isContent(text: string, name: string, isVendors: boolean): boolean {
  if (
    text === "" ||
    !(TEXTS.has(name) || text.length > PLAIN_CHARS_MAX || (isVendors && text.length > VENDOR_CHARS_MIN))
  )
    return false;
  // Half a surrogate pair has no bytes of its own, and would be read back as another text.
  return text.isWellFormed();
}

function filled(value: Json, fill: (reference: JsonObject) => Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) {
    const mapped = value.map((item) => filled(item, fill));
    return mapped.every((item, at) => item === value[at]) ? value : mapped;
  }
  if (Object.hasOwn(value, MARK)) return fill(value);
  return rebuilt(value, (_, item) => filled(item, fill), unescaped);
}

function filledLater(value: Json, fill: (reference: JsonObject) => Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) {
    const mapped = value.map((item) => filledLater(item, fill));
    return mapped.every((item, at) => item === value[at]) ? value : mapped;
  }
  if (Object.hasOwn(value, MARK)) return fill(value);
  if (!Object.values(value).some(isReference)) return rebuilt(value, (_, item) => filledLater(item, fill), unescaped);
  const object: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) {
    const name = unescaped(key);
    if (name !== "__proto__" && (typeof item !== "object" || item === null)) {
      object[name] = item;
      continue;
    }
    let known: Json | undefined;
    const get = () => {
      known ??= filledLater(item, fill);
      return known;
    };
    Object.defineProperty(object, name, { enumerable: true, get });
  }
  return object;
}

function isReference(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !isList(value) && Object.hasOwn(value, MARK);
}

function unescaped(key: string): string {
  return key.startsWith("$$") && MARKS.test(key) ? key.slice(1) : key;
}

/** Says why a text of a value that was read back is not there, the first of them; null where all are. */
export function lossIn(value: Json): Loss | null {
  if (typeof value !== "object" || value === null) return null;
  if (isList(value)) return value.reduce<Loss | null>((found, item) => found ?? lossIn(item), null);
  if (typeof value.bytes === "number" && Object.keys(value).length === 2)
    for (const loss of LOSSES) if (value[loss] === true) return loss;
  return Object.values(value).reduce<Loss | null>((found, item) => found ?? lossIn(item), null);
}

function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}

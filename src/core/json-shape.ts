import { field, type JsonObject, recordOf } from "./json.ts";

/** What a value may be: null when it fits, else why not, with the place at which it does not. */
export type Shape = (value: unknown, at: string) => string | null;

/** Any JSON: for what nobody but the model reads. */
export const anything: Shape = () => null;
export const text: Shape = (value, at) => (typeof value === "string" ? null : `${at} is no text`);
export const number: Shape = (value, at) => (typeof value === "number" ? null : `${at} is no number`);
export const flag: Shape = (value, at) => (typeof value === "boolean" ? null : `${at} is neither true nor false`);

/** Content that the request itself brings along, and that no server fetches. */
export const inlineData: Shape = (value, at) =>
  typeof value === "string" && /^data:[a-z]{1,20}\/[\w.+-]{1,80};base64,/i.test(value)
    ? null
    : `${at} is not inline data but something to be fetched`;

/** A key that is known, and that may only be null or left out. */
export function never(why: string): Shape {
  return (_value, at) => `${at}: ${why}`;
}

export function oneOf(...allowed: readonly unknown[]): Shape {
  return (value, at) => (allowed.includes(value) ? null : `${at} may only be ${allowed.join(" or ")}`);
}

export function matching(pattern: RegExp): Shape {
  return (value, at) => (typeof value === "string" && pattern.test(value) ? null : `${at} is none that is known`);
}

export function list(item: Shape): Shape {
  return (value, at) => {
    if (!Array.isArray(value)) return `${at} is no list`;
    for (const [index, each] of value.entries()) {
      const wrong = item(each, `${at}[${index}]`);
      if (wrong !== null) return wrong;
    }
    return null;
  };
}

/** An object whose keys are free, and whose values all fit. */
export function mapOf(item: Shape): Shape {
  return (value, at) => {
    if (!isObject(value)) return `${at} is no object`;
    for (const [key, each] of Object.entries(value)) {
      const wrong = item(each, `${at}.${spelled(key)}`);
      if (wrong !== null) return wrong;
    }
    return null;
  };
}

/** An object that has these keys and no other; each may be null or left out. */
export function object(keys: Readonly<Record<string, Shape>>, spelling: (key: string) => string = same): Shape {
  return (value, at) => {
    if (!isObject(value)) return `${at} is no object`;
    const seen = new Set<string>();
    for (const [written, each] of Object.entries(value)) {
      const key = spelling(written);
      const shape = field(keys, key) as Shape | undefined;
      if (shape === undefined) return `${at}.${spelled(written)} is not known`;
      // In two spellings, which of both a server takes is its own affair.
      if (seen.has(key)) return `${at}.${spelled(written)} stands there twice`;
      seen.add(key);
      const wrong = each === null ? null : shape(each, `${at}.${spelled(written)}`);
      if (wrong !== null) return wrong;
    }
    return null;
  };
}

/** An object whose key `by` says which of the shapes it has; `fallback` is meant where that is left out. */
export function tagged(by: string, shapes: Readonly<Record<string, Shape>>, fallback: string | null = null): Shape {
  return (value, at) => {
    const given = field(recordOf(value), by) ?? fallback;
    const shape = typeof given === "string" ? (field(shapes, given) as Shape | undefined) : undefined;
    if (shape === undefined) return `${at} is of a kind that is not let through: ${spelled(String(given))}`;
    return shape(value, at);
  };
}

/** One of several; what does not fit the last is told in its words. */
export function either(...shapes: readonly Shape[]): Shape {
  return (value, at) => {
    let wrong: string | null = `${at} is not known`;
    for (const shape of shapes) {
      wrong = shape(value, at);
      if (wrong === null) return null;
    }
    return wrong;
  };
}

/** Parses JSON text that is an object, of bounded depth and size; a sentence where it is not. */
export function parseObject(
  jsonText: string,
  bounds: { readonly depthMax: number; readonly valuesMax: number },
): JsonObject | string {
  if (isBeyond(jsonText, bounds)) return "it is nested too deeply, or has too many values";
  let value: unknown;
  try {
    value = JSON.parse(jsonText);
  } catch {
    return "it is no JSON";
  }
  return isObject(value) ? (value as JsonObject) : "it is no JSON object";
}

/**
 * Parses bytes that every parser of JSON reads alike: UTF-8 of bounded depth and size, and no key twice in one object. Null
 * for any other.
 */
export function parseUnambiguous(
  bytes: Uint8Array,
  bounds: { readonly depthMax: number; readonly valuesMax: number },
): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (isBeyond(text, bounds)) return null;
    const value: unknown = JSON.parse(text);
    // Of keys that stand there twice the parser keeps one.
    return keysIn(value) === colonsIn(text) ? value : null;
  } catch {
    return null;
  }
}

function keysIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, each) => sum + keysIn(each), own);
}

/** Those outside strings: each follows a key. */
function colonsIn(jsonText: string): number {
  return jsonText.replace(/"(?:[^"\\]|\\.)*"/gs, "").split(":").length - 1;
}

// Counts outside strings. Text that is no JSON may be misjudged here, and the parser refuses it after.
function isBeyond(
  jsonText: string,
  { depthMax, valuesMax }: { readonly depthMax: number; readonly valuesMax: number },
): boolean {
  let depth = 0;
  let values = 0;
  let inString = false;
  for (let at = 0; at < jsonText.length; at += 1) {
    const unit = jsonText.charCodeAt(at);
    if (inString) {
      if (unit === BACKSLASH) at += 1;
      else if (unit === QUOTE) inString = false;
    } else if (unit === QUOTE) inString = true;
    else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      depth += 1;
      values += 1;
      if (depth > depthMax) return true;
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) depth -= 1;
    else if (unit === COMMA) values += 1;
  }
  return values > valuesMax;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// What stands in a request is a stranger's, and a reason is read by people.
function spelled(key: string): string {
  return key.replace(/[^\w.$:-]/g, "?").slice(0, 60);
}

function same(key: string): string {
  return key;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

import { canonical, type Json, type JsonObject } from "../core/json.ts";

/** Objects and arrays inside each other, the event itself counted as one. Writing and reading keep the same limit. */
export const DEPTH_MAX = 64;
/** Bytes of one event. Its length therefore begins with a byte below 0x20, which recovery relies on. */
export const PAYLOAD_BYTES_MAX = 16 * 1024 * 1024;

export type EncodedEvent =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string };
export type ParsedEvent =
  | { readonly ok: true; readonly event: JsonObject }
  | { readonly ok: false; readonly reason: string };

/** Writes an event as the canonical JSON that stands in the ledger, if a reader will accept it. */
export function encodeEvent(event: JsonObject): EncodedEvent {
  let text: string;
  try {
    text = canonical(event);
  } catch (thrown) {
    // A value that contains itself, or one deeper than the stack, arrives here.
    return { ok: false, reason: `the event cannot be written as JSON (${String(thrown)})` };
  }
  // Bytes are never fewer than UTF-16 units, and the exact count is checked when the frame is laid out.
  if (text.length > PAYLOAD_BYTES_MAX) return { ok: false, reason: TOO_LONG };
  if (isDeeper(text, DEPTH_MAX)) return { ok: false, reason: TOO_DEEP };
  return { ok: true, text };
}

/** Parses the payload of a frame. Only canonical JSON passes, so no two readers can disagree about what an event says. */
export function parseEvent(payload: Uint8Array): ParsedEvent {
  if (payload.length > PAYLOAD_BYTES_MAX) return { ok: false, reason: TOO_LONG };
  let value: Json;
  let text: string;
  try {
    text = utf8.decode(payload);
    if (isDeeper(text, DEPTH_MAX)) return { ok: false, reason: TOO_DEEP };
    value = JSON.parse(text) as Json;
  } catch (thrown) {
    return { ok: false, reason: `the event is not JSON (${String(thrown)})` };
  }
  if (!isObject(value)) return { ok: false, reason: "the event is not an object" };
  if (!isCanonical(value, text)) return { ok: false, reason: "the event is not in canonical form" };
  return { ok: true, event: value };
}

export const TOO_LONG = `the event is longer than ${PAYLOAD_BYTES_MAX} bytes`;
const TOO_DEEP = `the event is nested deeper than ${DEPTH_MAX}`;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Says whether a text is the canonical form of the value that was parsed from it.
 *
 * Where all keys come in order, the engine's own writer, which is several times faster, writes that form. It keeps keys
 * like "10" and "9" in the order of numbers, so that they are left to the slow way.
 */
function isCanonical(value: Json, text: string): boolean {
  return (JSON.stringify(value) === text && isSorted(value)) || canonical(value) === text;
}

function isSorted(value: Json): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isSorted);
  let before = "";
  for (const key of Object.keys(value)) {
    if (key < before || !isSorted((value as JsonObject)[key] ?? null)) return false;
    before = key;
  }
  return true;
}

/** Counts brackets outside strings. Text that is not JSON may be misjudged here and is refused by the parser after. */
function isDeeper(text: string, depthMax: number): boolean {
  if (hasFewBrackets(text, depthMax)) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (inString) {
      if (unit === BACKSLASH) at++;
      else if (unit === QUOTE) inString = false;
    } else if (unit === QUOTE) inString = true;
    else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      if (++depth > depthMax) return true;
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) depth--;
  }
  return false;
}

// So nearly every event is told, far faster than by looking at each of its signs.
function hasFewBrackets(text: string, most: number): boolean {
  let left = most;
  for (const bracket of ["{", "["])
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) if (left-- === 0) return false;
  return true;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

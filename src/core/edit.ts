import { hint, nameLines, occurrences } from "./edit-search.ts";

export interface Edit {
  readonly oldString: string;
  readonly newString: string;
  readonly replaceAll: boolean;
}

/** `count`: places replaced. `message` tells the model what to change in its call. */
export type EditResult =
  | { readonly ok: true; readonly content: Uint8Array; readonly count: number }
  | { readonly ok: false; readonly message: string };

export const EDIT_BYTES_MAX = 32 << 20;
const CR = 0x0d;
const LF = 0x0a;

/**
 * Replaces text in a file's bytes.
 *
 * Bytes outside the replaced text stay as they are, valid UTF-8 or not. A line ending in `oldString` matches LF and CRLF;
 * lines that both strings share keep theirs, new lines take the ending of the lines around them.
 */
export function applyEdit(content: Uint8Array, edit: Edit): EditResult {
  const refusal = refuse(content, edit);
  if (refusal !== null) return fail(refusal);
  const old = withoutCr(new TextEncoder().encode(edit.oldString)).bytes;
  const next = withoutCr(new TextEncoder().encode(edit.newString)).bytes;
  if (isEqual(old, next))
    return fail("old_string and new_string are equal, or differ only in line endings; nothing to change");
  const file = withoutCr(content);
  const found = occurrences(file.bytes, old);
  const [first] = found;
  if (first === undefined) return fail(`old_string not found; ${hint(file.bytes, old)}`);
  if (found.length > 1 && !edit.replaceAll) {
    return fail(
      `old_string occurs ${found.length} times, at ${nameLines(file.bytes, found)}; add a surrounding line or set replace_all`,
    );
  }
  const places = apart(found, old.length);
  if (content.length + places.length * next.length * 2 > EDIT_BYTES_MAX)
    return fail("the result would be too large; replace less at once");
  return { ok: true, content: replace(content, file, places, old, next), count: places.length };
}

function refuse(content: Uint8Array, edit: Edit): string | null {
  if (edit.oldString === "") return "old_string is empty; give the text to replace, or use write for a new file";
  if (edit.oldString === edit.newString) return "old_string and new_string are equal; nothing to change";
  if (!edit.newString.isWellFormed()) return "new_string holds half of a surrogate pair; send whole characters";
  if (content.includes(0)) return "the file is binary (it holds a NUL byte); it cannot be edited as text";
  return content.length > EDIT_BYTES_MAX ? "the file is too large to edit; use a command in the box" : null;
}

/** Bytes without the CR of each CRLF, and where each of them (and the end) stood; null when nothing was dropped. */
interface Unified {
  readonly bytes: Uint8Array;
  readonly origin: Uint32Array | null;
}

function withoutCr(bytes: Uint8Array): Unified {
  if (!bytes.includes(CR)) return { bytes, origin: null };
  const kept = new Uint8Array(bytes.length);
  const origin = new Uint32Array(bytes.length + 1);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    origin[length] = at;
    if (bytes[at] === CR && bytes[at + 1] === LF) at += 1;
    kept[length] = bytes[at] ?? 0;
    length += 1;
  }
  origin[length] = bytes.length;
  return { bytes: kept.subarray(0, length), origin };
}

function replace(
  content: Uint8Array,
  file: Unified,
  places: readonly number[],
  old: Uint8Array,
  next: Uint8Array,
): Uint8Array {
  const { head, tail } = shared(old, next);
  const origin = (at: number) => (file.origin ? (file.origin[at] ?? content.length) : at);
  const inserted = next.subarray(head, next.length - tail);
  const insertedCrlf = withCr(inserted);
  const last = file.bytes.lastIndexOf(LF);
  let newline = -1;
  let from = 0;
  const parts: Uint8Array[] = [];
  for (const place of places) {
    // The ending of the line where the text begins; places ascend, so each byte is looked at once.
    if (newline < place && newline !== last) newline = file.bytes.indexOf(LF, place);
    if (newline === -1) newline = last;
    const isCrlf = newline !== -1 && content[origin(newline)] === CR;
    parts.push(content.subarray(from, origin(place + head)), isCrlf ? insertedCrlf : inserted);
    from = origin(place + old.length - tail);
  }
  parts.push(content.subarray(from));
  return concat(parts);
}

/** Lengths of the beginning and the end that both strings share; those bytes of the file are left alone. */
function shared(old: Uint8Array, next: Uint8Array): { head: number; tail: number } {
  const least = Math.min(old.length, next.length);
  let head = 0;
  while (head < least && old[head] === next[head]) head += 1;
  let tail = 0;
  while (tail < least - head && old[old.length - 1 - tail] === next[next.length - 1 - tail]) tail += 1;
  return { head, tail };
}

/** Drops the places that overlap one before them. */
function apart(found: readonly number[], length: number): number[] {
  let end = 0;
  return found.filter((place) => {
    if (place < end) return false;
    end = place + length;
    return true;
  });
}

function withCr(bytes: Uint8Array): Uint8Array {
  const lines = bytes.reduce((count, byte) => count + (byte === LF ? 1 : 0), 0);
  const result = new Uint8Array(bytes.length + lines);
  let length = 0;
  for (const byte of bytes) {
    if (byte === LF) result[length++] = CR;
    result[length++] = byte;
  }
  return result;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function fail(message: string): EditResult {
  return { ok: false, message: `edit: ${message}` };
}

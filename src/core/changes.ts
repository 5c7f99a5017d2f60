/** What a path of the layer is. `other` is a device, a fifo or a socket: nothing that may ever land. */
export type ChangeType = "file" | "symlink" | "dir" | "other";

/** One difference between the session's layer and the checkout, as the lister in the box reported it. */
export interface Change {
  /** Relative to the checkout, `/` between names; made by `decodePath`, so bytes that are not UTF-8 survive. */
  readonly path: string;
  /** What stands there now; for a deletion, what stood there. */
  readonly type: ChangeType;
  readonly action: "add" | "edit" | "delete";
  /** Permission bits, as in stat(2) without the type. */
  readonly mode: number;
  readonly executable: boolean;
  /** Bytes of the content. */
  readonly size: number;
  /** SHA-256, hex, of the content or of the link's target; null for a deletion and for what has no content. */
  readonly hash: string | null;
  /** What the checkout holds at this path; null when it holds nothing. */
  readonly base: ChangeBase | null;
  /** Of a symlink only, made by `decodePath`. */
  readonly target?: string;
}

export interface ChangeBase {
  readonly type: ChangeType;
  readonly mode: number;
  readonly hash: string | null;
}

/** Bytes 0x80..0xFF that are not part of valid UTF-8 become U+DC80..U+DCFF, as Python's surrogateescape does. */
const ESCAPE = 0xdc00;

/** Reads a path's bytes as a string that `encodePath` turns back into exactly these bytes. */
export function decodePath(bytes: Uint8Array): string {
  let path = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      path += String.fromCharCode(ESCAPE + byteAt(bytes, at));
      at += 1;
      continue;
    }
    path += String.fromCodePoint(codePoint(bytes, at, length));
    at += length;
  }
  return path;
}

/**
 * Writes a path as the bytes that `decodePath` read.
 *
 * Throws for a string that `decodePath` cannot have made, because two strings for one file would let a path be approved
 * under one name and landed under another.
 */
export function encodePath(path: string): Uint8Array {
  const bytes: number[] = [];
  for (const char of path) {
    const code = char.codePointAt(0) ?? 0;
    if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) bytes.push(code - ESCAPE);
    else if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), tail(code));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), tail(code >> 6), tail(code));
    else bytes.push(0xf0 | (code >> 18), tail(code >> 12), tail(code >> 6), tail(code));
  }
  const encoded = Uint8Array.from(bytes);
  if (decodePath(encoded) !== path) throw new Error("bug: encodePath of a string that decodePath did not make");
  return encoded;
}

/** Bytes of the valid UTF-8 sequence at `at`, or 0: overlong forms, surrogates and values above U+10FFFF are invalid. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = byteAt(bytes, at);
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  for (let i = 1; i < length; i += 1) if ((byteAt(bytes, at + i) & 0xc0) !== 0x80) return 0;
  const code = codePoint(bytes, at, length);
  const isOverlong = (length === 3 && code < 0x800) || (length === 4 && code < 0x10000);
  return isOverlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : length;
}

function codePoint(bytes: Uint8Array, at: number, length: number): number {
  if (length === 1) return byteAt(bytes, at);
  let code = byteAt(bytes, at) & (0x7f >> length);
  for (let i = 1; i < length; i += 1) code = (code << 6) | (byteAt(bytes, at + i) & 0x3f);
  return code;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function tail(code: number): number {
  return 0x80 | (code & 0x3f);
}

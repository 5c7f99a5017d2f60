/** Bytes without their escapes and the breaks of wrapped lines, and where each of them stood. */
export interface Unescaped {
  readonly bytes: Buffer;
  /** Where an escape begins whose end is yet to come; the number of raw bytes where there is none. */
  readonly openAt: number;
  /** Where a byte of the result began. */
  readonly startOf: (at: number) => number;
  /** Where what a byte of the result was ended. */
  readonly endOf: (at: number) => number;
}

/** Fewer signs before a line break are taken for the end of a line, not for wrapped base64: else every line might wait. */
export const WRAPPED_AFTER = 4;

const PERCENT = 0x25;
const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const LINE = 0x0a;
const RETURN = 0x0d;
const LETTER_U = 0x75;
const LETTER_X = 0x78;
/** `%252567` is an escape of an escape; programs that nest them deeper are not known. */
const NESTED_MAX = 3;
/** A longer run of backslashes is none that nested JSON made. */
const BACKSLASHES_MAX = 8;
const SHORT_BYTES = 48;
const NEAR_BYTES = 64;

const SPECIALS = [PERCENT, BACKSLASH, LINE];
const SPECIAL = tableOf("%\\\n");
const BASE64 = tableOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_");
const HEX = new Int8Array(256).fill(-1);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

// What some raw bytes stand for, in one number because there may be one every three bytes: how many they are, times
// 512, plus the byte that they stand for or NOTHING.
const NOTHING = 256;
const ITSELF = 0;
/** They may go on. */
const OPEN = -1;

/**
 * Undoes percent escapes, the escapes of JSON and of string literals, and the line breaks of wrapped base64; null when
 * there are none. A `Buffer`, because that finds a byte many times faster than any loop.
 */
export function withoutEscapes(bytes: Buffer): Unescaped | null {
  const pieces = new Pieces();
  let plain: Buffer | null = null;
  let length = 0;
  let from = 0;
  let openAt = bytes.length;
  const special = new Cursor(bytes);
  for (let at = special.next(0); at < bytes.length; at = special.next(at)) {
    const start = at > from && bytes[at] === LINE && bytes[at - 1] === RETURN ? at - 1 : at;
    const unit = readUnit(bytes, start);
    if (unit === OPEN) {
      openAt = start;
      break;
    }
    at += 1;
    if (unit === ITSELF) continue;
    plain ??= Buffer.allocUnsafe(bytes.length);
    copy(bytes, from, start, plain, length);
    length += start - from;
    if ((unit & NOTHING) === 0) plain[length++] = unit & 0xff;
    from = start + (unit >> 9);
    at = from;
    pieces.add(length, from);
  }
  if (openAt === bytes.length && openAt > from && bytes[openAt - 1] === RETURN) openAt -= 1;
  if (plain === null && openAt === bytes.length) return null;
  plain ??= Buffer.allocUnsafe(openAt);
  copy(bytes, from, openAt, plain, length);
  const startOf = (index: number) => pieces.startOf(index);
  const endOf = (index: number) => {
    const start = startOf(index);
    return start + (Math.max(0, readUnit(bytes, start)) >> 9 || 1);
  };
  return { bytes: plain.subarray(0, length + openAt - from), openAt, startOf, endOf };
}

/** Goes from one byte that may begin an escape to the next. */
class Cursor {
  readonly #bytes: Buffer;
  readonly #next = SPECIALS.map(() => -1);

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The first at or behind a place, or the number of bytes. */
  next(from: number): number {
    const bytes = this.#bytes;
    const length = bytes.length;
    // Where there are many the next is near, and the calls below would cost more than the few steps to it.
    const near = Math.min(length, from + NEAR_BYTES);
    for (let at = from; at < near; at += 1) if (SPECIAL[bytes[at]!] === 1) return at;
    let first = length;
    for (let kind = 0; kind < SPECIALS.length; kind += 1) {
      let at = this.#next[kind]!;
      if (at < from) {
        const found = bytes.indexOf(SPECIALS[kind]!, from);
        at = found === -1 ? length : found;
        this.#next[kind] = at;
      }
      if (at < first) first = at;
    }
    return first;
  }
}

function readUnit(bytes: Buffer, at: number): number {
  switch (bytes[at]) {
    case PERCENT:
      return readPercent(bytes, at);
    case BACKSLASH:
      return readBackslashes(bytes, at);
    case LINE:
    case RETURN:
      return readBreak(bytes, at);
    default:
      return ITSELF;
  }
}

function readPercent(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (let nested = 0; nested < NESTED_MAX && bytes[at] === 0x32 && bytes[at + 1] === 0x35; nested += 1) at += 2;
  const isNested = at > start + 1;
  if (at >= bytes.length) return OPEN;
  const high = HEX[bytes[at]!]!;
  if (high !== -1 && at + 1 >= bytes.length) return OPEN;
  const low = high === -1 ? -1 : HEX[bytes[at + 1]!]!;
  if (low !== -1) return unitOf(at + 2 - start, high * 16 + low);
  return isNested ? unitOf(at - start, PERCENT) : ITSELF;
}

/** Reads backslashes before a slash, or before an escape by number. */
function readBackslashes(bytes: Buffer, start: number): number {
  let at = start;
  while (bytes[at] === BACKSLASH && at - start < BACKSLASHES_MAX) at += 1;
  if (at >= bytes.length) return OPEN;
  if (bytes[at] === SLASH) return unitOf(at - start, NOTHING);
  const digits = bytes[at] === LETTER_U ? 4 : bytes[at] === LETTER_X ? 2 : 0;
  let value = 0;
  for (let digit = 1; digit <= digits; digit += 1) {
    if (at + digit >= bytes.length) return OPEN;
    const read = HEX[bytes[at + digit]!]!;
    if (read === -1) return ITSELF;
    value = value * 16 + read;
  }
  return digits === 0 || value > 0xff ? ITSELF : unitOf(at + 1 + digits - start, value);
}

/** Reads the break of a line that may be wrapped base64 or hexadecimal: its signs on both sides, as far as they are there. */
function readBreak(bytes: Buffer, start: number): number {
  const at = bytes[start] === RETURN ? start + 2 : start + 1;
  for (let before = 1; before <= WRAPPED_AFTER; before += 1)
    if (BASE64[bytes[start - before] ?? 0] === 0) return ITSELF;
  return at >= bytes.length || BASE64[bytes[at]!] === 1 ? unitOf(at - start, NOTHING) : ITSELF;
}

function unitOf(length: number, byte: number): number {
  return length * 512 + byte;
}

function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  if (end - start > SHORT_BYTES) {
    from.copy(to, at, start, end);
    return;
  }
  for (let offset = 0; offset < end - start; offset += 1) to[at + offset] = from[start + offset]!;
}

function tableOf(signs: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const sign of signs) table[sign.charCodeAt(0)] = 1;
  return table;
}

/** Where stretches of the result began; each goes on byte by byte until the next, but that an escape may end it. */
class Pieces {
  readonly #plain: number[] = [0];
  readonly #raw: number[] = [0];

  add(plain: number, raw: number): void {
    this.#plain.push(plain);
    this.#raw.push(raw);
  }

  startOf(at: number): number {
    let [low, high] = [0, this.#plain.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#plain[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return this.#raw[low]! + at - this.#plain[low]!;
  }
}

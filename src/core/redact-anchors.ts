import { SECRET_RULES, type SecretRule } from "./redact-rules.ts";

/** A beginning of a secret, and the rule that looks closer. */
export interface Anchored {
  readonly anchor: string;
  readonly rule: SecretRule;
}

/** Signs by which a place is chosen: the first of an anchor, or whatever stands before and all three of a shorter one. */
const WINDOW = 4;
const HASHES = 1 << 14;
const CODES = 128;

/** By how far a window moves on, by its last two signs; 0 where those end what an anchor is chosen by. */
const shifts = new Uint8Array(HASHES).fill(WINDOW - 1);
/** Where the shift is 0: the signs with which an anchor can begin, a bit for each by its low five bits. */
const longs = new Int32Array(HASHES);
const shorts = new Int32Array(HASHES);
const anchored = new Map<number, Anchored[]>();

for (const rule of SECRET_RULES)
  for (const anchor of rule.anchors) {
    const units = Array.from(anchor.slice(0, WINDOW), (char) => char.charCodeAt(0));
    const key = hashOf(units[1]!, units[2]!);
    anchored.set(key, [...(anchored.get(key) ?? []), { anchor, rule }]);
    enter(units);
  }

function enter(units: readonly number[]): void {
  const isShort = units.length < WINDOW;
  const [first = 0] = units;
  if (isShort)
    for (let before = 0; before < CODES; before += 1) {
      const hash = hashOf(before, first);
      shifts[hash] = Math.min(shifts[hash]!, WINDOW - 2);
    }
  for (let end = 1; end < units.length; end += 1) {
    const hash = hashOf(units[end - 1]!, units[end]!);
    shifts[hash] = Math.min(shifts[hash]!, units.length - 1 - end);
    if (end === units.length - 1) (isShort ? shorts : longs)[hash]! |= 1 << (first & 31);
  }
}

// Capitals and small letters are one.
function hashOf(first: number, second: number): number {
  return (((first | 0x20) << 7) ^ (second | 0x20)) & (HASHES - 1);
}

/** The anchors that may begin at a place. */
export function anchorsAt(text: string, at: number): readonly Anchored[] {
  return anchored.get(hashOf(text.charCodeAt(at + 1), text.charCodeAt(at + 2))) ?? [];
}

/**
 * Finds the places where an anchor may begin: all where one does, and few others (Wu and Manber's search).
 *
 * The low byte of each sign is enough for that, and bytes are read several times faster than a text's signs. Both halves are
 * searched at once, because a processor waits for the table at each step, and can wait for two.
 */
export function anchorPlaces(text: string): number[] {
  const bytes = Buffer.from(text, "latin1");
  const { length } = bytes;
  const middle = Math.max(WINDOW - 1, length >> 1);
  const [places, later]: [number[], number[]] = [[0], []];
  let [low, high] = [WINDOW - 1, middle];
  while (low < middle && high < length) {
    const lowShift = shifts[(((bytes[low - 1]! | 0x20) << 7) ^ (bytes[low]! | 0x20)) & (HASHES - 1)]!;
    const highShift = shifts[(((bytes[high - 1]! | 0x20) << 7) ^ (bytes[high]! | 0x20)) & (HASHES - 1)]!;
    if (lowShift === 0) note(bytes, low, places);
    if (highShift === 0) note(bytes, high, later);
    low += lowShift || 1;
    high += highShift || 1;
  }
  for (; low < middle; low += shiftAt(bytes, low) || 1) note(bytes, low, places);
  for (; high < length; high += shiftAt(bytes, high) || 1) note(bytes, high, later);
  for (const place of later) places.push(place);
  return places;
}

function shiftAt(bytes: Buffer, at: number): number {
  return shifts[hashOf(bytes[at - 1]!, bytes[at]!)]!;
}

/** Notes where an anchor may begin that ends, as far as it is looked at here, at a place. */
function note(bytes: Buffer, at: number, places: number[]): void {
  const hash = hashOf(bytes[at - 1]!, bytes[at]!);
  const start = at - WINDOW + 1;
  if ((longs[hash]! >> (bytes[start]! & 31)) & 1) places.push(start);
  if ((shorts[hash]! >> (bytes[start + 1]! & 31)) & 1) places.push(start + 1);
}

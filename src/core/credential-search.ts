/** Bytes to look for. */
export interface Needle {
  readonly bytes: Uint8Array;
  /** Of the same length; what a mask writes in its place. */
  readonly replacement: Uint8Array;
  /** Index of the credential that it belongs to. */
  readonly owner: number;
}

export interface Match {
  readonly start: number;
  readonly end: number;
  readonly needle: Needle;
}

/** Needles laid out for searching all of them at once; see `matches`. */
export interface Search {
  readonly needles: readonly Needle[];
  readonly longest: number;
  readonly windowBytes: number;
  readonly shifts: Uint8Array;
  readonly buckets: ReadonlyMap<number, readonly Needle[]>;
  readonly byFirst: readonly (readonly Needle[])[];
}

const HASHES = 1 << 16;
const NEEDLE_BYTES_MIN = 8;

/** Prepares a search (Wu and Manber's): a window as long as the shortest needle moves on by what its last three bytes allow. */
export function searchFor(needles: readonly Needle[]): Search {
  const windowBytes = Math.min(255, ...needles.map(({ bytes }) => bytes.length));
  if (needles.length > 0 && windowBytes < NEEDLE_BYTES_MIN) throw new Error("bug: a needle that is too short");
  const shifts = new Uint8Array(HASHES).fill(windowBytes - 2);
  const buckets = new Map<number, Needle[]>();
  const byFirst: Needle[][] = Array.from({ length: 256 }, () => []);
  for (const needle of needles) {
    const { bytes } = needle;
    for (let end = 2; end < windowBytes; end += 1) {
      const hash = hashOf(bytes[end - 2] ?? 0, bytes[end - 1] ?? 0, bytes[end] ?? 0);
      shifts[hash] = Math.min(shifts[hash] ?? 0, windowBytes - 1 - end);
      if (end === windowBytes - 1) buckets.set(hash, [...(buckets.get(hash) ?? []), needle]);
    }
    byFirst[bytes[0] ?? 0]?.push(needle);
  }
  const longest = Math.max(0, ...needles.map(({ bytes }) => bytes.length));
  return { needles, longest, windowBytes, shifts, buckets, byFirst };
}

/** Finds every place where a needle stands whole. */
export function matches(search: Search, bytes: Uint8Array): Match[] {
  const { shifts, windowBytes, buckets } = search;
  const found: Match[] = [];
  if (search.needles.length === 0) return found;
  const length = bytes.length;
  let at = windowBytes - 1;
  while (at < length) {
    const hash = ((bytes[at - 2]! << 10) ^ (bytes[at - 1]! << 5) ^ bytes[at]!) & (HASHES - 1);
    const shift = shifts[hash]!;
    if (shift !== 0) {
      at += shift;
      continue;
    }
    const start = at - windowBytes + 1;
    for (const needle of buckets.get(hash) ?? []) {
      if (standsAt(bytes, start, needle.bytes)) found.push({ start, end: start + needle.bytes.length, needle });
    }
    at += 1;
  }
  return found;
}

/**
 * Tells where the end of some bytes may be the beginning of a needle whose rest is yet to come: the first such place,
 * or their length. `mayBegin` can refuse a place.
 */
export function openEnd(search: Search, bytes: Uint8Array, mayBegin: (start: number) => boolean = () => true): number {
  for (let start = Math.max(0, bytes.length - search.longest + 1); start < bytes.length; start += 1) {
    for (const needle of search.byFirst[bytes[start]!]!) {
      if (needle.bytes.length <= bytes.length - start) continue;
      if (endsInside(bytes, start, needle.bytes) && mayBegin(start)) return start;
    }
  }
  return bytes.length;
}

function hashOf(first: number, second: number, third: number): number {
  return ((first << 10) ^ (second << 5) ^ third) & (HASHES - 1);
}

function standsAt(bytes: Uint8Array, start: number, needle: Uint8Array): boolean {
  if (start + needle.length > bytes.length) return false;
  for (let at = 0; at < needle.length; at += 1) if (bytes[start + at] !== needle[at]) return false;
  return true;
}

function endsInside(bytes: Uint8Array, start: number, needle: Uint8Array): boolean {
  for (let at = start + 1; at < bytes.length; at += 1) if (bytes[at] !== needle[at - start]) return false;
  return true;
}

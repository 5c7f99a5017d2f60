import { WRAPPED_AFTER, withoutEscapes } from "./credential-escapes.ts";
import { matches, type Needle, openEnd, type Search } from "./credential-search.ts";

/** Reads a body piece by piece and gives it back masked; what may be the beginning of a needle waits for the next piece. */
export interface MaskingStream {
  push(chunk: Uint8Array): Masked;
  end(): Masked;
}

export interface Masked {
  readonly bytes: Uint8Array;
  /** Owners of the needles that were met. */
  readonly found: readonly number[];
}

const FILLER = 0x78;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Opens a stream that finds the needles of a search across the borders of pieces, and masks them at the same length. */
export function openStream(search: Search): MaskingStream {
  // The same bytes twice: as they came, to search, and masked, to give out.
  let raw = Buffer.alloc(0);
  let masked = raw;
  const take = (given: Uint8Array, isLast: boolean): Masked => {
    const chunk = Buffer.from(given.buffer, given.byteOffset, given.length);
    const isClean = raw === masked || raw.length === 0;
    const bytes = joined(raw, chunk);
    const met = look(search, bytes);
    let out = isClean ? bytes : joined(masked, chunk);
    if (isClean && met.spots.length > 0) out = Buffer.from(bytes);
    for (const { start, end, needle } of met.spots) {
      if (needle === null) out.fill(FILLER, start, end);
      else out.set(needle.replacement, start);
    }
    const kept = isLast ? bytes.length : met.openAt;
    raw = Buffer.from(bytes.subarray(kept));
    masked = out === bytes ? raw : Buffer.from(out.subarray(kept));
    return { bytes: out.subarray(0, kept), found: met.owners };
  };
  return { push: (chunk) => take(chunk, false), end: () => take(new Uint8Array(0), true) };
}

/** Tells whether a text holds a needle whole, in any of its encodings. */
export function holdsAny(search: Search, bytes: Buffer): boolean {
  if (matches(search, bytes).length > 0) return true;
  const plain = withoutEscapes(bytes);
  return plain !== null && matches(search, plain.bytes).length > 0;
}

/** Tells which needles a text holds whole, in any of their encodings. */
export function ownersIn(search: Search, text: string): number[] {
  return look(search, Buffer.from(text)).owners;
}

/** Masks a short text, such as the value of a header. */
export function maskText(search: Search, text: string): string {
  const stream = openStream(search);
  const { bytes } = stream.push(Buffer.from(text, "latin1"));
  return `${Buffer.from(bytes).toString("latin1")}${Buffer.from(stream.end().bytes).toString("latin1")}`;
}

export interface Spot {
  readonly start: number;
  readonly end: number;
  /** Of the needle that it is one of. */
  readonly owner: number;
  /** Null where escapes stand between, so that a replacement would not have the same length. */
  readonly needle: Needle | null;
}

/** Finds needles in any of their encodings, and where one may be open at the end; `openAt` is the length where none is. */
export function look(search: Search, bytes: Buffer): { spots: Spot[]; owners: number[]; openAt: number } {
  const whole = matches(search, bytes);
  const owners = new Set(whole.map(({ needle }) => needle.owner));
  const spots: Spot[] = whole.map((match) => ({ ...match, owner: match.needle.owner }));
  let openAt = openEnd(search, bytes);
  const plain = withoutEscapes(bytes);
  if (plain === null) return { spots, owners: [...owners], openAt };
  for (const match of matches(search, plain.bytes)) {
    const [start, end] = [plain.startOf(match.start), plain.endOf(match.end - 1)];
    owners.add(match.needle.owner);
    if (end - start !== match.needle.bytes.length) spots.push({ start, end, owner: match.needle.owner, needle: null });
  }
  const endsLine = bytes[bytes.length - 1] === NEWLINE || bytes[bytes.length - 1] === RETURN;
  const open = openEnd(search, plain.bytes, (at) => !endsLine || plain.bytes.length - at >= WRAPPED_AFTER);
  if (open < plain.bytes.length) openAt = Math.min(openAt, plain.startOf(open));
  return { spots, owners: [...owners], openAt: Math.min(openAt, plain.openAt) };
}

function joined(first: Buffer, second: Buffer): Buffer {
  return first.length === 0 ? second : Buffer.concat([first, second]);
}

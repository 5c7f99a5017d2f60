import type { JsonObject } from "../core/json.ts";
import { encodeEvent, PAYLOAD_BYTES_MAX, TOO_LONG } from "./event.ts";
import { leafHash, sha256 } from "./merkle.ts";

/**
 * The bytes of a ledger: the first line, then one frame an event.
 *
 *     length    4 bytes, big endian: bytes of the payload
 *     chain    32 bytes: sha256(chain of the frame before || payload); before the first frame, sha256(first line)
 *     payload   canonical JSON, UTF-8
 *
 * The number in the first line is the version of all of this.
 */
export const FIRST_LINE = Buffer.from("ringfence-ledger 1\n");
export const FIRST_CHAIN: Uint8Array = sha256(FIRST_LINE);

/** One event as it stands in the file. `end` is the file offset behind it. */
export interface Frame {
  readonly seq: number;
  readonly chain: Uint8Array;
  readonly payload: Uint8Array;
  readonly end: number;
}

/** Where a reader stands: behind so many whole frames, the last of which has this chain hash. */
export interface Place {
  readonly events: number;
  readonly chain: Uint8Array;
  readonly end: number;
}

const BEGINNING: Place = { events: 0, chain: FIRST_CHAIN, end: 0 };

/** How a file ends: `events` whole frames up to the offset `end`, and what follows them. */
export type Ending = Place & Tail;

export type Tail =
  | { readonly kind: "whole" }
  /** The bytes are what a write leaves that did not finish: the beginning of a frame, then nothing or zeros. */
  | { readonly kind: "torn"; readonly bytes: number }
  /** The bytes are nothing that an unfinished write leaves. */
  | { readonly kind: "damaged"; readonly reason: string };

export type EncodedFrame =
  /** `leaf` is the hash of the payload as an entry of the Merkle tree. */
  | { readonly ok: true; readonly bytes: Uint8Array; readonly chain: Uint8Array; readonly leaf: Uint8Array }
  | { readonly ok: false; readonly reason: string };

/** Lays out the frame of an event behind the frame whose chain hash is given. */
export function encodeFrame(before: Uint8Array, event: JsonObject): EncodedFrame {
  const encoded = encodeEvent(event);
  if (!encoded.ok) return encoded;
  const length = Buffer.byteLength(encoded.text);
  if (length > PAYLOAD_BYTES_MAX) return { ok: false, reason: TOO_LONG };
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length);
  bytes.writeUInt32BE(length, 0);
  bytes.write(encoded.text, HEADER_BYTES, "utf8");
  // The hash before stands where the hash of this frame will, so that the hashed bytes are in one piece.
  bytes.set(before, LENGTH_BYTES);
  const chain = sha256(bytes.subarray(LENGTH_BYTES));
  const leaf = leafHash(bytes.subarray(HEADER_BYTES));
  bytes.set(chain, LENGTH_BYTES);
  return { ok: true, bytes, chain, leaf };
}

/**
 * Reads frames from the bytes of a file, in pieces of any size, and returns how the file ends.
 *
 * Holds one frame at a time. `from` goes on where an earlier reading ended, with the pieces from there on. Payloads are views into the pieces, so the caller must not reuse a piece's memory.
 */
export function* decodeFrames(pieces: Iterable<Uint8Array>, from: Place = BEGINNING): Generator<Frame, Ending> {
  const rest = new Rest(pieces);
  if (from.end > 0) return yield* decodeRest(rest, from);
  if (!rest.has(FIRST_LINE.length) || !FIRST_LINE.equals(rest.peek(0, FIRST_LINE.length))) {
    return { events: 0, chain: FIRST_CHAIN, end: 0, ...judgeFirstLine(rest) };
  }
  rest.drop(FIRST_LINE.length);
  return yield* decodeRest(rest, { ...BEGINNING, end: FIRST_LINE.length });
}

function* decodeRest(rest: Rest, { events, chain: before, end: begin }: Place): Generator<Frame, Ending> {
  let [seq, chain, end] = [events, before, begin];
  while (rest.has(HEADER_BYTES)) {
    const length = readLength(rest);
    if (!isLength(length) || !rest.has(HEADER_BYTES + length)) break;
    const written = rest.peek(LENGTH_BYTES, HEADER_BYTES);
    const payload = rest.peek(HEADER_BYTES, HEADER_BYTES + length);
    if (!isChain(written, chain, payload)) break;
    rest.drop(HEADER_BYTES + length);
    chain = written;
    end += HEADER_BYTES + length;
    yield { seq, chain, payload, end };
    seq++;
  }
  return { events: seq, chain, end, ...judgeTail(rest, chain) };
}

function judgeFirstLine(rest: Rest): Tail {
  const head = rest.peek(0, FIRST_LINE.length);
  const { bytes, lastWritten } = rest.measure();
  const isBeginning = FIRST_LINE.subarray(0, lastWritten).equals(head.subarray(0, lastWritten));
  if (isBeginning) return { kind: "torn", bytes };
  const wanted = FIRST_LINE.toString().trim();
  return { kind: "damaged", reason: `the file does not begin with "${wanted}": no ledger, or of another version` };
}

/**
 * Tells an unfinished write from a change, for bytes that do not begin with a good frame.
 *
 * An unfinished write leaves the beginning of a frame, and zeros behind it where a file system had made room. Anything
 * else was whole once: cutting it off would lose recorded events, which a changed length must not achieve.
 */
function judgeTail(rest: Rest, before: Uint8Array): Tail {
  if (!rest.has(1)) return { kind: "whole" };
  if (!rest.has(HEADER_BYTES)) return { kind: "torn", bytes: rest.measure().bytes };
  const length = readLength(rest);
  if (length > PAYLOAD_BYTES_MAX) return { kind: "damaged", reason: `its length ${length} is out of range` };
  const isComplete = rest.has(HEADER_BYTES + length);
  const written = rest.peek(LENGTH_BYTES, HEADER_BYTES);
  const payload = rest.peek(HEADER_BYTES, HEADER_BYTES + length);
  const { bytes, lastWritten } = rest.measure();
  if (lastWritten === 0) return { kind: "torn", bytes };
  if (!isLength(length)) return { kind: "damaged", reason: `its length ${length} is out of range` };
  if (isComplete) {
    if (lastWritten < HEADER_BYTES + length) return { kind: "torn", bytes };
    return { kind: "damaged", reason: "its hash does not match" };
  }
  // JSON text has no byte below 0x20, and the length of a frame begins with one.
  const isFollowed = payload.subarray(0, Math.max(0, lastWritten - HEADER_BYTES)).some((byte) => byte < 0x20);
  if (isFollowed || isChain(written, before, payload)) {
    return { kind: "damaged", reason: `its length ${length} does not match what follows` };
  }
  return { kind: "torn", bytes };
}

const LENGTH_BYTES = 4;
const CHAIN_BYTES = 32;
const HEADER_BYTES = LENGTH_BYTES + CHAIN_BYTES;

function isLength(length: number): boolean {
  return length >= "{}".length && length <= PAYLOAD_BYTES_MAX;
}

function readLength(rest: Rest): number {
  const bytes = rest.peek(0, LENGTH_BYTES);
  return new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getUint32(0);
}

function isChain(written: Uint8Array, before: Uint8Array, payload: Uint8Array): boolean {
  return Buffer.compare(sha256(before, payload), written) === 0;
}

/** The bytes not yet decoded: those in hand, and the pieces still to come. */
class Rest {
  readonly #pieces: Iterator<Uint8Array>;
  #inHand: Uint8Array = new Uint8Array(0);

  constructor(pieces: Iterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.iterator]();
  }

  /** Takes pieces into the hand until it holds so many bytes; false when the file ends before. */
  has(bytes: number): boolean {
    if (this.#inHand.length >= bytes) return true;
    const gathered = [this.#inHand];
    let total = this.#inHand.length;
    for (let step = this.#pieces.next(); !step.done; step = this.#pieces.next()) {
      gathered.push(step.value);
      total += step.value.length;
      if (total >= bytes) break;
    }
    this.#inHand = gathered.length === 1 ? this.#inHand : Buffer.concat(gathered);
    return total >= bytes;
  }

  peek(from: number, to: number): Uint8Array {
    return this.#inHand.subarray(from, to);
  }

  drop(bytes: number): void {
    this.#inHand = this.#inHand.subarray(bytes);
  }

  /** Runs to the end of the file and drops what it passes: how many bytes, and how many before only zeros follow. */
  measure(): { readonly bytes: number; readonly lastWritten: number } {
    let bytes = 0;
    let lastWritten = 0;
    do {
      const last = this.#inHand.findLastIndex((byte) => byte !== 0);
      if (last >= 0) lastWritten = bytes + last + 1;
      bytes += this.#inHand.length;
      this.#inHand = this.#inHand.subarray(this.#inHand.length);
    } while (this.has(1));
    return { bytes, lastWritten };
  }
}

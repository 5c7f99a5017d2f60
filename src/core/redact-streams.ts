import type { Search } from "./credential-search.ts";
import { look, type Spot } from "./credential-stream.ts";
import { formatsIn, PEM_CHARS_MAX } from "./redact-formats.ts";

/** Takes pieces of a text; what may go on in the next one waits. */
export interface RedactingStream {
  push(piece: string): string;
  end(): string;
}

/** A line that is longer is cut, so that what waits is bounded. */
export const LINE_CHARS_MAX = 1 << 20;
const CUT_CHARS_MAX = 1 << 16;
/** Known values that overlap without an end wait no longer than this: else all of them would be looked at again with each piece. */
const JOINED_BYTES_MAX = 1 << 12;

/** Replaces known values; what may be the beginning of one waits. */
export class KnownStream implements RedactingStream {
  readonly #search: Search;
  readonly #placeholder: (owner: number, text: string) => string;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #raw = Buffer.alloc(0);
  /** How many of those bytes a placeholder stands for already. */
  #covered = 0;
  /** The first half of a pair of surrogates whose other is yet to come. */
  #half = "";

  constructor(search: Search, placeholder: (owner: number, text: string) => string) {
    this.#search = search;
    this.#placeholder = placeholder;
  }

  push(piece: string): string {
    const text = this.#half + piece;
    const last = text.charCodeAt(text.length - 1);
    this.#half = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : "";
    return this.#take(Buffer.from(this.#half === "" ? text : text.slice(0, -1)), false);
  }

  end(): string {
    const rest = Buffer.from(this.#half);
    this.#half = "";
    return this.#take(rest, true) + this.#decoder.decode();
  }

  #take(given: Buffer, isLast: boolean): string {
    const bytes = this.#raw.length === 0 ? given : Buffer.concat([this.#raw, given]);
    const { spots, openAt } = look(this.#search, bytes);
    const before = this.#covered;
    const joined = unions(before > 0 ? [...spots, { start: 0, end: before, owner: -1 }] : spots);
    let kept = isLast ? bytes.length : openAt;
    for (const { start, end } of joined)
      if (!isLast && start < kept && end >= kept && end - start <= JOINED_BYTES_MAX) kept = start;
    this.#covered = Math.max(0, before - kept);
    const parts: string[] = [];
    let from = 0;
    for (const { start, end, owner } of joined) {
      if (start >= kept) break;
      parts.push(this.#decoder.decode(bytes.subarray(from, start), { stream: true }));
      if (start > 0 || before === 0) parts.push(this.#placeholder(owner, bytes.toString("utf8", start, end)));
      from = Math.min(end, kept);
      this.#covered = end - from;
    }
    parts.push(this.#decoder.decode(bytes.subarray(from, kept), { stream: true }));
    this.#raw = Buffer.from(bytes.subarray(kept));
    return parts.join("");
  }
}

/** Joins spots that overlap, so that no rest of one stays beside another. */
function unions(
  spots: readonly Pick<Spot, "start" | "end" | "owner">[],
): { start: number; end: number; owner: number }[] {
  const joined: { start: number; end: number; owner: number }[] = [];
  for (const { start, end, owner } of [...spots].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = joined.at(-1);
    if (last && start < last.end) joined[joined.length - 1] = { ...last, end: Math.max(last.end, end) };
    else joined.push({ start, end, owner });
  }
  return joined;
}

/** Replaces secrets of known formats, by whole lines: none but a private key goes over the end of one. */
export class FormatStream implements RedactingStream {
  readonly #placeholder: (text: string, name: string) => string | null;
  #held = "";

  constructor(placeholder: (text: string, name: string) => string | null) {
    this.#placeholder = placeholder;
  }

  push(piece: string): string {
    this.#held += piece;
    const parts: string[] = [];
    for (let cut = readyEnd(this.#held); cut > 0; cut = readyEnd(this.#held)) parts.push(this.#take(cut));
    return parts.join("");
  }

  end(): string {
    return this.#take(this.#held.length);
  }

  #take(cut: number): string {
    const text = this.#held.slice(0, cut);
    this.#held = this.#held.slice(cut);
    return withoutFormats(text, this.#placeholder);
  }
}

/** Replaces the secrets of known formats in a text; null leaves one. */
export function withoutFormats(text: string, placeholder: (text: string, name: string) => string | null): string {
  const found = formatsIn(text);
  if (found.length === 0) return text;
  const parts: string[] = [];
  let from = 0;
  for (const { start, end, name } of found) {
    const shown = placeholder(text.slice(start, end), name);
    if (shown === null) continue;
    parts.push(text.slice(from, start), shown);
    from = end;
  }
  return parts.join("") + text.slice(from);
}

/** How much of a text can be looked at whatever follows; it depends on the text alone, not on how it came. */
function readyEnd(text: string): number {
  const long = longLineEnd(text);
  if (long !== null) return long;
  const lines = text.lastIndexOf("\n") + 1;
  const key = openKey(text);
  return key === null ? lines : Math.min(lines, key);
}

/** Where a text is cut because of its first line that is too long; null where there is none, 0 where that is not known yet. */
function longLineEnd(text: string): number | null {
  if (text.length <= LINE_CHARS_MAX) return null;
  for (let start = 0; text.length - start > LINE_CHARS_MAX; ) {
    // Of the lines that end within reach none is too long.
    const last = text.lastIndexOf("\n", start + LINE_CHARS_MAX);
    if (last >= start) {
      start = last + 1;
      continue;
    }
    // What stands before it is looked at by itself, so that the line begins at a place that does not depend on pieces.
    if (start > 0) return start;
    const near = text.slice(LINE_CHARS_MAX, LINE_CHARS_MAX + CUT_CHARS_MAX);
    const blank = near.search(/[^\w.~+/=:@%\\-]/);
    if (blank >= 0) return LINE_CHARS_MAX + blank + 1;
    return near.length < CUT_CHARS_MAX ? 0 : LINE_CHARS_MAX + CUT_CHARS_MAX;
  }
  return null;
}

/** Where the last private key begins whose end is yet to come. */
export function openKey(text: string): number | null {
  const from = Math.max(0, text.length - PEM_CHARS_MAX - 100);
  const tail = text.slice(from);
  for (let at = tail.indexOf("-----BEGIN"); at >= 0; at = tail.indexOf("-----BEGIN", at + 1)) {
    if (!tail.slice(at, at + 60).includes("PRIVATE KEY")) continue;
    const end = tail.indexOf("-----END", at);
    if (end < 0 || tail.indexOf("\n", end) < 0) return text.lastIndexOf("\n", from + at) + 1;
  }
  return null;
}

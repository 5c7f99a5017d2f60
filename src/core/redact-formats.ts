import { anchorPlaces, anchorsAt } from "./redact-anchors.ts";

/** A secret that was found by its looks. */
export interface FoundSecret {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly name: string;
}

const BEGIN = "-----BEGIN";
const KEY_WORDS = "PRIVATE KEY";
const END = "-----END";
/** Of the longest key; what goes on longer is no key. */
export const PEM_CHARS_MAX = 16_384;

/** Finds the secrets whose format is known, in order and apart. Linear: a rule looks only where its anchor stands. */
export function formatsIn(text: string): FoundSecret[] {
  const found: FoundSecret[] = privateKeys(text);
  let end = 0;
  for (const start of anchorPlaces(text)) {
    const secret = start < end ? null : secretAt(text, start);
    if (secret === null) continue;
    found.push(secret);
    end = secret.end;
  }
  return found.length < 2 ? found : apart(found);
}

function secretAt(text: string, start: number): FoundSecret | null {
  // Within a word it is part of something else; the dash too, of which some formats have many.
  const isInWord = start > 0 && isWordSign(text.charCodeAt(start - 1)) && !endsEscape(text, start);
  for (const { anchor, rule } of anchorsAt(text, start)) {
    if ((isInWord && anchor !== "://") || !beginsWith(text, start, anchor)) continue;
    rule.pattern.lastIndex = start;
    const match = rule.pattern.exec(text);
    const span = match?.indices?.[1] ?? match?.indices?.[0];
    if (span) return { start: span[0], end: span[1], rule: rule.id, name: rule.name };
  }
  return null;
}

function isWordSign(unit: number): boolean {
  const letter = unit | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x2d;
}

/** Whether an escape ends there whose last letter is no part of a word: `\\n` in JSON, `%3D` in an address. */
function endsEscape(text: string, at: number): boolean {
  if (text.charCodeAt(at - 2) !== BACKSLASH && text.charCodeAt(at - 3) !== PERCENT) return false;
  return ESCAPE.test(text.slice(Math.max(0, at - 3), at));
}

const BACKSLASH = 0x5c;
const PERCENT = 0x25;
const ESCAPE = /\\[nrt]$|%[0-9a-f]{2}$/i;

function beginsWith(text: string, start: number, anchor: string): boolean {
  for (let at = 0; at < anchor.length; at += 1)
    if ((text.charCodeAt(start + at) | 0x20) !== (anchor.charCodeAt(at) | 0x20)) return false;
  return true;
}

function privateKeys(text: string): FoundSecret[] {
  const found: FoundSecret[] = [];
  let end = -1;
  for (let at = text.indexOf(BEGIN); at >= 0; at = text.indexOf(BEGIN, at + BEGIN.length)) {
    if (!text.slice(at, at + 60).includes(KEY_WORDS)) continue;
    // The next end is looked for once, however many beginnings stand before it.
    if (end < at) {
      const next = text.indexOf(END, at);
      end = next < 0 ? text.length : next;
    }
    const dashes = text.slice(end, end + 60).indexOf("-----", END.length);
    const stop =
      end - at > PEM_CHARS_MAX || end === text.length
        ? bodyEnd(text, at)
        : dashes < 0
          ? Math.min(text.length, end + END.length)
          : end + dashes + 5;
    found.push({ start: at, end: stop, rule: "private-key", name: "key" });
    at = Math.max(at, stop - BEGIN.length);
  }
  return found;
}

/** Where the letters of a key end whose end is missing. */
function bodyEnd(text: string, at: number): number {
  const near = text.slice(at, at + PEM_CHARS_MAX);
  const header = near.indexOf("-----", BEGIN.length);
  const from = header < 0 ? BEGIN.length : header + 5;
  const [body = ""] = /^[A-Za-z0-9+/=\s\\]*/.exec(near.slice(from)) ?? [];
  return at + from + body.trimEnd().length;
}

/** Of those that overlap the one that begins first stays, and of those the longest. */
function apart(found: readonly FoundSecret[]): FoundSecret[] {
  const kept: FoundSecret[] = [];
  for (const secret of [...found].sort((a, b) => a.start - b.start || b.end - a.end))
    if (secret.start >= (kept.at(-1)?.end ?? 0)) kept.push(secret);
  return kept;
}

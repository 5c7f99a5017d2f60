import { SECRET_RULES, type SecretRule } from "./redact-rules.ts";

/** A secret that was found by its looks. */
export interface FoundSecret {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly name: string;
}

const ANCHOR_UNITS = 3;
const HASHES = 1 << 14;
const BEGIN = "-----BEGIN";
const KEY_WORDS = "PRIVATE KEY";
const END = "-----END";
/** Of the longest key; what goes on longer is no key. */
export const PEM_CHARS_MAX = 16_384;

const shifts = new Uint8Array(HASHES).fill(ANCHOR_UNITS - 1);
interface Anchored {
  readonly anchor: string;
  readonly rule: SecretRule;
}

const buckets: (readonly Anchored[])[] = Array.from({ length: HASHES }, () => []);
for (const rule of SECRET_RULES)
  for (const anchor of rule.anchors) {
    const units = Array.from(anchor.slice(0, ANCHOR_UNITS), (char) => char.charCodeAt(0));
    const [first = 0, second = 0, third = 0] = units;
    shifts[hashOf(first, second)] = Math.min(1, shifts[hashOf(first, second)]!);
    const last = hashOf(second, third);
    shifts[last] = 0;
    buckets[last] = [...(buckets[last] ?? []), { anchor, rule }];
  }

function hashOf(first: number, second: number): number {
  return (((first | 0x20) << 7) ^ (second | 0x20)) & (HASHES - 1);
}

/** Finds the secrets whose format is known, in order and apart. Linear: it moves on by what the last two signs allow. */
export function formatsIn(text: string): FoundSecret[] {
  const found: FoundSecret[] = privateKeys(text);
  const length = text.length;
  for (let at = ANCHOR_UNITS - 1; at < length; ) {
    const hash = (((text.charCodeAt(at - 1) | 0x20) << 7) ^ (text.charCodeAt(at) | 0x20)) & (HASHES - 1);
    const shift = shifts[hash]!;
    if (shift !== 0) {
      at += shift;
      continue;
    }
    const start = at - ANCHOR_UNITS + 1;
    const secret = secretAt(text, start, hash);
    if (secret !== null) found.push(secret);
    at = secret === null ? at + 1 : Math.max(at + 1, secret.end + ANCHOR_UNITS - 1);
  }
  return apart(found);
}

function secretAt(text: string, start: number, hash: number): FoundSecret | null {
  for (const { anchor, rule } of buckets[hash]!) {
    if (!beginsWith(text, start, anchor)) continue;
    // Within a word it is part of something else; the dash too, of which some formats have many.
    if (anchor !== "://" && start > 0 && /[A-Za-z0-9-]/.test(text[start - 1]!)) continue;
    rule.pattern.lastIndex = start;
    const match = rule.pattern.exec(text);
    const span = match?.indices?.[1] ?? match?.indices?.[0];
    if (span) return { start: span[0], end: span[1], rule: rule.id, name: rule.name };
  }
  return null;
}

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

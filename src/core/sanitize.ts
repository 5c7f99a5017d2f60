import { foldedHomoglyph } from "./sanitize-homoglyphs.ts";
import { markupFindings } from "./sanitize-markup.ts";
import { escapeEnd } from "./text-plain.ts";

/** What hides in a text, or makes it look like another. */
export type HiddenKind =
  /** Letters of the tag block, which nothing draws and models read. */
  | "tag"
  | "zero-width"
  /** Variation selectors that carry bytes. */
  | "variation"
  | "bidi"
  | "control"
  /** A terminal's escape sequence. */
  | "escape"
  /** Letters of another script within a word. */
  | "homoglyph"
  | "html-hidden"
  | "html-comment"
  /** An image or link whose address would carry data out when it is drawn. */
  | "fetch";

export interface Hidden {
  readonly kind: HiddenKind;
  /** In UTF-16 units of the text as it came. */
  readonly start: number;
  readonly end: number;
  /** What it says, readable. */
  readonly shown: string;
}

export interface Sanitized {
  /** What cannot be seen is spelled out; all else as it came. */
  readonly text: string;
  readonly hidden: readonly Hidden[];
}

/** Anything but plain ASCII letters, signs, blanks, tabs and ends of lines. */
const UNUSUAL = /[^\n\t\x20-\x7e]/;
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]/gu;
const FINDINGS_MAX = 10_000;
const SHOWN_CHARS_MAX = 400;

/**
 * Makes visible what a text hides; positions are those of the text as it came. Linear, and doing it twice changes nothing.
 *
 * Signs that hide are spelled out. What merely misleads (mixed scripts, markup that hides, addresses that would be fetched) is
 * reported and stays as it is.
 */
export function sanitize(text: string): Sanitized {
  const markup = markupFindings(text);
  if (!UNUSUAL.test(text)) return { text, hidden: markup };
  const unseen = unseenRuns(text);
  const hidden = [...unseen, ...homoglyphs(text), ...markup].sort((a, b) => a.start - b.start);
  // What is spelled out may have ended an isolate of its line, whose other signs then stand alone; a third time finds nothing.
  const once = spelled(text, unseen);
  const clean = unseen.length === 0 ? once : spelled(once, unseenRuns(once));
  return { text: clean, hidden: hidden.slice(0, FINDINGS_MAX) };
}

function spelled(text: string, runs: readonly Hidden[]): string {
  if (runs.length === 0) return text;
  const parts: string[] = [];
  let from = 0;
  for (const { start, end, kind, shown } of runs) {
    parts.push(
      text.slice(from, start),
      kind === "tag" || kind === "variation" ? `<hidden ${kind}: ${shown}>` : codes(text.slice(start, end)),
    );
    from = end;
  }
  parts.push(text.slice(from));
  return parts.join("");
}

function codes(text: string): string {
  return Array.from(text, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0x20 && code < 0x7f) return char;
    const hex = code.toString(16);
    return code < 0x20 || code === 0x7f ? `\\x${hex.padStart(2, "0")}` : `<U+${hex.toUpperCase().padStart(4, "0")}>`;
  }).join("");
}

function unseenRuns(text: string): Hidden[] {
  const runs: Hidden[] = [];
  let line: Line = { start: 0, end: -1, isRightToLeft: false, isBalanced: true };
  UNSEEN.lastIndex = 0;
  for (let match = UNSEEN.exec(text); match !== null; match = UNSEEN.exec(text)) {
    const [char, start] = [match[0], match.index];
    const code = char.codePointAt(0) ?? 0;
    if (code === 0x0a || code === 0x09) continue;
    const kind = kindOf(code);
    if (kind === "bidi" && start >= line.end) line = lineAt(text, start);
    if (kind === "tag" && isFlag(text, start)) {
      UNSEEN.lastIndex = flagEnd(text, start);
      continue;
    }
    const before = runs.at(-1)?.end === start ? "" : charBefore(text, start);
    if (belongs(text, start, char, { code, kind, before, line })) continue;
    const end = kind === "control" ? Math.max(escapeEnd(text, start), start + char.length) : start + char.length;
    UNSEEN.lastIndex = end;
    const last = runs.at(-1);
    const found: HiddenKind = end > start + char.length ? "escape" : kind;
    if (last && last.end === start && last.kind === found) runs[runs.length - 1] = { ...last, end };
    else runs.push({ kind: found, start, end, shown: "" });
  }
  return runs.map((run) => ({ ...run, shown: shownOf(text.slice(run.start, run.end), run.kind) }));
}

function kindOf(code: number): HiddenKind {
  if (code >= 0xe0000 && code <= 0xe007f) return "tag";
  if ((code >= 0xfe00 && code <= 0xfe0f) || (code >= 0xe0100 && code <= 0xe01ef)) return "variation";
  if (
    code === 0x061c ||
    code === 0x200e ||
    code === 0x200f ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069)
  )
    return "bidi";
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xdfff) || (code & 0xfffe) === 0xfffe)
    return "control";
  return "zero-width";
}

interface Line {
  readonly start: number;
  readonly end: number;
  readonly isRightToLeft: boolean;
  /** Every isolate of it is ended in it. */
  readonly isBalanced: boolean;
}

const RIGHT_TO_LEFT = /[\p{scx=Arabic}\p{scx=Hebrew}\p{scx=Syriac}\p{scx=Thaana}\p{scx=Nko}]/u;

function lineAt(text: string, at: number): Line {
  const start = text.lastIndexOf("\n", at) + 1;
  const next = text.indexOf("\n", at);
  const end = next < 0 ? text.length : next;
  const line = text.slice(start, end);
  let depth = 0;
  let isBalanced = true;
  for (const char of line) {
    if (char >= "\u2066" && char <= "\u2068") depth += 1;
    if (char === "\u2069") depth -= 1;
    if (depth < 0) isBalanced = false;
  }
  return { start, end, isRightToLeft: RIGHT_TO_LEFT.test(line), isBalanced: isBalanced && depth === 0 };
}

const PICTURE = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}]$/u;
const JOINING =
  /^[\p{scx=Arabic}\p{scx=Syriac}\p{scx=Mongolian}\p{scx=Nko}\p{scx=Devanagari}\p{scx=Bengali}\p{scx=Gurmukhi}\p{scx=Gujarati}\p{scx=Oriya}\p{scx=Tamil}\p{scx=Telugu}\p{scx=Kannada}\p{scx=Malayalam}\p{scx=Sinhala}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}]$/u;
const LETTER = /^[\p{L}\p{M}]$/u;
const UNBROKEN =
  /^[\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}]$/u;
const HAN = /^\p{scx=Han}$/u;
const MONGOLIAN = /^\p{scx=Mongolian}$/u;

interface Sign {
  readonly code: number;
  readonly kind: HiddenKind;
  /** The character before it; "" where that is spelled out itself. */
  readonly before: string;
  readonly line: Line;
}

/** Tells whether an unseen sign does its ordinary work where it stands. */
function belongs(text: string, at: number, char: string, sign: Sign): boolean {
  const { code, kind, before, line } = sign;
  const after = charAt(text, at + char.length);
  switch (kind) {
    case "variation":
      if (code >= 0xe0100) return HAN.test(before);
      if (code === 0xfe0f || code === 0xfe0e)
        return PICTURE.test(before) || (/^[0-9#*]$/.test(before) && after === "\u20e3");
      return code <= 0xfe02 && (HAN.test(before) || /^\p{Sm}$/u.test(before));
    case "bidi":
      // Marks beside letters of such a script, and isolates that end on their line; overrides and embeddings never.
      if (code === 0x061c || code === 0x200e || code === 0x200f) return line.isRightToLeft;
      return code >= 0x2066 && line.isRightToLeft && line.isBalanced;
    case "control":
      return code === 0x0d && (after === "\n" || at + 1 === text.length);
    case "zero-width":
      return isShaping(text, at, code, before, after);
    case "tag":
    case "escape":
    case "homoglyph":
    case "html-hidden":
    case "html-comment":
    case "fetch":
      return false;
  }
}

function isShaping(text: string, at: number, code: number, before: string, after: string): boolean {
  if (code === 0xfeff) return at === 0;
  if (code === 0xad) return LETTER.test(before) && LETTER.test(after);
  if (code === 0x200b) return UNBROKEN.test(before) && UNBROKEN.test(after);
  if (code >= 0x180b && code <= 0x180f) return MONGOLIAN.test(before);
  if (code >= 0x600 && code <= 0x605) return /^\p{Nd}$/u.test(after);
  if (code === 0x6dd || code === 0x70f || code === 0x8e2) return true;
  if (code !== 0x200d && code !== 0x200c) return false;
  if (JOINING.test(before) && LETTER.test(before) && (code === 0x200d || JOINING.test(after) || !LETTER.test(after)))
    return true;
  if (code === 0x200c || !PICTURE.test(after)) return false;
  return PICTURE.test(before) || (before === "\ufe0f" && PICTURE.test(charBefore(text, at - 1)));
}

const FLAG = "\u{1f3f4}";
const FLAGS = ["gbeng", "gbsct", "gbwls"].map((name) => `${tagged(name)}\u{e007f}`);

function tagged(text: string): string {
  return Array.from(text, (char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0))).join("");
}

function isFlag(text: string, at: number): boolean {
  return charBefore(text, at) === FLAG && FLAGS.some((flag) => text.startsWith(flag, at));
}

function flagEnd(text: string, at: number): number {
  return at + (FLAGS.find((flag) => text.startsWith(flag, at))?.length ?? 0);
}

function shownOf(run: string, kind: HiddenKind): string {
  const points = Array.from(run.slice(0, 4 * SHOWN_CHARS_MAX), (char) => char.codePointAt(0) ?? 0);
  if (kind === "tag") return printable(points.map((code) => code - 0xe0000));
  if (kind !== "variation") return codes(run.slice(0, SHOWN_CHARS_MAX));
  // Each stands for a byte: the first 16 in the old block, the rest in the supplement.
  const bytes = points.map((code) => (code >= 0xe0100 ? code - 0xe0100 + 16 : code - 0xfe00));
  return printable([...new TextDecoder().decode(Uint8Array.from(bytes))].map((char) => char.codePointAt(0) ?? 0));
}

function printable(codes_: readonly number[]): string {
  return codes_
    .slice(0, SHOWN_CHARS_MAX)
    .map((code) => (code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : "."))
    .join("");
}

function homoglyphs(text: string): Hidden[] {
  if (!/[\u0370-\u03ff\u0400-\u052f]/.test(text)) return [];
  const found: Hidden[] = [];
  for (const { 0: word, index } of words(text)) {
    const folded = Array.from(word, foldedHomoglyph).join("");
    // A unit such as "μs" or "kΩ" is no word, and a word whose foreign letters look like none of ours deceives nobody.
    if (word.length < 4 || !/^[A-Za-z]+$/.test(folded)) continue;
    found.push({ kind: "homoglyph", start: index, end: index + word.length, shown: folded });
  }
  return found;
}

/** Words in which letters of two alphabets stand side by side; found by hand, because the expression of it would be quadratic. */
function* words(text: string): Generator<{ 0: string; index: number }> {
  const FOREIGN = /[\u0370-\u03ff\u0400-\u052f]/g;
  for (let match = FOREIGN.exec(text); match !== null; match = FOREIGN.exec(text)) {
    let [start, end] = [match.index, match.index + 1];
    while (start > 0 && isLetter(text.charCodeAt(start - 1))) start -= 1;
    while (end < text.length && isLetter(text.charCodeAt(end))) end += 1;
    FOREIGN.lastIndex = end;
    const word = text.slice(start, end);
    if (/[A-Za-z]/.test(word)) yield { 0: word, index: start };
  }
}

function isLetter(unit: number): boolean {
  return (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x370 && unit <= 0x52f);
}

function charBefore(text: string, at: number): string {
  if (at <= 0) return "";
  const isPair =
    at > 1 && (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 2) & 0xfc00) === 0xd800;
  return text.slice(at - (isPair ? 2 : 1), at);
}

function charAt(text: string, at: number): string {
  return String.fromCodePoint(...(at < text.length ? [text.codePointAt(at) ?? 0] : []));
}

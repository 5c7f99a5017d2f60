import type { Hidden } from "./sanitize.ts";
import { foldedHomoglyph } from "./sanitize-homoglyphs.ts";

/** Another reading of a part of a text. */
export interface View {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const VIEWS_MAX = 200;
const DECODED_CHARS_MAX = 8000;
const BASE64_CHARS_MIN = 32;
const SPACED = /(?:[^\s]\s{1,3}){16,}/y;
const SPACED_STEP = 16;
const REMOVED = /[\u00ad\u200b-\u200f\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Reads what a text says in a way that its plain words do not show: hidden signs, base64, letters set apart, mixed scripts. */
export function viewsOf(text: string, hidden: readonly Hidden[]): View[] {
  const views: View[] = [];
  for (const { kind, start, end, shown } of hidden)
    if ((kind === "tag" || kind === "variation" || kind === "html-hidden") && views.length < VIEWS_MAX)
      views.push({ text: shown, start, end });
  for (const [start, end] of base64Runs(text)) {
    if (views.length >= VIEWS_MAX) break;
    const decoded = fromBase64(text.slice(start, end));
    if (decoded !== null) views.push({ text: decoded, start, end });
  }
  for (const [start, end] of spacedRuns(text)) {
    if (views.length >= VIEWS_MAX) break;
    const words = text
      .slice(start, end)
      .split(/\s{2,}/)
      .map((word) => word.replace(/\s/g, ""));
    views.push({ text: words.join(" "), start, end });
  }
  const broken = hidden.filter(({ kind }) => kind === "homoglyph" || kind === "zero-width" || kind === "bidi");
  const [first, last] = [broken[0], broken.at(-1)];
  if (first && last) {
    const start = text.lastIndexOf("\n", Math.max(0, first.start - 200)) + 1;
    const near = text.slice(start, Math.min(last.end + 400, start + DECODED_CHARS_MAX));
    views.push({
      text: Array.from(near.replace(REMOVED, ""), foldedHomoglyph).join(""),
      start: first.start,
      end: last.end,
    });
  }
  return views;
}

const IS_BASE64 = new Uint8Array(128);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  IS_BASE64[char.charCodeAt(0)] = 1;

/** Finds long runs: one of them has a sign at each so many places, so that most of a text is never looked at. */
function* base64Runs(text: string): Generator<readonly [number, number]> {
  const isSign = (at: number) => IS_BASE64[text.charCodeAt(at)] === 1;
  for (let at = BASE64_CHARS_MIN - 1; at < text.length; at += BASE64_CHARS_MIN) {
    if (!isSign(at)) continue;
    let [start, end] = [at, at + 1];
    while (start > 0 && at - start < BASE64_CHARS_MIN && isSign(start - 1)) start -= 1;
    while (end < text.length && isSign(end)) end += 1;
    if (end - start >= BASE64_CHARS_MIN) yield [start, end];
    at = end - 1;
  }
}

/** Finds "l e t t e r s" in the same way: among eight signs of them no two stand together. */
function* spacedRuns(text: string): Generator<readonly [number, number]> {
  const isBlank = (at: number) => text.charCodeAt(at) <= 0x20;
  for (let at = SPACED_STEP; at + 8 < text.length; at += SPACED_STEP) {
    let letters = 0;
    let isApart = true;
    for (let near = at; isApart && near < at + 8; near += 1) {
      if (isBlank(near)) continue;
      letters += 1;
      if (!isBlank(near + 1)) isApart = false;
    }
    if (!isApart || letters < 2) continue;
    let start = at;
    while (start > 0 && at - start < 2 * SPACED_STEP && (isBlank(start - 1) || isBlank(start))) start -= 1;
    SPACED.lastIndex = text.slice(start, at).search(/\S/) + start;
    const match = SPACED.exec(text);
    if (!match) continue;
    yield [match.index, match.index + match[0].length];
    at = match.index + match[0].length;
  }
}

/** Decodes base64 that holds a text with blanks; null for all else, above all for hashes and images. */
function fromBase64(encoded: string): string | null {
  const whole = encoded.replace(/=+$/, "").slice(0, DECODED_CHARS_MAX);
  const decoded = atob(whole.slice(0, whole.length - (whole.length % 4 === 1 ? 1 : 0)));
  let [printable, blanks] = [0, 0];
  for (let at = 0; at < decoded.length; at += 1) {
    const unit = decoded.charCodeAt(at);
    if ((unit >= 0x20 && unit < 0x7f) || unit === 0x0a) printable += 1;
    if (unit === 0x20) blanks += 1;
  }
  return printable >= decoded.length * 0.95 && blanks >= 2 ? decoded : null;
}

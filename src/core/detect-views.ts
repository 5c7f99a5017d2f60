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
const BASE64 = /[A-Za-z0-9+/]{32,}={0,2}/g;
const SPACED = /(?:[^\s]\s{1,3}){16,}/g;
const REMOVED = /[\u00ad\u200b-\u200f\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Reads what a text says in a way that its plain words do not show: hidden signs, base64, letters set apart, mixed scripts. */
export function viewsOf(text: string, hidden: readonly Hidden[]): View[] {
  const views: View[] = [];
  for (const { kind, start, end, shown } of hidden)
    if ((kind === "tag" || kind === "variation" || kind === "html-hidden") && views.length < VIEWS_MAX)
      views.push({ text: shown, start, end });
  for (const match of text.matchAll(BASE64)) {
    if (views.length >= VIEWS_MAX) break;
    const decoded = fromBase64(match[0]);
    if (decoded !== null) views.push({ text: decoded, start: match.index, end: match.index + match[0].length });
  }
  for (const match of text.matchAll(SPACED)) {
    if (views.length >= VIEWS_MAX) break;
    const words = match[0].split(/\s{2,}/).map((word) => word.replace(/\s/g, ""));
    views.push({ text: words.join(" "), start: match.index, end: match.index + match[0].length });
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

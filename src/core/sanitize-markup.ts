import type { Hidden } from "./sanitize.ts";

const TAG_CHARS_MAX = 2000;
const SHOWN_CHARS_MAX = 400;
const ADDRESS_CHARS_MAX = 2000;
const LABEL_CHARS_MAX = 300;
const FINDINGS_MAX = 1000;
/** Ways of a style to draw an element so that nobody sees it. */
const UNSEEN_STYLE =
  /(?:display\s{0,4}:\s{0,4}none|visibility\s{0,4}:\s{0,4}hidden|font-size\s{0,4}:\s{0,4}0(?![.\d])|opacity\s{0,4}:\s{0,4}0(?![.\d])|(?:left|top|text-indent)\s{0,4}:\s{0,4}-\d{3,5}(?:px|em)|color\s{0,4}:\s{0,4}(?:transparent|#fff(?:fff)?\b|white\b))|\shidden(?=[\s>=/])/i;
/** Values of a query that an agent would fill in: a placeholder, or many characters. */
const CARRIES =
  /(?:[?&][\w.-]{1,40}=(?:\{|\$|%7B|<|[A-Z_]{4,40}(?:$|&)|[\w+/%=-]{40})|\/(?:\{\{?|\$\{)[\w.]{1,60}\}|[?&][\w.-]{1,40}=$)/;

/** Finds what markup hides or would fetch. Each place is looked at for a bounded distance, so that it stays linear. */
export function markupFindings(text: string): Hidden[] {
  const found: Hidden[] = [];
  for (let at = text.indexOf("<"); at >= 0 && found.length < FINDINGS_MAX; at = text.indexOf("<", at)) {
    const next = text.charCodeAt(at + 1);
    if (next === 0x21 && text.startsWith("<!--", at)) {
      const close = text.indexOf("-->", at + 4);
      const end = close < 0 ? text.length : close + 3;
      found.push({
        kind: "html-comment",
        start: at,
        end,
        shown: text
          .slice(at + 4, close < 0 ? end : close)
          .trim()
          .slice(0, SHOWN_CHARS_MAX),
      });
      at = end;
      continue;
    }
    if ((next | 0x20) >= 0x61 && (next | 0x20) <= 0x7a) element(text, at, found);
    at += 1;
  }
  for (let at = text.indexOf("]("); at >= 0 && found.length < FINDINGS_MAX; at = text.indexOf("](", at + 2))
    link(text, at, found);
  return found.sort((a, b) => a.start - b.start);
}

function element(text: string, at: number, found: Hidden[]): void {
  const near = text.slice(at, at + TAG_CHARS_MAX);
  const close = near.indexOf(">");
  // An element within would begin before this one ends: it is looked at by itself.
  const inner = near.indexOf("<", 1);
  if (close < 0 || (inner >= 0 && inner < close)) return;
  if (!UNSEEN_STYLE.test(near.slice(0, close + 1))) return;
  const next = near.indexOf("<", close);
  const end = at + (next < 0 ? near.length : next);
  const shown = text.slice(at + close + 1, Math.min(end, at + close + 1 + SHOWN_CHARS_MAX)).trim();
  if (shown !== "") found.push({ kind: "html-hidden", start: at, end, shown });
}

// An image is fetched as soon as it is drawn; a link only when somebody follows it.
function link(text: string, at: number, found: Hidden[]): void {
  if (!/^(?:https?:|\/\/)/i.test(text.slice(at + 2, at + 8))) return;
  const length = text.slice(at + 2, at + 2 + ADDRESS_CHARS_MAX).indexOf(")");
  if (length < 0) return;
  const close = at + 2 + length;
  const address = text.slice(at + 2, close).trim();
  if (!/^(?:https?:)?\/\//i.test(address) || !CARRIES.test(address)) return;
  const before = Math.max(0, at - LABEL_CHARS_MAX);
  const open = text.slice(before, at).lastIndexOf("[");
  const start = open < 0 ? at : before + open;
  const isImage = start > 0 && text[start - 1] === "!";
  if (isImage || /\{|\$|%7B|<|[?&][\w.-]{1,40}=$/.test(address))
    found.push({ kind: "fetch", start: isImage ? start - 1 : start, end: close + 1, shown: address });
}

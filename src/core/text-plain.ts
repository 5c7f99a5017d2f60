const ESC = 0x1b;
const BEL = 0x07;
const NEWLINE = 0x0a;

/**
 * Takes a terminal's language out of text for the model: escape sequences go, and a line that was drawn again after a
 * carriage return keeps its last drawing. Other controls stay for `visible`. Linear in the text's length.
 */
export function plain(text: string): string {
  if (!/[\x1b\r\x90\x98\x9b\x9d-\x9f]/.test(text)) return text;
  return withoutSequences(text).split("\n").map(lastDrawing).join("\n");
}

/** Spells out where a control string begins, of which a terminal shows nothing: what is in it then stays for everybody to see. */
export function withStrings(text: string): string {
  return text.replace(/\x1b(?=[\]PX^_])|[\x90\x98\x9d-\x9f]/g, (sign) =>
    sign === "\x1b" ? "\\x1b" : `<U+00${sign.charCodeAt(0).toString(16).toUpperCase()}>`,
  );
}

function withoutSequences(text: string): string {
  const kept: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const end = escapeEnd(text, at);
    if (end === at) {
      at += 1;
      continue;
    }
    kept.push(text.slice(from, at));
    at = end;
    from = end;
  }
  kept.push(text.slice(from));
  return kept.join("");
}

/** Finds the end of the escape sequence that starts at `at`; `at` itself when none does. */
export function escapeEnd(text: string, at: number): number {
  const first = text.charCodeAt(at);
  const isEscape = first === ESC;
  if (!isEscape && (first < 0x90 || first > 0x9f)) return at;
  // ESC and a letter of "@".."_" is the long form of a control in 0x80..0x9f.
  const control = isEscape ? text.charCodeAt(at + 1) + 0x40 : first;
  const body = at + (isEscape ? 2 : 1);
  if (control === 0x9b) return pastFinal(text, skip(text, body, 0x20, 0x3f), 0x40);
  if ([0x90, 0x98, 0x9d, 0x9e, 0x9f].includes(control)) return stringEnd(text, body);
  if (!isEscape) return at;
  return pastFinal(text, skip(text, at + 1, 0x20, 0x2f), 0x30);
}

/** Ends a control string at its terminator. One that is never ended stops at its line, so that it hides no more than that. */
function stringEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BEL || code === 0x9c) return at + 1;
    if (code === NEWLINE) return at;
    if (code === ESC) return text[at + 1] === "\\" ? at + 2 : at;
  }
  return text.length;
}

function skip(text: string, from: number, low: number, high: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) >= low && text.charCodeAt(at) <= high) at += 1;
  return at;
}

function pastFinal(text: string, at: number, low: number): number {
  const code = text.charCodeAt(at);
  return code >= low && code <= 0x7e ? at + 1 : at;
}

function lastDrawing(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === "\r") end -= 1;
  return line.slice(line.lastIndexOf("\r", end - 1) + 1, end);
}

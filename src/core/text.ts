/** Everything that a terminal or an editor does not draw as itself; newline and tab are let through in `escapeUnseen`. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;
const PICTURE = /^\p{Extended_Pictographic}$/u;
const JOINABLE_PICTURE = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}]$/u;
/** Scripts whose letters change shape beside a joiner. */
const JOINING =
  /^[\p{scx=Arabic}\p{scx=Syriac}\p{scx=Mongolian}\p{scx=Nko}\p{scx=Devanagari}\p{scx=Bengali}\p{scx=Gurmukhi}\p{scx=Gujarati}\p{scx=Oriya}\p{scx=Tamil}\p{scx=Telugu}\p{scx=Kannada}\p{scx=Malayalam}\p{scx=Sinhala}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}]$/u;
const LETTER_OR_MARK = /^(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}]$/u;

/**
 * Makes text from a stranger safe to show: what a terminal would obey, hide or reorder is spelled out instead.
 *
 * C0 controls but newline and tab become `\x1b`, the rest `<U+202E>`. Joiners inside emoji and inside words of scripts
 * that need them, and the variation selectors 15 and 16 after an emoji, stay. Idempotent.
 */
export function visible(text: string): string {
  return escapeUnseen(text, (char) => {
    const code = char.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return code < 0x20 || code === 0x7f ? `\\x${hex.padStart(2, "0")}` : `<U+${hex.toUpperCase().padStart(4, "0")}>`;
  });
}

/** Makes JSON text safe to show as `visible` does, in JSON's own escapes: it stays valid and means the same value. */
export function visibleJson(jsonText: string): string {
  return escapeUnseen(jsonText, (char) => {
    // Between tokens, the one place where valid JSON can hold it, a carriage return is white space.
    if (char === "\r") return " ";
    return Array.from(
      { length: char.length },
      (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`,
    ).join("");
  });
}

/**
 * Cuts text to at most `charsMax` UTF-16 units by leaving out its middle, and says there how much is missing.
 *
 * A pair of surrogates is never split. Without room for the marker only the beginning is kept.
 */
export function bound(text: string, charsMax: number): { text: string; cut: boolean } {
  if (text.length <= charsMax) return { text, cut: false };
  // The largest numbers that the marker can hold, so that the result fits whatever is cut.
  const room = charsMax - marker(text).length;
  if (room < 2) return { text: text.slice(0, whole(text, Math.max(0, charsMax))), cut: true };
  const headEnd = whole(text, Math.ceil(room / 2));
  let tailStart = text.length - Math.floor(room / 2);
  if (isPairAt(text, tailStart)) tailStart += 1;
  return { text: text.slice(0, headEnd) + marker(text.slice(headEnd, tailStart)) + text.slice(tailStart), cut: true };
}

/** Counts in words: `1 file`, `2 files`, `0 files`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function escapeUnseen(text: string, spell: (char: string) => string): string {
  return text.replace(UNSEEN, (char: string, at: number) => {
    if (char === "\n" || char === "\t") return char;
    return isPartOfWriting(text, char, at) ? char : spell(char);
  });
}

/** Tells whether an unseen character does its ordinary work where it stands: shaping the signs on both sides of it. */
function isPartOfWriting(text: string, char: string, at: number): boolean {
  const before = charBefore(text, at);
  const after = charAt(text, at + char.length);
  if (char === "\ufe0f" || char === "\ufe0e")
    return PICTURE.test(before) || (/^[0-9#*]$/.test(before) && after === "\u20e3");
  if (char !== "\u200d" && char !== "\u200c") return false;
  if (JOINING.test(before) && LETTER_OR_MARK.test(before) && JOINING.test(after) && LETTER_OR_MARK.test(after))
    return true;
  if (char === "\u200c" || !PICTURE.test(after)) return false;
  const isStyled = before === "\ufe0f" && PICTURE.test(charBefore(text, at - 1));
  return isStyled || JOINABLE_PICTURE.test(before);
}

function charBefore(text: string, at: number): string {
  if (at <= 0) return "";
  return isPairAt(text, at - 1) ? text.slice(at - 2, at) : text.slice(at - 1, at);
}

function charAt(text: string, at: number): string {
  return isPairAt(text, at + 1) ? text.slice(at, at + 2) : text.slice(at, at + 1);
}

/** True when a cut at `at` would split a pair of surrogates. */
function isPairAt(text: string, at: number): boolean {
  return (
    at > 0 &&
    at < text.length &&
    (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 &&
    (text.charCodeAt(at) & 0xfc00) === 0xdc00
  );
}

function whole(text: string, end: number): number {
  return isPairAt(text, end) ? end - 1 : end;
}

function marker(cut: string): string {
  let lines = 0;
  for (let at = cut.indexOf("\n"); at !== -1; at = cut.indexOf("\n", at + 1)) lines += 1;
  return `\n[... ${new TextEncoder().encode(cut).length} bytes, ${lines} lines cut ...]\n`;
}

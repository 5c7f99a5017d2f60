import { formatsIn } from "./redact-formats.ts";
import { openKey, type RedactingStream } from "./redact-streams.ts";

/** Enough of what stands before a word to tell a secret by: the name of a setting, a word such as "Bearer". */
const CONTEXT_CHARS = 200;
/** A longer word is shown in parts. */
const WORD_CHARS_MAX = 1 << 16;

/** Replaces secrets of known formats in a text that is shown as it comes, word by word. */
export class WordStream implements RedactingStream {
  readonly #placeholder: (text: string, name: string) => string | null;
  /** What was shown last, and what waits. */
  #text = "";
  #shown = 0;

  constructor(placeholder: (text: string, name: string) => string | null) {
    this.#placeholder = placeholder;
  }

  push(piece: string): string {
    this.#text += piece;
    const blank = lastBlank(this.#text) + 1;
    const words = this.#text.length - blank > WORD_CHARS_MAX ? this.#text.length : blank;
    const key = openKey(this.#text);
    return this.#take(key === null ? words : Math.min(words, key));
  }

  end(): string {
    const rest = this.#take(this.#text.length);
    this.#text = "";
    this.#shown = 0;
    return rest;
  }

  #take(cut: number): string {
    if (cut <= this.#shown) return "";
    const parts: string[] = [];
    let from = this.#shown;
    for (const { start, end, name } of formatsIn(this.#text.slice(0, cut))) {
      if (start < from) continue;
      const placeholder = this.#placeholder(this.#text.slice(start, end), name);
      if (placeholder === null) continue;
      parts.push(this.#text.slice(from, start), placeholder);
      from = end;
    }
    parts.push(this.#text.slice(from, cut));
    const kept = Math.max(0, cut - CONTEXT_CHARS);
    this.#text = this.#text.slice(kept);
    this.#shown = cut - kept;
    return parts.join("");
  }
}

function lastBlank(text: string): number {
  let at = text.length - 1;
  while (at >= 0 && text.charCodeAt(at) > 0x20) at -= 1;
  return at;
}

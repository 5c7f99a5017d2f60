/** What a quarantined reader may answer with: nothing else of what it read gets through. */
export type AnswerType =
  | { readonly kind: "boolean" | "number" | "version" | "identifier" }
  | { readonly kind: "words"; readonly words: readonly string[] };

/** All that answers of readers may bring into one session, in bits. */
export const READER_BITS_MAX = 256;
const WORDS_MAX = 64;
const WORD = /^[\w.+-]{1,32}$/;
const NUMBER = /^(?:0|-?[1-9]\d{0,5})$/;
const VERSION = /^(?:0|[1-9]\d{0,3})(?:\.(?:0|[1-9]\d{0,3})){0,2}$/;
/** A reply that is longer is no answer. */
const ANSWER_CHARS_MAX = 100;
/** Besides the answers of its type: none was given, and nothing could be read. */
const OTHER_OUTCOMES = 2;

/** Parses the type that a question names: one of four, or words with `|` between them. Null for what is none. */
export function parseAnswerType(text: string): AnswerType | null {
  if (text === "boolean" || text === "number" || text === "version" || text === "identifier") return { kind: text };
  const words = text.split("|");
  const isFine = words.length > 1 && words.length <= WORDS_MAX && new Set(words).size === words.length;
  return isFine && words.every((word) => WORD.test(word)) ? { kind: "words", words } : null;
}

/** Says in bits how much the outcome of a question can tell, whichever it is. `names`: the identifiers that there are. */
export function bitsOf(type: AnswerType, names: ReadonlySet<string>): number {
  return Math.ceil(Math.log2(answersOf(type, names) + OTHER_OUTCOMES));
}

function answersOf(type: AnswerType, names: ReadonlySet<string>): number {
  switch (type.kind) {
    case "boolean":
      return 2;
    case "number":
      return 2 * 999_999 + 1;
    case "version":
      return 10_000 + 10_000 ** 2 + 10_000 ** 3;
    case "identifier":
      return names.size;
    case "words":
      return type.words.length;
  }
}

/** Takes the answer out of a reply, if that is an answer of the type and nothing more; else null. */
export function parseAnswer(reply: string, type: AnswerType, names: ReadonlySet<string>): string | null {
  const text = reply.length > ANSWER_CHARS_MAX ? "" : reply.replace(/^[ \n]+|[ \n]+$/g, "");
  return isAnswer(text, type, names) ? text : null;
}

function isAnswer(text: string, type: AnswerType, names: ReadonlySet<string>): boolean {
  switch (type.kind) {
    case "boolean":
      return text === "true" || text === "false";
    case "number":
      return NUMBER.test(text);
    case "version":
      return VERSION.test(text);
    case "identifier":
      return names.has(text);
    case "words":
      return type.words.includes(text);
  }
}

/** Counts the bits of one more question before it is asked; null where the session has not that many left. */
export function spendBits(used: number, bits: number): number | null {
  return used + bits <= READER_BITS_MAX ? used + bits : null;
}

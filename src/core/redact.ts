import { needlesOf } from "./credential-forms.ts";
import { type Search, searchFor } from "./credential-search.ts";
import { holdsAny } from "./credential-stream.ts";
import { WordStream } from "./redact-live.ts";
import { FormatStream, KnownStream, LINE_CHARS_MAX, type RedactingStream, withoutFormats } from "./redact-streams.ts";

/** A secret that the person is known to have. */
export interface KnownSecret {
  /** What its placeholder calls it: "github". */
  readonly name: string;
  readonly value: string;
}

/** Takes secrets out of the texts of one session; one secret has the same placeholder in all of them. */
export interface Redactor {
  redact(text: string): string;
  /** From now on these are the known ones; texts that are `spared` are no secrets, whatever they look like. */
  know(known: readonly KnownSecret[], spared: Iterable<string>): void;
  /** The placeholders given so far that a text holds. */
  placeholdersIn(text: string): string[];
  /** What each placeholder stands for within one text; null where that is more than one thing. */
  meaningsIn(text: string): ReadonlyMap<string, string | null>;
  /** The same, piece by piece: whatever the pieces, the result is that of the whole. */
  open(): RedactingStream;
  /** For text that is shown as it comes: no more than the last word waits. */
  live(): RedactingStream;
  /** The highest number given so far, by name; and what was given in an earlier life of the session, which is given no more. */
  numbers(): ReadonlyMap<string, number>;
  goOnAfter(numbers: ReadonlyMap<string, number>): void;
  /** How many different secrets were met. */
  met(): number;
}

const VALUE_CHARS_MIN = 8;

/** Makes a redactor: it knows some values in all their encodings, and others by their format. */
export function redactorOf(known: readonly KnownSecret[] = []): Redactor {
  const names = new Names();
  let usable = usableOf(known);
  let search = searchOf(usable);
  let spared: ReadonlySet<string> = new Set();
  const know = (all: readonly KnownSecret[], others: Iterable<string>) => {
    usable = usableOf(all);
    search = searchOf(usable);
    spared = new Set(others);
  };
  const byFormat = (met: Met) => (text: string, name: string) =>
    spared.has(text) ? null : met(text, names.of(text, name));
  const openKnown = (met: Met) => {
    const owners = usable;
    return new KnownStream(search, (owner, text) => met(text, names.of(owners[owner]!.value, owners[owner]!.name)));
  };
  const openWith = (met: Met, Formats: typeof FormatStream | typeof WordStream): RedactingStream => {
    const second = new Formats(byFormat(met));
    if (usable.length === 0) return second;
    const first = openKnown(met);
    return { push: (piece) => second.push(first.push(piece)), end: () => second.push(first.end()) + second.end() };
  };
  // Most texts hold none, and need only be looked at.
  const whole = (given: string, met: Met) => {
    const hasKnown = usable.length > 0 && holdsAny(search, bytesOf(given));
    const text = hasKnown ? wholeOf(openKnown(met), given) : given;
    return text.length > LINE_CHARS_MAX
      ? wholeOf(new FormatStream(byFormat(met)), text)
      : withoutFormats(text, byFormat(met));
  };
  const meaningsIn = (text: string) => {
    const meanings = new Map<string, string | null>();
    whole(text, (written, placeholder) => {
      const before = meanings.get(placeholder);
      meanings.set(placeholder, before === undefined || before === written ? written : null);
      return placeholder;
    });
    return meanings;
  };
  const shown: Met = (_text, placeholder) => placeholder;
  const open = () => openWith(shown, FormatStream);
  const live = () => openWith(shown, WordStream);
  const redact = (text: string) => whole(text, shown);
  const placeholdersIn = (text: string) => names.in(text);
  const goOnAfter = (before: ReadonlyMap<string, number>) => names.goOnAfter(before);
  const numbers = () => names.numbers;
  return { redact, open, live, know, meaningsIn, placeholdersIn, numbers, goOnAfter, met: () => names.count };
}

function usableOf(known: readonly KnownSecret[]): readonly KnownSecret[] {
  return known.filter(({ value }) => value.length >= VALUE_CHARS_MIN && /^[\x21-\x7e]+$/.test(value));
}

function searchOf(usable: readonly KnownSecret[]): Search {
  return searchFor(usable.flatMap(({ value }, owner) => needlesOf(value, "x".repeat(value.length), owner)));
}

function wholeOf(stream: RedactingStream, text: string): string {
  return stream.push(text) + stream.end();
}

// Bytes of plain ASCII are made many times faster than UTF-8.
function bytesOf(text: string): Buffer {
  return Buffer.from(text, Buffer.byteLength(text) === text.length ? "latin1" : "utf8");
}

/** Is told what stood where a placeholder goes; gives what goes there. */
type Met = (text: string, placeholder: string) => string;

const PLACEHOLDER = /«secret:([\w-]+)#(\d{1,9})»/g;

/** Whether a text that was recorded may have had a secret in it. */
export function isRedacted(text: string): boolean {
  return text.search(PLACEHOLDER) !== -1;
}

/** A text without the numbers of its placeholders: one secret has another in JSON, where its ends of lines are escaped. */
export function unnumbered(text: string): string {
  return text.replaceAll(PLACEHOLDER, "«secret:$1»");
}

/**
 * Puts what some placeholders stand for in their place; null where the text would be longer than `charsMax`. What is put there
 * is not looked at again: a stranger chose it, and one that held others would grow without bound.
 */
export function withMeanings(
  text: string,
  placeholders: ReadonlySet<string>,
  meanings: ReadonlyMap<string, string | null>,
  charsMax: number,
): string | null {
  const meaningOf = (one: string) => (placeholders.has(one) && meanings.get(one)) || one;
  let chars = text.length;
  for (const [one] of text.matchAll(PLACEHOLDER)) chars += meaningOf(one).length - one.length;
  return chars > charsMax ? null : text.replaceAll(PLACEHOLDER, meaningOf);
}

/** Numbers secrets in the order in which they are met, those of each name for themselves. */
class Names {
  readonly #placeholders = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  get count(): number {
    return this.#placeholders.size;
  }

  get numbers(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  goOnAfter(numbers: ReadonlyMap<string, number>): void {
    for (const [name, number] of numbers) this.#counts.set(name, Math.max(number, this.#counts.get(name) ?? 0));
  }

  in(text: string): string[] {
    return [...text.matchAll(PLACEHOLDER)].flatMap(([placeholder, name = "", number]) => {
      return Number(number) >= 1 && Number(number) <= (this.#counts.get(name) ?? 0) ? [placeholder] : [];
    });
  }

  of(value: string, name: string): string {
    const known = this.#placeholders.get(value);
    if (known !== undefined) return known;
    const number = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, number);
    const placeholder = `«secret:${name}#${number}»`;
    this.#placeholders.set(value, placeholder);
    return placeholder;
  }
}

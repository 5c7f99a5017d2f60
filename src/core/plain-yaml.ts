/** What a text says, and on which line each item of its lists begins, by the list itself. */
export interface PlainYaml {
  readonly value: { readonly [key: string]: unknown };
  readonly lines: ReadonlyMap<readonly unknown[], readonly number[]>;
}

interface Line {
  readonly number: number;
  readonly indent: number;
  readonly text: string;
}

const DEPTH_MAX = 16;
/** What the core schema makes no text of, in any of its spellings. */
const WORD = /^(?:true|false|null|y|yes|n|no|on|off)$/i;
const KEY = /[A-Za-z_][\w-]*(?=:(?: |$))/y;
const WHOLE = /(?:0|[1-9]\d{0,14})(?=$|[ ,\]}])/y;
const DECIMAL = /(?:0|[1-9]\d{0,8})\.\d{1,6}(?=$|[ ,\]}])/y;
const DOUBLE = /"([^"\\]*)"/y;
const SINGLE = /'([^']*)'(?!')/y;
/** A colon only where it ends no key, a space only between words, a hash nowhere. */
const BARE = /[A-Za-z_/](?:[\w./*?@+=%~-]|:(?=[\w/])| (?=[\w./*?@+=%~-]))*/y;

/**
 * Reads the YAML that policies are mostly written in, many times as fast as all of it is read: plain ASCII, blocks of mappings
 * and lists, flow on one line, no escapes. Null for everything else, right or wrong, which the library reads; for what it does
 * read it says exactly what the library says.
 */
export function readPlainYaml(text: string): PlainYaml | null {
  if (/[^\n\x20-\x7e]/.test(text)) return null;
  const read = new Reader(text);
  try {
    const value = read.mapping(0, DEPTH_MAX);
    return read.isAtEnd ? { value, lines: read.lines } : null;
  } catch (error) {
    if (error instanceof NotPlain) return null;
    throw error;
  }
}

class NotPlain extends Error {}

/** A text that is read from its beginning to its end, a line after the other. */
class Reader {
  readonly lines = new Map<readonly unknown[], readonly number[]>();
  readonly #lines: Line[] = [];
  #next = 0;
  /** The line that is being read, and how far. */
  #text = "";
  #at = 0;

  constructor(text: string) {
    for (const [index, line] of text.split("\n").entries()) {
      const bare = line.trimStart();
      if (bare !== "" && !bare.startsWith("#"))
        this.#lines.push({ number: index + 1, indent: line.length - bare.length, text: bare.trimEnd() });
    }
  }

  get isAtEnd(): boolean {
    return this.#next === this.#lines.length;
  }

  /** A mapping whose keys stand at this column. */
  mapping(indent: number, depth: number): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    do {
      const line = this.#take(indent);
      this.#text = line.text;
      this.#at = 0;
      this.#entry(found, indent, depth);
    } while (this.#peek()?.indent === indent && !this.#isItem());
    return found;
  }

  #entry(found: Record<string, unknown>, indent: number, depth: number): void {
    const key = this.#match(KEY);
    if (key === null || WORD.test(key) || Object.hasOwn(found, key) || key === "__proto__") throw new NotPlain();
    this.#at += 1;
    if (this.#at < this.#text.length) {
      found[key] = this.#inline(depth);
      return;
    }
    const below = this.#peek();
    if (below === undefined || depth === 0) throw new NotPlain();
    if (below.indent >= indent && this.#isItem()) found[key] = this.#list(below.indent, depth - 1);
    else if (below.indent > indent) found[key] = this.mapping(below.indent, depth - 1);
    else throw new NotPlain();
  }

  #list(indent: number, depth: number): unknown[] {
    const [items, lines]: [unknown[], number[]] = [[], []];
    while (this.#peek()?.indent === indent && this.#isItem()) {
      const { number, text } = this.#take(indent);
      const spaces = /^- +/.exec(text)?.[0].length ?? 0;
      lines.push(number);
      this.#text = text;
      this.#at = spaces;
      KEY.lastIndex = spaces;
      items.push(KEY.test(text) ? this.#compact(indent + spaces, depth) : this.#inline(depth));
    }
    this.lines.set(items, lines);
    return items;
  }

  /** A mapping that begins behind the dash of an item. */
  #compact(indent: number, depth: number): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    this.#entry(found, indent, depth);
    while (this.#peek()?.indent === indent && !this.#isItem()) {
      this.#text = this.#take(indent).text;
      this.#at = 0;
      this.#entry(found, indent, depth);
    }
    return found;
  }

  /** A value that the rest of the line is. */
  #inline(depth: number): unknown {
    this.#spaces();
    const value = this.#value(depth);
    if (!/^(?: +#.*)?$/.test(this.#text.slice(this.#at))) throw new NotPlain();
    return value;
  }

  #value(depth: number): unknown {
    if (depth === 0) throw new NotPlain();
    const start = this.#text[this.#at];
    if (start === "[") return this.#flowList(depth - 1);
    if (start === "{") return this.#flowMapping(depth - 1);
    const quoted = this.#match(start === '"' ? DOUBLE : SINGLE);
    if (quoted !== null) return quoted.slice(1, -1);
    const number = this.#match(DECIMAL) ?? this.#match(WHOLE);
    if (number !== null) return Number(number);
    const bare = this.#match(BARE);
    if (bare === null || WORD.test(bare)) throw new NotPlain();
    return bare;
  }

  #flowList(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#flow("]", () => items.push(this.#value(depth)));
    this.lines.set(
      items,
      items.map(() => this.#lines[this.#next - 1]?.number ?? 1),
    );
    return items;
  }

  #flowMapping(depth: number): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    this.#flow("}", () => {
      const key = this.#match(KEY);
      if (key === null || WORD.test(key) || Object.hasOwn(found, key) || key === "__proto__") throw new NotPlain();
      this.#at += 1;
      this.#spaces();
      found[key] = this.#value(depth);
    });
    return found;
  }

  #flow(end: string, item: () => void): void {
    this.#at += 1;
    this.#spaces();
    while (this.#text[this.#at] !== end) {
      item();
      this.#spaces();
      const isMore = this.#text[this.#at] === ",";
      if (!isMore && this.#text[this.#at] !== end) throw new NotPlain();
      if (isMore) this.#at += 1;
      this.#spaces();
    }
    this.#at += 1;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #spaces(): void {
    while (this.#text[this.#at] === " ") this.#at += 1;
  }

  #peek(): Line | undefined {
    return this.#lines[this.#next];
  }

  #isItem(): boolean {
    return this.#peek()?.text.startsWith("- ") ?? false;
  }

  #take(indent: number): Line {
    const line = this.#peek();
    if (line === undefined || line.indent !== indent) throw new NotPlain();
    this.#next += 1;
    return line;
  }
}

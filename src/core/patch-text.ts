import { decodePath } from "./changes.ts";

/** One hunk of a diff. All text is a stranger's, one character a byte. */
export interface Hunk {
  readonly oldStart: number;
  readonly oldCount: number;
  readonly newStart: number;
  readonly newCount: number;
  /** What git found to name the place by, after the second `@@`. */
  readonly section: string;
  /** Its lines, each with its sign. */
  readonly body: string;
}

/** What a patch says of one file. */
export interface FilePatch {
  /** Null for a file that is added. */
  readonly oldPath: string | null;
  /** Null for a file that is deleted. */
  readonly newPath: string | null;
  readonly isRename: boolean;
  /** The lines before the first hunk; all of it where there is none. */
  readonly head: string;
  readonly hunks: readonly Hunk[];
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/s;
const FIRST = "diff --git ";

/**
 * Reads the output of `git diff --no-index --no-prefix a b`, given with one character a byte.
 *
 * Lines of a hunk are counted as its header says, so no content can look like a header. Names of a rename lose the `a/` and
 * `b/` that `git apply` would not take off there. Throws for what git does not write.
 */
export function readPatch(text: string): FilePatch[] {
  const lines = new Lines(text);
  const files: FilePatch[] = [];
  while (!lines.isAtEnd) files.push(readFile(lines));
  return files;
}

/** Writes a patch as `readPatch` read it; `noteOf` may add a note to the header of a hunk, where `git apply` passes it over. */
export function writePatch(
  files: readonly FilePatch[],
  noteOf: (file: FilePatch, at: number) => string | null,
): string {
  return files
    .map((file) => {
      const hunks = file.hunks.map((hunk, at) => {
        const note = noteOf(file, at);
        return `${rangeOf(hunk)}${note === null ? "" : ` ${note}`}${hunk.section}\n${hunk.body}`;
      });
      return file.head + hunks.join("");
    })
    .join("");
}

/** Writes the header of a hunk as git does. */
export function headerOf(hunk: Hunk): string {
  return rangeOf(hunk) + hunk.section;
}

function rangeOf({ oldStart, oldCount, newStart, newCount }: Hunk): string {
  const part = (start: number, count: number) => (count === 1 ? String(start) : `${start},${count}`);
  return `@@ -${part(oldStart, oldCount)} +${part(newStart, newCount)} @@`;
}

/** The lines of a text, one after the other. */
class Lines {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  startsWith(start: string): boolean {
    return this.#text.startsWith(start, this.#at);
  }

  /** Takes one line with its end. */
  take(): string {
    const end = this.#text.indexOf("\n", this.#at);
    if (end < 0) throw new Error("bug: a patch that ends in the middle of a line");
    const line = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    return line;
  }

  get at(): number {
    return this.#at;
  }

  since(start: number): string {
    return this.#text.slice(start, this.#at);
  }
}

function readFile(lines: Lines): FilePatch {
  let head = lines.take();
  if (!head.startsWith(FIRST)) throw new Error("bug: a patch that git did not write");
  const names = new Map<string, string>();
  while (!lines.isAtEnd && !lines.startsWith(FIRST) && !lines.startsWith("@@ ")) {
    const line = lines.take();
    const [, key = "", quote = "", name = ""] = /^(---|\+\+\+|rename from|rename to) ("?)(.*?)\t?\n$/s.exec(line) ?? [];
    if (key === "") head += line;
    else {
      names.set(key, quote + name);
      head += key.startsWith("rename") ? `${key} ${quote}${name.slice(2)}\n` : line;
    }
  }
  const hunks: Hunk[] = [];
  while (lines.startsWith("@@ ")) hunks.push(readHunk(lines));
  const isRename = names.has("rename from");
  return {
    oldPath: pathOf(names.get(isRename ? "rename from" : "---")),
    newPath: pathOf(names.get(isRename ? "rename to" : "+++")),
    isRename,
    head,
    hunks,
  };
}

function readHunk(lines: Lines): Hunk {
  const [, oldStart, oldCount = "1", newStart, newCount = "1", section = ""] =
    HUNK.exec(lines.take().slice(0, -1)) ?? [];
  let [old, fresh] = [Number(oldCount), Number(newCount)];
  const start = lines.at;
  while (old > 0 || fresh > 0) {
    const sign = lines.take().charAt(0);
    if (sign !== "\\" && sign !== " " && sign !== "-" && sign !== "+")
      throw new Error("bug: a hunk that git did not write");
    if (sign === " " || sign === "-") old -= 1;
    if (sign === " " || sign === "+") fresh -= 1;
  }
  if (old < 0 || fresh < 0 || oldStart === undefined) throw new Error("bug: a hunk that does not count");
  // What says that the last line has no end belongs to it.
  if (lines.startsWith("\\")) lines.take();
  return {
    oldStart: Number(oldStart),
    oldCount: Number(oldCount),
    newStart: Number(newStart),
    newCount: Number(newCount),
    section,
    body: lines.since(start),
  };
}

/** Reads a name as git wrote it, quoted or not, without its `a/` or `b/`. */
function pathOf(name: string | undefined): string | null {
  if (name === undefined || name === "/dev/null") return null;
  const plain = name.startsWith('"') ? unquote(name.slice(1, -1)) : name;
  return decodePath(Uint8Array.from(plain.slice(2), (char) => char.charCodeAt(0)));
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  t: "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  '"': '"',
  "\\": "\\",
};

function unquote(text: string): string {
  return text.replace(/\\(?:([0-7]{3})|(.))/gs, (_all, octal: string | undefined, letter = "") =>
    octal === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

import type { Terminal } from "./terminal.ts";

/** What was entered as one text, and what of it was typed: the rest was pasted. */
export interface Entered {
  readonly text: string;
  readonly typed: string;
}

/** What is shorter may stand in what somebody types, too. */
const PIECE_CHARS_MIN = 8;
/** Once so many were pasted, those that come back cannot be told apart any more, and nothing counts as typed. */
const LINES_MAX = 20_000;

/**
 * Tells what of a text was pasted, by the marks that a terminal puts around it. A line that ends within what is pasted ends
 * nothing: only a key does.
 */
export class Pasting {
  #isOpen = false;
  #piece = "";
  /** Pasted into the text that is being entered. */
  #pieces: string[] = [];
  readonly #held: string[] = [];
  /** Lines of what was pasted before, which may come back by the history. */
  readonly #earlier = new Set<string>();

  /** Hears of a key before its line changes; `line` is what stands there. */
  key(sequence: string, name: string | undefined, line: string): void {
    if (name === "paste-end") this.#end();
    else if (this.#isOpen) this.#piece += sequence;
    else if (line === "" && this.#held.length === 0) this.#pieces = [];
    if (name === "paste-start") this.#isOpen = true;
  }

  /** Takes a line that has ended; null while what it belongs to goes on. */
  line(line: string): Entered | null {
    if (this.#isOpen) {
      this.#held.push(line);
      return null;
    }
    const text = [...this.#held.splice(0), line].join("\n");
    const pieces = this.#pieces.splice(0).filter((piece) => piece.trim() !== "");
    // One that was changed since is not told apart from what was typed around it.
    if (pieces.some((piece) => !text.includes(piece.trim()))) return { text, typed: "" };
    if (this.#earlier.size === LINES_MAX) return { text, typed: "" };
    return { text, typed: without(text, [...pieces.map((piece) => piece.trim()), ...this.#earlier]) };
  }

  #end(): void {
    const piece = this.#piece.replace(/\r\n?/g, "\n");
    this.#isOpen = false;
    this.#piece = "";
    this.#pieces.push(piece);
    for (const line of piece.split("\n").map((one) => one.trim()))
      if (line.length >= PIECE_CHARS_MIN && this.#earlier.size < LINES_MAX) this.#earlier.add(line);
  }
}

// All are looked for in the whole text: taken out one after the other, a piece that stands in another one would hide that.
function without(text: string, pieces: readonly string[]): string {
  const places = pieces.flatMap((piece) => placesOf(piece, text)).sort((a, b) => a.from - b.from);
  let rest = "";
  let end = 0;
  for (const { from, to } of places) {
    if (from >= end) rest += `${text.slice(end, from)} `;
    end = Math.max(end, to);
  }
  return rest + text.slice(end);
}

function placesOf(piece: string, text: string): { readonly from: number; readonly to: number }[] {
  const places: { readonly from: number; readonly to: number }[] = [];
  for (let from = text.indexOf(piece); from !== -1; from = text.indexOf(piece, from + piece.length))
    places.push({ from, to: from + piece.length });
  return places;
}

/** Has the terminal mark what is pasted, or not any more. */
export function markPastes({ stdin, stdout }: Terminal, isOn: boolean): void {
  if (stdin.isTTY && stdout.isTTY) stdout.write(`\u001b[?2004${isOn ? "h" : "l"}`);
}

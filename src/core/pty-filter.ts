const ESC = 0x1b;
const BEL = 0x07;
/** What one sequence may have before its last sign; a longer one is left out. */
const PARAMETERS_MAX = 256;
/** A control string that nothing ends stops here, so that it hides no more than that. */
const STRING_BYTES_MAX = 1 << 20;
/** A count in a sequence: more would keep a terminal busy. */
const NUMBER_MAX = 9999;
/** What terminals keep of the modes of keys, and more. */
const KEY_STACK_MAX = 99;

/** Modes that a full-screen program needs, and what each is when a terminal starts. */
const MODES: ReadonlyMap<number, boolean> = new Map([
  ...[1, 5, 6, 12, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1016, 1047, 1048, 1049, 2004, 2026, 2027].map(
    (mode) => [mode, false] as const,
  ),
  [7, true],
  [25, true],
]);
/** Leaves the other screen: last, so that what stands before it is undone where it was done. */
const SCREENS: readonly number[] = [47, 1047, 1048, 1049];

type State = "text" | "escape" | "charset" | "csi" | "string" | "string-escape";

/**
 * Lets of what a stranger's program writes to a terminal only pass what draws: text, colours, the cursor, the other
 * screen, the modes of keys and of the mouse.
 *
 * Nothing that sets the clipboard or the title, that prints, that loads or that makes the terminal answer: every control
 * string and every sequence that no table names is left out. Works on pieces cut anywhere, and never emits a part of a sequence.
 */
export class PtyFilter {
  readonly #changed = new Set<number>();
  #state: State = "text";
  /** Bytes since the escape of the sequence that is read. */
  #read: number[] = [];
  #stringBytes = 0;
  #character: number[] = [];
  #characterLength = 0;
  #isStyled = false;
  #hasMargins = false;
  #hasCursorStyle = false;
  #hasKeyReports = false;
  #hasKeyFlags = false;
  #keyStack = 0;
  #isInserting = false;
  #hasKeypad = false;
  #hasCharset = false;
  #hasMoved = false;

  push(bytes: Uint8Array): Uint8Array {
    // A byte that is no text becomes three; what was kept of a sequence comes besides.
    const out = new Sink(bytes.length * 3 + PARAMETERS_MAX + 8);
    for (let at = 0; at < bytes.length; at += 1) {
      const end = this.#state === "text" && this.#characterLength === 0 ? plainEnd(bytes, at) : at;
      out.copy(bytes, at, end);
      at = end;
      const byte = bytes[at];
      if (byte !== undefined) this.#take(byte, out);
    }
    return out.taken();
  }

  /** Ends the program's part: what gives the terminal back as it was before. What was begun and not ended is left out. */
  end(): Uint8Array {
    this.#state = "text";
    this.#character = [];
    this.#characterLength = 0;
    const reset: string[] = [];
    const changed = [...this.#changed].sort((a, b) => Number(SCREENS.includes(a)) - Number(SCREENS.includes(b)));
    if (this.#hasMargins) reset.push("\x1b7\x1b[r\x1b8");
    if (this.#isInserting) reset.push("\x1b[4l");
    if (this.#hasKeypad) reset.push("\x1b>");
    if (this.#hasKeyReports) reset.push("\x1b[>4m");
    if (this.#keyStack > 0) reset.push(`\x1b[<${this.#keyStack}u`);
    if (this.#keyStack > 0 || this.#hasKeyFlags) reset.push("\x1b[=0u");
    for (const mode of changed) reset.push(`\x1b[?${mode}${MODES.get(mode) ? "h" : "l"}`);
    if (this.#hasCursorStyle) reset.push("\x1b[0 q");
    if (this.#hasCharset) reset.push("\x0f\x1b(B\x1b)B");
    if (this.#isStyled || changed.length > 0) reset.push("\x1b[0m");
    // Last, so that what we say stands below all that was drawn, and nothing drawn stands below it.
    if (this.#hasMoved) reset.push(`\x1b[${NUMBER_MAX};1H\n`);
    this.#changed.clear();
    return new TextEncoder().encode(reset.join(""));
  }

  #take(byte: number, out: Sink): void {
    switch (this.#state) {
      case "text":
        this.#text(byte, out);
        break;
      case "escape":
        this.#escape(byte, out);
        break;
      case "charset":
        this.#charset(byte, out);
        break;
      case "csi":
        this.#csi(byte, out);
        break;
      case "string":
      case "string-escape":
        this.#string(byte, out);
        break;
    }
  }

  #text(byte: number, out: Sink): void {
    if (this.#characterLength > 0 && byte >= 0x80 && byte <= 0xbf) {
      this.#continue(byte, out);
      return;
    }
    if (this.#characterLength > 0) this.#replace(out);
    if (byte >= 0x80) this.#begin(byte, out);
    else if (byte === ESC) {
      this.#state = "escape";
      this.#read = [];
    } else if (byte === 0x0e || byte === 0x0f) {
      this.#hasCharset = true;
      out.push(byte);
    } else if ((byte >= BEL && byte <= 0x0d) || (byte >= 0x20 && byte !== 0x7f)) out.push(byte);
  }

  // The rest of a character must come at once, or some terminals take what follows for part of it.
  #begin(byte: number, out: Sink): void {
    this.#characterLength =
      byte >= 0xc2 && byte <= 0xdf ? 2 : (byte & 0xf0) === 0xe0 ? 3 : byte >= 0xf0 && byte <= 0xf4 ? 4 : 0;
    if (this.#characterLength === 0) out.push(...REPLACEMENT);
    else this.#character = [byte];
  }

  #continue(byte: number, out: Sink): void {
    this.#character.push(byte);
    if (this.#character.length < this.#characterLength) return;
    const [first = 0, second = 0] = this.#character;
    // Controls of the second kind: to a terminal each is the beginning of a sequence.
    const isControl = first === 0xc2 && second < 0xa0;
    const isWrong =
      (first === 0xe0 && second < 0xa0) ||
      (first === 0xed && second > 0x9f) ||
      (first === 0xf0 && second < 0x90) ||
      (first === 0xf4 && second > 0x8f);
    if (!isControl) out.push(...(isWrong ? REPLACEMENT : this.#character));
    this.#character = [];
    this.#characterLength = 0;
  }

  #replace(out: Sink): void {
    out.push(...REPLACEMENT);
    this.#character = [];
    this.#characterLength = 0;
  }

  #escape(byte: number, out: Sink): void {
    this.#state = "text";
    const sign = String.fromCharCode(byte);
    if (byte === ESC) this.#state = "escape";
    else if (sign === "[") this.#state = "csi";
    else if ("P]X^_".includes(sign)) {
      this.#state = "string";
      this.#stringBytes = 0;
    } else if ("()".includes(sign)) {
      this.#state = "charset";
      this.#read = [byte];
    } else if (byte >= 0x20 && byte <= 0x2f) {
      // Others of more signs end the same way, and none of them draws.
      this.#state = "charset";
      this.#read = [];
    } else if ("78DEHM=>".includes(sign)) {
      if (sign === "=") this.#hasKeypad = true;
      else if (sign !== ">" && sign !== "7") this.#hasMoved = true;
      out.push(ESC, byte);
    } else if (byte < 0x20) this.#text(byte, out);
  }

  // Line drawing, and back to letters.
  #charset(byte: number, out: Sink): void {
    this.#state = "text";
    if (this.#read.length === 0 || (byte !== 0x30 && byte !== 0x42)) return;
    this.#hasCharset = true;
    out.push(ESC, ...this.#read, byte);
  }

  #csi(byte: number, out: Sink): void {
    if (byte === ESC) {
      this.#state = "escape";
      this.#read = [];
    } else if (byte === 0x18 || byte === 0x1a) this.#state = "text";
    // A terminal obeys these in the middle of a sequence; a line or a tab more harms nobody, but is not what was meant.
    else if (byte < 0x20 || byte === 0x7f) return;
    else if (byte >= 0x40) {
      this.#state = "text";
      const body = String.fromCharCode(...this.#read);
      if (byte <= 0x7e && this.#read.length <= PARAMETERS_MAX && this.#passes(body, String.fromCharCode(byte)))
        out.push(ESC, 0x5b, ...this.#read, byte);
      this.#read = [];
    } else if (this.#read.length <= PARAMETERS_MAX) this.#read.push(byte);
  }

  #string(byte: number, out: Sink): void {
    this.#stringBytes += 1;
    if (this.#state === "string-escape") {
      this.#state = "text";
      // The escape that ends it begins another sequence, unless it is the terminator.
      if (byte !== 0x5c) {
        this.#read = [];
        this.#escape(byte, out);
      }
    } else if (byte === ESC) this.#state = "string-escape";
    else if (byte === BEL || byte === 0x18 || byte === 0x1a || this.#stringBytes > STRING_BYTES_MAX)
      this.#state = "text";
  }

  /** Whether a sequence draws; keeps what of it must be undone in the end. */
  #passes(body: string, final: string): boolean {
    const [whole, prefix, parameters = "", between = ""] = /^([<=>?]?)([0-9;:]*)([ -/]*)$/.exec(body) ?? [];
    if (whole === undefined) return false;
    const numbers = parameters.split(/[;:]/).map(Number);
    if (numbers.some((number) => number > NUMBER_MAX)) return false;
    if (between !== "") return prefix === "" && this.#passesStyled(between, final, numbers);
    switch (prefix) {
      case "":
        return this.#passesPlain(final, parameters, numbers);
      case "?":
        return (final === "h" || final === "l") && this.#passesModes(final === "h", numbers);
      case ">":
        if (final === "m" && numbers[0] === 4) this.#hasKeyReports = true;
        else if (final === "u") this.#keyStack = Math.min(this.#keyStack + 1, KEY_STACK_MAX);
        else return false;
        return true;
      default:
        if (prefix === "=") this.#hasKeyFlags = true;
        return final === "u";
    }
  }

  #passesStyled(between: string, final: string, numbers: readonly number[]): boolean {
    const isCursor = between === " " && final === "q" && numbers.length === 1;
    if (isCursor) this.#hasCursorStyle = true;
    return isCursor || (between === "!" && final === "p");
  }

  #passesPlain(final: string, parameters: string, numbers: readonly number[]): boolean {
    if (final === "m") this.#isStyled = true;
    else if (parameters.includes(":")) return false;
    else if (final === "r") this.#hasMargins = true;
    // With more numbers it would be the tracking of a mouse, in which a terminal waits for an answer.
    else if (final === "T") return numbers.length === 1;
    else if (final === "h" || final === "l") {
      if (parameters !== "4") return false;
      this.#isInserting = final === "h";
    } else {
      if (!"@ABCDEFGHIJKLMPSXZ`abdefgsu".includes(final) || (final === "s" && parameters !== "")) return false;
      this.#hasMoved ||= final !== "K";
    }
    return true;
  }

  // Together or not at all: a program sets several that belong together.
  #passesModes(isSet: boolean, numbers: readonly number[]): boolean {
    if (!numbers.every((mode) => MODES.has(mode))) return false;
    for (const mode of numbers) {
      if (isSet === MODES.get(mode)) this.#changed.delete(mode);
      else this.#changed.add(mode);
    }
    return true;
  }
}

const REPLACEMENT: readonly number[] = [0xef, 0xbf, 0xbd];

/** Bytes that are let through. */
class Sink {
  readonly #bytes: Uint8Array;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytes = new Uint8Array(bytesMax);
  }

  push(...bytes: readonly number[]): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  copy(bytes: Uint8Array, from: number, to: number): void {
    if (to > from) this.#bytes.set(bytes.subarray(from, to), this.#length);
    this.#length += to - from;
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Where what every terminal draws as it is ends: letters, blanks and ends of lines. */
function plainEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let byte = bytes[at] ?? 0; (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d; ) {
    at += 1;
    byte = bytes[at] ?? 0;
  }
  return at;
}

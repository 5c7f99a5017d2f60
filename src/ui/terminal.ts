import { visible } from "../core/text.ts";

/** Where a front end reads and writes. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Writes text of a stranger: whatever a terminal would obey, hide or reorder is spelled out. */
export function writeSafe(to: NodeJS.WritableStream, text: string): void {
  to.write(visible(text));
}

/** Makes one line of text that may hold a stranger's: no name can look like a line of ours. */
export function row(text: string): string {
  return `${text.replace(/[\n\t]/g, (char) => (char === "\n" ? "\\x0a" : "\\x09"))}\n`;
}

/** Styles text of our own for a terminal; plain where it is none or NO_COLOR is set. */
export function dim(to: NodeJS.WriteStream, text: string): string {
  return to.isTTY && !process.env.NO_COLOR ? `\x1b[2m${text}\x1b[0m` : text;
}

/** Draws text of our own so that no text of a stranger's can look like it on a terminal with styles. */
export function bold(to: NodeJS.WriteStream, text: string): string {
  return to.isTTY ? `\x1b[1;7m${text}\x1b[0m` : text;
}

/** Cuts a text to one line of at most `charsMax` characters. */
export function oneLine(text: string, charsMax: number): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > charsMax ? `${line.slice(0, charsMax - 1)}…` : line;
}

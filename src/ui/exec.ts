import { Budget } from "../agent/budget.ts";
import { type Execed, execInBox } from "../agent/exec.ts";
import { KILL } from "../agent/kill.ts";
import { ceilingsOf, prepareWorkplace, type Start } from "../agent/workplace.ts";
import type { Streams } from "../box/stream.ts";
import type { Amounts } from "../core/budget.ts";
import { EXIT_CODES } from "../core/event.ts";
import { describePreview, readPort } from "./preview.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

export interface ExecOptions {
  readonly words: readonly string[];
  readonly previews: readonly string[];
  readonly ceilings: Partial<Amounts>;
  /** Is told the end, and has standard output for itself: the command's goes to standard error. Null: as it is. */
  readonly onDone: ((done: Execed) => void) | null;
}

/** How a shell ends that found no program of a name; and what no such name has. */
const NOT_FOUND = 127;
const SHELL = /[\s|&;<>$`()]/;

/** `ringfence exec -- CMD`: streams pass through as they are, since the person typed the command; so does the exit status. */
export async function execCommand(
  { words, previews, ceilings, onDone }: ExecOptions,
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const { stdin, stdout, stderr } = terminal;
  const ports = previews.map((port) => readPort(port, "--preview"));
  const workplace = await prepareWorkplace(start);
  const isInteractive = Boolean(stdin.isTTY && stdout.isTTY);
  const stops = listenForStops();
  if (isInteractive) stdin.setRawMode(true);
  try {
    const streams: Streams = {
      stdin,
      terminal: isInteractive ? stdout : null,
      signal: stops.controller.signal,
      onOutput: (stream, bytes) =>
        (stream === "stdout" && onDone === null ? stdout : stderr).write(isInteractive ? toRaw(bytes) : bytes),
    };
    const looked = {
      ports,
      onShown: (port: number, address: string) => stderr.write(row(`ringfence: ${describePreview(port, address)}`)),
    };
    const limits = { turnsMax: null, ceilings: ceilingsOf(workplace.config, ceilings) };
    const budget = new Budget(limits, Date.now, (text) => stderr.write(row(`ringfence: ${text}`)));
    const done = await execInBox(workplace, words.map(quoteWord).join(" "), streams, { looked, budget });
    if (isInteractive) stdin.setRawMode(false);
    for (const note of done.notes) writeSafe(stderr, row(`ringfence: ${note}`));
    if (done.end !== null) stderr.write(`ringfence: ${done.end.message}\n`);
    else if (done.message !== "") stderr.write(`ringfence: ${done.message}\n`);
    const [only = ""] = words;
    if (done.status === NOT_FOUND && words.length === 1 && SHELL.test(only))
      writeSafe(
        stderr,
        row(
          `ringfence: that is the name of one program; for a line of a shell: ringfence exec -- bash -c ${quoteWord(only)}`,
        ),
      );
    // A script's output stays as the command made it.
    if (isInteractive && done.hasChanges)
      writeSafe(stderr, row(`ringfence: changes wait in session ${done.session}: ringfence diff | land | discard`));
    onDone?.(done);
    return stops.status() || (done.end === null ? done.status : EXIT_CODES[done.end.reason]);
  } finally {
    if (isInteractive) stdin.setRawMode(false);
    stdin.destroy();
  }
}

/** Ends a command by the signals that end this program, whose number then is the exit status; SIGTERM kills all of its box. */
export function listenForStops(): { readonly controller: AbortController; readonly status: () => number } {
  const controller = new AbortController();
  const numbers = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  let status = 0;
  for (const [name, code] of Object.entries(numbers)) {
    process.on(name, () => {
      status = code;
      controller.abort(name === "SIGTERM" ? KILL : undefined);
    });
  }
  return { controller, status: () => status };
}

/**
 * Writes what a command's terminal shows for one in raw mode.
 *
 * There a terminal still adds a return to each line feed. The command's own terminal did so before, where that was
 * wanted; where it was not, a vertical tab moves down and stays in its column.
 */
export function toRaw(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes).toString("latin1");
  return Buffer.from(
    text.replace(/\r?\n/g, (end) => (end === "\n" ? "\v" : "\n")),
    "latin1",
  );
}

/** Writes one word of a command for the shell. */
export function quoteWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

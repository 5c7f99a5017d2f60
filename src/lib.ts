import { readPackage } from "./agent/config.ts";
import { execInBox } from "./agent/exec.ts";
import { prepareWorkplace } from "./agent/workplace.ts";

export interface ExecOptions {
  /** Where the command starts, a folder of the checkout; the current one unless given. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
  /** Sent to the command's standard input; empty unless given. */
  readonly stdin?: NodeJS.ReadableStream;
}

export interface ExecResult {
  /** Exit status of the command; 137 when it was killed. */
  readonly status: number;
  /** At most the first 16 MiB of each. */
  readonly stdout: string;
  readonly stderr: string;
  /** The session whose layer holds the changes: `ringfence diff|land|discard --session ID`. */
  readonly session: string;
  readonly hasChanges: boolean;
}

const OUTPUT_BYTES_MAX = 16 << 20;

/**
 * Runs a bash command in the box: the checkout copy-on-write, of the network what the person's rules list, nothing of the home.
 *
 * Throws BoxUnavailable, which names the fix, where the box cannot be set up; never runs anything outside it.
 */
export async function exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
  const workplace = await prepareWorkplace({
    environment: process.env,
    folder: options.folder ?? process.cwd(),
    ...readPackage(import.meta.url),
  });
  const pieces = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const bytes = { stdout: 0, stderr: 0 };
  const done = await execInBox(workplace, command, {
    stdin: options.stdin ?? null,
    terminal: null,
    signal: options.signal ?? new AbortController().signal,
    onOutput: (stream, piece) => {
      const kept = piece.subarray(0, Math.max(0, OUTPUT_BYTES_MAX - bytes[stream]));
      bytes[stream] += kept.length;
      pieces[stream].push(kept);
    },
  });
  const text = (stream: "stdout" | "stderr") => Buffer.concat(pieces[stream]).toString("utf8");
  return {
    status: done.status,
    stdout: text("stdout"),
    stderr: text("stderr"),
    session: done.session,
    hasChanges: done.hasChanges,
  };
}

export { BoxUnavailable } from "./box/programs.ts";

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

export interface PromptReport {
  /** 0 to 1: 1 in 100 ordinary texts is over 0.5, and about 1 in 10,000 over 0.9. */
  readonly score: number;
  /** `mentions`: words of an injection that are quoted or spoken about. */
  readonly verdict: "clean" | "mentions" | "carries";
  /** What caused it, in UTF-16 units of the text. */
  readonly spans: readonly { readonly start: number; readonly end: number; readonly score: number }[];
  /** What cannot be seen or misleads, and what it says. */
  readonly hidden: readonly {
    readonly kind: string;
    readonly start: number;
    readonly end: number;
    readonly shown: string;
  }[];
  /** Secrets whose format is known. */
  readonly secrets: readonly { readonly rule: string; readonly start: number; readonly end: number }[];
  /** The text without secrets, and with what was hidden spelled out. */
  readonly text: string;
}

/**
 * Looks in a text for injections, hidden signs and secrets. It explains and warns; it is no boundary.
 *
 * `channel` says what kind of text it is ("file", "webpage", "prompt", …) where that is known.
 */
export async function validatePrompt(text: string, options: { readonly channel?: string } = {}): Promise<PromptReport> {
  const [{ readDetectModel }, { inspect }, { redactorOf }, { sanitize }] = await Promise.all([
    import("./agent/config-inspect.ts"),
    import("./core/inspect.ts"),
    import("./core/redact.ts"),
    import("./core/sanitize.ts"),
  ]);
  const { score, verdict, spans, hidden, secrets } = inspect(readDetectModel(), text, options.channel ?? null);
  return { score, verdict, spans, hidden, secrets, text: sanitize(redactorOf([]).redact(text)).text };
}

import type { RunProfile } from "../core/shell.ts";
import { plain, withStrings } from "../core/text-plain.ts";
import type { Box, Started } from "./box.ts";
import type { CommandNetwork, Run, Stream } from "./oneshot.ts";
import { Output } from "./output.ts";

/** How an effect is carried out: who may stop it and who watches its output. */
export interface Performance {
  readonly signal: AbortSignal;
  /** Called with raw bytes of the box as they come; whoever shows them makes them safe first. */
  readonly onOutput?: (stream: Stream, bytes: Uint8Array) => void;
  /** For a command that may use the network. */
  readonly network?: CommandNetwork | undefined;
}

/** What the host makes of texts of the box. */
export interface TextRules {
  /** Takes secrets out before anything is cut, since half a secret is none that anybody knows. */
  readonly redact: (text: string) => string;
  /** Puts back into texts what placeholders stand for in a file's own content; a string says why that cannot be. */
  readonly resolve: (texts: readonly string[], content: Uint8Array) => readonly string[] | string;
}

/** Where there is no model texts are shown as they are. */
export const AS_IT_IS: TextRules = { redact: (text) => text, resolve: (texts) => texts };

/** How a program of the box ended. */
export interface Finished {
  readonly status: number | null;
  readonly output: Output;
  readonly errors: string;
  readonly stopped: "timeout" | "cancelled" | "full" | null;
  /** Who cancelled it, in words, where `stopped` says that somebody did. */
  readonly cancelled: string;
  readonly limit: string | null;
  readonly started: Started;
}

interface Job {
  readonly program: string;
  readonly stdin: Run["stdin"];
  readonly timeoutMs: number;
  readonly profile?: RunProfile;
  /** Kills the program once it has printed this much. */
  readonly bytesMax?: number;
}

/** Runs a program of the box to its end, whoever or whatever ends it. */
export async function finish(box: Box, job: Job, performance: Performance): Promise<Finished> {
  const output = new Output();
  const errors = new Output();
  let stopped: Finished["stopped"] = null;
  const started = await box.start({
    command: job.program,
    ...(job.profile && { profile: job.profile }),
    network: performance.network,
    stdin: job.stdin,
    onOutput: (stream, bytes) => {
      (stream === "stdout" ? output : errors).add(bytes);
      performance.onOutput?.(stream, bytes);
      if (job.bytesMax !== undefined && output.bytesTotal > job.bytesMax) stop("full");
    },
  });
  const stop = (reason: "timeout" | "cancelled" | "full") => {
    stopped ??= reason;
    started.oneShot.kill();
  };
  const timer = setTimeout(() => stop("timeout"), job.timeoutMs);
  const cancel = () => stop("cancelled");
  if (performance.signal.aborted) cancel();
  performance.signal.addEventListener("abort", cancel, { once: true });
  const status = await started.status.finally(() => {
    clearTimeout(timer);
    performance.signal.removeEventListener("abort", cancel);
  });
  return {
    status,
    output,
    errors: errors.bytes().toString("utf8").slice(0, 2000).trim(),
    stopped,
    cancelled: whoCancelled(performance.signal),
    limit: started.limitReason(),
    started,
  };
}

// The minutes of a run end by a timer's signal, its other ceilings by one of that name, and nothing else of a run does.
function whoCancelled({ reason }: AbortSignal): string {
  const name = reason instanceof DOMException ? reason.name : "";
  if (name === "QuotaExceededError") return "stopped: a budget of the session is used up";
  return name === "TimeoutError" ? "stopped: the time limit of the run is reached" : "stopped by the person";
}

/** What a command printed as a terminal would draw it, and what it would swallow as well. */
export function plainText(box: Box, bytes: Buffer): string {
  return box.texts.redact(plain(withStrings(new TextDecoder().decode(bytes))));
}

/** Characters of an output that are shown; the rest is cut from its middle. */
export const TEXT_CHARS_MAX = 30_000;

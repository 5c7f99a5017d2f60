import type { Effect } from "../core/effect.ts";
import type { Box } from "./box.ts";
import { sizeProgram, startIn, terminalProgram } from "./commands.ts";
import { finish } from "./finish.ts";
import type { CommandNetwork, Stream } from "./oneshot.ts";
import { refuseCommand } from "./perform-run.ts";

/** The person's terminal, as the command's own is to look. */
export interface Screen {
  readonly rows: number;
  readonly columns: number;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

/** Where the streams of an `exec` go. A terminal gives the command a pty of its size, also when that changes. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream | null;
  readonly terminal: Screen | null;
  /** Where in the checkout the command starts; the person's folder unless given. */
  readonly below?: string;
  readonly signal: AbortSignal;
  /** For a command that may use the network. */
  readonly network?: CommandNetwork | undefined;
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
}

export interface Streamed {
  /** Exit status; 137 when it was killed. */
  readonly status: number;
  readonly stopped: "cancelled" | "timeout" | "limit" | null;
  readonly message: string;
}

/** Runs a command with its streams passed through; returns its own exit status. */
export async function stream(box: Box, effect: Effect, streams: Streams): Promise<Streamed> {
  if (effect.kind !== "run") throw new Error(`bug: ${effect.kind} cannot be streamed`);
  const { command } = effect;
  const program = startIn(
    streams.below ?? box.below,
    streams.terminal === null ? command : terminalProgram(command, streams.terminal),
  );
  const refusal = refuseCommand(command, program);
  if (refusal !== null) return { status: 2, stopped: "limit", message: refusal };
  const job = { program, stdin: streams.stdin, timeoutMs: effect.timeoutMs };
  const stopFollowing = streams.terminal === null ? () => {} : followSize(box, streams.terminal);
  const done = await finish(box, job, streams).finally(stopFollowing);
  const status = done.status ?? 137;
  if (done.limit !== null) return { status, stopped: "limit", message: `stopped by a limit of the box: ${done.limit}` };
  if (done.stopped === "timeout") return { status, stopped: "timeout", message: `killed after ${effect.timeoutMs} ms` };
  return { status, stopped: done.stopped === "cancelled" ? "cancelled" : null, message: "" };
}

// The size is set from a sandbox beside the command's, since all terminals of a session are seen in each; the kernel then
// signals the command. A failure leaves the size as it was.
function followSize(box: Box, screen: Screen): () => void {
  let last: Promise<unknown> = Promise.resolve();
  let isWaiting = false;
  const setSize = async () => {
    isWaiting = false;
    const run = { command: sizeProgram(screen), stdin: null, onOutput: () => {} };
    await (await box.start(run)).status;
  };
  const follow = () => {
    // A window that is dragged changes many times: while one change is made, all later ones are one.
    if (isWaiting) return;
    isWaiting = true;
    last = last.then(setSize).catch(() => {});
  };
  screen.on("resize", follow);
  return () => screen.off("resize", follow);
}

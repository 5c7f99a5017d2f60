import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from "node:fs";
// A socket object is only the event loop's way to read and write the descriptor of a FIFO; nothing is dialled.
import { Socket } from "node:net";
import type { RunProfile } from "../core/shell.ts";
import type { Holder } from "./holder.ts";

export type Stream = "stdout" | "stderr";

/** A command longer than this does not fit the pipe that it travels through. */
export const COMMAND_BYTES_MAX = 60_000;

/** By what a command is known to the proxy; ended once nothing of it lives. */
export interface CommandNetwork {
  /** Letters and digits. */
  readonly token: string;
  readonly end: () => void;
}

export interface Run {
  readonly command: string;
  /** What bounds it; all that the box has unless given, for programs of ours. */
  readonly profile?: RunProfile;
  /** Left out for what needs no network: it is told of no proxy. */
  readonly network?: CommandNetwork | undefined;
  /** Whole input, or a stream that ends it; null is an empty input. */
  readonly stdin: Uint8Array | NodeJS.ReadableStream | null;
  readonly onOutput: (stream: Stream, bytes: Uint8Array) => void;
}

/** How long a sandbox whose shell has ended gets to be gone; longer means that something goes on. */
export const SETTLE_MS = 400;
const TOKEN_BYTES_MAX = 64;
const READ_BYTES = 65_536;
/** Longest that is waited for the pipes of a killed sandbox to close. */
const KILL_MS_MAX = 2000;
/** Longest line that bubblewrap reports, many times over. */
const STATUS_CHARS_MAX = 4096;

/**
 * One sandbox, forked ahead of need; it runs one command and is never used again.
 *
 * Life: the holder forks it (`isUp` when bubblewrap reports its pid), `run` hands it a command and resolves when the
 * command's shell has ended, `gone` resolves when no process of it lives any more.
 */
export class OneShot {
  readonly id: number;
  readonly #holder: Holder;
  #input: number;
  readonly #outputs: Readonly<Record<Stream, { readonly fd: number; readonly socket: Socket }>>;
  readonly #status: Socket;
  #statusText = "";
  #pid: number | null = null;
  #isKilled = false;
  #killTimer: NodeJS.Timeout | null = null;
  #onOutput: Run["onOutput"] | null = null;
  #firstErrors = "";
  readonly #up = Promise.withResolvers<boolean>();
  readonly #exited = Promise.withResolvers<number | null>();
  readonly #gone = Promise.withResolvers<void>();
  #isGone = false;
  #hasExited = false;

  constructor(
    holder: Holder,
    { id, group, profile }: { readonly id: number; readonly group: number; readonly profile: RunProfile },
  ) {
    this.id = id;
    this.#holder = holder;
    // Opening for both ends never blocks and keeps what is written until the sandbox opens its own end.
    this.#input = openSync(`${holder.fifos}/${id}.i`, constants.O_RDWR | constants.O_NONBLOCK);
    const [stdout, stderr, status] = ["o", "e", "s"].map((end) =>
      openSync(`${holder.fifos}/${id}.${end}`, constants.O_RDONLY | constants.O_NONBLOCK),
    ) as [number, number, number];
    this.#outputs = { stdout: this.#listen("stdout", stdout), stderr: this.#listen("stderr", stderr) };
    this.#status = new Socket({ fd: status, readable: true, writable: false });
    holder.spawn(id, group, profile);
    this.#status.setEncoding("utf8").on("data", (text: string) => this.#readStatus(text));
    this.#status.on("close", () => this.#end());
    this.#status.on("error", () => {});
  }

  /** Resolves with true when the sandbox stands and waits for its command, with false when it could not be set up. */
  get isUp(): Promise<boolean> {
    return this.#up.promise;
  }

  /** Resolves when no process of the sandbox lives any more. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether its shell has ended; what that left behind may live on. */
  get hasExited(): boolean {
    return this.#hasExited;
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** What the sandbox said first on its error output: when it never ran its command, why it could not be set up. */
  get setupErrors(): string {
    return this.#firstErrors;
  }

  /** Hands over the command. Resolves with the exit status of its shell, or null when it was killed or never ran. */
  async run(run: Run): Promise<number | null> {
    const command = Buffer.from(`${run.network?.token ?? "-"} ${run.command}\0`);
    // A longer one would be cut, and its input would be read as the rest of it.
    if (command.length > COMMAND_BYTES_MAX + TOKEN_BYTES_MAX)
      throw new Error(`bug: a command of ${command.length} bytes`);
    if (this.#isGone) return null;
    this.#onOutput = run.onOutput;
    const input = openSync(`${this.#holder.fifos}/${this.id}.i`, constants.O_WRONLY | constants.O_NONBLOCK);
    closeSync(this.#input);
    this.#input = -1;
    this.#unlink();
    let written = 0;
    try {
      written = writeSync(input, command);
    } catch (error) {
      // EPIPE: the sandbox died before its command.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") {
        closeSync(input);
        return null;
      }
    }
    // A user's pipes get small when there are many: what did not fit goes ahead of the input.
    if (written < command.length) this.#feed(input, run.stdin ?? Buffer.alloc(0), command.subarray(written));
    else if (run.stdin === null) closeSync(input);
    else this.#feed(input, run.stdin);
    return this.#exited.promise;
  }

  /** Kills every process of the sandbox. It counts as gone after a while, whoever holds its pipes. */
  kill(): void {
    this.#isKilled = true;
    if (this.#pid !== null && !this.#isGone) this.#killNow(this.#pid);
  }

  /** Closes what this side holds, when the holder is gone or the sandbox was never used. */
  close(): void {
    this.kill();
    if (this.#input >= 0) closeSync(this.#input);
    this.#input = -1;
    this.#unlink();
    this.#closeOutputs();
    this.#status.destroy();
  }

  #feed(fd: number, stdin: Uint8Array | NodeJS.ReadableStream, first?: Uint8Array): void {
    const socket = new Socket({ fd, readable: false, writable: true });
    // A command that does not read its input is no error.
    socket.on("error", () => socket.destroy());
    if (first) socket.write(first);
    if (stdin instanceof Uint8Array) socket.end(stdin);
    else stdin.pipe(socket);
  }

  #listen(stream: Stream, fd: number): { fd: number; socket: Socket } {
    const socket = new Socket({ fd, readable: true, writable: false });
    socket.on("data", (bytes: Buffer) => this.#emit(stream, bytes));
    socket.on("error", () => {});
    return { fd, socket };
  }

  #emit(stream: Stream, bytes: Uint8Array): void {
    if (stream === "stderr" && this.#firstErrors.length < 500)
      this.#firstErrors += Buffer.from(bytes).toString("utf8").slice(0, 500);
    this.#onOutput?.(stream, bytes);
  }

  #readStatus(text: string): void {
    this.#statusText += text;
    for (let end = this.#statusText.indexOf("\n"); end >= 0; end = this.#statusText.indexOf("\n")) {
      const line = this.#statusText.slice(0, end);
      this.#statusText = this.#statusText.slice(end + 1);
      const pid = line.match(/"child-pid": (\d+)/)?.[1];
      const status = line.match(/"exit-code": (\d+)/)?.[1];
      // Process 1 of the sandbox holds this pipe open, so a command can write here too: only the first pid, which came
      // before any command, says what to kill. A forged exit status is no more than an exit with processes left behind.
      if (pid && this.#pid === null) this.#reportUp(Number(pid));
      if (status) this.#reportExit(Number(status));
    }
    if (this.#statusText.length <= STATUS_CHARS_MAX) return;
    this.#statusText = "";
    this.kill();
  }

  #reportUp(pid: number): void {
    this.#pid = pid;
    if (this.#isKilled) this.#killNow(pid);
    this.#up.resolve(true);
  }

  // A command can hand the status pipe to another sandbox, so the end of that pipe is not waited for without a bound.
  #killNow(pid: number): void {
    this.#holder.killSandbox(pid);
    this.#killTimer ??= setTimeout(() => this.#end(), KILL_MS_MAX).unref();
  }

  #reportExit(status: number): void {
    this.#hasExited = true;
    // What the shell wrote is in the pipes by now; what a process it left behind writes later comes as events.
    for (const stream of ["stdout", "stderr"] as const) this.#drain(stream);
    this.#exited.resolve(this.#isKilled ? null : status);
  }

  #drain(stream: Stream): void {
    const { fd, socket } = this.#outputs[stream];
    if (socket.destroyed || socket.readableEnded) return;
    for (;;) {
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      let bytes = 0;
      try {
        bytes = readSync(fd, buffer);
      } catch {
        // EAGAIN: nothing more for now.
      }
      if (bytes === 0) return;
      this.#emit(stream, buffer.subarray(0, bytes));
    }
  }

  #end(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    if (this.#killTimer) clearTimeout(this.#killTimer);
    this.#status.destroy();
    this.#up.resolve(false);
    this.#exited.resolve(null);
    if (this.#input >= 0) closeSync(this.#input);
    this.#input = -1;
    this.#drain("stdout");
    this.#drain("stderr");
    this.#closeOutputs();
    this.#unlink();
    this.#gone.resolve();
  }

  #closeOutputs(): void {
    for (const { socket } of Object.values(this.#outputs)) socket.destroy();
  }

  #unlink(): void {
    for (const end of ["i", "o", "e", "s"]) {
      try {
        unlinkSync(`${this.#holder.fifos}/${this.id}.${end}`);
      } catch {
        // Unlinked before.
      }
    }
  }
}

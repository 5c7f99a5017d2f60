import type { Readable, Writable } from "node:stream";
import { latin1, PacketRun } from "../core/git-packet.ts";
import type { SshEnd } from "../core/ssh-place.ts";

/** A program of git's on the far side, run by the person's ssh. */
export interface SshProgram {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly ended: Promise<SshEnd>;
  readonly kill: () => void;
}

export interface TalkLimits {
  /** Until it has said the first word, and between two pieces of what it lists. */
  readonly firstMs: number;
  /** Between two pieces of an answer, while nothing is sent either. */
  readonly quietMs: number;
  /** What it may list. */
  readonly refsBytes: number;
}

/** Takes a piece; settles when there is room for the next. */
export type Hear = (piece: Buffer) => Promise<void>;

/** The far side broke off, or broke the protocol; without a message, how it ended says why. */
export class Broken extends Error {}

export const TALK_LIMITS: TalkLimits = { firstMs: 30_000, quietMs: 120_000, refsBytes: 64 << 20 };
const SLICE_BYTES = 64 << 10;
const FINISH_MS = 2000;
const VERSION_2 = "version 2";
const FLUSH = "0000";

/** A conversation with one program of the far side, of which every piece is bounded and followed packet by packet. */
export class SshTalk {
  readonly ended: Promise<SshEnd>;
  readonly stdin: Writable;
  /** It has spoken in version 2 and waits for a call. */
  isReady = false;
  readonly #program: SshProgram;
  readonly #limits: TalkLimits;
  readonly #pieces: AsyncIterator<Buffer>;
  #failure = "";
  #touchedAt = 0;

  constructor(program: SshProgram, limits: TalkLimits) {
    this.#program = program;
    this.#limits = limits;
    this.ended = program.ended;
    this.stdin = program.stdin;
    // What is refused on its way ends whole; a far side that only hears no more may still have something to say.
    this.stdin.once("close", () => {
      if (this.stdin.errored !== null && !("code" in this.stdin.errored)) this.kill();
    });
    this.#pieces = program.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Hears what it can do, or which refs it has: that comes first of all. */
  async hearRefs(version: 0 | 2, hear: Hear): Promise<void> {
    const run = new PacketRun();
    let early: Buffer | null = Buffer.alloc(0);
    for (let bytes = 0; ; ) {
      const piece = await this.#next(this.#limits.firstMs);
      if (piece === null) throw this.#broken();
      const end = run.push(piece);
      bytes += piece.length;
      if (bytes > this.#limits.refsBytes) throw this.#broken("it lists more than is read");
      if (end === "broken" || (end !== "more" && end !== piece.length)) throw this.#broken(NO_GIT);
      if (early === null) await hear(piece);
      else {
        early = Buffer.concat([early, piece]);
        if (end === "more" && early.length < FLUSH.length + VERSION_2.length) continue;
        this.isReady = latin1(early.subarray(FLUSH.length)).startsWith(VERSION_2);
        if (this.isReady && version !== 2) throw this.#broken(NO_GIT);
        await hear(early);
        early = null;
      }
      if (end !== "more") return;
    }
  }

  /** Hears the answer to one call of version 2. */
  async hearOne(hear: Hear): Promise<void> {
    const run = new PacketRun();
    this.isReady = false;
    for (let bytes = 0; ; ) {
      const piece = await this.#next(this.#limits.quietMs);
      // Its last word may be an error.
      if (piece === null && bytes > 0 && run.isWhole) return;
      if (piece === null) throw this.#broken();
      const end = run.push(piece);
      bytes += piece.length;
      if (end === "broken" || (end !== "more" && end !== piece.length)) throw this.#broken(NO_GIT);
      await hear(piece);
      this.isReady = end !== "more";
      if (this.isReady) return;
    }
  }

  /** Hears all that it says before it ends. */
  async hearAll(mayBreakOff: boolean, hear: Hear): Promise<void> {
    let bytes = 0;
    for (;;) {
      const piece = await this.#next(this.#limits.quietMs);
      if (piece === null) break;
      bytes += piece.length;
      await hear(piece);
    }
    const { status } = await this.#within(FINISH_MS);
    if (status === null || status === 255 || (bytes === 0 && status !== 0 && !mayBreakOff)) throw this.#broken();
  }

  /** Sends bytes, and says that no more come where `isLast`. It settles when all of them are on their way, or never will be. */
  async say(body: Buffer, isLast: boolean): Promise<void> {
    const { stdin } = this;
    for (let at = 0; at < body.length && !stdin.destroyed; at += SLICE_BYTES) {
      if (!stdin.write(body.subarray(at, at + SLICE_BYTES))) await drained(stdin);
      this.#touchedAt = performance.now();
    }
    if (isLast) stdin.end();
  }

  /** Takes leave as git does. */
  finish(): void {
    this.isReady = false;
    if (this.stdin.writable) this.stdin.end(FLUSH);
    void this.#within(FINISH_MS);
    void this.#drop();
  }

  kill(): void {
    this.isReady = false;
    this.#program.kill();
  }

  async #next(quietMs: number): Promise<Buffer | null> {
    this.#touchedAt = performance.now();
    const look = () => {
      const leftMs = this.#touchedAt + quietMs - performance.now();
      if (leftMs > 0) timer = setTimeout(look, leftMs);
      else {
        this.#failure = `it said nothing for ${quietMs / 1000} s`;
        this.kill();
      }
    };
    let timer = setTimeout(look, quietMs);
    // A program that could not be started has no pieces.
    const next = await this.#pieces.next().catch(() => null);
    clearTimeout(timer);
    return next === null || next.done ? null : next.value;
  }

  async #drop(): Promise<void> {
    while ((await this.#next(FINISH_MS)) !== null);
  }

  async #within(ms: number): Promise<SshEnd> {
    const timer = setTimeout(() => this.kill(), ms);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  #broken(why = this.#failure): Broken {
    return new Broken(why);
  }
}

const NO_GIT = "what it says is not git's: does a start-up file of the account there print something?";

/** Settles when a stream has room again, or is gone. */
export function drained(stream: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const go = () => {
    stream.off("drain", go).off("close", go);
    resolve();
  };
  stream.on("drain", go).on("close", go);
  if (stream.destroyed) go();
  return promise;
}

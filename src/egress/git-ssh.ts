import type { ServerResponse } from "node:http";
import type { Transform, Writable } from "node:stream";
import type { GitAsked } from "../core/git-remote.ts";
import { explainSsh, type SshPlace } from "../core/ssh-place.ts";
import { visible } from "../core/text.ts";
import { Broken, drained, type SshProgram, SshTalk, TALK_LIMITS, type TalkLimits } from "./ssh-talk.ts";

export type StartSsh = (service: GitAsked["service"], version: 0 | 2) => SshProgram;

/** What git asks of the far side. */
export interface SshCall extends GitAsked {
  readonly version: 0 | 2;
  /** Composed by the host; null for which refs there are. */
  readonly body: Buffer | null;
  /** Whether in version 0 the far side would wait for more behind the body; else it answers, and ends. */
  readonly isOpenEnded: boolean;
}

/** Where an answer goes, and who counts. */
export interface SshSink {
  readonly answer: ServerResponse;
  /** What the answer passes through first. */
  readonly through: readonly Transform[];
  /** Names where the call leaves, before it does. */
  readonly leaveBy: (way: Writable) => void;
  readonly receive: (bytes: number) => void;
}

/** Whether it would be let in, before a large call; in version 2 it ends a conversation. */
const PROBE = Buffer.from("0000");
/** How long a program that was asked in version 2 is kept for the next call of the same git. */
const KEPT_MS = 10_000;
/** Until ssh is tried again where it failed: an agent or a key may want the person's word each time, and a host count. */
const FAILED_MS = 5000;

/**
 * Answers git's calls over HTTP, each whole in itself, from programs of the far side that expect a conversation.
 *
 * In version 2 a conversation is calls that are whole in themselves, so one program serves several. In version 0 each call
 * gets a program of its own, and what that says before the call is thrown away: git has had it already.
 */
export class GitSsh {
  readonly place: SshPlace;
  readonly #start: StartSsh | string;
  readonly #limits: TalkLimits;
  readonly #talks = new Set<SshTalk>();
  #kept: { readonly talk: SshTalk; readonly timer: NodeJS.Timeout } | null = null;
  /** Why ssh itself failed last. */
  #failed: { readonly why: string; readonly until: number } | null = null;
  #isClosed = false;

  /** `start` is a sentence where nothing can be started. */
  constructor(place: SshPlace, start: StartSsh | string, limits: TalkLimits = TALK_LIMITS) {
    this.place = place;
    this.#start = start;
    this.#limits = limits;
  }

  /** Answers a call; says why it could not, null when it did. What was begun and broke off is the caller's to end. */
  async serve(call: SshCall, sink: SshSink): Promise<string | null> {
    if (call.version === 2 && call.body?.equals(PROBE)) {
      new Answer(call, sink).end();
      return null;
    }
    const kept = call.version === 2 && call.body !== null ? this.#takeKept() : null;
    if (kept !== null) {
      const why = await this.#run(kept, call, sink);
      // One that had ended meanwhile is as good as none.
      if (why === null || sink.answer.headersSent || sink.answer.destroyed) return why;
    }
    if (typeof this.#start === "string") return this.#start;
    if (this.#isClosed) return "the session ended";
    if (this.#failed !== null && performance.now() < this.#failed.until) return this.#failed.why;
    const talk = new SshTalk(this.#start(call.service, call.version), this.#limits);
    this.#talks.add(talk);
    void talk.ended.then(() => this.#talks.delete(talk));
    return this.#run(talk, call, sink);
  }

  /** Ends all that runs. */
  close(): void {
    this.#isClosed = true;
    this.#takeKept();
    for (const talk of this.#talks) talk.kill();
  }

  async #run(talk: SshTalk, call: SshCall, sink: SshSink): Promise<string | null> {
    const gone = () => talk.kill();
    sink.answer.on("close", gone);
    const out = new Answer(call, sink);
    try {
      await this.#converse(talk, call, { out, leaveBy: sink.leaveBy });
    } catch (error) {
      talk.kill();
      if (!(error instanceof Broken)) throw error;
      if (error.message !== "") return error.message;
      const end = await talk.ended;
      const why = explainSsh(end, this.place, visible);
      if (end.status === 255) this.#failed = { why, until: performance.now() + FAILED_MS };
      return why;
    } finally {
      sink.answer.off("close", gone);
    }
    if (talk.isReady && !this.#isClosed) this.#keep(talk);
    else talk.finish();
    out.end();
    return null;
  }

  async #converse(
    talk: SshTalk,
    { version, body, isOpenEnded }: SshCall,
    { out, leaveBy }: { readonly out: Answer; readonly leaveBy: SshSink["leaveBy"] },
  ): Promise<void> {
    const write = (piece: Buffer) => out.write(piece);
    if (body === null) return talk.hearRefs(version, write);
    if (!talk.isReady) await talk.hearRefs(version, async () => {});
    if (talk.isReady !== (version === 2)) throw new Broken("it speaks another version of git's protocol than before");
    leaveBy(talk.stdin);
    const sent = talk.say(body, version === 0 && isOpenEnded);
    await (version === 2 ? talk.hearOne(write) : talk.hearAll(isOpenEnded, write));
    await sent;
  }

  #keep(talk: SshTalk): void {
    this.#takeKept()?.finish();
    const timer = setTimeout(() => this.#takeKept()?.finish(), KEPT_MS);
    timer.unref();
    this.#kept = { talk, timer };
  }

  #takeKept(): SshTalk | null {
    const kept = this.#kept;
    this.#kept = null;
    clearTimeout(kept?.timer);
    return kept?.talk ?? null;
  }
}

/** An answer over HTTP, which begins with its first piece. */
class Answer {
  readonly #call: SshCall;
  readonly #sink: SshSink;
  #to: Writable | null = null;

  constructor(call: SshCall, sink: SshSink) {
    this.#call = call;
    this.#sink = sink;
  }

  async write(piece: Buffer): Promise<void> {
    this.#sink.receive(piece.length);
    const to = this.#begin();
    if (!to.write(piece)) await drained(to);
  }

  end(): void {
    this.#begin().end();
  }

  #begin(): Writable {
    if (this.#to !== null) return this.#to;
    const { answer, through } = this.#sink;
    const { service, what } = this.#call;
    const type = what === "refs" ? "advertisement" : "result";
    answer.writeHead(200, { "Content-Type": `application/x-${service}-${type}`, "Cache-Control": "no-cache" });
    this.#to = through.reduceRight<Writable>((to, next) => {
      next.pipe(to);
      return next;
    }, answer);
    // As git's own server over HTTP begins.
    const line = `# service=${service}\n`;
    if (what === "refs") this.#to.write(`${(line.length + 4).toString(16).padStart(4, "0")}${line}0000`);
    return this.#to;
  }
}

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Writable } from "node:stream";
import { tellingHeaders } from "../core/plain-headers.ts";
import type { GitCall } from "./git.ts";

/** A body that was read whole: these very bytes are sent. */
export interface HeldBody {
  readonly bytes: Buffer;
  /** Hex. */
  readonly sha256: string;
}

export type ReadBody = { readonly ok: true; readonly body: HeldBody } | { readonly ok: false; readonly reason: string };

/** What there is to show of a request that waits for a person, and whether somebody still waits for its answer. */
export interface Look {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Reads the body before anything is sent; null where what will be sent cannot be seen, or there is no body. */
  readonly readBody: (() => Promise<ReadBody>) | null;
  /** What a request of git's to the tracked repository does; null for every other. */
  readonly git: GitCall | null;
  /** Aborts when the client goes away. */
  readonly gone: () => AbortSignal;
}

/** What a person can be asked about is held in memory until they answer. */
const BODY_BYTES_MAX = 1 << 20;
const BODY_MS_MAX = 15_000;

/** A request as it came in; nothing of it is looked at before it is asked about. Its body is kept once it is read. */
export class RequestLook implements Look {
  readonly #headers: readonly string[];
  readonly #answer: Writable;
  readonly readBody: (() => Promise<ReadBody>) | null;
  readonly git: GitCall | null;
  #held: HeldBody | null = null;

  /** `answer` closes with the client; `invite` lets one go on that waits to be told so before it sends a body. */
  constructor(
    headers: readonly string[],
    answer: Writable,
    body: { readonly incoming: IncomingMessage; readonly invite: () => void } | null,
    git: GitCall | null = null,
  ) {
    this.git = git;
    this.#headers = headers;
    this.#answer = answer;
    this.readBody =
      body &&
      (async () => {
        body.invite();
        const read = await readWhole(body.incoming);
        if (read.ok) this.#held = read.body;
        return read;
      });
  }

  get headers(): readonly string[] {
    return tellingHeaders(this.#headers);
  }

  get held(): HeldBody | null {
    return this.#held;
  }

  /** The same request when it is on its way: its body cannot be shown any more. */
  onItsWay(): RequestLook {
    return new RequestLook(this.#headers, this.#answer, null, this.git);
  }

  gone(): AbortSignal {
    const controller = new AbortController();
    if (this.#answer.closed) controller.abort();
    else this.#answer.once("close", () => controller.abort());
    return controller.signal;
  }
}

// A request that is refused for its body is still answered: what is left of it stays unread.
async function readWhole(incoming: IncomingMessage): Promise<ReadBody> {
  const { promise, resolve } = Promise.withResolvers<ReadBody>();
  const refuse = (reason: string) => resolve({ ok: false, reason });
  const timer = setTimeout(() => refuse("its body did not come whole"), BODY_MS_MAX);
  const pieces: Buffer[] = [];
  let size = 0;
  const onData = (piece: Buffer) => {
    size += piece.length;
    if (size > BODY_BYTES_MAX) refuse("a body of more than 1 MiB is not asked about");
    else pieces.push(piece);
  };
  incoming.on("data", onData);
  incoming.once("end", () => {
    const bytes = Buffer.concat(pieces);
    resolve({ ok: true, body: { bytes, sha256: createHash("sha256").update(bytes).digest("hex") } });
  });
  incoming.once("close", () => refuse("its body broke off"));
  const read = await promise;
  clearTimeout(timer);
  incoming.off("data", onData).pause();
  return read;
}

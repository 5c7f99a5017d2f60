import type { Duplex, Writable } from "node:stream";
import type { NetRequest } from "../core/net-rules.ts";
import { askedHeaders, plainHeaders } from "../core/plain-headers.ts";
import type { Broker } from "./broker.ts";
import type { Address } from "./dial.ts";
import type { Dialler } from "./dialler.ts";
import type { Origin } from "./head.ts";
import type { RequestLook } from "./look.ts";
import type { Meter } from "./meter.ts";

/** Of a connection in the box: where its requests lead when they name no host, and whose they are. */
export interface Client {
  readonly origin: Origin;
  readonly token: string | null;
}

/** A request or tunnel on its way. */
export interface Route {
  readonly seq: number;
  readonly request: NetRequest;
  readonly addresses: readonly Address[];
  /** It passes because its address tells nothing: then its headers must not either. */
  readonly isPlain: boolean;
  /** A person was shown it: what they saw is sent. */
  readonly isAsked: boolean;
  /** It goes to the model of a wrapped agent: then its body is judged too. */
  readonly isModel: boolean;
  readonly again: Again;
}

/** Judges once more what is on its way; says why it may go no further, null while it may. Null itself for the host's own. */
export type Again = (() => Promise<string | null>) | null;

/** What came of asking for a route. */
export type Found =
  | { readonly ok: true; readonly route: Route }
  | { readonly ok: false; readonly status: number; readonly reason: string };

/** How a request that was allowed ended. */
export interface NetOutcome {
  /** Status of the answer; null for a tunnel, and where none came. */
  readonly status: number | null;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Why it failed; null when it did not. */
  readonly error: string | null;
}

/** What the parts of a session's proxy have in common. */
export interface Traffic {
  readonly meter: Meter;
  readonly dialler: Dialler;
  /** How long a peer may take for a head, for a handshake and to be dialled. */
  readonly waitMs: number;
  /** Whose a connection is; undefined for one that says so in each request. */
  readonly clientOf: (socket: Duplex) => Client | undefined;
  readonly broker: () => Broker | null;
  readonly judge: (request: NetRequest, token: string | null, look: RequestLook) => Promise<Found>;
  /** Begins to count a request that is allowed. */
  readonly run: (route: Pick<Route, "seq" | "again">) => Running;
  readonly malformed: (reason: string, token: string | null) => void;
  /** Has a connection ended with the session. */
  readonly track: (socket: Duplex) => void;
}

export const GONE = "the client ended it";
export const OVER = "the session ended";

/** How much of a request went by, until it ends once. */
export class Running {
  #status: number | null = null;
  #isHeard = false;
  #isSent = false;
  #sent = 0;
  #received = 0;
  #isOver = false;
  readonly #again: Again;
  readonly #onHeard: () => void;
  readonly #onEnd: (outcome: NetOutcome) => void;
  /** What leads out. */
  readonly #ways = new Set<Writable>();
  /** Why nothing may leave any more; null while it may, undefined while that is asked. */
  #refused: string | null | undefined = null;
  #asked = 0;
  #judging: Promise<void> | null = null;

  /** `onHeard` is called once, before anything of an answer is passed on. */
  constructor(again: Again, onHeard: () => void, onEnd: (outcome: NetOutcome) => void) {
    this.#again = again;
    this.#onHeard = onHeard;
    this.#onEnd = onEnd;
  }

  get status(): number | null {
    return this.#status;
  }

  /** An answer begins. */
  set status(status: number | null) {
    this.#hear();
    this.#status = status;
  }

  /** All of it has left, so that there is nothing more to judge. */
  sentAll(): void {
    this.#isSent = true;
  }

  #hear(): void {
    if (this.#isHeard) return;
    this.#isHeard = true;
    this.#onHeard();
  }

  /** Names the connection by which it leaves, before anything is written there. */
  leaveBy(way: Writable): void {
    this.#ways.add(way);
    if (this.#refused === undefined) way.cork();
    else if (this.#refused !== null) way.destroy(new Error(this.#refused));
  }

  /** Has it judged again, and once more for each time that this is asked meanwhile. Till then nothing leaves; what is refused ends. */
  async judgeAgain(): Promise<void> {
    if (this.#again === null || this.#isOver || this.#isSent) return;
    this.#asked += 1;
    this.#judging ??= this.#judge(this.#again);
    await this.#judging;
  }

  async #judge(again: NonNullable<Again>): Promise<void> {
    this.#refused = undefined;
    for (const way of this.#ways) way.cork();
    let [refusal, asked]: [string | null, number] = [null, 0];
    while (refusal === null && asked !== this.#asked) {
      asked = this.#asked;
      refusal = await again().catch(() => "it could not be judged again");
    }
    [this.#refused, this.#judging] = [refusal, null];
    if (refusal !== null && !this.#isOver) {
      this.end(refusal);
      for (const way of this.#ways) way.destroy(new Error(refusal));
    }
    for (const way of this.#ways) way.uncork();
  }

  send(bytes: number): void {
    this.#sent += bytes;
  }

  receive(bytes: number): void {
    this.#hear();
    this.#received += bytes;
  }

  end(error: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd({ status: this.status, sentBytes: this.#sent, receivedBytes: this.#received, error });
  }
}

/** Gives the headers to send: without a look nothing of the sender's own; what a person looked at goes as they saw it. */
export function sentHeaders(
  { request, isPlain, isAsked }: Route,
  headers: readonly string[],
  broker: Broker | null,
): string[] {
  if (isAsked) return askedHeaders(headers);
  return isPlain ? plainHeaders(headers, broker?.isBrokered(request.host) ?? false) : [...headers];
}

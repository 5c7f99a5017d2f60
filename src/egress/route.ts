import type { Duplex } from "node:stream";
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
}

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
  readonly run: (seq: number) => Running;
  readonly malformed: (reason: string, token: string | null) => void;
  /** Has a connection ended with the session. */
  readonly track: (socket: Duplex) => void;
}

export const GONE = "the client ended it";
export const OVER = "the session ended";

/** How much of a request went by, until it ends once. */
export class Running {
  status: number | null = null;
  #sent = 0;
  #received = 0;
  #isOver = false;
  readonly #onEnd: (outcome: NetOutcome) => void;

  constructor(onEnd: (outcome: NetOutcome) => void) {
    this.#onEnd = onEnd;
  }

  send(bytes: number): void {
    this.#sent += bytes;
  }

  receive(bytes: number): void {
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

import { counted } from "../core/text.ts";

/** Ceilings of a whole session. */
export interface NetLimits {
  /** Bytes that the box sends. */
  readonly sentBytes: number;
  /** Requests and tunnels. */
  readonly requests: number;
}

export const NET_LIMITS_DEFAULT: NetLimits = { sentBytes: 1 << 30, requests: 100_000 };

/** Counts what a session sends; what goes over a ceiling stays over it. */
export class Meter {
  readonly #limits: NetLimits;
  #sent = 0;
  #requests = 0;

  constructor(limits: NetLimits) {
    this.#limits = limits;
  }

  /** Counts a request; false when it is one too many. */
  open(): boolean {
    this.#requests += 1;
    return this.#requests <= this.#limits.requests && this.#sent <= this.#limits.sentBytes;
  }

  /** Counts bytes that leave; false when they are too many. */
  send(bytes: number): boolean {
    this.#sent += bytes;
    return this.#sent <= this.#limits.sentBytes;
  }

  /** Which ceiling is reached, in words. */
  get reason(): string {
    return this.#sent > this.#limits.sentBytes
      ? `the session has sent its ${counted(this.#limits.sentBytes, "byte")}`
      : `the session has made its ${counted(this.#limits.requests, "request")}`;
  }
}

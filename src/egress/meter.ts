import { counted } from "../core/text.ts";

/** Ceilings of a whole session. */
export interface NetLimits {
  /** Bytes that the box sends, with the heads of its requests. */
  readonly sentBytes: number;
  /** Requests and tunnels. */
  readonly requests: number;
  /** Connections from the box that are open at once; as many requests may be on their way. */
  readonly connections: number;
}

export const NET_LIMITS_DEFAULT: NetLimits = { sentBytes: 1 << 30, requests: 100_000, connections: 2048 };

/** Counts what a session sends; what goes over a ceiling is told which one, in words. */
export class Meter {
  readonly #limits: NetLimits;
  readonly #sending: (bytes: number) => void;
  #sent = 0;
  #requests = 0;
  #connections = 0;
  #refusals = 0;

  /** `sending` is told of all bytes before they leave, those too that then may not. */
  constructor(limits: NetLimits, sending: (bytes: number) => void) {
    this.#limits = limits;
    this.#sending = sending;
  }

  /** Counts a connection for as long as it is open. */
  connect(): string | null {
    const { connections } = this.#limits;
    if (this.#connections >= connections) return `the session has its ${counted(connections, "connection")} open`;
    this.#connections += 1;
    return null;
  }

  disconnect(): void {
    this.#connections -= 1;
  }

  /** Counts a request, beside so many that are on their way. */
  open(running: number): string | null {
    this.#requests += 1;
    const { requests, connections } = this.#limits;
    if (this.#requests > requests) return `the session has made its ${counted(requests, "request")}`;
    if (running >= connections) return `the session has its ${counted(connections, "request")} on their way`;
    return this.send(0);
  }

  /** Counts bytes that leave; a ceiling once reached stays so. */
  send(bytes: number): string | null {
    this.#sent += bytes;
    if (bytes > 0) this.#sending(bytes);
    const { sentBytes } = this.#limits;
    return this.#sent > sentBytes ? `the session has sent its ${counted(sentBytes, "byte")}` : null;
  }

  /** Counts what is refused without a judgement; false when the record has enough of them, or it would fill the disk. */
  refuse(): boolean {
    this.#refusals += 1;
    return this.#refusals <= this.#limits.requests;
  }
}

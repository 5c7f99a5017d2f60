import { Transform, type TransformCallback } from "node:stream";
import { parseClientHello } from "../core/client-hello.ts";
import { canonicalHost, isAddress } from "../core/host.ts";

const HTTPS_PORT = 443;
const TLS_HANDSHAKE = 22;

/**
 * Holds the first bytes that go into a tunnel until they say for whom they are: TLS must name the host that was asked for.
 *
 * What is no TLS passes where no TLS is expected, as ssh on its own port.
 */
export class Tunnel extends Transform {
  readonly #host: string;
  readonly #port: number;
  readonly #refuse: (reason: string) => void;
  #held: Buffer | null = Buffer.alloc(0);

  constructor(host: string, port: number, refuse: (reason: string) => void) {
    super();
    this.#host = host;
    this.#port = port;
    this.#refuse = refuse;
  }

  override _transform(piece: Buffer, _encoding: string, done: TransformCallback): void {
    if (this.#held === null) {
      done(null, piece);
      return;
    }
    const held = Buffer.concat([this.#held, piece]);
    const said = this.#judge(held);
    if (said === "more") {
      this.#held = held;
      done();
    } else if (said === null) {
      this.#held = null;
      done(null, held);
    } else this.#refuse(said);
  }

  /** Null when the bytes may pass, "more" when too few have come, else why not. */
  #judge(bytes: Buffer): string | null {
    if (bytes[0] !== TLS_HANDSHAKE)
      return this.#port === HTTPS_PORT ? `a tunnel to ${this.#host} that is not TLS` : null;
    const hello = parseClientHello(bytes);
    if (hello.kind === "more") return "more";
    if (hello.kind === "other") return `a tunnel to ${this.#host} whose TLS cannot be read: ${hello.why}`;
    // What is encrypted there may name another host.
    if (hello.hasEch) return `a tunnel to ${this.#host} whose TLS hides the name of its host`;
    if (hello.sni === null) return isAddress(this.#host) ? null : `a tunnel to ${this.#host} whose TLS names no host`;
    return canonicalHost(hello.sni) === this.#host ? null : `a tunnel to ${this.#host} whose TLS names another host`;
  }
}

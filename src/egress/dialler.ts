import http from "node:http";
import https from "node:https";
import type { OnReadOpts } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import { bareHost, isAddress } from "../core/host.ts";
import type { NetRequest } from "../core/net-rules.ts";
import { type Address, pinned } from "./dial.ts";
import type { Meter } from "./meter.ts";
import type { Route, Running } from "./route.ts";
import { upstreamTls } from "./upstream.ts";

const IDLE_MS_MAX = 60_000;
const READ_BYTES = 128 << 10;

/** Makes the requests of a session on their way out: counted, over connections that are kept for the next. */
export class Dialler {
  readonly #authorities: string;
  readonly #meter: Meter;
  readonly #agents = {
    http: new PlainAgent({ keepAlive: true, timeout: IDLE_MS_MAX }),
    https: new SecureAgent({ keepAlive: true, timeout: IDLE_MS_MAX, ALPNProtocols: ["http/1.1"] }),
  };
  #verification: ConnectionOptions | null = null;

  /** `authorities`, in PEM, are those that servers are verified with. */
  constructor(authorities: string, meter: Meter) {
    this.#authorities = authorities;
    this.#meter = meter;
  }

  /** Sends the head of a request on its route, to the addresses that were checked. */
  request(
    { request, addresses }: Route,
    headers: readonly string[],
    outcome: Running,
    mayReuse = true,
  ): http.ClientRequest {
    const outgoing = this.#ask(request, addresses, headers, mayReuse);
    outgoing.once("socket", (socket) => outcome.leaveBy(socket));
    // An address carries out as much as a body does.
    const bytes = [request.method, request.path, ...headers].join("  ").length;
    this.count(bytes, outcome, outgoing);
    return outgoing;
  }

  /** Counts bytes that leave beside the head; ends the request where a ceiling is reached. */
  count(bytes: number, outcome: Running, outgoing: http.ClientRequest): void {
    outcome.send(bytes);
    const ceiling = this.#meter.send(bytes);
    if (ceiling !== null) outgoing.destroy(new Error(ceiling));
  }

  #ask(
    { protocol, host, port, method, path }: NetRequest,
    addresses: readonly Address[],
    headers: readonly string[],
    mayReuse: boolean,
  ): http.ClientRequest {
    const options: https.RequestOptions = {
      host: bareHost(host),
      port,
      method,
      path,
      headers: [...headers] as unknown as http.OutgoingHttpHeaders,
      setHost: false,
      lookup: pinned(addresses),
    };
    if (protocol !== "http" && protocol !== "https") throw new Error(`bug: ${protocol} is no request of the web's`);
    if (protocol === "http") return http.request({ ...options, agent: mayReuse && this.#agents.http });
    this.#verification ??= upstreamTls(this.#authorities);
    const secure = { ...this.#verification, servername: isAddress(host) ? "" : host };
    return https.request({ ...options, ...secure, agent: mayReuse && this.#agents.https });
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }
}

class PlainAgent extends http.Agent {
  override createConnection(...[options]: Parameters<http.Agent["createConnection"]>) {
    return reading((onread) => super.createConnection({ ...options, onread } as typeof options));
  }
}

class SecureAgent extends https.Agent {
  override createConnection(...[options]: Parameters<https.Agent["createConnection"]>) {
    return reading((onread) => super.createConnection({ ...options, onread } as typeof options));
  }
}

/**
 * Has a connection read into memory of its own, again and again: what reads it, the parser of HTTP, keeps nothing of it.
 * New memory for each piece would be most of what a large body costs.
 */
function reading(connect: (onread: OnReadOpts) => Duplex | null | undefined): Duplex | null | undefined {
  const socket = connect({
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (bytes, memory) => {
      // What nobody asked for ends a connection that is kept for the next request.
      if (!socket?.emit("data", (memory as Buffer).subarray(0, bytes))) socket?.destroy();
      return true;
    },
  });
  return socket;
}

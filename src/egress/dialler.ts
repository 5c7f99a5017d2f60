import http from "node:http";
import https from "node:https";
import type { ConnectionOptions } from "node:tls";
import { bareHost, isAddress } from "../core/host.ts";
import type { NetRequest } from "../core/net-rules.ts";
import { type Address, pinned } from "./dial.ts";
import type { Meter } from "./meter.ts";
import type { Route, Running } from "./route.ts";
import { upstreamTls } from "./upstream.ts";

const IDLE_MS_MAX = 60_000;

/** Makes the requests of a session on their way out: counted, over connections that are kept for the next. */
export class Dialler {
  readonly #authorities: string;
  readonly #meter: Meter;
  readonly #agents = {
    http: new http.Agent({ keepAlive: true, timeout: IDLE_MS_MAX }),
    https: new https.Agent({ keepAlive: true, timeout: IDLE_MS_MAX, ALPNProtocols: ["http/1.1"] }),
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

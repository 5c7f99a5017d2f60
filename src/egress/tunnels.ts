import type { IncomingMessage } from "node:http";
import net, { type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import { bareHost, canonicalHost } from "../core/host.ts";
import { type NetRequest, PROXY_USER } from "../core/net-rules.ts";
import { dismiss, endWith, headOf } from "./answer.ts";
import { pinned } from "./dial.ts";
import { type Origin, readConnect, tokenOf } from "./head.ts";
import { join } from "./join.ts";
import { RequestLook } from "./look.ts";
import { type Client, GONE, type Traffic } from "./route.ts";
import { acceptSocks, SOCKS } from "./socks.ts";
import { Tunnel } from "./tunnel.ts";

interface TunnelsPlan {
  readonly reaches: (host: string, port: number) => Promise<"terminate" | "tunnel" | null>;
  readonly secureContext: (host: string) => Promise<SecureContext>;
  /** Goes on with what is spoken inside, which is HTTP. */
  readonly inside: (socket: Duplex, client: Client) => void;
}

/** The connections of a session that ask for a host and port, not for a document. */
export class Tunnels {
  readonly #plan: TunnelsPlan;
  readonly #traffic: Traffic;

  constructor(plan: TunnelsPlan, traffic: Traffic) {
    this.#plan = plan;
    this.#traffic = traffic;
  }

  /** CONNECT: over HTTP, with the token in its head. */
  async connect(incoming: IncomingMessage, socket: Socket): Promise<void> {
    const head = headOf(incoming);
    const token = tokenOf(head);
    const place = readConnect(head);
    if (!place.ok) {
      this.#traffic.malformed(place.reason, token);
      return endWith(socket, 400, place.reason);
    }
    await this.#enter(socket, { host: place.host, port: place.port, token }, (refusal) => {
      if (refusal === null) socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      else endWith(socket, refusal.status, refusal.text);
    });
  }

  /** SOCKS 5, with the token in its user name and password. */
  async socks(socket: Socket): Promise<void> {
    const timer = setTimeout(() => socket.destroy(), this.#traffic.waitMs);
    const asked = await acceptSocks(socket, (user, password) => (user === PROXY_USER ? password : null));
    clearTimeout(timer);
    if (asked === null) {
      this.#traffic.malformed("that is no SOCKS 5 request to connect", null);
      return dismiss(socket);
    }
    const { place, token, answer } = asked;
    if (!place.ok) {
      this.#traffic.malformed(place.reason, token);
      answer(SOCKS.wrongAddress);
      return dismiss(socket);
    }
    await this.#enter(socket, { host: place.host, port: place.port, token }, (refusal) => {
      answer(refusal === null ? SOCKS.granted : refusal.status === 403 ? SOCKS.denied : SOCKS.failed);
      if (refusal !== null) dismiss(socket);
    });
  }

  /** Goes on with a connection that asked for a host and port: looks into it, or lets it through as a tunnel. */
  async #enter(
    socket: Socket,
    { host, port, token }: { host: string; port: number; token: string | null },
    answer: (refusal: { readonly status: number; readonly text: string } | null) => void,
  ): Promise<void> {
    if ((await this.#plan.reaches(host, port)) === "terminate") {
      const isPlain = port === 80;
      // Asked for first, so that a client is not let in to a host that has no certificate.
      const context = isPlain ? null : await this.#plan.secureContext(host).catch((error: Error) => error);
      if (context instanceof Error) {
        this.#traffic.malformed(`TLS to ${host}: ${context.message}`, token);
        return answer({ status: 502, text: `${host}: ${context.message}` });
      }
      answer(null);
      const origin: Origin = { protocol: isPlain ? "http" : "https", host, port };
      return this.#lookInto(socket, context, { origin, token });
    }
    const request: NetRequest = { protocol: "tunnel", host, port, method: "CONNECT", path: "", hasBody: true };
    const found = await this.#traffic.judge(request, token, new RequestLook([], socket, null));
    if (!found.ok) return answer({ status: found.status, text: found.reason });
    const outcome = this.#traffic.run(found.route);
    if (socket.destroyed) return outcome.end(GONE);
    const upstream = net.connect({
      host: bareHost(host),
      port,
      lookup: pinned(found.route.addresses),
      allowHalfOpen: true,
      noDelay: true,
    });
    this.#traffic.track(upstream);
    outcome.leaveBy(upstream);
    let isThere = false;
    upstream.setTimeout(this.#traffic.waitMs, () => upstream.destroy(new Error("it did not answer")));
    upstream.once("error", (error) => {
      outcome.end(error.message);
      if (!isThere) answer({ status: 502, text: `${host}: ${error.message}` });
    });
    socket.once("close", () => {
      if (!isThere) outcome.end(GONE);
      upstream.destroy();
    });
    upstream.once("connect", () => {
      isThere = true;
      upstream.setTimeout(0);
      answer(null);
      const tunnel = new Tunnel(host, port, (reason) => {
        this.#traffic.malformed(reason, token);
        outcome.end(reason);
        socket.destroy();
        upstream.destroy();
      });
      join(this.#traffic, { socket, upstream, outcome, tunnel });
    });
  }

  #lookInto(socket: Socket, context: SecureContext | null, client: Client): void {
    if (context === null) {
      this.#plan.inside(socket, client);
      return;
    }
    const { host } = client.origin;
    let reason = "it broke off before it was agreed on";
    const inner = new TLSSocket(socket, {
      isServer: true,
      secureContext: context,
      ALPNProtocols: ["http/1.1"],
      SNICallback: (name, done) => {
        if (canonicalHost(name) === host) return done(null, context);
        reason = "its server name is another host";
        done(new Error(reason));
      },
    });
    this.#traffic.track(inner);
    const timer = setTimeout(() => inner.destroy(), this.#traffic.waitMs).unref();
    const onClose = () => {
      clearTimeout(timer);
      this.#traffic.malformed(`TLS to ${host}: ${reason}`, client.token);
    };
    inner.once("close", onClose);
    inner.once("secure", () => {
      clearTimeout(timer);
      inner.off("close", onClose);
      this.#plan.inside(inner, client);
    });
  }
}

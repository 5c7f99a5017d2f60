import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import net, { type Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { type ConnectionOptions, type SecureContext, TLSSocket } from "node:tls";
import { isAddress, parseAuthority } from "../core/host.ts";
import { addressOf, type NetRequest, PROXY_USER } from "../core/net-rules.ts";
import { type Permit, spend } from "../core/permit.ts";
import { BodyRefused, type Broker } from "./broker.ts";
import { type Address, pinned, type Reach, Resolver } from "./dial.ts";
import { answerHeaders, type Head, headerOf, type Origin, readHead } from "./head.ts";
import { Meter, type NetLimits } from "./meter.ts";
import { putOn, showReply } from "./put-on.ts";
import { acceptSocks, SOCKS } from "./socks.ts";
import { Tunnel } from "./tunnel.ts";
import { upstreamTls } from "./upstream.ts";

/** What the gate said to a request. */
export type Judged =
  | { readonly verdict: "allow"; readonly permit: Permit; readonly reach: Reach }
  | { readonly verdict: "refuse"; readonly reason: string };

/** How a request that was allowed ended. */
export interface NetOutcome {
  /** Status of the answer; null for a tunnel, and where none came. */
  readonly status: number | null;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Why it failed; null when it did not. */
  readonly error: string | null;
}

export interface ProxyPlan {
  /** How a connection to a host and port is treated: looked into, let through whole, or neither. */
  readonly reaches: (host: string, port: number) => Promise<"terminate" | "tunnel" | null>;
  /** Decides, records, and gives the permit. `token` is the command's, as the client claims. */
  readonly judge: (request: NetRequest, token: string | null) => Promise<Judged>;
  /** Records what no rule could be asked about, since it is no request. */
  readonly malformed: (reason: string, token: string | null) => void;
  /** Records how a request of this permit ended. */
  readonly ended: (seq: number, outcome: NetOutcome) => void;
  /** The certificate shown inside for a host. */
  readonly secureContext: (host: string) => Promise<SecureContext>;
  /** Puts credentials on, and keeps them out of everything else; null while a session has none. */
  readonly broker: () => Broker | null;
  /** Authorities that servers outside are verified with, in PEM. */
  readonly authorities: string;
  readonly limits: NetLimits;
  readonly resolver?: Resolver;
}

/** What listens in the box's network, as it was handed out. */
export type Listener = Parameters<net.Server["listen"]>[0];

/** Of a connection in the box: where its requests lead when they name no host, and whose they are. */
interface Client {
  readonly origin: Origin;
  readonly token: string | null;
}

/** A request or tunnel on its way. */
interface Route {
  readonly seq: number;
  readonly request: NetRequest;
  readonly addresses: readonly Address[];
}

const SERVER: http.ServerOptions = {
  maxHeaderSize: 64 << 10,
  headersTimeout: 30_000,
  // A large body takes as long as it takes.
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
  requireHostHeader: false,
  insecureHTTPParser: false,
};
const HANDSHAKE_MS_MAX = 30_000;
const DIAL_MS_MAX = 30_000;
const CONNECTIONS_MAX = 4096;
const DOCUMENT_BYTES_MAX = 32 << 20;

/**
 * The one way out of the box: accepts on its loopback, has every request judged, and dials what was checked.
 *
 * What a request says is believed only where it can be read in one way. Nothing of a session's rules is reachable from
 * the box, and what goes wrong here ends the connection.
 */
export class EgressProxy {
  readonly #plan: ProxyPlan;
  readonly #resolver: Resolver;
  readonly #meter: Meter;
  readonly #servers: net.Server[] = [];
  readonly #outer: http.Server;
  readonly #inner: http.Server;
  readonly #clients = new WeakMap<object, Client>();
  readonly #open = new Set<Duplex>();
  readonly #running = new Set<Running>();
  #verification: ConnectionOptions | null = null;
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent };

  constructor(plan: ProxyPlan) {
    this.#plan = plan;
    this.#resolver = plan.resolver ?? new Resolver();
    this.#meter = new Meter(plan.limits);
    this.#agents = {
      http: new http.Agent({ keepAlive: true }),
      https: new https.Agent({ keepAlive: true, ALPNProtocols: ["http/1.1"] }),
    };
    this.#outer = http.createServer(SERVER, (request, answer) => this.#serve(request, answer));
    this.#inner = http.createServer(SERVER, (request, answer) => this.#serve(request, answer));
    this.#outer.on("connect", (request, socket, head) => this.#connect(request, socket as Socket, head));
    for (const server of [this.#outer, this.#inner]) {
      server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket as Socket, head));
      server.on("clientError", (error, socket) => this.#refuseBytes(error, socket));
      server.maxConnections = CONNECTIONS_MAX;
      server.on("connection", (socket: Socket) => this.#track(socket));
    }
  }

  /** Accepts HTTP and CONNECT on one listener, SOCKS 5 on the other. */
  listen(listeners: { readonly http: Listener; readonly socks: Listener }): void {
    const socks = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#socks(socket));
    socks.maxConnections = CONNECTIONS_MAX;
    this.#outer.listen(listeners.http);
    socks.listen(listeners.socks);
    this.#servers.push(this.#outer, socks);
  }

  /** Reads a document for the host itself, with a permit for it; null when it cannot be had, or has more than 32 MiB. */
  async read(permit: Permit, reach: Reach, accept: string): Promise<string | null> {
    const effect = spend(permit);
    if (effect.kind !== "request") throw new Error("bug: a permit for something else");
    const outcome = this.#run(permit.seq);
    const found = await this.#resolver.resolve(effect.host, reach);
    if (!found.ok) {
      outcome.end(found.reason);
      return null;
    }
    const host = addressOf(effect).split("/")[2] ?? "";
    const route = { seq: permit.seq, request: effect, addresses: found.addresses };
    const outgoing = this.#request(route, ["Host", host, "Accept", accept, "User-Agent", "ringfence"]);
    outgoing.setTimeout(DIAL_MS_MAX, () => outgoing.destroy(new Error("it did not answer")));
    outgoing.end();
    try {
      const [reply] = (await once(outgoing, "response")) as [IncomingMessage];
      outcome.status = reply.statusCode ?? null;
      const pieces: Buffer[] = [];
      let bytes = 0;
      for await (const piece of reply as AsyncIterable<Buffer>) {
        outcome.receive(piece.length);
        bytes += piece.length;
        if (bytes > DOCUMENT_BYTES_MAX) throw new Error("it is too large");
        pieces.push(piece);
      }
      outcome.end(null);
      return reply.statusCode === 200 ? Buffer.concat(pieces).toString("utf8") : null;
    } catch (error) {
      outgoing.destroy();
      outcome.end(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** Answers at another port of the box with a service of the machine's own; `pass` is asked for each connection. */
  show(
    listener: Listener,
    { host, port }: NetRequest,
    pass: () => { readonly verdict: "allow"; readonly permit: Permit } | { readonly verdict: "ask" | "deny" },
  ): void {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#track(socket);
      const passed = pass();
      if (passed.verdict !== "allow") return void socket.destroy();
      spend(passed.permit);
      const outcome = this.#run(passed.permit.seq);
      const upstream = net.connect({ host: bare(host), port, allowHalfOpen: true, noDelay: true });
      upstream.on("error", (error) => outcome.end(error.message));
      this.#join(socket, upstream, outcome, Buffer.alloc(0));
    });
    server.maxConnections = CONNECTIONS_MAX;
    server.listen(listener);
    this.#servers.push(server);
  }

  /** Ends every connection. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const outcome of this.#running) outcome.end("the session ended");
    for (const socket of this.#open) socket.destroy();
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #run(seq: number): Running {
    const outcome: Running = new Running((counts) => {
      this.#running.delete(outcome);
      this.#plan.ended(seq, counts);
    });
    this.#running.add(outcome);
    return outcome;
  }

  #track(socket: Duplex): void {
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    // What breaks is a peer's matter.
    socket.on("error", () => socket.destroy());
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const client = this.#clients.get(incoming.socket);
    const head = headOf(incoming);
    const token = client ? client.token : tokenOf(head);
    const refuse = (status: number, reason: string) => sayNo(answer, status, reason);
    const read = readHead(head, client?.origin ?? null);
    if (!read.ok) {
      this.#plan.malformed(read.reason, token);
      return refuse(400, read.reason);
    }
    const found = await this.#judge(read.request, token);
    if (!found.ok) return refuse(found.status, found.reason);
    const { route } = found;
    const outcome = this.#run(route.seq);
    const broker = this.#plan.broker();
    const put = await putOn(broker, { ...route.request, headers: read.headers }, incoming);
    if (!put.ok) {
      outcome.end(put.reason);
      this.#plan.malformed(put.reason, token);
      return refuse(403, put.reason);
    }
    const outgoing = this.#request(route, put.headers);
    outgoing.on("response", (reply) => {
      outcome.status = reply.statusCode ?? null;
      const shown = showReply(broker, route.request.host, reply);
      if (shown.kind === "refused") return void outgoing.destroy(new Error(shown.reason));
      answer.sendDate = false;
      answer.writeHead(reply.statusCode ?? 502, shown.message, shown.headers);
      reply.on("data", (piece: Buffer) => outcome.receive(piece.length));
      reply.on("aborted", () => answer.destroy());
      let body: Readable = reply;
      for (const through of shown.body) body = body.pipe(through).on("error", () => answer.destroy());
      body.pipe(answer);
      answer.on("close", () => outcome.end(reply.complete ? null : "it broke off"));
    });
    outgoing.on("error", (error) => {
      outcome.end(error.message);
      if (error instanceof BodyRefused) this.#plan.malformed(error.message, token);
      if (answer.headersSent) answer.destroy();
      else refuse(502, `${read.request.host}: ${error.message}`);
    });
    answer.on("close", () => outgoing.destroy());
    incoming.on("data", (piece: Buffer) => {
      outcome.send(piece.length);
      if (!this.#meter.send(piece.length)) outgoing.destroy(new Error(this.#meter.reason));
    });
    incoming.on("aborted", () => outgoing.destroy(new Error("the client ended it")));
    if (put.body !== null) outgoing.end(put.body);
    else if (broker === null || !route.request.hasBody) incoming.pipe(outgoing);
    else {
      const scan = broker.scanBody(headerOf(head, "content-encoding"));
      incoming.pipe(scan.on("error", (error) => outgoing.destroy(error))).pipe(outgoing);
    }
  }

  /** WebSocket and its kin: judged as a request with a body, since what follows is not seen as requests. */
  async #upgrade(incoming: IncomingMessage, socket: Socket, first: Buffer): Promise<void> {
    const client = this.#clients.get(socket);
    const head = headOf(incoming);
    const token = client ? client.token : tokenOf(head);
    const read = readHead(head, client?.origin ?? null);
    if (!read.ok) {
      this.#plan.malformed(read.reason, token);
      return endWith(socket, 400, read.reason);
    }
    const found = await this.#judge({ ...read.request, hasBody: true }, token);
    if (!found.ok) return endWith(socket, found.status, found.reason);
    const outcome = this.#run(found.route.seq);
    const broker = this.#plan.broker();
    const put = await putOn(broker, { ...read.request, headers: read.headers }, null);
    // What goes by after it is not masked.
    const isOpen = put.ok && !broker?.isBrokered(read.request.host);
    if (!isOpen) {
      const reason = put.ok ? "a host that a credential is put on for does not switch protocols" : put.reason;
      outcome.end(reason);
      this.#plan.malformed(reason, token);
      return endWith(socket, 403, reason);
    }
    const protocol = headerOf(head, "upgrade") ?? "";
    const outgoing = this.#request(found.route, [...read.headers, "Connection", "Upgrade", "Upgrade", protocol]);
    outgoing.on("upgrade", (reply, upstream: Socket, rest) => {
      outcome.status = reply.statusCode ?? null;
      const headers = [
        ...answerHeaders(reply.rawHeaders),
        "Connection",
        "Upgrade",
        "Upgrade",
        reply.headers.upgrade ?? "",
      ];
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${written(headers)}\r\n`);
      if (rest.length > 0) socket.write(rest);
      this.#join(socket, upstream, outcome, first);
    });
    outgoing.on("response", (reply) => {
      outcome.status = reply.statusCode ?? null;
      outcome.end(null);
      reply.destroy();
      endWith(socket, reply.statusCode ?? 502, "the server does not switch protocols");
    });
    outgoing.on("error", (error) => {
      outcome.end(error.message);
      endWith(socket, 502, `${read.request.host}: ${error.message}`);
    });
    socket.on("close", () => outgoing.destroy());
    outgoing.end();
  }

  async #connect(incoming: IncomingMessage, socket: Socket, first: Buffer): Promise<void> {
    this.#track(socket);
    const head = headOf(incoming);
    const token = tokenOf(head);
    const refuse = (status: number, reason: string) => endWith(socket, status, reason);
    const place = parseAuthority(head.target, null);
    const host = headerOf(head, "host");
    const named = host === null ? place : parseAuthority(host, place.ok ? place.port : null);
    const isSame = place.ok && named.ok && place.host === named.host && place.port === named.port;
    if (!place.ok || !isSame) {
      const reason = place.ok ? "its Host header is not the host that it asks for" : place.reason;
      this.#plan.malformed(reason, token);
      return refuse(400, reason);
    }
    await this.#enter(socket, { host: place.host, port: place.port, token, first }, (reason) => {
      if (reason === null) socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      else refuse(reason.status, reason.text);
    });
  }

  async #socks(socket: Socket): Promise<void> {
    this.#track(socket);
    socket.setTimeout(HANDSHAKE_MS_MAX, () => socket.destroy());
    const asked = await acceptSocks(socket, (user, password) => (user === PROXY_USER ? password : null));
    if (asked === null) return this.#plan.malformed("that is no SOCKS 5 request to connect", null);
    socket.setTimeout(0);
    const { place, token, answer, head } = asked;
    if (!place.ok) {
      this.#plan.malformed(place.reason, token);
      answer(SOCKS.wrongAddress);
      return void socket.end();
    }
    await this.#enter(socket, { host: place.host, port: place.port, token, first: head }, (reason) => {
      answer(reason === null ? SOCKS.granted : reason.status === 403 ? SOCKS.denied : SOCKS.failed);
      if (reason !== null) socket.end();
    });
  }

  /** Goes on with a connection that asked for a host and port: looks into it, or lets it through as a tunnel. */
  async #enter(
    socket: Socket,
    { host, port, token, first }: { host: string; port: number; token: string | null; first: Buffer },
    answer: (refusal: { readonly status: number; readonly text: string } | null) => void,
  ): Promise<void> {
    if ((await this.#plan.reaches(host, port)) === "terminate") {
      const isPlain = port === 80;
      // Asked for first, so that a client is not let in to a host that has no certificate.
      const context = isPlain ? null : await this.#plan.secureContext(host).catch((error: Error) => error);
      if (context instanceof Error) return answer({ status: 502, text: `${host}: ${context.message}` });
      if (first.length > 0) socket.unshift(first);
      answer(null);
      const origin: Origin = { protocol: isPlain ? "http" : "https", host, port };
      return this.#lookInto(socket, context, { origin, token });
    }
    const request: NetRequest = { protocol: "tunnel", host, port, method: "CONNECT", path: "", hasBody: true };
    const found = await this.#judge(request, token);
    if (!found.ok) return answer({ status: found.status, text: found.reason });
    const outcome = this.#run(found.route.seq);
    const upstream = net.connect({
      host: bare(host),
      port,
      lookup: pinned(found.route.addresses),
      allowHalfOpen: true,
      noDelay: true,
    });
    upstream.setTimeout(DIAL_MS_MAX, () => upstream.destroy(new Error("it did not answer")));
    upstream.once("error", (error) => {
      outcome.end(error.message);
      if (upstream.connecting || upstream.pending) answer({ status: 502, text: `${host}: ${error.message}` });
    });
    upstream.once("connect", () => {
      upstream.setTimeout(0);
      answer(null);
      const tunnel = new Tunnel(host, port, (reason) => {
        this.#plan.malformed(reason, token);
        outcome.end(reason);
        socket.destroy();
        upstream.destroy();
      });
      this.#join(socket, upstream, outcome, first, tunnel);
    });
  }

  #lookInto(socket: Socket, context: SecureContext | null, client: Client): void {
    if (context === null) {
      this.#clients.set(socket, client);
      this.#inner.emit("connection", socket);
      return;
    }
    const { host } = client.origin;
    const inner = new TLSSocket(socket, {
      isServer: true,
      secureContext: context,
      ALPNProtocols: ["http/1.1"],
      SNICallback: (name, done) =>
        name.toLowerCase() === host ? done(null, context) : done(new Error("its server name is another host")),
    });
    this.#track(inner);
    const timer = setTimeout(() => inner.destroy(), HANDSHAKE_MS_MAX).unref();
    inner.once("close", () => clearTimeout(timer));
    inner.once("secure", () => {
      clearTimeout(timer);
      this.#clients.set(inner, client);
      this.#inner.emit("connection", inner);
    });
    inner.once("error", (error) => this.#plan.malformed(`TLS to ${host}: ${error.message}`, client.token));
  }

  async #judge(
    request: NetRequest,
    token: string | null,
  ): Promise<{ ok: true; route: Route } | { ok: false; status: number; reason: string }> {
    if (!this.#meter.open()) {
      this.#plan.malformed(this.#meter.reason, token);
      return { ok: false, status: 429, reason: this.#meter.reason };
    }
    const judged = await this.#plan.judge(request, token);
    if (judged.verdict === "refuse") return { ok: false, status: 403, reason: judged.reason };
    const effect = spend(judged.permit);
    if (effect.kind !== "request") throw new Error("bug: a permit for something else");
    const { seq } = judged.permit;
    const resolved = await this.#resolver.resolve(effect.host, judged.reach);
    if (resolved.ok) return { ok: true, route: { seq, request: effect, addresses: resolved.addresses } };
    this.#plan.ended(seq, { status: null, sentBytes: 0, receivedBytes: 0, error: resolved.reason });
    return { ok: false, status: 403, reason: resolved.reason };
  }

  #request({ request, addresses }: Route, headers: readonly string[]): http.ClientRequest {
    const { protocol, host, port, method, path } = request;
    const options: https.RequestOptions = {
      host: bare(host),
      port,
      method,
      path,
      headers: [...headers] as unknown as http.OutgoingHttpHeaders,
      setHost: false,
      lookup: pinned(addresses),
      timeout: 0,
    };
    if (protocol === "http") return http.request({ ...options, agent: this.#agents.http });
    this.#verification ??= upstreamTls(this.#plan.authorities);
    const secure = { ...this.#verification, servername: isAddress(host) ? "" : host };
    return https.request({ ...options, ...secure, agent: this.#agents.https });
  }

  #join(socket: Socket, upstream: Socket, outcome: Running, first: Buffer, tunnel: Tunnel | null = null): void {
    this.#track(upstream);
    if (first.length > 0) socket.unshift(first);
    socket.on("data", (piece: Buffer) => {
      outcome.send(piece.length);
      if (this.#meter.send(piece.length)) return;
      outcome.end(this.#meter.reason);
      socket.destroy();
    });
    if (tunnel === null) socket.pipe(upstream);
    else socket.pipe(tunnel).pipe(upstream);
    upstream.on("data", (piece: Buffer) => outcome.receive(piece.length));
    upstream.pipe(socket);
    socket.on("close", () => upstream.destroy());
    upstream.on("close", () => {
      outcome.end(null);
      socket.destroy();
    });
  }

  #refuseBytes(error: Error, socket: Duplex): void {
    const client = this.#clients.get(socket);
    if (!("code" in error) || error.code !== "ECONNRESET")
      this.#plan.malformed(`no HTTP: ${error.message}`, client?.token ?? null);
    endWith(socket, 400, "that is no request that can be read in one way");
  }
}

/** How much of a request went by, until it ends once. */
class Running {
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

function headOf({ method = "", url = "", rawHeaders }: IncomingMessage): Head {
  return { method, target: url, rawHeaders };
}

function tokenOf(head: Head): string | null {
  const [, base64] = /^basic ([a-z0-9+/=]+)$/i.exec(headerOf(head, "proxy-authorization") ?? "") ?? [];
  const [user, token] = Buffer.from(base64 ?? "", "base64")
    .toString("latin1")
    .split(":", 2);
  return user === PROXY_USER ? (token ?? null) : null;
}

function sayNo(answer: ServerResponse, status: number, reason: string): void {
  if (answer.headersSent || answer.destroyed) return;
  const text = `${explanation(reason)}\n`;
  // What is left of the request is not read.
  answer.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    Connection: "close",
  });
  answer.end(text);
}

function endWith(socket: Duplex, status: number, reason: string): void {
  if (socket.destroyed || !socket.writable) return void socket.destroy();
  const text = `${explanation(reason)}\n`;
  const headers = [
    "Content-Type",
    "text/plain; charset=utf-8",
    "Content-Length",
    String(Buffer.byteLength(text)),
    "Connection",
    "close",
  ];
  socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? "Refused"}\r\n${written(headers)}\r\n${text}`);
}

function explanation(reason: string): string {
  return `ringfence: ${reason}`;
}

function written(headers: readonly string[]): string {
  let text = "";
  for (let at = 0; at + 1 < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return text;
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

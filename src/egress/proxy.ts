import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import net, { type Socket } from "node:net";
import { type Duplex, Readable, type Transform } from "node:stream";
import { type ConnectionOptions, type SecureContext, TLSSocket } from "node:tls";
import type { Effect } from "../core/effect.ts";
import { canonicalHost, isAddress } from "../core/host.ts";
import { addressOf, type NetRequest, PROXY_USER, READ_ONLY_METHODS } from "../core/net-rules.ts";
import { type Permit, spend } from "../core/permit.ts";
import { askedHeaders, plainHeaders } from "../core/plain-headers.ts";
import { dismiss, endWith, headOf, passHead, sayNo, written } from "./answer.ts";
import { BodyRefused, type Broker } from "./broker.ts";
import { type Address, pinned, type Reach, Resolver } from "./dial.ts";
import { type GitRemote, tellGit } from "./git.ts";
import { answerHeaders, type Head, headerOf, type Origin, readConnect, readHead } from "./head.ts";
import { type Look, RequestLook } from "./look.ts";
import { Meter, type NetLimits } from "./meter.ts";
import { type PutOn, putOn, type Shown, showReply } from "./put-on.ts";
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
  /** Decides, records, and gives the permit. `token` is the command's, as the client claims; `look` is for a person. */
  readonly judge: (request: NetRequest, token: string | null, look: Look) => Promise<Judged>;
  /** Reads what git asks of the tracked repository, and composes what is sent; null without one. */
  readonly git: GitRemote | null;
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
  /** How long a peer may take for a head, for a handshake and to be dialled; 30 s when left out. */
  readonly waitMs?: number;
}

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
  /** It passes because its address tells nothing: then its headers must not either. */
  readonly isPlain: boolean;
  /** A person was shown it: what they saw is sent. */
  readonly isAsked: boolean;
}

/** A request that is allowed, with all that belongs to it. */
interface Passing {
  readonly route: Route;
  readonly put: PutOn & { readonly ok: true };
  /** Its body, where that was read before it was allowed. */
  readonly held: Buffer | null;
  readonly broker: Broker | null;
  readonly outcome: Running;
  readonly token: string | null;
  /** What its answer passes through first. */
  readonly through: readonly Transform[];
}

type Found =
  | { readonly ok: true; readonly route: Route }
  | { readonly ok: false; readonly status: number; readonly reason: string };

const SERVER: http.ServerOptions = {
  maxHeaderSize: 64 << 10,
  // A large body takes as long as it takes.
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
  requireHostHeader: false,
  insecureHTTPParser: false,
  // Every other request to switch is an ordinary one: in h2c, methods and paths would go by unseen.
  shouldUpgradeCallback: ({ method, headers }) =>
    method === "GET" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["content-length"] === undefined &&
    headers["transfer-encoding"] === undefined,
};
const WAIT_MS = 30_000;
const IDLE_MS_MAX = 60_000;
const GONE = "the client ended it";
const OVER = "the session ended";
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
  readonly #outer: http.Server;
  readonly #inner: http.Server;
  readonly #clients = new WeakMap<object, Client>();
  readonly #open = new Set<Duplex>();
  readonly #running = new Set<Running>();
  readonly #waitMs: number;
  #verification: ConnectionOptions | null = null;
  #isClosed = false;
  /** Requests that wait for their judgement or for an address. */
  #asking = 0;
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent };

  constructor(plan: ProxyPlan) {
    this.#plan = plan;
    this.#resolver = plan.resolver ?? new Resolver();
    this.#meter = new Meter(plan.limits);
    this.#waitMs = plan.waitMs ?? WAIT_MS;
    this.#agents = {
      http: new http.Agent({ keepAlive: true, timeout: IDLE_MS_MAX }),
      https: new https.Agent({ keepAlive: true, timeout: IDLE_MS_MAX, ALPNProtocols: ["http/1.1"] }),
    };
    const server: http.ServerOptions = {
      ...SERVER,
      headersTimeout: this.#waitMs,
      connectionsCheckingInterval: this.#waitMs / 2,
    };
    this.#outer = http.createServer(server);
    this.#inner = http.createServer(server);
    // A server that does not listen itself would look at no time limit.
    for (const server of [this.#outer, this.#inner]) server.emit("listening");
    this.#outer.on("connection", (socket) => this.#accept(socket));
    this.#inner.on("connection", (socket) => this.#track(socket));
    this.#outer.on("connect", (request, socket, head) => {
      giveBack(socket, head);
      this.#guard(socket, this.#connect(request, socket as Socket));
    });
    this.#inner.on("connect", (_request, socket) => {
      this.#malformed("a CONNECT inside a tunnel", this.#clients.get(socket)?.token ?? null);
      endWith(socket, 400, "a CONNECT inside a tunnel");
    });
    for (const server of [this.#outer, this.#inner]) {
      // Zero: no header is passed over; the size is bounded.
      server.maxHeadersCount = 0;
      for (const event of ["request", "checkExpectation"])
        server.on(event, (request, answer) => this.#guard(request.socket, this.#serve(request, answer, false)));
      server.on("checkContinue", (request, answer) => this.#guard(request.socket, this.#serve(request, answer, true)));
      server.on("upgrade", (request, socket, head) => {
        giveBack(socket, head);
        this.#guard(socket, this.#upgrade(request, socket as Socket));
      });
      server.on("clientError", (error, socket) => this.#refuseBytes(error, socket));
    }
  }

  /** Goes on with a connection that HTTP or CONNECT is spoken on. */
  takeHttp(socket: Socket): void {
    this.#outer.emit("connection", socket);
    socket.resume();
  }

  /** Goes on with a connection that SOCKS 5 is spoken on. */
  takeSocks(socket: Socket): void {
    if (this.#accept(socket)) this.#guard(socket, this.#socks(socket));
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
    const route = { seq: permit.seq, request: effect, addresses: found.addresses, isPlain: true, isAsked: false };
    const outgoing = this.#request(route, ["Host", host, "Accept", accept, "User-Agent", "ringfence"], outcome);
    // Behind an answer too, and where there is none at all.
    outgoing.on("error", () => {});
    outgoing.once("close", () => outgoing.emit("error", new Error("it gave no answer")));
    outgoing.setTimeout(this.#waitMs, () => outgoing.destroy(new Error("it did not answer")));
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

  /** Joins a connection with a service of the machine's own; `pass` is asked for each. */
  takeService(
    socket: Socket,
    { host, port }: NetRequest,
    pass: () => { readonly verdict: "allow"; readonly permit: Permit } | { readonly verdict: "ask" | "deny" },
  ): void {
    if (!this.#accept(socket)) return;
    const passed = pass();
    if (passed.verdict !== "allow") return void socket.destroy();
    spend(passed.permit);
    const outcome = this.#run(passed.permit.seq);
    const upstream = net.connect({ host: bare(host), port, allowHalfOpen: true, noDelay: true });
    upstream.on("error", (error) => outcome.end(error.message));
    this.#join(socket, upstream, outcome);
    socket.resume();
  }

  /** Ends every connection. */
  close(): void {
    this.#isClosed = true;
    for (const server of [this.#outer, this.#inner]) server.close();
    for (const outcome of this.#running) outcome.end(OVER);
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

  #accept(socket: Socket): boolean {
    this.#track(socket);
    const ceiling = this.#meter.connect();
    if (ceiling === null) socket.on("close", () => this.#meter.disconnect());
    else {
      this.#malformed(ceiling, null);
      socket.destroy();
    }
    return ceiling === null;
  }

  // What fails in handling one connection must not end the session.
  #guard(socket: Duplex, handled: Promise<void>): void {
    handled.catch((error: Error) => {
      this.#malformed(`it could not be handled: ${error.message}`, this.#clients.get(socket)?.token ?? null);
      socket.destroy();
    });
  }

  #malformed(reason: string, token: string | null): void {
    if (this.#meter.refuse()) this.#plan.malformed(reason, token);
  }

  #track(socket: Duplex): void {
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    // What breaks is a peer's matter.
    socket.on("error", () => socket.destroy());
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse, isWaiting: boolean): Promise<void> {
    const client = this.#clients.get(incoming.socket);
    const head = headOf(incoming);
    const token = client ? client.token : tokenOf(head);
    const refuse = (status: number, reason: string) => sayNo(answer, status, reason);
    // What is still written to a client that went away.
    answer.on("error", () => answer.destroy());
    const read = readHead(head, client?.origin ?? null);
    if (!read.ok) {
      this.#malformed(read.reason, token);
      return refuse(400, read.reason);
    }
    if (this.#plan.git?.claims(read.request)) {
      if (isWaiting) answer.writeContinue();
      return this.#serveGit(this.#plan.git, read.request, incoming, { answer, token });
    }
    let mustInvite = isWaiting;
    const invite = () => {
      if (mustInvite) answer.writeContinue();
      mustInvite = false;
    };
    const look = new RequestLook(read.headers, answer, read.request.hasBody ? { incoming, invite } : null);
    const found = await this.#judge(read.request, token, look);
    if (!found.ok) return refuse(found.status, found.reason);
    const { route } = found;
    const outcome = this.#run(route.seq);
    invite();
    const broker = this.#plan.broker();
    const held = look.held?.bytes ?? null;
    const asked = { ...route.request, headers: sentHeaders(route, read.headers, broker) };
    const put = await putOn(broker, asked, held ?? incoming).catch(() => ({ ok: false, reason: GONE }) as const);
    if (!put.ok) {
      outcome.end(put.reason);
      this.#malformed(put.reason, token);
      return refuse(403, put.reason);
    }
    if (incoming.socket.destroyed) return outcome.end(GONE);
    this.#pass(incoming, answer, { route, put, held, broker, outcome, token, through: [] });
  }

  /** What git asks of the tracked repository is judged by its body; what is sent is composed here, all of it. */
  async #serveGit(
    git: GitRemote,
    request: NetRequest,
    incoming: IncomingMessage,
    { answer, token }: { readonly answer: ServerResponse; readonly token: string | null },
  ): Promise<void> {
    const composed = await git.read(request, headOf(incoming), incoming, answer);
    if (!composed.ok) {
      this.#malformed(composed.reason, token);
      return sayNo(answer, 403, composed.reason);
    }
    const { call, headers, body, through } = composed;
    const found = await this.#judge(request, token, new RequestLook([], answer, null, call));
    if (!found.ok) {
      const told = composed.refuse(found.reason);
      return told === null ? sayNo(answer, found.status, found.reason) : tellGit(answer, told);
    }
    const { route } = found;
    if (body === null && request.hasBody) throw new Error("bug: nothing is composed for what is allowed");
    const outcome = this.#run(route.seq);
    const broker = this.#plan.broker();
    const put = await putOn(broker, { ...route.request, headers }, null);
    if (!put.ok) {
      outcome.end(put.reason);
      this.#malformed(put.reason, token);
      return sayNo(answer, 403, put.reason);
    }
    if (incoming.socket.destroyed) return outcome.end(GONE);
    this.#pass(incoming, answer, { route, put: { ...put, body }, held: null, broker, outcome, token, through });
  }

  /** Sends a request that is allowed, and its answer back. */
  #pass(
    incoming: IncomingMessage,
    answer: ServerResponse,
    { route, put, held, broker, outcome, token, through }: Passing,
  ): void {
    const { request } = route;
    // What a server was not seen to have begun can be asked again: only where it changes nothing, and once.
    let mayRepeat = !request.hasBody && READ_ONLY_METHODS.includes(request.method);
    let outgoing = this.#request(route, put.headers, outcome);
    const fail = (reason: string) => {
      outcome.end(reason);
      if (answer.headersSent) answer.destroy();
      else sayNo(answer, 502, `${request.host}: ${reason}`);
    };
    const hear = (asked: http.ClientRequest) => {
      asked.on("response", (reply) => {
        outcome.status = reply.statusCode ?? null;
        reply.on("data", (piece: Buffer) => outcome.receive(piece.length));
        reply.on("close", () => (reply.complete ? outcome.end(null) : fail("it broke off")));
        const shown = showReply(broker, request.host, reply);
        const wrong = shown.kind === "refused" ? shown.reason : passReply(reply, { shown, through }, answer, fail);
        if (wrong === null) return;
        fail(wrong);
        asked.destroy();
      });
      asked.on("error", (error) => {
        if (error instanceof BodyRefused) this.#malformed(error.message, token);
        // It ended a connection that was kept for later, just as that was used again.
        const isStale = mayRepeat && asked.reusedSocket && "code" in error && error.code === "ECONNRESET";
        if (!isStale || outcome.status !== null || answer.destroyed) return fail(error.message);
        mayRepeat = false;
        outgoing = this.#request(route, put.headers, outcome, false);
        hear(outgoing);
        outgoing.end();
      });
      asked.on("close", () => {
        if (asked === outgoing && outcome.status === null) fail("it gave no answer");
      });
    };
    hear(outgoing);
    answer.on("close", () => {
      if (!answer.writableFinished) outcome.end(GONE);
      outgoing.destroy();
    });
    incoming.on("aborted", () => outgoing.destroy(new Error(GONE)));
    if (put.body !== null) this.#count(put.body.length, outcome, outgoing);
    // What was judged to have no body brings none.
    if (put.body !== null || !request.hasBody) return void outgoing.end(put.body);
    const body = held === null ? incoming : Readable.from([held]);
    body.on("data", (piece: Buffer) => this.#count(piece.length, outcome, outgoing));
    if (broker === null) return void body.pipe(outgoing);
    const scan = broker.scanBody(headerOf(headOf(incoming), "content-encoding"));
    body.pipe(scan.on("error", (error) => outgoing.destroy(error))).pipe(outgoing);
  }

  /** WebSocket: judged as a request with a body, since what follows is not seen as requests. */
  async #upgrade(incoming: IncomingMessage, socket: Socket): Promise<void> {
    const client = this.#clients.get(socket);
    const head = headOf(incoming);
    const token = client ? client.token : tokenOf(head);
    const read = readHead(head, client?.origin ?? null);
    if (!read.ok) {
      this.#malformed(read.reason, token);
      return endWith(socket, 400, read.reason);
    }
    const look = new RequestLook(read.headers, socket, null);
    const found = await this.#judge({ ...read.request, hasBody: true }, token, look);
    if (!found.ok) return endWith(socket, found.status, found.reason);
    const outcome = this.#run(found.route.seq);
    if (socket.destroyed) return outcome.end(GONE);
    const broker = this.#plan.broker();
    const headers = sentHeaders(found.route, read.headers, broker);
    const put = await putOn(broker, { ...read.request, headers }, null);
    // What goes by after it is not masked.
    const isOpen = put.ok && !broker?.isBrokered(read.request.host);
    if (!isOpen) {
      const reason = put.ok ? "a host that a credential is put on for does not switch protocols" : put.reason;
      outcome.end(reason);
      this.#malformed(reason, token);
      return endWith(socket, 403, reason);
    }
    const switching = ["Connection", "Upgrade", "Upgrade", "websocket"];
    const outgoing = this.#request(found.route, [...headers, ...switching], outcome);
    const fail = (reason: string) => {
      outcome.end(reason);
      endWith(socket, 502, `${read.request.host}: ${reason}`);
    };
    let isThere = false;
    outgoing.on("upgrade", (reply, upstream: Socket, rest) => {
      isThere = true;
      outcome.status = reply.statusCode ?? null;
      this.#track(upstream);
      if (reply.headers.upgrade?.toLowerCase() !== "websocket") {
        upstream.destroy();
        return fail("it switches to another protocol");
      }
      const headers = [...answerHeaders(reply.rawHeaders), ...switching];
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${written(headers)}\r\n`, "latin1");
      giveBack(upstream, rest);
      this.#join(socket, upstream, outcome);
    });
    outgoing.on("response", (reply) => {
      outcome.status = reply.statusCode ?? null;
      outcome.end(null);
      reply.destroy();
      endWith(socket, reply.statusCode ?? 502, "the server does not switch protocols");
    });
    outgoing.on("error", (error) => fail(error.message));
    outgoing.on("close", () => {
      if (!isThere) fail("it gave no answer");
    });
    socket.on("close", () => {
      outcome.end(GONE);
      outgoing.destroy();
    });
    outgoing.end();
  }

  async #connect(incoming: IncomingMessage, socket: Socket): Promise<void> {
    const head = headOf(incoming);
    const token = tokenOf(head);
    const place = readConnect(head);
    if (!place.ok) {
      this.#malformed(place.reason, token);
      return endWith(socket, 400, place.reason);
    }
    await this.#enter(socket, { host: place.host, port: place.port, token }, (refusal) => {
      if (refusal === null) socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      else endWith(socket, refusal.status, refusal.text);
    });
  }

  async #socks(socket: Socket): Promise<void> {
    const timer = setTimeout(() => socket.destroy(), this.#waitMs);
    const asked = await acceptSocks(socket, (user, password) => (user === PROXY_USER ? password : null));
    clearTimeout(timer);
    if (asked === null) {
      this.#malformed("that is no SOCKS 5 request to connect", null);
      return dismiss(socket);
    }
    const { place, token, answer } = asked;
    if (!place.ok) {
      this.#malformed(place.reason, token);
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
        this.#malformed(`TLS to ${host}: ${context.message}`, token);
        return answer({ status: 502, text: `${host}: ${context.message}` });
      }
      answer(null);
      const origin: Origin = { protocol: isPlain ? "http" : "https", host, port };
      return this.#lookInto(socket, context, { origin, token });
    }
    const request: NetRequest = { protocol: "tunnel", host, port, method: "CONNECT", path: "", hasBody: true };
    const found = await this.#judge(request, token, new RequestLook([], socket, null));
    if (!found.ok) return answer({ status: found.status, text: found.reason });
    const outcome = this.#run(found.route.seq);
    if (socket.destroyed) return outcome.end(GONE);
    const upstream = net.connect({
      host: bare(host),
      port,
      lookup: pinned(found.route.addresses),
      allowHalfOpen: true,
      noDelay: true,
    });
    this.#track(upstream);
    let isThere = false;
    upstream.setTimeout(this.#waitMs, () => upstream.destroy(new Error("it did not answer")));
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
        this.#malformed(reason, token);
        outcome.end(reason);
        socket.destroy();
        upstream.destroy();
      });
      this.#join(socket, upstream, outcome, tunnel);
    });
  }

  #lookInto(socket: Socket, context: SecureContext | null, client: Client): void {
    if (context === null) {
      this.#clients.set(socket, client);
      this.#inner.emit("connection", socket);
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
    this.#track(inner);
    const timer = setTimeout(() => inner.destroy(), this.#waitMs).unref();
    const onClose = () => {
      clearTimeout(timer);
      this.#malformed(`TLS to ${host}: ${reason}`, client.token);
    };
    inner.once("close", onClose);
    inner.once("secure", () => {
      clearTimeout(timer);
      inner.off("close", onClose);
      this.#clients.set(inner, client);
      this.#inner.emit("connection", inner);
    });
  }

  async #judge(request: NetRequest, token: string | null, look: RequestLook): Promise<Found> {
    const ceiling = this.#meter.open(this.#running.size + this.#asking);
    if (ceiling !== null) {
      this.#malformed(ceiling, token);
      return { ok: false, status: 429, reason: ceiling };
    }
    this.#asking += 1;
    try {
      return await this.#allowed(request, token, look);
    } finally {
      this.#asking -= 1;
    }
  }

  async #allowed(request: NetRequest, token: string | null, look: RequestLook): Promise<Found> {
    const judged = await this.#plan.judge(request, token, look);
    if (judged.verdict === "refuse") return { ok: false, status: 403, reason: judged.reason };
    const effect = spend(judged.permit);
    if (effect.kind !== "request" && effect.kind !== "push") throw new Error("bug: a permit for something else");
    if (!isForBody(effect, look)) throw new Error("bug: a permit for another body");
    const { seq } = judged.permit;
    const resolved = await this.#resolver.resolve(effect.host, judged.reach);
    const reason = this.#isClosed ? OVER : resolved.ok ? null : resolved.reason;
    if (resolved.ok && reason === null) {
      const [plain, isAsked] =
        effect.kind === "push" ? [false, false] : [isPlain(effect), effect.approvedBy === "person"];
      return { ok: true, route: { seq, request: effect, addresses: resolved.addresses, isPlain: plain, isAsked } };
    }
    this.#plan.ended(seq, { status: null, sentBytes: 0, receivedBytes: 0, error: reason });
    return { ok: false, status: 403, reason: reason ?? "" };
  }

  #request(
    { request, addresses }: Route,
    headers: readonly string[],
    outcome: Running,
    mayReuse = true,
  ): http.ClientRequest {
    const outgoing = this.#ask(request, addresses, headers, mayReuse);
    // An address carries out as much as a body does.
    const bytes = [request.method, request.path, ...headers].join("  ").length;
    this.#count(bytes, outcome, outgoing);
    return outgoing;
  }

  #count(bytes: number, outcome: Running, outgoing: http.ClientRequest): void {
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
      host: bare(host),
      port,
      method,
      path,
      headers: [...headers] as unknown as http.OutgoingHttpHeaders,
      setHost: false,
      lookup: pinned(addresses),
    };
    if (protocol === "http") return http.request({ ...options, agent: mayReuse && this.#agents.http });
    this.#verification ??= upstreamTls(this.#plan.authorities);
    const secure = { ...this.#verification, servername: isAddress(host) ? "" : host };
    return https.request({ ...options, ...secure, agent: mayReuse && this.#agents.https });
  }

  #join(socket: Socket, upstream: Socket, outcome: Running, tunnel: Tunnel | null = null): void {
    this.#track(upstream);
    socket.on("data", (piece: Buffer) => {
      outcome.send(piece.length);
      const ceiling = this.#meter.send(piece.length);
      if (ceiling === null) return;
      outcome.end(ceiling);
      // First, so that this piece does not leave either.
      upstream.destroy();
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
    // The parser says so for every piece that comes behind.
    if (socket.writableEnded) return;
    const client = this.#clients.get(socket);
    if (!("code" in error) || error.code !== "ECONNRESET")
      this.#malformed(`no HTTP: ${error.message}`, client?.token ?? null);
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

// At once: later the client may have closed its half, and nothing can be put before an end.
function giveBack(socket: Duplex, first: Buffer): void {
  if (first.length > 0) socket.unshift(first);
}

function isPlain({ origin }: Effect & { readonly kind: "request" }): boolean {
  return origin === "locked" || origin === "typed";
}

function isForBody(effect: Effect & { readonly kind: "request" | "push" }, { held, git }: RequestLook): boolean {
  if (effect.kind === "push") return git?.kind === "push" && git.digest === effect.digest;
  return (effect.shown?.body?.sha256 ?? null) === (held?.sha256 ?? null);
}

// What left without a look carries nothing of its sender's own; what a person looked at is sent as they saw it.
function sentHeaders(
  { request, isPlain, isAsked }: Route,
  headers: readonly string[],
  broker: Broker | null,
): string[] {
  if (isAsked) return askedHeaders(headers);
  return isPlain ? plainHeaders(headers, broker?.isBrokered(request.host) ?? false) : [...headers];
}

function tokenOf(head: Head): string | null {
  const [, base64] = /^basic ([a-z0-9+/=]+)$/i.exec(headerOf(head, "proxy-authorization") ?? "") ?? [];
  const [user, token] = Buffer.from(base64 ?? "", "base64")
    .toString("latin1")
    .split(":", 2);
  return user === PROXY_USER ? (token ?? null) : null;
}

/** Passes an answer on, or says why it is none that a server may give. */
function passReply(
  reply: IncomingMessage,
  { shown, through }: { readonly shown: Shown & { readonly kind: "send" }; readonly through: readonly Transform[] },
  answer: ServerResponse,
  fail: (reason: string) => void,
): string | null {
  if (!passHead(reply, shown, answer)) return "its answer cannot be passed on";
  let body: Readable = reply;
  for (const next of [...through, ...shown.body]) body = body.pipe(next).on("error", (error) => fail(error.message));
  body.pipe(answer);
  return null;
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

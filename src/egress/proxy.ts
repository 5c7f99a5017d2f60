import http, { type IncomingMessage, type ServerResponse } from "node:http";
import net, { type Socket } from "node:net";
import { type Duplex, Readable, type Transform } from "node:stream";
import type { SecureContext } from "node:tls";
import type { Effect } from "../core/effect.ts";
import { bareHost } from "../core/host.ts";
import { type NetRequest, READ_ONLY_METHODS } from "../core/net-rules.ts";
import { type Permit, spend } from "../core/permit.ts";
import { endWith, giveBack, headOf, passHead, pour, sayNo } from "./answer.ts";
import { BodyRefused, type Broker } from "./broker.ts";
import { type Reach, Resolver } from "./dial.ts";
import { Dialler } from "./dialler.ts";
import { readDocument } from "./document.ts";
import { type GitRemote, tellGit } from "./git.ts";
import { headerOf, type Origin, readHead, tokenOf } from "./head.ts";
import { join } from "./join.ts";
import { type Look, RequestLook } from "./look.ts";
import { Meter, type NetLimits } from "./meter.ts";
import type { ModelDoor, ReplyTap, Sent } from "./model-door.ts";
import { type PutOn, putOn, type Shown, showReply } from "./put-on.ts";
import {
  type Client,
  type Found,
  GONE,
  type NetOutcome,
  OVER,
  type Route,
  Running,
  sentHeaders,
  type Traffic,
} from "./route.ts";
import { Tunnels } from "./tunnels.ts";
import { upgrade } from "./upgrade.ts";

/** What the gate said to a request. */
export type Judged =
  | { readonly verdict: "allow"; readonly permit: Permit; readonly reach: Reach }
  | {
      readonly verdict: "refuse";
      readonly reason: string;
      /** What the client is answered, where that is not 403. */
      readonly status?: number;
    };

/** What the gate said to what is passed on or not, without a question. */
type Passed =
  | { readonly verdict: "allow"; readonly permit: Permit }
  | { readonly verdict: "ask" | "deny" | "refuse"; readonly reason: string };

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
  /** Reads what is sent to the model of a wrapped agent; null where none is wrapped. */
  readonly model: ModelDoor | null;
  /** Authorities that servers outside are verified with, in PEM. */
  readonly authorities: string;
  readonly limits: NetLimits;
  readonly resolver?: Resolver;
  /** How long a peer may take for a head, for a handshake and to be dialled; 30 s when left out. */
  readonly waitMs?: number;
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
  /** Of a request to a wrapped agent's model: who reads in the answer what it took. */
  readonly tap: ReplyTap | null;
}

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
const CHANGED = "what the session has seen changed while it was asked about: ask again";
const NOTHING: NetOutcome = { status: null, sentBytes: 0, receivedBytes: 0, error: null };

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
  readonly #dialler: Dialler;
  readonly #outer: http.Server;
  readonly #inner: http.Server;
  readonly #clients = new WeakMap<object, Client>();
  readonly #open = new Set<Duplex>();
  readonly #running = new Set<Running>();
  readonly #waitMs: number;
  #isClosed = false;
  /** How often all has been judged again. */
  #round = 0;
  /** Requests that wait for their judgement or for an address. */
  #asking = 0;
  readonly #traffic: Traffic;
  readonly #tunnels: Tunnels;

  constructor(plan: ProxyPlan) {
    this.#plan = plan;
    this.#resolver = plan.resolver ?? new Resolver();
    this.#meter = new Meter(plan.limits);
    this.#waitMs = plan.waitMs ?? WAIT_MS;
    this.#dialler = new Dialler(plan.authorities, this.#meter);
    this.#traffic = {
      meter: this.#meter,
      dialler: this.#dialler,
      waitMs: this.#waitMs,
      clientOf: (socket) => this.#clients.get(socket),
      broker: plan.broker,
      judge: (request, token, look) => this.#judge(request, token, look),
      run: (route) => this.#run(route),
      malformed: (reason, token) => this.#malformed(reason, token),
      track: (socket) => this.#track(socket),
    };
    const { reaches, secureContext } = plan;
    const inside = (socket: Duplex, client: Client) => this.#goInside(socket, client);
    this.#tunnels = new Tunnels({ reaches, secureContext, inside }, this.#traffic);
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
      this.#guard(socket, this.#tunnels.connect(request, socket as Socket));
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
        this.#guard(socket, upgrade(this.#traffic, request, socket as Socket));
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
    if (this.#accept(socket)) this.#guard(socket, this.#tunnels.socks(socket));
  }

  /** Reads a document for the host itself, with a permit for it; null when it cannot be had, or has more than 32 MiB. */
  read(permit: Permit, reach: Reach, accept: string): Promise<string | null> {
    const outcome = this.#run({ seq: permit.seq, again: null });
    const [dialler, resolver] = [this.#dialler, this.#resolver];
    return readDocument({ dialler, resolver, outcome, waitMs: this.#waitMs }, { permit, reach, accept });
  }

  /** Joins a connection with a service of the machine's own; `pass` is asked for each. */
  takeService(socket: Socket, { host, port }: NetRequest, pass: () => Passed): void {
    if (!this.#accept(socket)) return;
    const passed = pass();
    if (passed.verdict !== "allow") return void socket.destroy();
    spend(passed.permit);
    const again = async () => this.#goesOn(pass());
    const outcome = this.#run({ seq: passed.permit.seq, again });
    const upstream = net.connect({ host: bareHost(host), port, allowHalfOpen: true, noDelay: true });
    outcome.leaveBy(upstream);
    upstream.on("error", (error) => outcome.end(error.message));
    join(this.#traffic, { socket, upstream, outcome });
    socket.resume();
  }

  /** Goes on with a connection that is meant for one host and port, each of its requests judged as if it named them. */
  takeFor(socket: Socket, origin: Origin): void {
    if (!this.#accept(socket)) return;
    this.#goInside(socket, { origin, token: null });
    socket.resume();
  }

  /**
   * Has all that is on its way judged again, since what the session has seen weighs more; what is refused now ends. What
   * waits for its first judgement meanwhile is refused, and can be asked for again.
   */
  async judgeAgain(): Promise<void> {
    this.#round += 1;
    await Promise.all([...this.#running].map((outcome) => outcome.judgeAgain()));
  }

  /** Ends every connection. */
  close(): void {
    this.#isClosed = true;
    for (const server of [this.#outer, this.#inner]) server.close();
    for (const outcome of this.#running) outcome.end(OVER);
    for (const socket of this.#open) socket.destroy();
    this.#dialler.close();
  }

  #goInside(socket: Duplex, client: Client): void {
    this.#clients.set(socket, client);
    this.#inner.emit("connection", socket);
  }

  #run({ seq, again }: Pick<Route, "seq" | "again">): Running {
    const outcome: Running = new Running(again, (counts) => {
      this.#running.delete(outcome);
      this.#plan.ended(seq, counts);
    });
    this.#running.add(outcome);
    return outcome;
  }

  #accept(socket: Socket): boolean {
    this.#track(socket);
    if (this.#isClosed) {
      socket.destroy();
      return false;
    }
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
    const outcome = this.#run(route);
    invite();
    const broker = this.#plan.broker();
    const held = look.held?.bytes ?? null;
    const asked = { ...route.request, headers: sentHeaders(route, read.headers, broker) };
    const put = await this.#sent(route, asked, { broker, held, incoming }).catch(
      () => ({ ok: false, reason: GONE }) as const,
    );
    if (!put.ok) {
      outcome.end(put.reason);
      this.#malformed(put.reason, token);
      return refuse(403, put.reason);
    }
    const { tap } = put;
    answer.on("close", () => tap?.close());
    if (incoming.socket.destroyed) {
      tap?.close();
      return outcome.end(GONE);
    }
    this.#pass(incoming, answer, { route, put, held, broker, outcome, token, through: [], tap });
  }

  /** Makes of a request that is allowed what goes out: with its credential on, and to a model only what was judged. */
  async #sent(
    { isModel }: Route,
    asked: NetRequest & { readonly headers: readonly string[] },
    given: { readonly broker: Broker | null; readonly held: Buffer | null; readonly incoming: IncomingMessage },
  ): Promise<Sent> {
    const { broker, held, incoming } = given;
    if (!isModel) {
      const put = await putOn(broker, asked, held ?? incoming);
      return put.ok ? { ...put, tap: null } : put;
    }
    const { model } = this.#plan;
    if (model === null || held !== null) throw new Error("bug: a permit for a model where no agent is wrapped");
    return model.send(broker, asked, incoming);
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
    const outcome = this.#run(route);
    const broker = this.#plan.broker();
    const put = await putOn(broker, { ...route.request, headers }, null);
    if (!put.ok) {
      outcome.end(put.reason);
      this.#malformed(put.reason, token);
      return sayNo(answer, 403, put.reason);
    }
    if (incoming.socket.destroyed) return outcome.end(GONE);
    const sent = { ...put, body };
    this.#pass(incoming, answer, { route, put: sent, held: null, broker, outcome, token, through, tap: null });
  }

  /** Sends a request that is allowed, and its answer back. */
  #pass(
    incoming: IncomingMessage,
    answer: ServerResponse,
    { route, put, held, broker, outcome, token, through, tap }: Passing,
  ): void {
    const { request } = route;
    // What a server was not seen to have begun can be asked again: only where it changes nothing, and once.
    let mayRepeat = !request.hasBody && READ_ONLY_METHODS.includes(request.method);
    let outgoing = this.#dialler.request(route, put.headers, outcome);
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
        const whole = showReply(broker, request.host, reply);
        const shown = tap ? tap.hear(reply, whole) : whole;
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
        outgoing = this.#dialler.request(route, put.headers, outcome, false);
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
    if (put.body !== null) this.#dialler.count(put.body.length, outcome, outgoing);
    // What was judged to have no body brings none.
    if (put.body !== null || !request.hasBody) return void outgoing.end(put.body);
    const body = held === null ? incoming : Readable.from([held]);
    body.on("data", (piece: Buffer) => this.#dialler.count(piece.length, outcome, outgoing));
    if (broker === null && held === null) return void pour(incoming, outgoing);
    if (broker === null) return void body.pipe(outgoing);
    const scan = broker.scanBody(headerOf(headOf(incoming), "content-encoding"));
    body.pipe(scan.on("error", (error) => outgoing.destroy(error))).pipe(outgoing);
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
    const round = this.#round;
    const judged = await this.#plan.judge(request, token, look);
    if (judged.verdict === "refuse") return { ok: false, status: judged.status ?? 403, reason: judged.reason };
    const effect = spend(judged.permit);
    if (effect.kind !== "request" && effect.kind !== "push") throw new Error("bug: a permit for something else");
    if (!isForBody(effect, look)) throw new Error("bug: a permit for another body");
    const { seq } = judged.permit;
    const resolved = await this.#resolver.resolve(effect.host, judged.reach);
    const late = this.#isClosed ? OVER : round === this.#round ? null : CHANGED;
    const reason = late ?? (resolved.ok ? null : resolved.reason);
    if (resolved.ok && reason === null) {
      const [plain, isAsked] =
        effect.kind === "push" ? [false, false] : [isPlain(effect), effect.approvedBy === "person"];
      const again = async () => this.#goesOn(await this.#plan.judge(request, token, look.onItsWay()));
      const isModel = effect.kind === "request" && effect.origin === "model";
      const { addresses } = resolved;
      return { ok: true, route: { seq, request: effect, addresses, isPlain: plain, isAsked, isModel, again } };
    }
    this.#plan.ended(seq, { ...NOTHING, error: reason });
    return { ok: false, status: 403, reason: reason ?? "" };
  }

  // It goes on under the permit that it has; the further one is spent on that alone.
  #goesOn(judged: Passed): string | null {
    if (judged.verdict !== "allow") return judged.reason;
    spend(judged.permit);
    this.#plan.ended(judged.permit.seq, NOTHING);
    return null;
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

function isPlain({ origin }: Effect & { readonly kind: "request" }): boolean {
  return origin === "locked" || origin === "typed";
}

function isForBody(effect: Effect & { readonly kind: "request" | "push" }, { held, git }: RequestLook): boolean {
  if (effect.kind === "push") return git?.kind === "push" && git.digest === effect.digest;
  return (effect.shown?.body?.sha256 ?? null) === (held?.sha256 ?? null);
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
  if (body === reply) pour(reply, answer);
  else body.pipe(answer);
  return null;
}

import http from "node:http";
import net, { type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Effect } from "../core/effect.ts";
import { bareHost } from "../core/host.ts";
import type { NetRequest } from "../core/net-rules.ts";
import { type Permit, spend } from "../core/permit.ts";
import { endWith, giveBack } from "./answer.ts";
import { type Reach, type Resolved, Resolver } from "./dial.ts";
import { Dialler } from "./dialler.ts";
import { type Document, type ReadOptions, readDocument } from "./document.ts";
import type { Origin } from "./head.ts";
import { join } from "./join.ts";
import type { RequestLook } from "./look.ts";
import { Meter } from "./meter.ts";
import type { Passed, ProxyPlan } from "./proxy-plan.ts";
import { Requests } from "./requests.ts";
import { type Client, type Found, type NetOutcome, OVER, type Route, Running, type Traffic } from "./route.ts";
import { Tunnels } from "./tunnels.ts";
import { upgrade } from "./upgrade.ts";

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
  readonly #requests: Requests;

  constructor(plan: ProxyPlan) {
    this.#plan = plan;
    this.#resolver = plan.resolver ?? new Resolver();
    this.#meter = new Meter(plan.limits, plan.sending);
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
    this.#requests = new Requests({ git: plan.git, model: plan.model, tokens: plan.tokens }, this.#traffic);
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
        server.on(event, (request, answer) =>
          this.#guard(request.socket, this.#requests.serve(request, answer, false)),
        );
      server.on("checkContinue", (request, answer) =>
        this.#guard(request.socket, this.#requests.serve(request, answer, true)),
      );
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

  /** Asks for a document for the host itself, with a permit for it. Nothing is sent but the address, and no redirect followed. */
  async read(permit: Permit, reach: Reach, how: ReadOptions): Promise<Document> {
    const outcome = this.#run({ seq: permit.seq, again: null });
    const ceiling = this.#meter.open(this.#running.size + this.#asking);
    const broker = this.#plan.broker();
    const by = { dialler: this.#dialler, resolver: this.#resolver, broker, outcome, waitMs: this.#waitMs };
    return readDocument(by, { permit, reach, ceiling }, how);
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
   * waits for its first judgement meanwhile is judged anew, or refused where it has a body, and can be asked for again.
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
    const onEnd = (counts: NetOutcome) => {
      this.#running.delete(outcome);
      this.#plan.ended(seq, counts);
    };
    const outcome: Running = new Running(again, () => this.#plan.heard(seq), onEnd);
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
    // Which host the person's ssh means by it, their own configuration says.
    const resolved: Resolved =
      effect.protocol === "ssh" ? { ok: true, addresses: [] } : await this.#resolver.resolve(effect.host, judged.reach);
    const isLate = round !== this.#round;
    if (isLate && !this.#isClosed && !effect.hasBody && look.held === null) {
      this.#plan.ended(seq, { ...NOTHING, error: CHANGED });
      return this.#allowed(request, token, look);
    }
    const late = this.#isClosed ? OVER : isLate ? CHANGED : null;
    const reason = late ?? (resolved.ok ? null : resolved.reason);
    if (resolved.ok && reason === null) {
      const [plain, isAsked] = effect.kind === "push" ? [false, false] : [isPlain(effect), isShownWhole(effect)];
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

function isPlain({ origin, shown }: Effect & { readonly kind: "request" }): boolean {
  return origin === "locked" || origin === "typed" || shown?.answeredWith !== undefined;
}

function isShownWhole({ approvedBy, shown }: Effect & { readonly kind: "request" }): boolean {
  return approvedBy === "person" && shown?.answeredWith === undefined;
}

function isForBody(effect: Effect & { readonly kind: "request" | "push" }, { held, git }: RequestLook): boolean {
  if (effect.kind === "push") return git?.kind === "push" && git.digest === effect.digest;
  return (effect.shown?.body?.sha256 ?? null) === (held?.sha256 ?? null);
}

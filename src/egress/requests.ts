import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { Readable, type Transform } from "node:stream";
import { type NetRequest, READ_ONLY_METHODS } from "../core/net-rules.ts";
import { headOf, passHead, pour, sayNo } from "./answer.ts";
import { BodyRefused, type Broker } from "./broker.ts";
import { type GitRead, type GitRemote, tellGit } from "./git.ts";
import { headerOf, readHead, tokenOf } from "./head.ts";
import { RequestLook } from "./look.ts";
import type { ModelDoor, ReplyTap, Sent } from "./model-door.ts";
import { type PutOn, putOn, type Shown, showReply } from "./put-on.ts";
import { GONE, type Route, type Running, sentHeaders, type Traffic } from "./route.ts";

interface RequestsPlan {
  readonly git: GitRemote | null;
  readonly model: ModelDoor | null;
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

/** The requests of a session: each is read, judged, and passed on with its answer. */
export class Requests {
  readonly #plan: RequestsPlan;
  readonly #traffic: Traffic;

  constructor(plan: RequestsPlan, traffic: Traffic) {
    this.#plan = plan;
    this.#traffic = traffic;
  }

  /** Answers a request: reads it, has it judged, and passes on what may go. */
  async serve(incoming: IncomingMessage, answer: ServerResponse, isWaiting: boolean): Promise<void> {
    const client = this.#traffic.clientOf(incoming.socket);
    const head = headOf(incoming);
    const token = client ? client.token : tokenOf(head);
    const refuse = (status: number, reason: string) => sayNo(answer, status, reason);
    // What is still written to a client that went away.
    answer.on("error", () => answer.destroy());
    const read = readHead(head, client?.origin ?? null);
    if (!read.ok) {
      this.#traffic.malformed(read.reason, token);
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
    const found = await this.#traffic.judge(read.request, token, look);
    if (!found.ok) return refuse(found.status, found.reason);
    const { route } = found;
    const outcome = this.#traffic.run(route);
    invite();
    const broker = this.#traffic.broker();
    const held = look.held?.bytes ?? null;
    const asked = { ...route.request, headers: sentHeaders(route, read.headers, broker) };
    const put = await this.#sent(route, asked, { broker, held, incoming }).catch(
      () => ({ ok: false, reason: GONE }) as const,
    );
    if (!put.ok) {
      outcome.end(put.reason);
      this.#traffic.malformed(put.reason, token);
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
    { isModel, isPlain }: Route,
    asked: NetRequest & { readonly headers: readonly string[] },
    given: { readonly broker: Broker | null; readonly held: Buffer | null; readonly incoming: IncomingMessage },
  ): Promise<Sent> {
    const { broker, held, incoming } = given;
    if (!isModel) {
      const put = await putOn(broker, { ...asked, isPlain }, held ?? incoming);
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
      this.#traffic.malformed(composed.reason, token);
      return sayNo(answer, 403, composed.reason);
    }
    const { call, headers, body, ssh, through } = composed;
    const found = await this.#traffic.judge(git.judgedAs(request), token, new RequestLook([], answer, null, call));
    if (!found.ok) {
      const told = composed.refuse(found.reason);
      return told === null ? sayNo(answer, found.status, found.reason) : tellGit(answer, told);
    }
    const { route } = found;
    if (body === null && request.hasBody) throw new Error("bug: nothing is composed for what is allowed");
    const outcome = this.#traffic.run(route);
    if (incoming.socket.destroyed) return outcome.end(GONE);
    if (ssh !== null) return this.#passBySsh(ssh, { answer, through, outcome });
    const broker = this.#traffic.broker();
    const put = await putOn(broker, { ...route.request, headers, isPlain: false }, null);
    if (!put.ok) {
      outcome.end(put.reason);
      this.#traffic.malformed(put.reason, token);
      return sayNo(answer, 403, put.reason);
    }
    if (incoming.socket.destroyed) return outcome.end(GONE);
    const sent = { ...put, body };
    this.#pass(incoming, answer, { route, put: sent, held: null, broker, outcome, token, through, tap: null });
  }

  async #passBySsh(
    { by, call }: NonNullable<(GitRead & { readonly ok: true })["ssh"]>,
    { answer, through, outcome }: Pick<Passing, "through" | "outcome"> & { readonly answer: ServerResponse },
  ): Promise<void> {
    const bytes = call.body?.length ?? 0;
    outcome.send(bytes);
    const ceiling = this.#traffic.meter.send(bytes);
    const why =
      ceiling ??
      (await by.serve(call, {
        ...{ answer, through },
        leaveBy: (way) => outcome.leaveBy(way),
        receive: (count) => outcome.receive(count),
      }));
    if (why === null) outcome.status = 200;
    outcome.end(answer.destroyed ? GONE : why);
    if (why === null) return;
    if (answer.headersSent) answer.destroy();
    else sayNo(answer, 502, why);
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
    let outgoing = this.#traffic.dialler.request(route, put.headers, outcome);
    const fail = (reason: string) => {
      outcome.end(reason);
      if (answer.headersSent) answer.destroy();
      else sayNo(answer, 502, `${request.host}: ${reason}`);
    };
    const hear = (asked: ClientRequest) => {
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
        if (error instanceof BodyRefused) this.#traffic.malformed(error.message, token);
        // It ended a connection that was kept for later, just as that was used again.
        const isStale = mayRepeat && asked.reusedSocket && "code" in error && error.code === "ECONNRESET";
        if (!isStale || outcome.status !== null || answer.destroyed) return fail(error.message);
        mayRepeat = false;
        outgoing = this.#traffic.dialler.request(route, put.headers, outcome, false);
        hear(outgoing);
        outgoing.end();
      });
      asked.on("close", () => {
        if (asked === outgoing && outcome.status === null) fail("it gave no answer");
      });
    };
    hear(outgoing);
    outgoing.once("finish", () => outcome.sentAll());
    answer.on("close", () => {
      if (!answer.writableFinished) outcome.end(GONE);
      outgoing.destroy();
    });
    incoming.on("aborted", () => outgoing.destroy(new Error(GONE)));
    if (put.body !== null) this.#traffic.dialler.count(put.body.length, outcome, outgoing);
    // What was judged to have no body brings none.
    if (put.body !== null || !request.hasBody) return void outgoing.end(put.body);
    const body = held === null ? incoming : Readable.from([held]);
    body.on("data", (piece: Buffer) => this.#traffic.dialler.count(piece.length, outcome, outgoing));
    if (broker === null && held === null) return void pour(incoming, outgoing);
    if (broker === null) return void body.pipe(outgoing);
    const scan = broker.scanBody(headerOf(headOf(incoming), "content-encoding"));
    body.pipe(scan.on("error", (error) => outgoing.destroy(error))).pipe(outgoing);
  }
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

import type { IncomingMessage } from "node:http";
import { Transform } from "node:stream";
import { type ModelCall, type ModelEndpoint, modelCallOf, modelHeaders } from "../core/model-endpoint.ts";
import { judgeModelRequest } from "../core/model-request.ts";
import { type ModelTokens, UsageReader } from "../core/model-usage.ts";
import type { NetRequest } from "../core/net-rules.ts";
import type { Broker } from "./broker.ts";
import { type PutOn, putOn, type Shown } from "./put-on.ts";

export interface ModelDoorPlan {
  readonly endpoints: readonly (ModelEndpoint & { readonly hasKey: boolean })[];
  /** Says why a model may not be asked, before anything is sent to it; null where it may. */
  readonly refuses: (provider: string, model: string) => string | null;
  /** Told of each reply that a model made, once, when it has ended. */
  readonly replied: (reply: ModelReply) => void;
  /** Told of each tool that was taken out of a request, by its kind. */
  readonly removed: (tools: readonly string[]) => void;
}

/** What came of one request to a model. */
export interface ModelReply {
  readonly provider: string;
  readonly model: string;
  /** Null where the reply did not say. */
  readonly tokens: ModelTokens | null;
  /** Whether it came to its end. */
  readonly isWhole: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** A request to a model that may go, and who hears the answer. */
export type Sent = (PutOn & { readonly ok: true; readonly tap: ReplyTap | null }) | (PutOn & { readonly ok: false });

const BODY_BYTES_MAX = 32 << 20;
/** Each is held whole, so that all together are bounded too. */
const HELD_BYTES_MAX = 96 << 20;
const REQUESTS_MAX = 8;

/** The way of a wrapped agent to its model: reads every request whole and sends on what was judged, and counts the replies. */
export class ModelDoor {
  readonly #plan: ModelDoorPlan;
  readonly #held: Held = { requests: 0, bytes: 0 };

  constructor(plan: ModelDoorPlan) {
    this.#plan = plan;
  }

  /** Whether a request is one to a model, by its head alone. */
  isCall(request: NetRequest): boolean {
    return this.#find(request) !== null;
  }

  /** Whether a request, by its head, would have a model's server switch to a WebSocket, in which nothing is seen. */
  isSwitch(request: NetRequest): boolean {
    return request.method === "GET" && request.hasBody && this.isCall({ ...request, method: "POST" });
  }

  /** Reads a request to a model, judges it and puts the key on. */
  async send(
    broker: Broker | null,
    request: NetRequest & { readonly headers: readonly string[] },
    incoming: IncomingMessage,
  ): Promise<Sent> {
    const found = this.#find(request);
    if (found === null) throw new Error("bug: a permit for a request that goes to no model");
    const { endpoint, call } = found;
    const kept = modelHeaders(request.headers, endpoint.hasKey);
    const identity = [...kept, "Accept-Encoding", "identity"];
    if (call.kind === "list")
      return withTap(await putOn(broker, { ...request, headers: identity, isPlain: false }, null), null);
    if (request.headers.some((name, at) => at % 2 === 0 && /^content-encoding$/i.test(name)))
      return { ok: false, reason: "not sent to the model: its body is packed" };
    if (this.#held.requests >= REQUESTS_MAX)
      return { ok: false, reason: `${REQUESTS_MAX} requests to a model are on their way` };
    const place = new Place(this.#held);
    try {
      const sent = await this.#sendBody({ endpoint, call, request, identity, broker, incoming, place });
      if (!sent.ok) place.leave();
      return sent;
    } catch (error) {
      place.leave();
      throw error;
    }
  }

  async #sendBody(asked: Asked): Promise<Sent> {
    const { endpoint, call, request, identity, broker, incoming, place } = asked;
    const read = await readBounded(incoming, place);
    if (read === null)
      return { ok: false, reason: `not sent to the model: its body is larger than ${BODY_BYTES_MAX >> 20} MiB` };
    const judged = judgeModelRequest(call, read);
    if (!judged.ok) return judged;
    const refusal = this.#plan.refuses(endpoint.provider, judged.model);
    if (refusal !== null) return { ok: false, reason: refusal };
    if (judged.removed.length > 0) this.#plan.removed(judged.removed);
    const body = Buffer.from(judged.body);
    // In another form or character set the same bytes would say something else.
    const headers = [...identity, "Content-Type", "application/json", "Content-Length", String(body.length)];
    const put = await putOn(broker, { ...request, headers, isPlain: false }, null);
    const isFree = call.kind === "count" || call.kind === "google-count";
    const tap = new ReplyTap(endpoint, (tokens, isWhole, receivedBytes) => {
      place.leave();
      if (isFree || receivedBytes === null) return;
      const { provider } = endpoint;
      this.#plan.replied({ provider, model: judged.model, tokens, isWhole, sentBytes: body.length, receivedBytes });
    });
    return withTap(put.ok ? { ...put, body } : put, tap);
  }

  #find(request: NetRequest): { readonly endpoint: Endpoint; readonly call: ModelCall } | null {
    for (const endpoint of this.#plan.endpoints) {
      const call = modelCallOf(endpoint, request);
      if (call !== null) return { endpoint, call };
    }
    return null;
  }
}

type Endpoint = ModelDoorPlan["endpoints"][number];

interface Asked {
  readonly endpoint: Endpoint;
  readonly call: Exclude<ModelCall, { kind: "list" }>;
  readonly request: NetRequest;
  readonly identity: readonly string[];
  readonly broker: Broker | null;
  readonly incoming: IncomingMessage;
  readonly place: Place;
}

interface Held {
  requests: number;
  bytes: number;
}

/** The place of one request among those on their way, with what is held for it. */
class Place {
  readonly #held: Held;
  #bytes = 0;
  #hasLeft = false;

  constructor(held: Held) {
    this.#held = held;
    held.requests += 1;
  }

  /** Says whether so many bytes more may be held. */
  hold(bytes: number): boolean {
    this.#bytes += bytes;
    this.#held.bytes += bytes;
    return this.#bytes <= BODY_BYTES_MAX && this.#held.bytes <= HELD_BYTES_MAX;
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#held.requests -= 1;
    this.#held.bytes -= this.#bytes;
  }
}

/** `receivedBytes` is null where the server would not answer, which costs nothing. */
type Ended = (tokens: ModelTokens | null, isWhole: boolean, receivedBytes: number | null) => void;

/** Listens to one answer of a model as it goes by. */
export class ReplyTap {
  readonly #endpoint: ModelEndpoint;
  readonly #ended: Ended;
  #reader: UsageReader | null = null;
  #bytes: number | null = 0;
  #isEnded = false;

  constructor(endpoint: ModelEndpoint, ended: Ended) {
    this.#endpoint = endpoint;
    this.#ended = ended;
  }

  /** Adds itself to what an answer passes through; a refusal of the server's costs nothing and is not listened to. */
  hear(reply: IncomingMessage, shown: Shown): Shown {
    const status = reply.statusCode ?? 0;
    if (status < 200 || status > 299) this.#bytes = null;
    if (shown.kind !== "send" || this.#bytes === null) return shown;
    const reader = new UsageReader(this.#endpoint.protocol, reply.headers["content-type"] ?? "");
    this.#reader = reader;
    const through = new Transform({
      transform: (chunk: Buffer, _, done) => {
        this.#bytes = (this.#bytes ?? 0) + chunk.length;
        reader.push(chunk);
        done(null, chunk);
      },
      flush: (done) => {
        this.#end(true);
        done();
      },
    });
    return { ...shown, body: [...shown.body, through] };
  }

  /** Nothing comes any more. */
  close(): void {
    this.#end(false);
  }

  #end(isWhole: boolean): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#ended(this.#reader?.end() ?? null, isWhole, this.#bytes);
  }
}

function withTap(put: PutOn, tap: ReplyTap | null): Sent {
  return put.ok ? { ...put, tap } : put;
}

/** Reads a body that is text; null when it is too large. What is no UTF-8 becomes a sign that stands for nothing. */
async function readBounded(incoming: IncomingMessage, place: Place): Promise<string | null> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    if (!place.hold(piece.length)) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

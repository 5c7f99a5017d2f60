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
/** Each is held whole. */
const RUNNING_MAX = 8;

/** The way of a wrapped agent to its model: reads every request whole and sends on what was judged, and counts the replies. */
export class ModelDoor {
  readonly #plan: ModelDoorPlan;
  #running = 0;

  constructor(plan: ModelDoorPlan) {
    this.#plan = plan;
  }

  /** Whether a request is one to a model, by its head alone. */
  isCall(request: NetRequest): boolean {
    return this.#find(request) !== null;
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
    if (call.kind === "list") return withTap(await putOn(broker, { ...request, headers: identity }, null), null);
    if (request.headers.some((name, at) => at % 2 === 0 && /^content-encoding$/i.test(name)))
      return { ok: false, reason: "not sent to the model: its body is packed" };
    if (this.#running >= RUNNING_MAX)
      return { ok: false, reason: `${RUNNING_MAX} requests to a model are on their way` };
    this.#running += 1;
    let isOver = false;
    const over = () => {
      if (!isOver) this.#running -= 1;
      isOver = true;
    };
    try {
      const sent = await this.#sendBody({ endpoint, call, request, identity, broker, incoming, over });
      if (!sent.ok) over();
      return sent;
    } catch (error) {
      over();
      throw error;
    }
  }

  async #sendBody(asked: Asked): Promise<Sent> {
    const { endpoint, call, request, identity, broker, incoming, over } = asked;
    const read = await readBounded(incoming);
    if (read === null) return { ok: false, reason: `not sent to the model: it has more than ${BODY_BYTES_MAX} bytes` };
    const judged = judgeModelRequest(call, read);
    if (!judged.ok) return judged;
    if (judged.removed.length > 0) this.#plan.removed(judged.removed);
    const body = Buffer.from(judged.body);
    const headers = [...identity, "Content-Length", String(body.length)];
    const put = await putOn(broker, { ...request, headers }, null);
    const counts = call.kind !== "count" && call.kind !== "google-count";
    const tap = new ReplyTap(endpoint, (tokens, isWhole, receivedBytes) => {
      over();
      if (receivedBytes === 0 || !counts) return;
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
  readonly over: () => void;
}

/** Listens to one answer of a model as it goes by. */
export class ReplyTap {
  readonly #endpoint: ModelEndpoint;
  readonly #ended: (tokens: ModelTokens | null, isWhole: boolean, receivedBytes: number) => void;
  #reader: UsageReader | null = null;
  #bytes = 0;
  #isEnded = false;

  constructor(
    endpoint: ModelEndpoint,
    ended: (tokens: ModelTokens | null, isWhole: boolean, receivedBytes: number) => void,
  ) {
    this.#endpoint = endpoint;
    this.#ended = ended;
  }

  /** Adds itself to what an answer passes through; a refusal of the server's costs nothing and is not listened to. */
  hear(reply: IncomingMessage, shown: Shown): Shown {
    const status = reply.statusCode ?? 0;
    if (shown.kind !== "send" || status < 200 || status > 299) return shown;
    const reader = new UsageReader(this.#endpoint.protocol, reply.headers["content-type"] ?? "");
    this.#reader = reader;
    const through = new Transform({
      transform: (chunk: Buffer, _, done) => {
        this.#bytes += chunk.length;
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

/** Says who hears the answer to a request that may go. */
export function withTap(put: PutOn, tap: ReplyTap | null): Sent {
  return put.ok ? { ...put, tap } : put;
}

/** Reads a body that is text; null when it is too large. What is no UTF-8 becomes a sign that stands for nothing. */
async function readBounded(incoming: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BODY_BYTES_MAX) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

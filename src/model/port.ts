import type { JsonObject } from "../core/json.ts";
import type { Message, ReplyPart } from "../core/message.ts";

export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly schema: JsonObject;
}

export interface ModelRequest {
  readonly system: string;
  readonly tools: readonly ToolSpec[];
  readonly messages: readonly Message[];
  /** Most tokens that the reply may have. */
  readonly outputTokensMax: number;
  /** A stable key for the vendor's prompt cache, where it takes one: the session's id. */
  readonly cacheKey: string;
}

/** Tokens; `input` counts everything sent, cached or not. `usd` is null where the price is not known. */
export interface Usage {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
  readonly usd: number | null;
}

/** `length`: cut at the output limit; `refused`: the vendor's filter. */
export type StopReason = "stop" | "calls" | "length" | "refused";

export type ModelEvent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  /** A try failed and the next begins after `waitMs`; text already streamed in this reply is void. */
  | { readonly type: "retry"; readonly attempt: number; readonly waitMs: number; readonly reason: string }
  /** Always last on success: the whole reply, with its parts in the vendor's order. */
  | { readonly type: "done"; readonly parts: readonly ReplyPart[]; readonly stop: StopReason; readonly usage: Usage };

/** A model behind one wire protocol. Vendor types never leave its adapter. */
export interface Model {
  /** `PROVIDER/NAME`, as the person typed it. */
  readonly name: string;
  /** Most tokens of context, or null where it is not known. */
  readonly contextTokensMax: number | null;
  /** Whether it is known what a reply costs. */
  readonly hasPrice: boolean;
  /** What a reply of so many tokens costs at the list price, with nothing of it cached; null where that is not known. */
  usdFor(tokens: { readonly input: number; readonly output: number }): number | null;
  /** Streams one reply. Throws ModelFailure; rejects with the signal's reason when aborted. */
  reply(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
}

/** `auth`: key missing or refused (exit 40); `provider`: everything else that a model or its server did, after the retries (exit 50). */
export class ModelFailure extends Error {
  readonly kind: "auth" | "provider";
  constructor(kind: "auth" | "provider", message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * What the person named is no model that can be asked: a name that we do not know, no address or a wrong one, a script that
 * does not parse. A mistake in usage, not a failure of a model (exit 2).
 */
export class UnusableModel extends Error {}

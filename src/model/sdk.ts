import type { LanguageModelV4, LanguageModelV4StreamPart, LanguageModelV4Usage } from "@ai-sdk/provider";
import type { Json } from "../core/json.ts";
import type { ReplyPart } from "../core/message.ts";
import { Fault, faultOf } from "./fault.ts";
import type { ModelEvent, ModelRequest, StopReason, Usage } from "./port.ts";
import { type Price, usdOf } from "./pricing.ts";
import { callOptionsOf, type Dialect } from "./sdk-prompt.ts";

/** One vendor's model as its adapter file opens it. */
export interface SdkModel {
  readonly model: LanguageModelV4;
  readonly dialect: Dialect;
}

export interface AdapterSettings {
  readonly name: string;
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly fetch: typeof globalThis.fetch;
}

/** Longest arguments of one call, in characters. A longer one fails the reply: no tool of ours takes so much. */
const ARGUMENTS_CHARS_MAX = 10 * 1024 * 1024;

/**
 * Makes one try at a reply. Throws a Fault when it fails, also when the stream ends without the vendor's last word:
 * `message_stop` (Anthropic), `response.completed` (OpenAI), a finish reason (the others).
 */
export async function* streamReply(
  { model, dialect }: SdkModel,
  price: Price | null,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const options = { ...callOptionsOf(request, dialect), abortSignal: signal };
  const { stream } = await Promise.resolve(model.doStream(options)).catch(rethrow);
  const reader = stream.getReader();
  const draft = new Draft();
  let finish: Extract<LanguageModelV4StreamPart, { type: "finish" }> | undefined;
  try {
    for (;;) {
      const { done, value: part } = await reader.read().catch(rethrow);
      if (done) break;
      if (part.type === "error") throw faultOf(part.error);
      if (part.type === "finish") finish = part;
      const event = draft.take(part);
      if (event !== null) yield event;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
  const reason = finish?.finishReason.unified;
  if (finish === undefined || reason === "interrupted") throw new Fault("transient", "the reply was cut in the middle");
  if (reason === "error") throw new Fault("transient", `the reply ended with ${finish.finishReason.raw ?? "an error"}`);
  const parts = draft.parts();
  yield { type: "done", parts, stop: stopOf(reason, parts), usage: usageOf(finish.usage, price) };
}

function rethrow(error: unknown): never {
  throw faultOf(error);
}

interface OpenPart {
  readonly kind: "text" | "reasoning";
  text: string;
  vendor: Json | undefined;
}

/** The reply as it grows. Lives for one try; pieces keep the order in which the vendor began them. */
class Draft {
  readonly #parts: (OpenPart | ReplyPart)[] = [];
  readonly #open = new Map<string, OpenPart>();
  readonly #argumentChars = new Map<string, number>();

  /** Takes in one part of the stream and gives the event that a reader should see of it, if any. */
  take(part: LanguageModelV4StreamPart): ModelEvent | null {
    switch (part.type) {
      case "text-start":
      case "reasoning-start": {
        const kind = part.type === "text-start" ? "text" : "reasoning";
        const opened: OpenPart = { kind, text: "", vendor: merged(undefined, part.providerMetadata) };
        this.#parts.push(opened);
        this.#open.set(`${kind} ${part.id}`, opened);
        return null;
      }
      case "text-delta":
      case "text-end":
        return this.#extend("text", part.id, part.type === "text-delta" ? part.delta : "", part.providerMetadata);
      case "reasoning-delta":
      case "reasoning-end":
        return this.#extend(
          "reasoning",
          part.id,
          part.type === "reasoning-delta" ? part.delta : "",
          part.providerMetadata,
        );
      case "tool-input-delta": {
        const chars = (this.#argumentChars.get(part.id) ?? 0) + part.delta.length;
        this.#argumentChars.set(part.id, chars);
        if (chars > ARGUMENTS_CHARS_MAX) throw new Fault("provider", "a call's arguments are over 10 MB");
        return null;
      }
      case "tool-call": {
        // The vendor ran it by itself, which we never asked for; nothing of it is ours to answer.
        if (part.providerExecuted) return null;
        const vendor = merged(undefined, part.providerMetadata);
        const input = part.input === "" ? "{}" : part.input;
        const call = { kind: "call" as const, id: part.toolCallId, name: part.toolName, input };
        this.#parts.push(vendor === undefined ? call : { ...call, vendor });
        return null;
      }
      default:
        // Sources, files, raw chunks and the like: no part of what we asked for.
        return null;
    }
  }

  parts(): readonly ReplyPart[] {
    return this.#parts.flatMap((part): readonly ReplyPart[] => {
      if (part.kind === "call") return [part];
      if (part.vendor === undefined) return part.text === "" ? [] : [{ kind: part.kind, text: part.text }];
      return [{ kind: part.kind, text: part.text, vendor: part.vendor }];
    });
  }

  #extend(kind: OpenPart["kind"], id: string, delta: string, metadata: unknown): ModelEvent | null {
    const part = this.#open.get(`${kind} ${id}`);
    if (part === undefined) return null;
    part.text += delta;
    part.vendor = merged(part.vendor, metadata);
    return delta === "" ? null : { type: kind, text: delta };
  }
}

/** Lays later metadata over earlier, vendor by vendor: signatures and ids come at different ends of a piece. */
function merged(before: Json | undefined, metadata: unknown): Json | undefined {
  if (metadata === undefined) return before;
  // The SDK made it from parsed JSON; a round trip drops what is undefined and makes it ours.
  const after: Record<string, object> = JSON.parse(JSON.stringify(metadata));
  const result: Record<string, object> = { ...(before as Record<string, object> | undefined) };
  for (const [vendor, fields] of Object.entries(after)) result[vendor] = { ...result[vendor], ...fields };
  return result as Json;
}

type FinishReason = Extract<LanguageModelV4StreamPart, { type: "finish" }>["finishReason"]["unified"];

/** Goes by the calls that are there: some servers say "stop" and call all the same. */
function stopOf(reason: FinishReason | undefined, parts: readonly ReplyPart[]): StopReason {
  if (reason === "length") return "length";
  if (reason === "content-filter") return "refused";
  return parts.some((part) => part.kind === "call") ? "calls" : "stop";
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV4Usage, price: Price | null): Usage {
  const input = inputTokens.total ?? 0;
  const cachedInput = inputTokens.cacheRead ?? 0;
  const output = outputTokens.total ?? 0;
  const usd = usdOf(price, { input, cachedInput, cacheWrite: inputTokens.cacheWrite ?? 0, output });
  return { input, cachedInput, output, usd };
}

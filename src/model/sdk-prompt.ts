import type { LanguageModelV4CallOptions, LanguageModelV4Prompt, SharedV4ProviderOptions } from "@ai-sdk/provider";
import type { Json } from "../core/json.ts";
import type { Message, ReplyPart, ToolResult } from "../core/message.ts";
import type { ModelRequest } from "./port.ts";

/** What one vendor's wire wants of a prompt, beyond what the SDK already knows. */
export interface Dialect {
  /** Options of the whole request, such as its cache key. */
  readonly requestOptions: (request: ModelRequest) => SharedV4ProviderOptions;
  readonly systemOptions: SharedV4ProviderOptions | null;
  /** Whether a piece of reasoning may go back. One without the vendor's signature is refused by some. */
  readonly mayReturnReasoning: (vendor: Json | undefined) => boolean;
  /** Whether the wire carries a call's arguments as text, so that they go back as the model wrote them. */
  readonly hasTextArguments: boolean;
  readonly hasImagesInResults: boolean;
}

/**
 * Writes a request in the SDK's terms.
 *
 * Every message is mapped on its own, from nothing but itself, so that a longer history gives a longer prompt with the
 * same beginning: vendors' prompt caches match bytes.
 */
export function callOptionsOf(request: ModelRequest, dialect: Dialect): LanguageModelV4CallOptions {
  const tools = request.tools.map((tool) => ({
    type: "function" as const,
    name: tool.name,
    description: tool.description,
    inputSchema: tool.schema,
  }));
  return {
    prompt: promptOf(request, dialect),
    maxOutputTokens: request.outputTokensMax,
    providerOptions: dialect.requestOptions(request),
    ...(tools.length > 0 ? { tools, toolChoice: { type: "auto" } } : {}),
  };
}

type SdkMessage = LanguageModelV4Prompt[number];

function promptOf(request: ModelRequest, dialect: Dialect): LanguageModelV4Prompt {
  const options = dialect.systemOptions === null ? {} : { providerOptions: dialect.systemOptions };
  const system: SdkMessage = { role: "system", content: request.system.toWellFormed(), ...options };
  return [system, ...request.messages.flatMap((message) => messageOf(message, dialect))];
}

/** Gives none for an empty reply: every vendor refuses an assistant message without content. */
function messageOf(message: Message, dialect: Dialect): readonly SdkMessage[] {
  switch (message.role) {
    case "user":
      return [{ role: "user", content: [{ type: "text", text: message.text.toWellFormed() }] }];
    case "assistant": {
      const content = message.parts.flatMap((part) => partOf(part, dialect));
      return content.length === 0 ? [] : [{ role: "assistant", content }];
    }
    case "tool":
      return [{ role: "tool", content: message.results.map((result) => resultOf(result, dialect)) }];
  }
}

type SdkPart = Extract<SdkMessage, { role: "assistant" }>["content"][number];
type SdkResult = Extract<SdkMessage, { role: "tool" }>["content"][number];

function partOf(part: ReplyPart, dialect: Dialect): readonly SdkPart[] {
  const vendor = providerOptionsOf(part.vendor);
  switch (part.kind) {
    case "text":
      if (part.text === "" && part.vendor === undefined) return [];
      return [{ type: "text", text: part.text.toWellFormed(), ...vendor }];
    case "reasoning":
      // Signed text goes back byte for byte, or the signature would not match.
      return dialect.mayReturnReasoning(part.vendor) ? [{ type: "reasoning", text: part.text, ...vendor }] : [];
    case "call": {
      const input = argumentsOf(part.input, dialect.hasTextArguments);
      return [{ type: "tool-call", toolCallId: part.id, toolName: part.name, input, ...vendor }];
    }
  }
}

/** Gives arguments that any vendor takes back. Malformed ones become {}: the result tells the model what was wrong. */
function argumentsOf(input: string, asText: boolean): unknown {
  try {
    const parsed: unknown = JSON.parse(input);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return {};
    // The SDK quotes a text with such a key once more, as if it were malformed.
    return asText && !/__proto__|constructor|\\u/.test(input) ? input : parsed;
  } catch {
    return {};
  }
}

function resultOf(result: ToolResult, dialect: Dialect): SdkResult {
  const part = { type: "tool-result" as const, toolCallId: result.id, toolName: result.name };
  const text = result.text.toWellFormed();
  const { image } = result;
  if (image === undefined || !result.ok) {
    return { ...part, output: { type: result.ok ? "text" : "error-text", value: text } };
  }
  if (!dialect.hasImagesInResults) {
    return { ...part, output: { type: "text", value: `${text}\n[an image that this provider takes no results with]` } };
  }
  const file = {
    type: "file" as const,
    data: { type: "data" as const, data: image.base64 },
    mediaType: image.mediaType,
  };
  // Anthropic refuses an empty text block.
  return { ...part, output: { type: "content", value: text === "" ? [file] : [{ type: "text", text }, file] } };
}

/** Reads back what streamReply kept of the vendor's metadata; a parser's cast. */
function providerOptionsOf(vendor: Json | undefined): { providerOptions?: SharedV4ProviderOptions } {
  if (typeof vendor !== "object" || vendor === null || Array.isArray(vendor)) return {};
  return { providerOptions: vendor as SharedV4ProviderOptions };
}

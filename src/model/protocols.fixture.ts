import { bodyOf, type Seen } from "./wire.fixture.ts";

/** What a server is to say, in no vendor's words. */
export interface Said {
  readonly reasoning?: string;
  readonly text?: string;
  readonly calls?: readonly { readonly id: string; readonly name: string; readonly input: string }[];
  readonly stop?: string;
}

/** One vendor's wire protocol, seen from the server. Every reply took 100 tokens, 90 of them cached, and made 7. */
export interface Protocol {
  readonly provider: string;
  readonly spec: string;
  readonly path: string;
  /** The events of a whole reply; without the last `lastWords` of them it was cut. */
  readonly events: (said: Said) => readonly unknown[];
  readonly lastWords: number;
  /** The event for an overload in the middle of a reply. */
  readonly overload: unknown;
  readonly history: (seen: Seen | undefined) => readonly unknown[];
}

export const anthropic: Protocol = {
  provider: "anthropic",
  spec: "anthropic/claude-sonnet-4-5",
  path: "/v1/messages",
  lastWords: 1,
  overload: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
  history: (seen) => list(bodyOf(seen).messages),
  events: ({ reasoning, text, calls = [], stop }) => {
    const blocks: [start: object, ...deltas: object[]][] = [];
    if (reasoning !== undefined) {
      blocks.push(
        [
          { type: "thinking", thinking: "", signature: "" },
          { type: "thinking_delta", thinking: reasoning },
          { type: "signature_delta", signature: "sig==" },
        ],
        [{ type: "redacted_thinking", data: "secret==" }],
      );
    }
    if (text !== undefined)
      blocks.push([{ type: "text", text: "" }, ...halves(text).map((half) => ({ type: "text_delta", text: half }))]);
    for (const { id, name, input } of calls) {
      const deltas = halves(input).map((half) => ({ type: "input_json_delta", partial_json: half }));
      blocks.push([{ type: "tool_use", id, name, input: {} }, ...deltas]);
    }
    const usage = { input_tokens: 10, cache_read_input_tokens: 90, cache_creation_input_tokens: 0, output_tokens: 1 };
    const message = {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "m",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage,
    };
    return [
      { type: "message_start", message },
      ...blocks.flatMap(([start, ...deltas], index) => [
        { type: "content_block_start", index, content_block: start },
        ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
        { type: "content_block_stop", index },
      ]),
      {
        type: "message_delta",
        delta: { stop_reason: stop ?? (calls.length > 0 ? "tool_use" : "end_turn"), stop_sequence: null },
        usage: { output_tokens: 7 },
      },
      { type: "message_stop" },
    ];
  },
};

export const openai: Protocol = {
  provider: "openai",
  spec: "openai/gpt-5",
  path: "/v1/responses",
  lastWords: 1,
  overload: {
    type: "response.failed",
    sequence_number: 9,
    response: { error: { code: "server_is_overloaded", message: "Overloaded" }, incomplete_details: null },
  },
  history: (seen) => list(bodyOf(seen).input),
  events: ({ reasoning, text, calls = [] }) => {
    const items: [added: object, deltas: object[], done: object][] = [];
    if (reasoning !== undefined) {
      const item = { type: "reasoning", id: "rs_1" };
      const summary = [{ type: "summary_text", text: reasoning }];
      const delta = {
        type: "response.reasoning_summary_text.delta",
        item_id: "rs_1",
        summary_index: 0,
        delta: reasoning,
      };
      items.push([{ ...item, encrypted_content: null }, [delta], { ...item, encrypted_content: "sealed==", summary }]);
    }
    if (text !== undefined) {
      const deltas = halves(text).map((half) => ({
        type: "response.output_text.delta",
        item_id: "msg_1",
        delta: half,
      }));
      items.push([{ type: "message", id: "msg_1" }, deltas, { type: "message", id: "msg_1" }]);
    }
    for (const { id, name, input } of calls) {
      const item = { type: "function_call", id: `fc_${id}`, call_id: id, name };
      const deltas = halves(input).map((half) => ({
        type: "response.function_call_arguments.delta",
        item_id: `fc_${id}`,
        delta: half,
      }));
      items.push([{ ...item, arguments: "" }, deltas, { ...item, arguments: input, status: "completed" }]);
    }
    const usage = {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 90 },
      output_tokens: 7,
      output_tokens_details: { reasoning_tokens: 0 },
    };
    return [
      { type: "response.created", response: { id: "resp_1", created_at: 1, model: "gpt-5", service_tier: null } },
      ...items.flatMap(([added, deltas, done], index) => [
        { type: "response.output_item.added", output_index: index, item: added },
        ...deltas.map((delta) => ({ ...delta, output_index: index })),
        { type: "response.output_item.done", output_index: index, item: done },
      ]),
      { type: "response.completed", response: { incomplete_details: null, usage, service_tier: null } },
    ];
  },
};

export const google: Protocol = {
  provider: "google",
  spec: "google/gemini-3-pro-preview",
  path: "/v1beta/models/gemini-3-pro-preview:streamGenerateContent?alt=sse",
  lastWords: 1,
  overload: { error: { code: 503, message: "Overloaded", status: "UNAVAILABLE" } },
  history: (seen) => list(bodyOf(seen).contents),
  events: ({ reasoning, text, calls = [] }) => {
    const parts: object[] = [];
    if (reasoning !== undefined) parts.push({ text: reasoning, thought: true });
    if (text !== undefined) parts.push(...halves(text).map((half) => ({ text: half })));
    for (const { id, name, input } of calls) {
      const signed = reasoning === undefined ? {} : { thoughtSignature: "sig==" };
      parts.push({ functionCall: { id, name, args: JSON.parse(input) }, ...signed });
    }
    const usageMetadata = {
      promptTokenCount: 100,
      cachedContentTokenCount: 90,
      candidatesTokenCount: 7,
      totalTokenCount: 107,
    };
    return [
      ...parts.map((part) => ({ candidates: [{ content: { role: "model", parts: [part] } }] })),
      { candidates: [{ content: { role: "model", parts: [{ text: "" }] }, finishReason: "STOP" }], usageMetadata },
    ];
  },
};

export const vllm: Protocol = {
  provider: "vllm",
  spec: "vllm/qwen",
  path: "/v1/chat/completions",
  lastWords: 3,
  overload: { error: { message: "Overloaded", type: "server_error", code: 503 } },
  history: (seen) => list(bodyOf(seen).messages),
  events: ({ reasoning, text, calls = [] }) => {
    const chunk = (delta: object, finish: string | null = null) => ({
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1,
      model: "qwen",
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 7,
      total_tokens: 107,
      prompt_tokens_details: { cached_tokens: 90 },
    };
    return [
      chunk({ role: "assistant" }),
      ...(reasoning === undefined ? [] : [chunk({ reasoning_content: reasoning })]),
      ...(text === undefined ? [] : halves(text).map((half) => chunk({ content: half }))),
      ...calls.flatMap(({ id, name, input }, index) => {
        const [first, second] = halves(input);
        return [
          chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: first } }] }),
          chunk({ tool_calls: [{ index, function: { arguments: second } }] }),
        ];
      }),
      chunk({}, calls.length > 0 ? "tool_calls" : "stop"),
      { ...chunk({}), choices: [], usage },
      "[DONE]",
    ];
  },
};

export const PROTOCOLS: readonly Protocol[] = [anthropic, openai, google, vllm];

/** Streams come in pieces, and so must these. */
function halves(text: string): readonly [string, string] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`not a list: ${JSON.stringify(value)}`);
  return value;
}

import { recordOf } from "./json.ts";
import {
  anything,
  either,
  flag,
  list,
  mapOf,
  never,
  number,
  object,
  oneOf,
  type Shape,
  tagged,
  text,
} from "./json-shape.ts";

const SERVER_SIDE = "the vendor's own tools are not let through";
const FETCHED = "nothing is fetched by the vendor, and files are not named by an id";

const cache = object({ type: text, ttl: text });
const own = { type: text, cache_control: cache };
const base64 = object({ type: text, media_type: text, data: text });

const textBlock = object({ ...own, text, citations: anything });
const image = object({ ...own, source: tagged("type", { base64, url: never(FETCHED), file: never(FETCHED) }) });
const plain: Shape = tagged("type", { text: textBlock, image });

const document = object({
  ...own,
  title: text,
  context: text,
  citations: object({ enabled: flag }),
  source: tagged("type", {
    base64,
    text: base64,
    content: object({ type: text, content: either(text, list(plain)) }),
    url: never(FETCHED),
    file: never(FETCHED),
  }),
});
const searchResult = object({
  ...own,
  source: text,
  title: text,
  content: list(textBlock),
  citations: object({ enabled: flag }),
});

const block: Shape = tagged("type", {
  text: textBlock,
  image,
  document,
  search_result: searchResult,
  tool_use: object({ ...own, id: text, name: text, input: anything, caller: object({ type: oneOf("direct") }) }),
  tool_result: object({
    ...own,
    tool_use_id: text,
    is_error: flag,
    content: either(text, list(tagged("type", { text: textBlock, image, document, search_result: searchResult }))),
  }),
  thinking: object({ ...own, thinking: text, signature: text }),
  redacted_thinking: object({ ...own, data: text }),
});

const named = { ...own, name: text };
const custom = object({
  ...named,
  description: text,
  input_schema: anything,
  input_examples: anything,
  strict: flag,
  defer_loading: flag,
  eager_input_streaming: flag,
});
/** Tools of the vendor's that the agent carries out itself; each is named with its date. */
const BY_AGENT = /^(?:bash|text_editor|memory)_\d{8}$/;

const tool: Shape = (value, at) => {
  const type = recordOf(value).type ?? "custom";
  if (type === "custom") return custom(value, at);
  if (typeof type === "string" && BY_AGENT.test(type)) return object({ ...named, max_characters: number })(value, at);
  return never(SERVER_SIDE)(value, at);
};

/** A request for Anthropic's messages; a count of tokens has some of its keys. */
export const messagesRequest: Shape = object({
  model: text,
  max_tokens: number,
  messages: list(
    tagged("role", {
      user: object({ role: text, content: either(text, list(block)) }),
      assistant: object({ role: text, content: either(text, list(block)) }),
      system: object({ role: text, content: either(text, list(block)) }),
    }),
  ),
  system: either(text, list(textBlock)),
  tools: list(tool),
  tool_choice: object({ type: text, name: text, disable_parallel_tool_use: flag }),
  stream: flag,
  temperature: number,
  top_p: number,
  top_k: number,
  stop_sequences: list(text),
  thinking: mapOf(either(text, number, flag)),
  output_config: object({ effort: text, format: anything, task_budget: mapOf(either(text, number)) }),
  output_format: anything,
  context_management: object({
    edits: list(
      object({
        type: text,
        trigger: anything,
        keep: anything,
        clear_at_least: anything,
        exclude_tools: list(text),
        clear_tool_inputs: either(flag, list(text)),
        instructions: text,
        pause_after_compaction: flag,
      }),
    ),
  }),
  cache_control: cache,
  metadata: object({ user_id: text }),
  service_tier: oneOf("auto", "standard_only"),
  container: never(SERVER_SIDE),
  mcp_servers: never(SERVER_SIDE),
});

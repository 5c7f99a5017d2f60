import {
  anything,
  either,
  flag,
  inlineData,
  list,
  mapOf,
  matching,
  never,
  number,
  object,
  oneOf,
  type Shape,
  tagged,
  text,
} from "./json-shape.ts";

const STORED = "nothing that is kept at the vendor is named";
const SERVER_SIDE = "the vendor's own tools are not let through";
const FILE = "files are not named by an id";
const FETCHED = "nothing is fetched by the vendor";

const scalar = either(text, number, flag);
const cache = mapOf(scalar);
const serviceTier = oneOf("auto", "default", "flex");
const streamOptions = object({ include_usage: flag, include_obfuscation: flag });

const chatPart: Shape = tagged("type", {
  text: object({ type: text, text, cache_control: cache }),
  refusal: object({ type: text, refusal: text }),
  image_url: object({
    type: text,
    image_url: either(inlineData, object({ url: inlineData, detail: text })),
    cache_control: cache,
  }),
  input_audio: object({ type: text, input_audio: object({ data: text, format: text }) }),
  file: object({ type: text, file: object({ file_data: inlineData, filename: text, file_id: never(FILE) }) }),
});

const chatContent = either(text, list(chatPart));

const chatCall = tagged(
  "type",
  {
    function: object({
      index: number,
      id: text,
      type: text,
      function: object({ name: text, arguments: text }),
      // Gateways pass a vendor's signatures through in it.
      extra_content: mapOf(mapOf(text)),
    }),
    custom: object({ id: text, type: text, custom: object({ name: text, input: text }) }),
  },
  "function",
);

const chatMessage = tagged(
  "role",
  Object.fromEntries(
    ["system", "developer", "user", "assistant", "tool", "function"].map((role) => [
      role,
      object({
        role: text,
        name: text,
        content: chatContent,
        refusal: text,
        tool_calls: list(chatCall),
        tool_call_id: text,
        function_call: object({ name: text, arguments: text }),
        reasoning: text,
        reasoning_content: text,
        reasoning_text: text,
        reasoning_details: list(mapOf(scalar)),
        cache_control: cache,
        audio: never(STORED),
      }),
    ]),
  ),
);

const chatFunction = object({ name: text, description: text, parameters: anything, strict: flag });

const chatTool = tagged("type", {
  function: object({ type: text, function: chatFunction, cache_control: cache }),
  custom: object({ type: text, custom: object({ name: text, description: text, format: anything }) }),
});

const reasoning = object({
  effort: text,
  summary: text,
  generate_summary: text,
  context: text,
  max_tokens: number,
  enabled: flag,
  exclude: flag,
});

/** A request for OpenAI's chat completions, as its vendor and the many that speak like it take it. */
export const completionsRequest: Shape = object({
  model: text,
  messages: list(chatMessage),
  tools: list(chatTool),
  functions: list(chatFunction),
  tool_choice: either(
    text,
    tagged("type", {
      function: object({ type: text, function: object({ name: text }) }),
      custom: object({ type: text, custom: object({ name: text }) }),
      allowed_tools: object({ type: text, allowed_tools: anything }),
    }),
  ),
  function_call: either(text, object({ name: text })),
  parallel_tool_calls: flag,
  stream: flag,
  stream_options: streamOptions,
  temperature: number,
  top_p: number,
  top_k: number,
  min_p: number,
  n: number,
  stop: either(text, list(text)),
  seed: number,
  max_tokens: number,
  max_completion_tokens: number,
  presence_penalty: number,
  frequency_penalty: number,
  repetition_penalty: number,
  logit_bias: mapOf(number),
  logprobs: flag,
  top_logprobs: number,
  response_format: anything,
  reasoning_effort: text,
  reasoning,
  verbosity: text,
  thinking: mapOf(scalar),
  enable_thinking: flag,
  chat_template_kwargs: mapOf(scalar),
  tool_stream: flag,
  usage: object({ include: flag }),
  prediction: object({ type: text, content: chatContent }),
  modalities: list(oneOf("text")),
  user: text,
  safety_identifier: text,
  prompt_cache_key: text,
  prompt_cache_retention: text,
  service_tier: serviceTier,
  metadata: mapOf(text),
  store: oneOf(false),
  audio: never("no sound is made"),
  web_search_options: never(SERVER_SIDE),
  plugins: never(SERVER_SIDE),
});

const part: Shape = tagged("type", {
  text: object({ type: text, text }),
  input_text: object({ type: text, text }),
  output_text: object({ type: text, text, annotations: list(anything), logprobs: list(anything) }),
  summary_text: object({ type: text, text }),
  reasoning_text: object({ type: text, text }),
  refusal: object({ type: text, refusal: text }),
  input_image: object({ type: text, image_url: inlineData, detail: text, file_id: never(FILE) }),
  input_file: object({
    type: text,
    file_data: inlineData,
    filename: text,
    detail: text,
    file_id: never(FILE),
    file_url: never(FETCHED),
  }),
  input_audio: object({ type: text, input_audio: object({ data: text, format: text }) }),
  encrypted_content: object({ type: text, encrypted_content: text }),
});

const content = either(text, list(part));
const own = {
  type: text,
  id: text,
  status: text,
  internal_chat_message_metadata_passthrough: mapOf(either(scalar, list(text))),
};
const call = { ...own, call_id: text, name: text, namespace: text, caller: mapOf(text) };
const output = object({ ...call, output: content });

const item: Shape = tagged(
  "type",
  {
    message: object({ ...own, role: text, content, phase: text, author: text, recipient: text, end_turn: flag }),
    agent_message: object({ ...own, author: text, recipient: text, content }),
    function_call: object({ ...call, arguments: text }),
    function_call_output: output,
    custom_tool_call: object({ ...call, input: text }),
    custom_tool_call_output: output,
    local_shell_call: object({ ...call, action: anything }),
    local_shell_call_output: output,
    shell_call: object({ ...call, action: anything, max_output_length: number }),
    shell_call_output: object({ ...call, output: list(anything), max_output_length: number }),
    apply_patch_call: object({ ...call, operation: mapOf(text) }),
    apply_patch_call_output: output,
    reasoning: object({ ...own, summary: list(part), content: list(part), encrypted_content: text }),
    compaction: object({ ...own, encrypted_content: text }),
    compaction_trigger: object({ ...own }),
  },
  "message",
);

const functionTool = object({
  type: text,
  name: text,
  description: text,
  parameters: anything,
  output_schema: anything,
  strict: flag,
  defer_loading: flag,
});
const customTool = object({ type: text, name: text, description: text, format: anything, defer_loading: flag });

const tool: Shape = tagged("type", {
  function: functionTool,
  custom: customTool,
  namespace: object({
    type: text,
    name: text,
    description: text,
    tools: list(tagged("type", { function: functionTool, custom: customTool })),
  }),
  // Both are done by the agent itself.
  local_shell: object({ type: text }),
  apply_patch: object({ type: text }),
});

/** A request for OpenAI's responses. */
export const responsesRequest: Shape = object({
  model: text,
  input: either(text, list(item)),
  instructions: text,
  tools: list(tool),
  tool_choice: either(
    text,
    tagged("type", {
      function: object({ type: text, name: text }),
      custom: object({ type: text, name: text }),
      allowed_tools: object({ type: text, mode: text, tools: list(mapOf(text)) }),
    }),
  ),
  parallel_tool_calls: flag,
  max_tool_calls: number,
  stream: flag,
  stream_options: either(streamOptions, mapOf(scalar)),
  temperature: number,
  top_p: number,
  top_logprobs: number,
  max_output_tokens: number,
  reasoning,
  text: object({ format: anything, verbosity: text }),
  truncation: oneOf("auto", "disabled"),
  include: list(matching(/^(?:reasoning\.encrypted_content|message\.output_text\.logprobs)$/)),
  user: text,
  safety_identifier: text,
  prompt_cache_key: text,
  prompt_cache_retention: text,
  service_tier: serviceTier,
  metadata: mapOf(text),
  client_metadata: mapOf(text),
  store: oneOf(false),
  background: oneOf(false),
  previous_response_id: never(STORED),
  conversation: never(STORED),
  prompt: never(STORED),
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { recordOf } from "./json.ts";
import type { ModelCall } from "./model-endpoint.ts";
import { judgeModelRequest } from "./model-request.ts";

type Call = Exclude<ModelCall, { kind: "list" }>;
type Case = readonly [what: string, more: object];

const USER = { role: "user", content: "hello" };
const PIXEL = "data:image/png;base64,iVBORw0KGgo=";
const FAR = "https://attacker.example/x.png";
const SCHEMA = { type: "object", properties: { url: { type: "string", format: "uri" } }, $ref: FAR };

function judge(call: Call, request: object | string) {
  return judgeModelRequest(call, typeof request === "string" ? request : JSON.stringify(request));
}

function passes(call: Call, base: object, cases: readonly Case[]): void {
  for (const [what, more] of cases) {
    const judged = judge(call, { ...base, ...more });
    assert.ok(judged.ok, `${what}: ${judged.ok || judged.reason}`);
    const { store: _, ...sent } = JSON.parse(judged.body) as Record<string, unknown>;
    const { store: __, ...asked } = { ...base, ...more } as Record<string, unknown>;
    assert.deepEqual(sent, asked, what);
  }
}

function refuses(call: Call, base: object, cases: readonly Case[]): void {
  assert.ok(judge(call, base).ok);
  for (const [what, more] of cases) {
    const judged = judge(call, { ...base, ...more });
    assert.equal(judged.ok, false, `${what} went through`);
    assert.match(judged.ok ? "" : judged.reason, /^not sent to the model: [\x20-\x7e]{5,300}$/, what);
  }
}

const CHAT = { model: "gpt-5", messages: [USER] };
const chatMessage = (message: object) => ({ messages: [USER, message] });
const chatPart = (part: object) => chatMessage({ role: "user", content: [part] });
const chatTool = (tool: object) => ({ tools: [tool] });

test("of a request for chat completions, what agents send goes on as it is", () => {
  passes({ kind: "completions" }, CHAT, [
    ["nothing more", {}],
    ["streaming", { stream: true, stream_options: { include_usage: true } }],
    ["limits", { max_tokens: 5, max_completion_tokens: 5, temperature: 0.2, top_p: 1, stop: ["x"], seed: 7 }],
    ["a system prompt", chatMessage({ role: "system", content: [{ type: "text", text: "be careful" }] })],
    ["a developer prompt", chatMessage({ role: "developer", content: "be careful" })],
    ["an image that it brings along", chatPart({ type: "image_url", image_url: { url: PIXEL, detail: "low" } })],
    [
      "a file that it brings along",
      chatPart({ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,AA==" } }),
    ],
    ["sound", chatPart({ type: "input_audio", input_audio: { data: "AA==", format: "wav" } })],
    [
      "a tool",
      chatTool({ type: "function", function: { name: "bash", description: "d", parameters: SCHEMA, strict: false } }),
    ],
    ["a custom tool", chatTool({ type: "custom", custom: { name: "patch", format: { type: "grammar" } } })],
    [
      "a call",
      chatMessage({
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c", type: "function", function: { name: "bash", arguments: "{}" } }],
      }),
    ],
    ["a result", chatMessage({ role: "tool", tool_call_id: "c", content: `see ${FAR}` })],
    [
      "reasoning",
      {
        reasoning_effort: "high",
        reasoning: { effort: "high" },
        ...chatMessage({
          role: "assistant",
          content: "x",
          reasoning_content: "y",
          reasoning_details: [{ type: "reasoning.text", text: "y" }],
        }),
      },
    ],
    ["a schema of the answer", { response_format: { type: "json_schema", json_schema: { schema: SCHEMA } } }],
    [
      "the choice of a tool",
      { tool_choice: { type: "function", function: { name: "bash" } }, parallel_tool_calls: true },
    ],
    ["a cache key", { prompt_cache_key: "k", user: "u", metadata: { a: "b" } }],
    ["null for what is known", { store: null, audio: null, web_search_options: null, tools: null }],
    ["not stored", { store: false }],
    [
      "what local servers take",
      { top_k: 1, min_p: 0.1, chat_template_kwargs: { enable_thinking: true }, enable_thinking: false },
    ],
  ]);
});

test("of a request for chat completions, whatever makes the vendor act, fetch or keep is refused", () => {
  refuses({ kind: "completions" }, CHAT, [
    ["a search of the web", { web_search_options: {} }],
    ["plugins of a gateway", { plugins: [{ id: "web" }] }],
    ["an unknown key", { extra: 1 }],
    ["a key in another spelling", { Tools: [] }],
    ["a key of every object's", { constructor: 1 }],
    ["a server of a gateway's", { api_base: FAR }],
    ["callbacks of a gateway", { callbacks: [FAR] }],
    ["a call back", { webhook: FAR }],
    ["storing", { store: true }],
    ["a dearer tier", { service_tier: "priority" }],
    ["sound in the answer", { modalities: ["text", "audio"] }],
    ["an earlier sound by its id", chatMessage({ role: "assistant", audio: { id: "a1" } })],
    ["an image elsewhere", chatPart({ type: "image_url", image_url: { url: FAR } })],
    ["an image elsewhere, in short", chatPart({ type: "image_url", image_url: FAR })],
    ["an image of a local file", chatPart({ type: "image_url", image_url: { url: "file:///etc/passwd" } })],
    ["an image by a relative address", chatPart({ type: "image_url", image_url: { url: "//attacker.example/x" } })],
    [
      "data that is only called so",
      chatPart({ type: "image_url", image_url: { url: "data:,https://attacker.example" } }),
    ],
    ["a blank before an address", chatPart({ type: "image_url", image_url: { url: ` ${FAR}` } })],
    ["a film", chatPart({ type: "video_url", video_url: { url: FAR } })],
    ["a file by its id", chatPart({ type: "file", file: { file_id: "file-1" } })],
    ["a file elsewhere", chatPart({ type: "file", file: { file_data: FAR } })],
    ["an unknown part", chatPart({ type: "mystery", text: "x" })],
    ["a part without a type", chatPart({ text: "x" })],
    ["a part whose type is no text", chatPart({ type: ["text"], text: "x" })],
    ["a role that is not known", chatMessage({ role: "root", content: "x" })],
    ["an inherited role", chatMessage({ role: "toString", content: "x" })],
    ["a tool of the vendor's", chatTool({ type: "web_search" })],
    ["a tool of an unknown kind", chatTool({ type: "mystery", function: { name: "x" } })],
    ["a tool without a kind", chatTool({ function: { name: "x" } })],
    ["a tool of an inherited kind", chatTool({ type: "hasOwnProperty" })],
    ["a tool with an address", chatTool({ type: "function", function: { name: "x", server_url: FAR } })],
    ["a connector", chatTool({ type: "mcp", server_url: FAR })],
    ["tools that are no list", { tools: { 0: { type: "web_search" } } }],
    ["the choice of a tool of the vendor's", { tool_choice: { type: "web_search" } }],
    ["messages that are no list", { messages: { role: "user" } }],
    ["no model", { model: null }],
    ["a model that is no text", { model: ["gpt-5"] }],
    ["a model whose name is none", { model: "gpt-5\n" }],
    ["a model with an endless name", { model: "g".repeat(300) }],
    ["a model that searches", { model: "openai/gpt-5:online" }],
    ["another", { model: "gpt-5-search-api" }],
    ["a third", { model: "o3-deep-research" }],
    ["a fourth", { model: "perplexity/sonar" }],
    ["what is kept at a gateway", { model: "@preset/research" }],
    ["the same, beside a model", { model: "openai/gpt-5@preset/research" }],
  ]);
});

const RESPONSE = {
  model: "gpt-5",
  input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] }],
};
const item = (one: object) => ({ input: [...RESPONSE.input, one] });
const inputPart = (part: object) => item({ type: "message", role: "user", content: [part] });

test("of a request for responses, what agents send goes on, and is never kept", () => {
  passes({ kind: "responses" }, RESPONSE, [
    ["nothing more", {}],
    ["text alone", { input: "hello", instructions: "be careful" }],
    [
      "what codex says of a message",
      item({
        type: "message",
        role: "user",
        content: "x",
        internal_chat_message_metadata_passthrough: {
          turn_id: "t",
          create_time: 1.5,
          content_item_kinds: ["user.text"],
        },
      }),
    ],
    ["an item without a type", item({ role: "user", content: "x" })],
    [
      "streaming",
      { stream: true, stream_options: { include_obfuscation: false }, include: ["reasoning.encrypted_content"] },
    ],
    [
      "what codex says of itself",
      { client_metadata: { session_id: "s" }, prompt_cache_key: "k", tool_choice: "auto", parallel_tool_calls: true },
    ],
    ["an image that it brings along", inputPart({ type: "input_image", image_url: PIXEL, detail: "auto" })],
    ["a file that it brings along", inputPart({ type: "input_file", filename: "a", file_data: PIXEL })],
    [
      "a call and its result",
      {
        input: [
          { type: "function_call", call_id: "c", name: "x", arguments: "{}" },
          { type: "function_call_output", call_id: "c", output: FAR },
        ],
      },
    ],
    [
      "a result with an image",
      item({ type: "function_call_output", call_id: "c", output: [{ type: "input_image", image_url: PIXEL }] }),
    ],
    [
      "a custom call",
      {
        input: [
          { type: "custom_tool_call", call_id: "c", name: "p", input: "x" },
          { type: "custom_tool_call_output", call_id: "c", output: "ok" },
        ],
      },
    ],
    [
      "reasoning",
      {
        reasoning: { effort: "high", summary: "auto" },
        ...item({ type: "reasoning", id: "r", summary: [{ type: "summary_text", text: "x" }], encrypted_content: "x" }),
      },
    ],
    [
      "an answer",
      item({ type: "message", role: "assistant", content: [{ type: "output_text", text: "x", annotations: [] }] }),
    ],
    [
      "tools",
      {
        tools: [
          { type: "function", name: "x", parameters: SCHEMA, strict: true },
          { type: "custom", name: "y", format: {} },
          { type: "local_shell" },
        ],
      },
    ],
    ["tools in a namespace", { tools: [{ type: "namespace", name: "n", tools: [{ type: "function", name: "x" }] }] }],
    ["null for what is known", { previous_response_id: null, conversation: null, prompt: null, background: null }],
  ]);
  for (const more of [{}, { store: false }, { store: null }]) {
    const judged = judge({ kind: "responses" }, { ...RESPONSE, ...more });
    assert.equal(judged.ok && recordOf(JSON.parse(judged.body)).store, false);
  }
});

test("a search of the web that an agent offers unasked is taken out, whatever it is called, and told", () => {
  const tools = [
    { type: "function", name: "x" },
    { type: "web_search", external_web_access: true },
    { type: "web_search_preview_2025_03_11" },
  ];
  const judged = judge({ kind: "responses" }, { ...RESPONSE, tools });
  assert.ok(judged.ok);
  assert.deepEqual(recordOf(JSON.parse(judged.body)).tools, [{ type: "function", name: "x" }]);
  assert.deepEqual(judged.removed, ["web_search"]);
  const hidden = { ...RESPONSE, tools: [{ type: "namespace", name: "n", tools: [{ type: "web_search" }] }] };
  assert.equal(judge({ kind: "responses" }, hidden).ok, false);
});

test("of a request for responses, whatever makes the vendor act, fetch or keep is refused", () => {
  refuses({ kind: "responses" }, RESPONSE, [
    ["storing", { store: true }],
    ["storing, spelled", { store: "true" }],
    ["working in the background", { background: true }],
    ["an earlier response", { previous_response_id: "resp_1" }],
    ["a conversation that is kept", { conversation: "conv_1" }],
    ["a prompt that is kept", { prompt: { id: "pmpt_1" } }],
    ["a call back", { webhook_url: FAR }],
    ["an unknown key", { extra: 1 }],
    ["a dearer tier", { service_tier: "priority" }],
    ["results of a search of files", { include: ["file_search_call.results"] }],
    ["an item by its id", item({ type: "item_reference", id: "x" })],
    ["an unknown item", item({ type: "mystery" })],
    ["a search that was made", item({ type: "web_search_call", id: "x", action: { type: "open_page", url: FAR } })],
    ["a call of a connector", item({ type: "mcp_call", server_label: "x", name: "y", arguments: "{}" })],
    ["an approval of a connector", item({ type: "mcp_approval_response", approve: true, approval_request_id: "x" })],
    [
      "a computer",
      item({ type: "computer_call_output", call_id: "x", output: { type: "computer_screenshot", image_url: FAR } }),
    ],
    ["a container", item({ type: "code_interpreter_call", container_id: "x", code: "x" })],
    ["an image elsewhere", inputPart({ type: "input_image", image_url: FAR })],
    ["an image by its id", inputPart({ type: "input_image", file_id: "file-1" })],
    ["a file elsewhere", inputPart({ type: "input_file", file_url: FAR })],
    ["a file by its id", inputPart({ type: "input_file", file_id: "file-1" })],
    [
      "an image elsewhere, in a result",
      item({ type: "function_call_output", call_id: "c", output: [{ type: "input_image", image_url: FAR }] }),
    ],
    ["a search of files", { tools: [{ type: "file_search", vector_store_ids: ["x"] }] }],
    ["a code interpreter", { tools: [{ type: "code_interpreter", container: { type: "auto" } }] }],
    ["a computer to use", { tools: [{ type: "computer_use_preview" }] }],
    ["making images", { tools: [{ type: "image_generation" }] }],
    ["a connector", { tools: [{ type: "mcp", server_label: "x", server_url: FAR }] }],
    ["a connector by its id", { tools: [{ type: "mcp", connector_id: "connector_gmail" }] }],
    ["a shell in a container", { tools: [{ type: "shell", environment: { type: "container_auto" } }] }],
    ["an unknown tool", { tools: [{ type: "mystery" }] }],
    ["a tool that is null", { tools: [null] }],
    [
      "a connector in a namespace",
      { tools: [{ type: "namespace", name: "n", tools: [{ type: "mcp", server_url: FAR }] }] },
    ],
    ["tools that are no list", { tools: "web_search" }],
    ["the choice of a connector", { tool_choice: { type: "mcp", server_label: "x" } }],
    ["a model that searches", { model: "o4-mini-deep-research-2025" }],
    ["input that is no list", { input: { type: "message" } }],
  ]);
});

const MESSAGE = { model: "claude-sonnet-4-5", max_tokens: 10, messages: [USER] };
const block = (one: object) => ({ messages: [{ role: "user", content: [one] }] });

test("of a request for messages, what agents send goes on as it is", () => {
  passes({ kind: "messages" }, MESSAGE, [
    ["nothing more", {}],
    ["streaming", { stream: true, temperature: 1, top_k: 2, top_p: 0.5, stop_sequences: ["x"] }],
    [
      "a system prompt in the cache",
      { system: [{ type: "text", text: "x", cache_control: { type: "ephemeral", ttl: "1h" } }] },
    ],
    [
      "an image that it brings along",
      block({ type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } }),
    ],
    [
      "a document that it brings along",
      block({
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: "AA==" },
        title: "t",
        citations: { enabled: true },
      }),
    ],
    ["a document of text", block({ type: "document", source: { type: "text", media_type: "text/plain", data: "x" } })],
    [
      "a call",
      {
        messages: [
          USER,
          { role: "assistant", content: [{ type: "tool_use", id: "t", name: "x", input: { url: FAR, deep: [{}] } }] },
        ],
      },
    ],
    [
      "a result",
      block({ type: "tool_result", tool_use_id: "t", is_error: true, content: [{ type: "text", text: FAR }] }),
    ],
    [
      "thinking",
      {
        thinking: { type: "enabled", budget_tokens: 5 },
        messages: [
          USER,
          {
            role: "assistant",
            content: [
              { type: "thinking", thinking: "x", signature: "s" },
              { type: "redacted_thinking", data: "d" },
            ],
          },
        ],
      },
    ],
    [
      "a tool",
      { tools: [{ name: "x", description: "d", input_schema: SCHEMA, cache_control: { type: "ephemeral" } }] },
    ],
    ["a tool that says its kind", { tools: [{ type: "custom", name: "x", input_schema: SCHEMA }] }],
    [
      "tools that the agent carries out",
      {
        tools: [
          { type: "bash_20250124", name: "bash" },
          { type: "text_editor_20250728", name: "e", max_characters: 9 },
        ],
      },
    ],
    ["the choice of a tool", { tool_choice: { type: "tool", name: "x", disable_parallel_tool_use: true } }],
    ["who asks", { metadata: { user_id: "u" }, service_tier: "standard_only" }],
    [
      "editing of the context",
      { context_management: { edits: [{ type: "clear_tool_uses_20250919", keep: { type: "tool_uses", value: 3 } }] } },
    ],
    ["effort", { output_config: { effort: "high" } }],
    ["null for what is known", { container: null, mcp_servers: null }],
  ]);
  assert.ok(judge({ kind: "count" }, { model: "claude-sonnet-4-5", messages: [USER] }).ok);
});

test("of a request for messages, whatever makes the vendor act, fetch or keep is refused", () => {
  refuses({ kind: "messages" }, MESSAGE, [
    ["connectors", { mcp_servers: [{ type: "url", url: FAR, name: "x" }] }],
    ["a container", { container: "container_1" }],
    ["skills in a container", { container: { skills: [{ type: "anthropic", skill_id: "xlsx" }] } }],
    ["an unknown key", { extra: 1 }],
    ["a dearer speed", { speed: "fast" }],
    ["a search of the web", { tools: [{ type: "web_search_20250305", name: "web_search" }] }],
    ["fetching", { tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] }],
    ["running code", { tools: [{ type: "code_execution_20250825", name: "code_execution" }] }],
    [
      "a computer",
      { tools: [{ type: "computer_20250124", name: "computer", display_width_px: 1, display_height_px: 1 }] },
    ],
    ["a connector's tools", { tools: [{ type: "mcp_toolset", mcp_server_name: "x" }] }],
    ["an unknown tool", { tools: [{ type: "mystery_20990101", name: "x" }] }],
    ["a tool that is only named alike", { tools: [{ type: "bash_20250124_remote", name: "bash" }] }],
    ["a tool with an address", { tools: [{ name: "x", input_schema: {}, url: FAR }] }],
    [
      "calls by code of the vendor's",
      { tools: [{ name: "x", input_schema: {}, allowed_callers: ["code_execution_20250825"] }] },
    ],
    ["a tool whose kind is no text", { tools: [{ type: ["custom"], name: "x" }] }],
    ["a tool that is null", { tools: ["web_search_20250305"] }],
    ["an image elsewhere", block({ type: "image", source: { type: "url", url: FAR } })],
    ["an image by its id", block({ type: "image", source: { type: "file", file_id: "file_1" } })],
    ["a source without a type", block({ type: "image", source: { url: FAR } })],
    [
      "an image with both",
      block({ type: "image", source: { type: "base64", media_type: "image/png", data: "AA==", url: FAR } }),
    ],
    ["a document elsewhere", block({ type: "document", source: { type: "url", url: FAR } })],
    ["a document by its id", block({ type: "document", source: { type: "file", file_id: "file_1" } })],
    [
      "an image elsewhere in a document",
      block({
        type: "document",
        source: { type: "content", content: [{ type: "image", source: { type: "url", url: FAR } }] },
      }),
    ],
    [
      "an image elsewhere in a result",
      block({ type: "tool_result", tool_use_id: "t", content: [{ type: "image", source: { type: "url", url: FAR } }] }),
    ],
    ["a file for a container", block({ type: "container_upload", file_id: "file_1" })],
    ["a call of the vendor's", block({ type: "server_tool_use", id: "x", name: "web_search", input: {} })],
    ["a call of a connector", block({ type: "mcp_tool_use", id: "x", name: "y", server_name: "z", input: {} })],
    [
      "a call by code of the vendor's",
      block({ type: "tool_use", id: "t", name: "x", input: {}, caller: { type: "code_execution_20250825" } }),
    ],
    ["an unknown block", block({ type: "mystery" })],
    ["a block without a type", block({ text: "x" })],
    ["a role that is not known", { messages: [{ role: "tool", content: "x" }] }],
    ["no model", { model: "" }],
  ]);
});

const GENERATE = { contents: [{ role: "user", parts: [{ text: "hello" }] }] };
const GOOGLE: Call = { kind: "generate", model: "gemini-2.5-pro" };
const googlePart = (part: object) => ({ contents: [{ role: "user", parts: [part] }] });

test("of a request for generateContent, what agents send goes on as it is, in both spellings", () => {
  passes(GOOGLE, GENERATE, [
    ["nothing more", {}],
    ["a system prompt", { systemInstruction: { parts: [{ text: "x" }] } }],
    ["a system prompt, spelled otherwise", { system_instruction: { parts: [{ text: "x" }] } }],
    ["an image that it brings along", googlePart({ inlineData: { mimeType: "image/png", data: "AA==" } })],
    ["an image, spelled otherwise", googlePart({ inline_data: { mime_type: "image/png", data: "AA==" } })],
    ["a call", googlePart({ functionCall: { name: "x", args: { url: FAR } }, thoughtSignature: "s" })],
    ["a result", googlePart({ functionResponse: { name: "x", id: "i", response: { output: FAR } } })],
    ["a thought", googlePart({ text: "x", thought: true })],
    [
      "tools",
      {
        tools: [{ functionDeclarations: [{ name: "x", description: "d", parametersJsonSchema: SCHEMA }] }],
        toolConfig: { functionCallingConfig: { mode: "AUTO" } },
      },
    ],
    [
      "settings",
      {
        generationConfig: {
          temperature: 1,
          maxOutputTokens: 5,
          thinkingConfig: { thinkingBudget: 5, includeThoughts: true },
          responseMimeType: "application/json",
          responseSchema: SCHEMA,
        },
      },
    ],
    ["safety settings", { safetySettings: [{ category: "x", threshold: "y" }] }],
    ["null for what is known", { cachedContent: null }],
  ]);
  assert.ok(judge({ kind: "google-count", model: "gemini-2.5-pro" }, GENERATE).ok);
});

test("of a request for generateContent, whatever makes the vendor act, fetch or keep is refused", () => {
  refuses(GOOGLE, GENERATE, [
    ["a search", { tools: [{ googleSearch: {} }] }],
    ["a search, spelled otherwise", { tools: [{ google_search: {} }] }],
    ["an older search", { tools: [{ googleSearchRetrieval: {} }] }],
    ["fetching", { tools: [{ urlContext: {} }] }],
    ["fetching, spelled otherwise", { tools: [{ url_context: {} }] }],
    ["running code", { tools: [{ codeExecution: {} }] }],
    ["a computer", { tools: [{ computerUse: { environment: "ENVIRONMENT_BROWSER" } }] }],
    ["maps", { tools: [{ googleMaps: {} }] }],
    ["a search of files", { tools: [{ fileSearch: { fileSearchStoreNames: ["x"] } }] }],
    ["a connector", { tools: [{ mcpServers: [{ url: FAR }] }] }],
    ["an unknown tool", { tools: [{ mystery: {} }] }],
    ["a search beside functions", { tools: [{ functionDeclarations: [], googleSearch: {} }] }],
    ["both spellings of one key", { tools: [{ functionDeclarations: [], function_declarations: [] }] }],
    ["tools that are one", { tools: { googleSearch: {} } }],
    ["where a search is", { toolConfig: { retrievalConfig: {} } }],
    ["what is kept", { cachedContent: "cachedContents/x" }],
    ["what is kept, spelled otherwise", { cached_content: "cachedContents/x" }],
    ["a file", googlePart({ fileData: { fileUri: FAR, mimeType: "image/png" } })],
    ["a file, spelled otherwise", googlePart({ file_data: { file_uri: FAR } })],
    ["a file in a result", googlePart({ functionResponse: { name: "x", parts: [{ fileData: { fileUri: FAR } }] } })],
    ["code that was run", googlePart({ executableCode: { code: "x", language: "PYTHON" } })],
    ["a file for the system prompt", { systemInstruction: { parts: [{ fileData: { fileUri: FAR } }] } }],
    ["images in the answer", { generationConfig: { responseModalities: ["IMAGE"] } }],
    ["an unknown setting", { generationConfig: { mystery: 1 } }],
    ["an unknown part", googlePart({ mystery: 1 })],
    ["an unknown key", { extra: 1 }],
    ["contents that are no list", { contents: { parts: [] } }],
  ]);
});

test("what is no JSON object, or is too deep, is refused before it is looked at", () => {
  const deep = `{"model":"m","messages":${"[".repeat(100)}${"]".repeat(100)}}`;
  const wide = `{"model":"m","messages":[${"[],".repeat(500_001)}[]]}`;
  for (const text of ["", "null", "[]", '"x"', "{", '{"model":"m"}{}', deep, wide])
    assert.equal(judge({ kind: "completions" }, text).ok, false, text.slice(0, 40));
});

test("of a key that stands there twice the vendor gets the one that was judged", () => {
  const judged = judge(
    { kind: "completions" },
    '{"model":"m","tools":[{"type":"web_search"}],"messages":[],"tools":[]}',
  );
  assert.equal(judged.ok && judged.body, '{"model":"m","tools":[],"messages":[]}');
});

test("whatever is added anywhere to a good request: it goes as judged or not at all, and nothing throws", () => {
  const bases: readonly (readonly [Call, object])[] = [
    [{ kind: "completions" }, { ...CHAT, tools: [{ type: "function", function: { name: "x" } }] }],
    [{ kind: "responses" }, { ...RESPONSE, tools: [{ type: "function", name: "x" }] }],
    [{ kind: "messages" }, { ...MESSAGE, tools: [{ name: "x", input_schema: {} }] }],
    [GOOGLE, { ...GENERATE, tools: [{ functionDeclarations: [{ name: "x" }] }] }],
  ];
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom<unknown>({ type: "web_search" }, { url: FAR }, [{ googleSearch: {} }], FAR),
  );
  const key = fc.oneof(
    fc.constantFrom("type", "url", "tools", "file_id", "mcp_servers", "__proto__", "toString"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.constantFrom(...bases), fc.nat(), key, value, ([call, base], where, name, added) => {
      const asked = JSON.parse(JSON.stringify(base)) as Record<string, unknown>;
      const places = objectsIn(asked);
      const place = places[where % places.length]!;
      Object.defineProperty(place, name, { value: added, enumerable: true, configurable: true, writable: true });
      const text = JSON.stringify(asked);
      const judged = judgeModelRequest(call, text);
      if (!judged.ok) return;
      const sent = { ...(JSON.parse(judged.body) as object), store: false };
      if (call.kind !== "responses") assert.equal(judged.body, text, "it was changed on the way");
      // Whatever came through, no tool that the vendor carries out is among its tools.
      const tools = (recordOf(sent).tools ?? []) as readonly Record<string, unknown>[];
      for (const tool of tools) {
        assert.ok(["function", "custom", undefined, null, "local_shell", "apply_patch"].includes(tool.type as string));
        assert.ok(!("googleSearch" in tool) && !("url" in tool));
      }
    }),
    { numRuns: 3000 },
  );
});

function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? inner : [value as Record<string, unknown>, ...inner];
}

test("a stream of completions is asked what it took, whatever the agent says", () => {
  const asked = (more: object) => {
    const text = JSON.stringify({ model: "o3", messages: [{ role: "user", content: "hello" }], ...more });
    const judged = judgeModelRequest({ kind: "completions" }, text);
    return judged.ok ? JSON.parse(judged.body).stream_options : judged.reason;
  };
  assert.deepEqual(asked({ stream: true }), { include_usage: true });
  const quiet = { include_usage: false, include_obfuscation: false };
  assert.deepEqual(asked({ stream: true, stream_options: quiet }), { include_usage: true, include_obfuscation: false });
  assert.deepEqual(asked({ stream: true, stream_options: null }), { include_usage: true });
  assert.equal(asked({ stream: false }), undefined);
});

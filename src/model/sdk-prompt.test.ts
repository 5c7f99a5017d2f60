import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../core/message.ts";
import { openModel } from "./open.ts";
import { anthropic, google, openai, type Protocol, vllm } from "./protocols.fixture.ts";
import {
  answered,
  bodyOf,
  collect,
  fakeClock,
  partsOf,
  request,
  type Seen,
  serve,
  sse,
  type WireServer,
} from "./wire.fixture.ts";

const CALLS = [{ id: "call_a", name: "read", input: '{"path":"a.txt"}' }];

async function open({ provider, spec }: Protocol, server: WireServer) {
  const prefix = provider.toUpperCase();
  const env = { [`${prefix}_API_KEY`]: "sk-test", [`${prefix}_BASE_URL`]: server.url };
  return await openModel(spec, { env, providers: {}, clock: fakeClock() });
}

/** Has a model think, speak and call, answers it, and gives the second request. */
async function secondRequest(t: Parameters<typeof serve>[0], protocol: Protocol): Promise<Seen | undefined> {
  const said = { reasoning: "The file may be there.", text: "I look.", calls: CALLS };
  const server = await serve(t, sse(...protocol.events(said)), sse(...protocol.events({ text: "Done." })));
  const model = await open(protocol, server);
  const user: Message = { role: "user", text: "Go." };
  const replied = await collect(model, request(user));
  assert.equal(
    replied
      .filter((event) => event.type === "reasoning")
      .map((event) => event.text)
      .join(""),
    said.reasoning,
  );
  // The ledger keeps history as JSON, so what goes back must survive it.
  const history: Message[] = JSON.parse(JSON.stringify(answered([user], replied)));
  await collect(model, request(...history));
  return server.seen[1];
}

test("Anthropic gets its signed and its redacted thinking back, before the call", async (t) => {
  const seen = await secondRequest(t, anthropic);
  assert.deepEqual(bodyOf(seen).messages, [
    { role: "user", content: [{ type: "text", text: "Go." }] },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "The file may be there.", signature: "sig==" },
        { type: "redacted_thinking", data: "secret==" },
        { type: "text", text: "I look." },
        { type: "tool_use", id: "call_a", name: "read", input: { path: "a.txt" } },
      ],
    },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "call_a", content: "result of call_a" }] },
  ]);
});

test("Anthropic is asked to cache the system prompt and whatever comes last, with no mark in the messages", async (t) => {
  const { messages, ...rest } = bodyOf(await secondRequest(t, anthropic));
  assert.doesNotMatch(JSON.stringify(messages), /cache_control/);
  const cache_control = { type: "ephemeral" };
  const { tools, system, ...plain } = rest;
  assert.deepEqual(system, [{ type: "text", text: "You are careful.", cache_control }]);
  assert.deepEqual(plain, {
    model: "claude-sonnet-4-5",
    max_tokens: 1000,
    cache_control,
    stream: true,
    tool_choice: { type: "auto" },
  });
  assert.deepEqual(
    tools,
    request().tools.map(({ name, description, schema }) => ({ name, description, input_schema: schema })),
  );
});

test("OpenAI stores nothing and gets its sealed reasoning back with the item's id", async (t) => {
  const { input, store, include, prompt_cache_key } = bodyOf(await secondRequest(t, openai));
  assert.deepEqual([store, include, prompt_cache_key], [false, ["reasoning.encrypted_content"], "session-1"]);
  assert.deepEqual(input, [
    { role: "developer", content: "You are careful." },
    { role: "user", content: [{ type: "input_text", text: "Go." }] },
    {
      type: "reasoning",
      id: "rs_1",
      encrypted_content: "sealed==",
      summary: [{ type: "summary_text", text: "The file may be there." }],
    },
    { role: "assistant", content: "I look." },
    { type: "function_call", call_id: "call_a", name: "read", arguments: '{"path":"a.txt"}' },
    { type: "function_call_output", call_id: "call_a", output: "result of call_a" },
  ]);
});

test("Google gets a thought's signature back on the call it came with", async (t) => {
  const { contents, generationConfig } = bodyOf(await secondRequest(t, google));
  assert.deepEqual(generationConfig, { maxOutputTokens: 1000, thinkingConfig: { includeThoughts: true } });
  assert.deepEqual(contents, [
    { role: "user", parts: [{ text: "Go." }] },
    {
      role: "model",
      parts: [
        { text: "The file may be there.", thought: true },
        { text: "I look." },
        { functionCall: { id: "call_a", name: "read", args: { path: "a.txt" } }, thoughtSignature: "sig==" },
      ],
    },
    {
      role: "user",
      parts: [
        { functionResponse: { id: "call_a", name: "read", response: { name: "read", content: "result of call_a" } } },
      ],
    },
  ]);
});

test("a compatible server gets reasoning back in the field it came in", async (t) => {
  const { messages, stream_options } = bodyOf(await secondRequest(t, vllm));
  assert.deepEqual(stream_options, { include_usage: true });
  assert.deepEqual(messages, [
    { role: "system", content: "You are careful." },
    { role: "user", content: "Go." },
    {
      role: "assistant",
      content: "I look.",
      reasoning_content: "The file may be there.",
      tool_calls: [{ id: "call_a", type: "function", function: { name: "read", arguments: '{"path":"a.txt"}' } }],
    },
    { role: "tool", tool_call_id: "call_a", content: "result of call_a" },
  ]);
});

test("a history that another vendor began is sent without that vendor's reasoning", async (t) => {
  const begun = await serve(t, sse(...vllm.events({ reasoning: "Unsigned.", calls: CALLS })));
  const user: Message = { role: "user", text: "Go." };
  const history = answered([user], await collect(await open(vllm, begun), request(user)));
  for (const protocol of [anthropic, openai]) {
    const server = await serve(t, sse(...protocol.events({ text: "Done." })));
    await collect(await open(protocol, server), request(...history));
    assert.doesNotMatch(server.seen[0]?.body ?? "", /Unsigned/);
    assert.match(server.seen[0]?.body ?? "", /call_a/);
  }
});

test("an image in a result is sent where results take images, and said to be missing where they do not", async (t) => {
  const image = { mediaType: "image/png", base64: "iVBORw0KGgo=" } as const;
  const call = { kind: "call", id: "call_a", name: "read", input: "{}" } as const;
  const history: readonly Message[] = [
    { role: "user", text: "Go." },
    { role: "assistant", parts: [call] },
    { role: "tool", results: [{ id: "call_a", name: "read", ok: true, text: "", image }] },
  ];
  const found: Record<string, unknown> = {};
  for (const protocol of [anthropic, openai, google, vllm]) {
    const server = await serve(t, sse(...protocol.events({ text: "Done." })));
    await collect(await open(protocol, server), request(...history));
    found[protocol.provider] = protocol.history(server.seen[0]).at(-1);
  }
  const source = { type: "base64", media_type: "image/png", data: image.base64 };
  assert.deepEqual(found, {
    anthropic: {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: "call_a", content: [{ type: "image", source }] }],
    },
    openai: {
      type: "function_call_output",
      call_id: "call_a",
      output: [{ type: "input_image", image_url: `data:image/png;base64,${image.base64}` }],
    },
    google: {
      role: "user",
      parts: [
        {
          functionResponse: {
            id: "call_a",
            name: "read",
            response: { name: "read", content: "Tool executed successfully." },
            parts: [{ inlineData: { mimeType: "image/png", data: image.base64 } }],
          },
        },
      ],
    },
    vllm: { role: "tool", tool_call_id: "call_a", content: "\n[an image that this provider takes no results with]" },
  });
});

test("a failed result is marked as an error for Anthropic", async (t) => {
  const server = await serve(t, sse(...anthropic.events({ text: "Done." })));
  const history: readonly Message[] = [
    { role: "user", text: "Go." },
    { role: "assistant", parts: [{ kind: "call", id: "call_a", name: "read", input: "{}" }] },
    { role: "tool", results: [{ id: "call_a", name: "read", ok: false, text: "no such file" }] },
  ];
  await collect(await open(anthropic, server), request(...history));
  const content = [{ type: "tool_result", tool_use_id: "call_a", content: "no such file", is_error: true }];
  assert.deepEqual(anthropic.history(server.seen[0]).at(-1), { role: "user", content });
});

test("a reply that is cut at the output limit or refused says so", async (t) => {
  const server = await serve(
    t,
    ...["max_tokens", "refusal"].map((stop) => sse(...anthropic.events({ text: "I", stop }))),
  );
  const model = await open(anthropic, server);
  const stops: (string | null)[] = [];
  for (const _ of [1, 2]) {
    const done = (await collect(model, request())).at(-1);
    stops.push(done?.type === "done" ? done.stop : null);
  }
  assert.deepEqual(stops, ["length", "refused"]);
});

test("an answer without arguments is an empty object", async (t) => {
  const server = await serve(t, sse(...vllm.events({ calls: [{ id: "call_a", name: "read", input: "" }] })));
  const [call] = partsOf(await collect(await open(vllm, server), request()));
  assert.deepEqual(call, { kind: "call", id: "call_a", name: "read", input: "{}" });
});

test("arguments of over 10 MB fail the reply", async (t) => {
  const input = `{"path":"${"x".repeat(10 * 1024 * 1024)}"}`;
  const server = await serve(t, sse(...anthropic.events({ calls: [{ id: "call_a", name: "read", input }] })));
  const reply = open(anthropic, server).then((model) => collect(model, request()));
  await assert.rejects(reply, { kind: "provider", message: "anthropic: a call's arguments are over 10 MB" });
  assert.equal(server.seen.length, 1);
});

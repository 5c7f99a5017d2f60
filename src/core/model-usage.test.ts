import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ModelProtocol } from "./model-endpoint.ts";
import { UsageReader } from "./model-usage.ts";

const encoder = new TextEncoder();

function read(protocol: ModelProtocol, type: string, ...pieces: readonly Uint8Array[]) {
  const reader = new UsageReader(protocol, type);
  for (const piece of pieces) reader.push(piece);
  return reader.end();
}

const events = (...all: readonly unknown[]) =>
  encoder.encode(
    all.map((event) => `event: x\ndata: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join(""),
  );
const SSE = "text/event-stream; charset=utf-8";

const CASES: readonly (readonly [string, ModelProtocol, string, Uint8Array])[] = [
  [
    "chat, streamed",
    "openai",
    SSE,
    events(
      { choices: [], usage: null },
      {
        choices: [],
        usage: { prompt_tokens: 100, prompt_tokens_details: { cached_tokens: 90 }, completion_tokens: 7 },
      },
      "[DONE]",
    ),
  ],
  [
    "chat, whole",
    "openai",
    "application/json",
    encoder.encode(
      JSON.stringify({
        usage: { prompt_tokens: 100, prompt_tokens_details: { cached_tokens: 90 }, completion_tokens: 7 },
      }),
    ),
  ],
  [
    "responses, streamed",
    "openai",
    SSE,
    events(
      { type: "response.created", response: { usage: null } },
      {
        type: "response.completed",
        response: { usage: { input_tokens: 100, input_tokens_details: { cached_tokens: 90 }, output_tokens: 7 } },
      },
    ),
  ],
  [
    "messages, streamed",
    "anthropic",
    SSE,
    events(
      {
        type: "message_start",
        message: { usage: { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 1 } },
      },
      { type: "message_delta", usage: { output_tokens: 7 } },
    ),
  ],
  [
    "messages, whole",
    "anthropic",
    "application/json",
    encoder.encode(JSON.stringify({ usage: { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 7 } })),
  ],
  [
    "google, streamed",
    "google",
    SSE,
    events(
      { usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 1 } },
      {
        usageMetadata: {
          promptTokenCount: 100,
          cachedContentTokenCount: 90,
          candidatesTokenCount: 4,
          thoughtsTokenCount: 3,
        },
      },
    ),
  ],
  [
    "google, a list",
    "google",
    "application/json",
    encoder.encode(
      JSON.stringify([
        {},
        { usageMetadata: { promptTokenCount: 100, cachedContentTokenCount: 90, candidatesTokenCount: 7 } },
      ]),
    ),
  ],
];
const TOKENS = { input: 100, cachedInput: 90, cacheWrite: 0, output: 7 };

for (const [what, protocol, type, bytes] of CASES) {
  test(`what a reply took is read from ${what}, wherever it is cut`, () => {
    assert.deepEqual(read(protocol, type, bytes), TOKENS);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 6 }), (cuts) => {
        const ends = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const pieces = ends.slice(1).map((end, at) => bytes.slice(ends[at], end));
        assert.deepEqual(read(protocol, type, ...pieces), TOKENS);
      }),
    );
  });
}

test("line ends of every kind part the events of a stream", () => {
  const text = new TextDecoder().decode(CASES[0]?.[3]);
  for (const end of ["\r\n", "\r"])
    assert.deepEqual(read("openai", SSE, encoder.encode(text.replaceAll("\n", end))), TOKENS);
});

test("a reply that says nothing, or nothing that can be read, gives none; counts that are none are 0", () => {
  for (const text of ["", "usage", "data: {", 'data: {"usage":7}\n\n', 'data: {"choices":[{"usage":{}}]}\n\n'])
    assert.equal(read("openai", SSE, encoder.encode(text)), null, text);
  const odd = { usage: { input_tokens: -5, output_tokens: "9", input_tokens_details: { cached_tokens: 1e300 } } };
  assert.deepEqual(read("openai", SSE, events(odd)), { input: 0, cachedInput: 0, cacheWrite: 0, output: 0 });
});

test("an event that is too long is passed over, and the next is read", () => {
  const long = encoder.encode(`data: {"usage":{"prompt_tokens":1},"x":"${"y".repeat(17 << 20)}"}\n\n`);
  assert.deepEqual(read("openai", SSE, long, CASES[0]![3]), TOKENS);
});

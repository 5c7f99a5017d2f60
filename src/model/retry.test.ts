import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "./fault.ts";
import { openModel } from "./open.ts";
import type { ModelEvent } from "./port.ts";
import { anthropic, google, openai } from "./protocols.fixture.ts";
import { CLOCK, retrying } from "./retry.ts";
import { collect, fakeClock, json, partsOf, request, serve, sse } from "./wire.fixture.ts";

const ACCOUNT = { provider: "anthropic", apiKey: "sk-test", keyName: "ANTHROPIC_API_KEY" };
const env = (url: string) => ({
  ANTHROPIC_API_KEY: "sk-test",
  ANTHROPIC_BASE_URL: url,
  OPENAI_API_KEY: "sk-test",
  OPENAI_BASE_URL: url,
  GEMINI_API_KEY: "sk-test",
  GOOGLE_BASE_URL: url,
});

test("an abort ends a wait at once, with the signal's reason", async (t) => {
  const server = await serve(t, json(503, {}, { "retry-after": "500" }));
  const model = await openModel(anthropic.spec, { env: env(server.url), providers: {}, clock: CLOCK });
  const stop = new AbortController();
  const reason = new Error("the person pressed Ctrl-C");
  const reply = (async () => {
    for await (const event of model.reply(request(), stop.signal)) {
      if (event.type === "retry") setImmediate(() => stop.abort(reason));
    }
  })();
  await assert.rejects(reply, (error) => error === reason);
  assert.equal(server.seen.length, 1);
});

test("a server that asks to wait for hours is not waited for", async (t) => {
  const server = await serve(t, json(429, { error: { message: "come back" } }, { "retry-after": "7200" }));
  const model = await openModel(anthropic.spec, { env: env(server.url), providers: {}, clock: fakeClock() });
  const message = "anthropic: 429 come back; the server asks to wait 120 minutes";
  await assert.rejects(collect(model, request()), { kind: "provider", message });
  assert.equal(server.seen.length, 1);
});

test("Anthropic's 529 is tried again", async (t) => {
  const overloaded = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  const server = await serve(t, json(529, overloaded), sse(...anthropic.events({ text: "hi" })));
  const model = await openModel(anthropic.spec, { env: env(server.url), providers: {}, clock: fakeClock() });
  const [retry] = await collect(model, request());
  assert.deepEqual(retry, { type: "retry", attempt: 1, waitMs: 750, reason: "529 Overloaded" });
});

test("an error event that is no overload is not tried again", async (t) => {
  const refused = { type: "error", error: { type: "invalid_request_error", message: "too long" } };
  const half = anthropic.events({ text: "half" }).slice(0, -1);
  const server = await serve(t, sse(...half, refused));
  const model = await openModel(anthropic.spec, { env: env(server.url), providers: {}, clock: fakeClock() });
  await assert.rejects(collect(model, request()), { kind: "provider", message: "anthropic: too long" });
  assert.equal(server.seen.length, 1);
});

test("OpenAI's error event is tried again", async (t) => {
  const error = {
    type: "error",
    sequence_number: 1,
    error: { type: "server_error", code: "server_error", message: "oops" },
  };
  const server = await serve(t, sse(error), sse(...openai.events({ text: "hi" })));
  const model = await openModel(openai.spec, { env: env(server.url), providers: {}, clock: fakeClock() });
  const [retry] = await collect(model, request());
  assert.deepEqual(retry, { type: "retry", attempt: 1, waitMs: 750, reason: "oops" });
});

test("a call that Google's model wrote wrongly is tried again", async (t) => {
  const malformed = {
    candidates: [{ content: { role: "model", parts: [] }, finishReason: "MALFORMED_FUNCTION_CALL" }],
  };
  const server = await serve(t, sse(malformed), sse(...google.events({ text: "hi" })));
  const model = await openModel(google.spec, { env: env(server.url), providers: {}, clock: fakeClock() });
  const replied = await collect(model, request());
  assert.equal(replied.filter((event) => event.type === "retry").length, 1);
  assert.equal(partsOf(replied).length, 1);
});

test("waits double up to a minute, and chance takes up to half of them away", async () => {
  const waits: number[] = [];
  for (const random of [0, 0.999_999]) {
    const sleep = async (ms: number) => void waits.push(ms);
    const fail = async function* (): AsyncGenerator<ModelEvent> {
      yield* [];
      throw new Fault("transient", "no");
    };
    const events = retrying(fail, ACCOUNT, { sleep, random: () => random }, new AbortController().signal);
    await assert.rejects(async () => {
      for await (const event of events) assert.equal(event.type, "retry");
    });
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 1000, 2000, 4000, 8000]);
});

test("a bug in our own code is not tried again", async () => {
  const bug = new Error("bug: no such thing");
  let tries = 0;
  const fail = async function* (): AsyncGenerator<ModelEvent> {
    tries += 1;
    yield* [];
    throw bug;
  };
  const events = retrying(fail, ACCOUNT, fakeClock(), new AbortController().signal);
  await assert.rejects(events.next(), (error) => error === bug);
  assert.equal(tries, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { openModel } from "./open.ts";
import { type Model, UnusableModel } from "./port.ts";
import { PROTOCOLS, type Protocol } from "./protocols.fixture.ts";
import type { Clock } from "./retry.ts";
import {
  answered,
  bodyOf,
  collect,
  fakeClock,
  json,
  partsOf,
  request,
  type Seen,
  serve,
  sse,
  sseThenReset,
  sseThenSilence,
  USER,
} from "./wire.fixture.ts";

const KEY = "sk-test-0123456789";

async function open(protocol: Protocol, url: string, clock: Clock = fakeClock()): Promise<Model> {
  return await openModel(protocol.spec, {
    env: { [`${protocol.provider.toUpperCase()}_API_KEY`]: KEY, [`${protocol.provider.toUpperCase()}_BASE_URL`]: url },
    providers: {},
    clock,
  });
}

function carriesKey({ headers }: Seen): boolean {
  return [headers["x-api-key"], headers["x-goog-api-key"], headers.authorization].some((value) => value?.includes(KEY));
}

const PATHS = [
  { id: "call_a", name: "read", input: '{"path":"a.txt"}' },
  { id: "call_b", name: "read", input: '{"path":"b.txt"}' },
];

for (const protocol of PROTOCOLS) {
  const { provider, events } = protocol;

  test(`${provider}: text streams in pieces and ends in one part`, async (t) => {
    const server = await serve(t, sse(...events({ text: "It says hi." })));
    const replied = await collect(await open(protocol, server.url), request());
    const streamed = replied.filter((event) => event.type === "text").map((event) => event.text);
    assert.equal(streamed.length, 2);
    assert.equal(streamed.join(""), "It says hi.");
    const [part, ...more] = partsOf(replied);
    assert.deepEqual([part?.kind, part?.kind === "text" && part.text, more], ["text", "It says hi.", []]);
    const [seen] = server.seen;
    assert.equal(seen?.path, protocol.path);
    assert.equal(seen.headers["user-agent"], "ringfence");
    assert.ok(carriesKey(seen));
  });

  test(`${provider}: tokens are counted with the cached ones among the input`, async (t) => {
    const server = await serve(t, sse(...events({ text: "hi" })));
    const done = (await collect(await open(protocol, server.url), request())).at(-1);
    assert.equal(done?.type, "done");
    const { usd, ...tokens } = done.usage;
    assert.deepEqual(tokens, { input: 100, cachedInput: 90, output: 7 });
    const prices: Record<string, number | null> = { anthropic: 0.000162, openai: 0.00009375, google: null, vllm: 0 };
    const wanted = prices[provider] ?? null;
    if (wanted === null) assert.equal(usd, null);
    else assert.ok(Math.abs((usd ?? -1) - wanted) < 1e-12, `${usd}`);
  });

  test(`${provider}: two calls in one reply keep their order and arguments`, async (t) => {
    const server = await serve(t, sse(...events({ text: "I read both.", calls: PATHS })));
    const replied = await collect(await open(protocol, server.url), request());
    const calls = partsOf(replied).filter((part) => part.kind === "call");
    assert.deepEqual(
      calls.map(({ id, name, input }) => ({ id, name, input })),
      PATHS,
    );
    const done = replied.at(-1);
    assert.equal(done?.type === "done" ? done.stop : null, "calls");
  });

  test(`${provider}: each request extends the one before`, async (t) => {
    const server = await serve(
      t,
      sse(...events({ reasoning: "Hm.", text: "First.", calls: PATHS })),
      sse(...events({ calls: [{ id: "call_c", name: "read", input: '{"path": "c.txt"}' }] })),
      sse(...events({ text: "Done." })),
    );
    const model = await open(protocol, server.url);
    const first = answered([USER], await collect(model, request(USER)));
    const second = answered(first, await collect(model, request(...first)));
    await collect(model, request(...second));
    const [one, two, three] = server.seen.map((seen) => protocol.history(seen).map((entry) => JSON.stringify(entry)));
    assert.ok(one && two && three && two.length > one.length && three.length > two.length);
    assert.deepEqual(two.slice(0, one.length), one);
    assert.deepEqual(three.slice(0, two.length), two);
    const [outside, ...others] = server.seen.map((seen) => {
      const { messages, input, contents, ...rest } = bodyOf(seen);
      return JSON.stringify(rest);
    });
    for (const other of others) assert.equal(other, outside);
  });

  test(`${provider}: a 429 waits as long as the server asks, in seconds, milliseconds or until a date`, async (t) => {
    const busy = { error: { message: "slow down", type: "rate_limit_error" } };
    const clock = fakeClock();
    const server = await serve(
      t,
      json(429, busy, { "retry-after": "7" }),
      json(429, busy, { "retry-after-ms": "250", "retry-after": "9" }),
      json(429, busy, { "retry-after": new Date(Date.now() - 60_000).toUTCString() }),
      sse(...events({ text: "hi" })),
    );
    const replied = await collect(await open(protocol, server.url, clock), request());
    assert.deepEqual(clock.waits, [7000, 250, 0]);
    const retries = replied.filter((event) => event.type === "retry");
    assert.deepEqual(retries[0], { type: "retry", attempt: 1, waitMs: 7000, reason: "429 slow down" });
    assert.equal(replied.at(-1)?.type, "done");
  });

  test(`${provider}: a server error is tried five times in all, with longer and longer waits`, async (t) => {
    const clock = fakeClock();
    const server = await serve(t, json(500, { error: { message: "oops" } }));
    const reply = open(protocol, server.url, clock).then((model) => collect(model, request()));
    await assert.rejects(reply, { kind: "provider", message: `${provider}: 500 oops (tried 5 times)` });
    assert.equal(server.seen.length, 5);
    assert.deepEqual(clock.waits, [750, 1500, 3000, 6000]);
  });

  test(`${provider}: an overload in the middle of a reply is tried again, and the text before it is void`, async (t) => {
    const half = events({ text: "half a reply" }).slice(0, -protocol.lastWords);
    const server = await serve(t, sse(...half, protocol.overload), sse(...events({ text: "whole" })));
    const replied = await collect(await open(protocol, server.url), request());
    const retry = replied.find((event) => event.type === "retry");
    assert.match(retry?.reason ?? "", /Overloaded/);
    assert.deepEqual(
      partsOf(replied).map((part) => part.kind === "text" && part.text),
      ["whole"],
    );
  });

  test(`${provider}: a reply without its last word is tried again, though the connection ended well`, async (t) => {
    const cut = events({ text: "I will", calls: PATHS }).slice(0, -protocol.lastWords);
    const server = await serve(t, sse(...cut), sse(), sse(...events({ text: "whole" })));
    const replied = await collect(await open(protocol, server.url), request());
    assert.equal(replied.filter((event) => event.type === "retry").length, 2);
    assert.deepEqual(
      partsOf(replied).map((part) => part.kind === "text" && part.text),
      ["whole"],
    );
  });

  test(`${provider}: a connection that breaks in the middle of a reply is tried again`, async (t) => {
    const half = events({ text: "half a reply" }).slice(0, -protocol.lastWords);
    const server = await serve(t, sseThenReset(...half), sse(...events({ text: "whole" })));
    const replied = await collect(await open(protocol, server.url), request());
    assert.equal(replied.filter((event) => event.type === "retry").length, 1);
    assert.deepEqual(
      partsOf(replied).map((part) => part.kind === "text" && part.text),
      ["whole"],
    );
  });

  test(`${provider}: a refused key is tried once and is not in the message`, async (t) => {
    const server = await serve(t, json(401, { error: { message: `bad key ${KEY}\u001b[2J` } }));
    const reply = open(protocol, server.url).then((model) => collect(model, request()));
    const message = `${provider}: 401 bad key [key]\\u{1b}[2J. Check ${provider.toUpperCase()}_API_KEY`;
    await assert.rejects(reply, { kind: "auth", message });
    assert.equal(server.seen.length, 1);
  });

  test(`${provider}: a refused request is tried once and says why, at most 500 characters of it`, async (t) => {
    const server = await serve(t, json(400, { error: { message: "x".repeat(10_000) } }));
    const reply = open(protocol, server.url).then((model) => collect(model, request()));
    await assert.rejects(reply, { kind: "provider", message: `${provider}: 400 ${"x".repeat(500)}…` });
    assert.equal(server.seen.length, 1);
  });

  test(`${provider}: a redirect is not followed`, async (t) => {
    const target = await serve(t, sse(...events({ text: "stolen" })));
    const server = await serve(t, (response) => response.writeHead(307, { location: `${target.url}/v1` }).end());
    const reply = open(protocol, server.url).then((model) => collect(model, request()));
    await assert.rejects(reply, {
      kind: "provider",
      message: /redirects to 127\.0\.0\.1:\d+, which would get the key/,
    });
    assert.deepEqual([server.seen.length, target.seen.length], [1, 0]);
  });

  test(`${provider}: an abort closes the socket and rejects with its reason`, async (t) => {
    const half = events({ text: "half a reply" }).slice(0, -protocol.lastWords);
    const server = await serve(t, sseThenSilence(...half));
    const stop = new AbortController();
    const reason = new Error("the person pressed Ctrl-C");
    const model = await open(protocol, server.url);
    const reply = (async () => {
      for await (const event of model.reply(request(), stop.signal)) if (event.type === "text") stop.abort(reason);
    })();
    await assert.rejects(reply, (error) => error === reason);
    assert.equal(await server.seen[0]?.closed, false);
    assert.equal(server.seen.length, 1);
  });

  test(`${provider}: a try that failed closes its socket, though the server would keep it open`, async (t) => {
    const server = await serve(t, sseThenSilence(protocol.overload), sse(...events({ text: "whole" })));
    await collect(await open(protocol, server.url), request());
    assert.equal(await server.seen[0]?.closed, false);
    assert.equal(server.seen.length, 2);
  });

  test(`${provider}: a reader that leaves closes the socket`, async (t) => {
    const half = events({ text: "half a reply" }).slice(0, -protocol.lastWords);
    const server = await serve(t, sseThenSilence(...half));
    const model = await open(protocol, server.url);
    for await (const event of model.reply(request(), new AbortController().signal)) if (event.type === "text") break;
    assert.equal(await server.seen[0]?.closed, false);
  });

  test(`${provider}: lone surrogates and an empty reply in the history make a request that is sent`, async (t) => {
    const server = await serve(t, sse(...events({ text: "hi" })));
    const history = [{ role: "user", text: "a\ud800b" }, { role: "assistant", parts: [] }, USER] as const;
    await collect(await open(protocol, server.url), request(...history));
    assert.match(server.seen[0]?.body ?? "", /a\ufffdb/);
    assert.doesNotMatch(server.seen[0]?.body ?? "", /"content":\[\]|"parts":\[\]/);
  });
}

for (const protocol of PROTOCOLS.filter(({ provider }) => provider !== "google")) {
  const { provider, events } = protocol;

  test(`${provider}: malformed arguments come as they are, and go back as an empty object`, async (t) => {
    const input = '{"path": "broken';
    const server = await serve(
      t,
      sse(...events({ calls: [{ id: "call_a", name: "read", input }] })),
      sse(...events({ text: "hi" })),
    );
    const model = await open(protocol, server.url);
    const replied = await collect(model, request());
    const [call] = partsOf(replied);
    assert.equal(call?.kind === "call" ? call.input : null, input);
    await collect(model, request(...answered([USER], replied)));
    const sent = JSON.stringify(protocol.history(server.seen[1]));
    assert.match(sent, /"input":\{\}|"arguments":"\{\}"/);
    assert.doesNotMatch(sent, /broken/);
  });
}

test("a model that is none names the providers we know", async () => {
  const settings = { env: {}, providers: {} };
  for (const spec of ["gpt-5", "nobody/gpt-5", "openai/", "/gpt-5", "toString/x", "compatible/x", ""]) {
    await assert.rejects(
      openModel(spec, settings),
      (error) => error instanceof UnusableModel && /anthropic, openai/.test(error.message),
    );
  }
});

test("a missing key says where to put one", async () => {
  const message = "anthropic: no key. Set ANTHROPIC_API_KEY, or providers.anthropic.api_key in config.yaml";
  await assert.rejects(openModel("anthropic/claude", { env: {}, providers: {} }), { kind: "auth", message });
});

test("a malformed key is refused without being shown", async () => {
  const reply = openModel("anthropic/claude", { env: { ANTHROPIC_API_KEY: "sk-\nx" }, providers: {} });
  await assert.rejects(
    reply,
    (error: Error) => /characters that no key has/.test(error.message) && !/sk-/.test(error.message),
  );
});

test("an OpenAI-compatible host needs an address and no key", async (t) => {
  const undocumented = {
    env: { COMPATIBLE_BASE_URL: "http://127.0.0.1:1" },
    providers: { compatible: { baseUrl: "http://127.0.0.1:1" } },
  };
  await assert.rejects(openModel("openai-compatible/m", undocumented), {
    constructor: UnusableModel,
    message:
      "openai-compatible: no base URL. Set OPENAI_COMPATIBLE_BASE_URL, or providers.openai-compatible.base_url in config.yaml",
  });
  const { events } = PROTOCOLS.find(({ provider }) => provider === "vllm") ?? assert.fail();
  const server = await serve(t, sse(...events({ text: "hi" })));
  const env = { OPENAI_COMPATIBLE_BASE_URL: `${server.url}/api/` };
  const model = await openModel("openai-compatible/org/model", { env, providers: {} });
  assert.equal(model.name, "openai-compatible/org/model");
  await collect(model, request());
  const [seen] = server.seen;
  assert.deepEqual(
    [seen?.path, seen?.headers.authorization, bodyOf(seen).model],
    ["/api/chat/completions", undefined, "org/model"],
  );
});

test("the environment wins over the config file", async (t) => {
  const { events } = PROTOCOLS.find(({ provider }) => provider === "anthropic") ?? assert.fail();
  const server = await serve(t, sse(...events({ text: "hi" })));
  const providers = { anthropic: { apiKey: "from-config", baseUrl: `${server.url}/gateway`, contextTokens: 5000 } };
  const model = await openModel("anthropic/claude", { env: { ANTHROPIC_API_KEY: "from-env" }, providers });
  assert.equal(model.contextTokensMax, 5000);
  await collect(model, request());
  assert.deepEqual([server.seen[0]?.path, server.seen[0]?.headers["x-api-key"]], ["/gateway/v1/messages", "from-env"]);
});

test("an address with a password or a strange scheme is refused", async () => {
  for (const url of ["file:///etc/passwd", "http://me:secret@127.0.0.1", "127.0.0.1:8000", "http://127.0.0.1/?a=b"]) {
    const reply = openModel("vllm/m", { env: { VLLM_BASE_URL: url }, providers: {} });
    await assert.rejects(
      reply,
      (error: Error) =>
        error instanceof UnusableModel &&
        /base URL is not a plain/.test(error.message) &&
        !/secret/.test(error.message),
    );
  }
});

test("a server that is not there is named after five tries", async (t) => {
  const server = await serve(t, json(200, {}));
  const clock = fakeClock();
  const gone = `http://127.0.0.1:1`;
  const model = await openModel("vllm/m", { env: { VLLM_BASE_URL: gone }, providers: {}, clock });
  await assert.rejects(collect(model, request()), { message: "vllm: nothing listens at 127.0.0.1:1 (tried 5 times)" });
  assert.deepEqual([clock.waits.length, server.seen.length], [4, 0]);
});

test("an account without credit is not tried again, though OpenAI answers 429", async (t) => {
  const { spec } = PROTOCOLS.find(({ provider }) => provider === "openai") ?? assert.fail();
  const server = await serve(t, json(429, { error: { message: "no credit", code: "insufficient_quota" } }));
  const model = await openModel(spec, {
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: server.url },
    providers: {},
    clock: fakeClock(),
  });
  await assert.rejects(collect(model, request()), { kind: "provider", message: "openai: 429 no credit" });
  assert.equal(server.seen.length, 1);
});

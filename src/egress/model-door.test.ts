import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type Credential, Secret } from "../core/credential.ts";
import type { ModelEndpoint } from "../core/model-endpoint.ts";
import { Broker } from "./broker.ts";
import { ModelDoor, type ModelReply } from "./model-door.ts";
import { openProxy, startServer, until } from "./proxy.fixture.ts";

const PLACEHOLDER = "sk-Pl4ceh0lderAAAABBBB";
const VALUE = "sk-Canary7Hq2mZ0xTq9Lm";
const CHAT = { model: "gpt-5", messages: [{ role: "user", content: "hello" }] };
const USAGE = { prompt_tokens: 10, completion_tokens: 5 };

interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Answer = (response: ServerResponse) => void;

const whole: Answer = (response) =>
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ usage: USAGE, key: VALUE }));

/** A model's server, and a proxy that lets an agent ask it. */
async function open(t: TestContext, answer: Answer = whole, hasKey = true) {
  const seen: Seen[] = [];
  const server = createServer(async (asked, response) => {
    let body = "";
    for await (const piece of asked.setEncoding("utf8")) body += piece;
    seen.push({ headers: asked.headers, body });
    answer(response);
  });
  const port = await startServer(t, server);
  const origin = `http://127.0.0.1:${port}`;
  const endpoint = {
    provider: "openai",
    protocol: "openai",
    scheme: "http",
    host: "127.0.0.1",
    port,
    base: "/v1",
  } as const;
  const credential: Credential = {
    id: "env OPENAI_API_KEY",
    source: "env OPENAI_API_KEY",
    placeholder: PLACEHOLDER,
    value: new Secret(VALUE),
    rules: [{ scheme: { kind: "bearer" }, origins: [origin], methods: ["GET", "POST"], pathPrefixes: ["/v1"] }],
  };
  const replies: ModelReply[] = [];
  const removed: string[] = [];
  const model = new ModelDoor({
    endpoints: [{ ...(endpoint satisfies ModelEndpoint), hasKey }],
    refuses: (_provider, name) => (name === "forbidden" ? "no price" : null),
    replied: (reply) => replies.push(reply),
    removed: (tools) => removed.push(...tools),
  });
  const credentials = hasKey ? [credential] : [];
  const place = await openProxy(t, { model, broker: new Broker(() => credentials) });
  const ask = (path: string, body: object | Buffer | null, headers: Record<string, string> = {}) =>
    send(place.port, `${origin}${path}`, body, { host: `127.0.0.1:${port}`, ...headers });
  const start = () => begin(place.port, `${origin}/v1/chat/completions`, CHAT, { host: `127.0.0.1:${port}` });
  return { ...place, seen, replies, removed, ask, start, serverPort: port };
}

function begin(proxy: number, url: string, body: object | Buffer | null, headers: Record<string, string>) {
  const method = body === null ? "GET" : "POST";
  const asked = request({ host: "127.0.0.1", port: proxy, method, path: url, headers, agent: false });
  asked.on("error", () => {});
  if (body !== null) asked.write(body instanceof Buffer ? body : JSON.stringify(body));
  asked.end();
  return asked;
}

async function send(...what: Parameters<typeof begin>) {
  const [response] = (await once(begin(...what), "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += piece;
  return { status: response.statusCode ?? 0, text };
}

test("a request goes on as it was judged, with the key on it and nothing but what the server needs", async (t) => {
  const { ask, seen, replies } = await open(t);
  const headers = {
    authorization: `Bearer ${PLACEHOLDER}`,
    "x-portkey-custom-host": "https://attacker.example",
    cookie: "a=b",
    "content-type": "application/json; charset=utf-16",
  };
  const text =
    '{"model":"gpt-5","tools":[{"type":"mcp"}],"messages":[{"role":"user","content":"' +
    PLACEHOLDER +
    '"}],  "tools":[]}';
  const done = await ask("/v1/chat/completions", Buffer.from(text), { ...headers, "transfer-encoding": "chunked" });
  assert.equal(done.status, 200);
  const body = `{"model":"gpt-5","tools":[],"messages":[{"role":"user","content":"${PLACEHOLDER}"}]}`;
  assert.equal(seen[0]?.body, body);
  const { authorization, "content-length": length, "accept-encoding": packing, ...rest } = seen[0]!.headers;
  assert.deepEqual([authorization, length, packing], [`Bearer ${VALUE}`, String(body.length), "identity"]);
  assert.deepEqual(Object.keys(rest).sort(), ["connection", "content-type", "host"]);
  assert.equal(rest["content-type"], "application/json");
  // What the server says again of the key does not come in.
  assert.deepEqual(JSON.parse(done.text), { usage: USAGE, key: PLACEHOLDER });
  const tokens = { input: 10, cachedInput: 0, cacheWrite: 0, output: 5 };
  const { receivedBytes, ...reply } = replies[0]!;
  assert.deepEqual(reply, { provider: "openai", model: "gpt-5", tokens, isWhole: true, sentBytes: body.length });
  assert.equal(receivedBytes, done.text.length);
});

test("what may not go is refused before the server hears of it, and the record has it", async (t) => {
  const { ask, seen, malformed, replies } = await open(t);
  const big = Buffer.alloc((32 << 20) + 1, 0x20);
  const cases: readonly (readonly [object | Buffer, Record<string, string>, RegExp])[] = [
    [{ ...CHAT, tools: [{ type: "web_search" }] }, {}, /web_search/],
    [Buffer.from("{"), {}, /no JSON/],
    [gzipSync(JSON.stringify(CHAT)), { "content-encoding": "gzip" }, /packed/],
    [CHAT, { authorization: "Bearer sk-of-an-attacker-0123456789" }, /a credential of its own/],
    [big, {}, /larger than 32 MiB/],
  ];
  for (const [body, headers, reason] of cases) {
    const { status, text } = await ask("/v1/chat/completions", body, headers).catch(() => ({
      status: 403,
      text: String(reason),
    }));
    assert.equal(status, 403, text);
    await until(() => reason.test(malformed.at(-1) ?? ""));
  }
  assert.equal((await ask("/v1/files", CHAT)).status, 403);
  assert.deepEqual([seen.length, replies.length], [0, 0]);
});

test("a list of models has no body and costs nothing, and neither does an answer that is an error", async (t) => {
  const { ask, seen, replies } = await open(t, (response) =>
    response.writeHead(429).end('{"usage":{"prompt_tokens":9}}'),
  );
  assert.equal((await ask("/v1/models", null)).status, 429);
  assert.equal((await ask("/v1/chat/completions", CHAT)).status, 429);
  assert.deepEqual([seen.length, replies.length], [2, 0]);
});

test("a stream passes as it comes, and one that the agent leaves is counted for what came", async (t) => {
  const { start, replies } = await open(t, (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: {"choices":[{"delta":{"content":"first"}}]}\n\n`);
  });
  // More in all than may be on their way at once.
  for (let at = 1; at <= 10; at += 1) {
    const asked = start();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const [piece] = (await once(response, "data")) as [Buffer];
    assert.match(piece.toString(), /first/);
    asked.destroy();
    await until(() => replies.length === at);
  }
  const [reply] = replies;
  assert.deepEqual([reply?.tokens, reply?.isWhole], [null, false]);
  assert.ok((reply?.receivedBytes ?? 0) > 40);
});

test("one that the agent leaves before a word came is counted too: the model has read it", async (t) => {
  const waiting: ServerResponse[] = [];
  const { start, replies } = await open(t, (response) => waiting.push(response));
  const asked = start();
  await until(() => waiting.length === 1);
  asked.destroy();
  await until(() => replies.length === 1);
  assert.deepEqual([replies[0]?.tokens, replies[0]?.isWhole, replies[0]?.receivedBytes], [null, false, 0]);
});

test("eight requests may be on their way; the ninth is refused, and goes once another has ended", async (t) => {
  const waiting: ServerResponse[] = [];
  const { ask, seen } = await open(t, (response) => waiting.push(response));
  const eight = Array.from({ length: 8 }, () => ask("/v1/chat/completions", CHAT));
  await until(() => waiting.length === 8);
  assert.match((await ask("/v1/chat/completions", CHAT)).text, /8 requests to a model are on their way/);
  whole(waiting[0]!);
  await Promise.race(eight);
  const ninth = ask("/v1/chat/completions", CHAT);
  await until(() => waiting.length === 9);
  for (const response of waiting.slice(1)) whole(response);
  await Promise.all([...eight, ninth]);
  assert.equal(seen.length, 9);
});

test("where the person has no key, the agent sends none of its own", async (t) => {
  const { ask, seen } = await open(t, whole, false);
  const headers = { authorization: "Bearer sk-of-an-attacker-0123456789", "x-api-key": "x" };
  assert.equal((await ask("/v1/chat/completions", CHAT, headers)).status, 200);
  assert.deepEqual(Object.keys(seen[0]!.headers).sort(), [
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
  ]);
});

test("a server on the machine's own loopback is asked at its own port, and as nobody else", async (t) => {
  const { proxy, serverPort, seen } = await open(t);
  const own = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
    proxy.takeFor(socket, { protocol: "http", host: "127.0.0.1", port: serverPort }),
  );
  const port = await startServer(t, own);
  const direct = (host: string, path = "/v1/chat/completions") => send(port, path, CHAT, { host });
  assert.equal((await direct(`127.0.0.1:${serverPort}`)).status, 200);
  assert.equal((await direct(`127.0.0.1:${serverPort}`, "/v1/files")).status, 403);
  assert.equal((await direct("attacker.example")).status, 400);
  assert.equal((await direct(`127.0.0.1:${serverPort}`, "http://attacker.example/v1/chat/completions")).status, 400);
  assert.equal(seen.length, 1);
});

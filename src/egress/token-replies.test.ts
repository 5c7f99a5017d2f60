import assert from "node:assert/strict";
import { request as ask, createServer, type IncomingHttpHeaders } from "node:http";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { JsonObject } from "../core/json.ts";
import { Broker } from "./broker.ts";
import { ModelDoor } from "./model-door.ts";
import { openProxy, rule, startServer } from "./proxy.fixture.ts";
import { TokenReplies } from "./token-replies.ts";
import { Keep } from "./vault-keep.ts";

const ACCESS = "at-Canary7Hq2mZ0xTq9LmWv4Rk8Nb3Yc6Pd1Sf0";
const REFRESH = "rt-Canary9Kd3nB5wEr7TyU1iOp2AsD4fGh6JkL8z";
const ANSWER = JSON.stringify({ access_token: ACCESS, token_type: "Bearer", expires_in: 3600, refresh_token: REFRESH });

/** A model's host whose login gives tokens, and a proxy of a session that wraps an agent of that model. */
async function open(
  t: TestContext,
  hasKey: boolean,
  login: { body: Buffer | string; headers?: Record<string, string> } = { body: ANSWER },
) {
  const seen: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer(async (incoming, answer) => {
    let body = "";
    for await (const piece of incoming.setEncoding("utf8")) body += piece;
    seen.push({ url: incoming.url ?? "", headers: incoming.headers, body });
    answer.setHeader("Content-Type", "application/json");
    for (const [name, value] of Object.entries(login.headers ?? {})) answer.setHeader(name, value);
    answer.end(
      incoming.url === "/oauth/token"
        ? login.body
        : JSON.stringify({ object: "list", said: incoming.headers.authorization }),
    );
  });
  const port = await startServer(t, server);
  const place = { scheme: "http", host: "127.0.0.1", port } as const;
  const endpoint = { provider: "openai-compatible", protocol: "openai", base: "/v1", hasKey, ...place } as const;
  const keep = new Keep(Buffer.alloc(32, 1));
  const recorded: JsonObject[] = [];
  const vault = { keep: keep.add.bind(keep) };
  const model = new ModelDoor({ endpoints: [endpoint], refuses: () => null, replied: () => {}, removed: () => {} });
  const proxy = await openProxy(t, {
    model,
    tokens: new TokenReplies({ endpoints: [endpoint], vault, record: (event) => recorded.push(event) }),
    broker: new Broker(() => keep.credentials()),
    rules: { allow: [rule("127.0.0.1", port)] },
  });
  const send = (path: string, body: string | null, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; text: string }>((resolve) => {
      const outgoing = ask({
        host: "127.0.0.1",
        port: proxy.port,
        method: body === null ? "GET" : "POST",
        path: `http://127.0.0.1:${port}${path}`,
        headers: {
          host: `127.0.0.1:${port}`,
          ...headers,
          ...(body === null ? {} : { "content-length": String(body.length) }),
        },
      });
      outgoing.on("response", async (reply) => {
        let text = "";
        try {
          for await (const piece of reply.setEncoding("utf8")) text += piece;
        } catch {
          text += " broken off";
        }
        resolve({ status: reply.statusCode ?? 0, text });
      });
      // Ended before its head was sent.
      outgoing.on("error", () => resolve({ status: 0, text: " broken off" })).end(body);
    });
  return { send, seen, recorded, keep };
}

test("an agent that logs in gets placeholders, and the one for access works as a key, in its header toward that model alone", async (t) => {
  const { send, seen, recorded } = await open(t, false);
  const got = await send("/oauth/token", "grant_type=device");
  const tokens = JSON.parse(got.text) as Record<string, string>;
  assert.deepEqual(
    [tokens.token_type, tokens.access_token?.length, got.text.length],
    ["Bearer", ACCESS.length, ANSWER.length],
  );
  assert.equal(got.text.includes(ACCESS) || got.text.includes(REFRESH), false);
  assert.deepEqual(recorded, [
    { type: "token-kept", provider: "openai-compatible", what: "access", isPutOn: true },
    { type: "token-kept", provider: "openai-compatible", what: "other", isPutOn: false },
  ]);
  const listed = await send("/v1/models", null, { authorization: `Bearer ${tokens.access_token}` });
  assert.equal(seen.at(-1)?.headers.authorization, `Bearer ${ACCESS}`);
  assert.match(listed.text, new RegExp(`"said":"Bearer ${tokens.access_token}"`));
  const count = seen.length;
  // Not in a body, not elsewhere on that host, and no token of another's to it.
  assert.notEqual((await send("/oauth/token", `refresh_token=${tokens.refresh_token}`)).status, 200);
  assert.equal((await send("/other", null, { authorization: `Bearer ${tokens.access_token}` })).status, 403);
  assert.equal((await send("/v1/models", null, { authorization: "Bearer at-Attacker0123456789" })).status, 403);
  assert.equal(
    seen.slice(count).some(({ headers, body }) => headers.authorization !== undefined || body.includes(REFRESH)),
    false,
  );
});

test("a token whose signs mean something to a replacement is not put back by them", async (t) => {
  const access = "at-$&Canary7Hq2mZ0xTq9LmWv4Rk8Nb3Yc6$`Pd1";
  const body = JSON.stringify({ access_token: access, token_type: "Bearer" });
  const { send, keep } = await open(t, false, { body });
  const { text } = await send("/oauth/token", "code=1");
  assert.equal(text.includes("Canary7Hq2mZ0xTq9LmWv4Rk8Nb3Yc6"), false);
  assert.equal((JSON.parse(text) as { access_token: string }).access_token, keep.credentials()[0]?.placeholder);
});

test("where the person has a key, a token is put on nowhere: who logs in may be a stranger", async (t) => {
  const { send, seen } = await open(t, true);
  const tokens = JSON.parse((await send("/oauth/token", "x")).text) as Record<string, string>;
  assert.equal((await send("/v1/models", null, { authorization: `Bearer ${tokens.access_token}` })).status, 403);
  assert.equal(
    seen.some(({ headers }) => headers.authorization !== undefined),
    false,
  );
});

test("a token that could come in unseen ends the answer", async (t) => {
  for (const login of [
    { body: gzipSync(ANSWER), headers: { "Content-Encoding": "gzip" } },
    { body: ANSWER.replace("at-", "\\u0061t-") },
    { body: ANSWER.replace(ACCESS, "short") },
  ]) {
    const { send } = await open(t, false, login);
    const got = await send("/oauth/token", "x");
    assert.ok(got.status === 502 || got.text.endsWith(" broken off"), JSON.stringify(got));
    assert.equal(got.text.includes(ACCESS.slice(3)) || got.text.includes(REFRESH), false);
  }
});

test("an answer that is no login's, or is long, goes by as it is", async (t) => {
  const long = JSON.stringify({ data: "x".repeat(200_000) });
  const { send } = await open(t, false, { body: long });
  assert.equal((await send("/oauth/token", "x")).text, long);
  const short = await open(t, false, { body: '{"access_token": "é"}' });
  assert.equal((await short.send("/oauth/token", "x")).text, '{"access_token": "é"}');
});

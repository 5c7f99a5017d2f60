import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import { echoServer, openProxy, raw, rule, startServer, until } from "./proxy.fixture.ts";

const API = "api.example.com";
const NAMES = { [API]: ["127.0.0.1"] };

test("a request goes to the host of a rule, with its headers but those of the connection, and is recorded", async (t) => {
  const origin = await startServer(t, echoServer());
  const place = await openProxy(t, { rules: { allow: [rule(API, origin)] }, names: NAMES });
  const answer = await ask(place.port, `http://${API}:${origin}/a?b=1`, {
    headers: { "X-Mine": "1", "Proxy-Authorization": "Basic cmluZ2ZlbmNlOnQ=", Connection: "X-Gone", "X-Gone": "1" },
  });
  assert.equal(answer.status, 200);
  const seen = JSON.parse(answer.text) as { url: string; headers: string[] };
  assert.equal(seen.url, "/a?b=1");
  const names = seen.headers.filter((_value, index) => index % 2 === 0).map((name) => name.toLowerCase());
  assert.deepEqual(names.sort(), ["connection", "host", "x-mine"]);
  assert.equal(place.judged.length, 1);
  await until(() => place.outcomes.length === 1);
  assert.equal(place.outcomes[0]?.status, 200);
  assert.equal(place.outcomes[0]?.receivedBytes, Buffer.byteLength(answer.text));
});

test("a body is streamed to where a rule lets one go, and refused where none does", async (t) => {
  const origin = await startServer(t, echoServer());
  const allow = [rule(API, origin), rule("read.example.com", origin, { methods: null, body: false })];
  const place = await openProxy(t, { rules: { allow }, names: { ...NAMES, "read.example.com": ["127.0.0.1"] } });
  const body = Buffer.alloc(3 << 20, "x");
  const sent = await ask(place.port, `http://${API}:${origin}/`, { method: "POST", body });
  assert.equal(JSON.parse(sent.text).bytes, body.length);
  const refused = await ask(place.port, `http://read.example.com:${origin}/`, {
    method: "POST",
    body: Buffer.from("x"),
  });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /^ringfence: /);
});

test("a host that no rule lists is refused before its name is asked for", async (t) => {
  const place = await openProxy(t);
  const answer = await ask(place.port, "http://secret-in-a-name.example.com/");
  assert.equal(answer.status, 403);
  assert.equal(place.outcomes.length, 0);
});

test("a name whose address is not public is refused, unless its rule says private", async (t) => {
  const origin = await startServer(t, echoServer());
  const hosts = {
    loop: "127.0.0.1",
    net: "10.1.2.3",
    meta: "169.254.169.254",
    mapped: "::ffff:127.0.0.1",
    six: "fd00::1",
  };
  const names = Object.fromEntries(Object.entries(hosts).map(([name, address]) => [`${name}.example.com`, [address]]));
  const allow = Object.keys(names).map((name) => rule(name, origin, { private: false }));
  const place = await openProxy(t, {
    rules: { allow },
    names: { ...names, "both.example.com": ["8.8.8.8", "127.0.0.1"] },
  });
  for (const name of Object.keys(names)) {
    const answer = await ask(place.port, `http://${name}:${origin}/`);
    assert.equal(answer.status, 403, name);
  }
  const meta = await openProxy(t, { rules: { allow: [rule("meta.example.com", 80)] }, names });
  assert.equal((await ask(meta.port, "http://meta.example.com/")).status, 403);
});

test("a tunnel carries bytes both ways, to its half-closed end", async (t) => {
  const echo = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  const origin = await startServer(t, echo);
  const place = await openProxy(t, { rules: { allow: [rule(API, origin, { tls: "tunnel" })] }, names: NAMES });
  const said = await raw(place.port, `CONNECT ${API}:${origin} HTTP/1.1\r\nHost: ${API}:${origin}\r\n\r\nhello`, {
    msMax: 500,
  });
  assert.match(said, /^HTTP\/1\.1 200 [^\r]*\r\n\r\nhello$/);
});

test("SOCKS 5 asks in the same way, and is refused in its own", async (t) => {
  const echo = net.createServer((socket) => socket.pipe(socket));
  const origin = await startServer(t, echo);
  const place = await openProxy(t, { rules: { allow: [rule(API, origin, { tls: "tunnel" })] }, names: NAMES });
  const request = (host: string) =>
    Buffer.concat([
      Buffer.from([5, 1, 0, 5, 1, 0, 3, host.length]),
      Buffer.from(host),
      Buffer.from([origin >> 8, origin & 255]),
      Buffer.from("hi"),
    ]);
  const good = await raw(place.socksPort, request(API), { msMax: 500 });
  assert.equal(good, "\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00hi");
  const bad = await raw(place.socksPort, request("other.example.com"));
  assert.equal(bad.slice(0, 4), "\x05\x00\x05\x02");
});

for (const [what, head] of Object.entries({
  "two Host headers": "GET http://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\nHost: evil.example.com\r\n\r\n",
  "a Host of another host": "GET http://api.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
  "a length beside chunks":
    "POST http://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "two lengths":
    "POST http://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  "a folded header": "GET http://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\nX: a\r\n b\r\n\r\n",
  "a user in the address": "GET http://user:x@api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
  "a path alone": "GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
  "another scheme": "GET https://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
  "a CONNECT without a port": "CONNECT api.example.com HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
  "a CONNECT whose Host differs": "CONNECT api.example.com:443 HTTP/1.1\r\nHost: evil.example.com:443\r\n\r\n",
  "no HTTP": "hello\r\n\r\n",
})) {
  test(`a request with ${what} is refused, and recorded`, async (t) => {
    const place = await openProxy(t, { rules: { allow: [rule(API, 80), rule(API, 443)] }, names: NAMES });
    assert.match(await raw(place.port, head), /^HTTP\/1\.1 400 /);
    assert.equal(place.judged.length, 0);
    assert.equal(place.malformed.length, 1);
  });
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(
  port: number,
  url: string,
  { method = "GET", headers = {}, body }: { method?: string; headers?: http.OutgoingHttpHeaders; body?: Buffer } = {},
): Promise<Answer> {
  const { host } = new URL(url);
  const request = http.request({
    port,
    host: "127.0.0.1",
    method,
    path: url,
    headers: { Host: host, ...headers },
    agent: false,
  });
  request.end(body);
  const reply = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on("response", resolve).on("error", reject);
  });
  let text = "";
  for await (const piece of reply.setEncoding("utf8")) text += piece;
  return { status: reply.statusCode ?? 0, text };
}

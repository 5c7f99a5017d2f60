import assert from "node:assert/strict";
import { createServer } from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import type { Label } from "../core/label.ts";
import type { Look } from "./look.ts";
import { openProxy, type PlaceOptions, raw, rule, startServer } from "./proxy.fixture.ts";

/** Everything that a model composes asks. */
const MODEL: Label = { integrity: "external", secrecy: "private" };

interface Arrived {
  readonly head: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** A server that keeps what came, and a proxy whose person answers. */
async function place(t: TestContext, answer: PlaceOptions["answer"]) {
  const arrived: Arrived[] = [];
  const server = createServer(async (request, reply) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const trailers = Object.entries(request.trailers).flat().map(String);
    const headers = [...request.rawHeaders, ...trailers];
    arrived.push({ head: `${request.method} ${request.url}`, headers, body: Buffer.concat(pieces).toString() });
    reply.end("ok");
  });
  const port = await startServer(t, server);
  const options = { rules: { allow: [rule("127.0.0.1", port)] }, label: MODEL };
  const proxy = await openProxy(t, { ...options, ...(answer ? { answer } : {}) });
  const send = (method: string, headers: string, body: string, msMax = 5000) =>
    raw(
      proxy.port,
      `${method} http://127.0.0.1:${port}/x HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n${headers}\r\n${body}`,
      { msMax },
    );
  return { arrived, proxy, send, port };
}

test("what a person was shown is what is sent: the body byte for byte, and every header that they did not see is ours", async (t) => {
  const seen: { look: Look; body: string | null }[] = [];
  const { arrived, send, port } = await place(t, async (_effect, look, body) => {
    seen.push({ look, body: body?.toString() ?? null });
    return true;
  });
  const headers = "User-Agent: private\r\nAccept: text/html\r\nX-Own: 1\r\nContent-Type: text/plain\r\n";
  assert.match(await send("POST", `${headers}Content-Length: 5\r\n`, "hello"), /^HTTP\/1\.1 200 /);
  const chunks = "5\r\nhello\r\n6\r\n again\r\n0\r\nX-Trailer: private\r\n\r\n";
  assert.match(await send("POST", "Transfer-Encoding: chunked\r\n", chunks), /^HTTP\/1\.1 200 /);
  assert.match(await send("GET", "X-Own: 2\r\nAccept: a-private-word\r\n", ""), /^HTTP\/1\.1 200 /);
  assert.deepEqual(
    seen.map(({ look, body }) => [look.headers, body]),
    [
      [["X-Own", "1", "Content-Type", "text/plain"], "hello"],
      [[], "hello again"],
      [["X-Own", "2", "Accept", "a-private-word"], null],
    ],
  );
  assert.deepEqual(
    arrived.map(({ head, body }) => [head, body]),
    [
      ["POST /x", "hello"],
      ["POST /x", "hello again"],
      ["GET /x", ""],
    ],
  );
  const host = ["Host", `127.0.0.1:${port}`];
  const [first, second] = arrived;
  assert.deepEqual(first?.headers.slice(0, 12), [
    "User-Agent",
    "ringfence",
    ...host,
    "Content-Length",
    "5",
    "Accept",
    "text/html",
    "X-Own",
    "1",
    "Content-Type",
    "text/plain",
  ]);
  assert.equal(arrived.flatMap((one) => one.headers).filter((text) => text === "private").length, 0);
  assert.deepEqual(second?.headers.slice(0, 6), ["User-Agent", "ringfence", ...host, "Transfer-Encoding", "chunked"]);
});

test("without a person's yes nothing arrives, whether nobody is asked or they say no", async (t) => {
  for (const answer of [undefined, async () => false]) {
    const { arrived, send } = await place(t, answer);
    assert.match(await send("POST", "Content-Length: 5\r\n", "hello"), /^HTTP\/1\.1 403 /);
    assert.match(await send("GET", "", ""), /^HTTP\/1\.1 403 /);
    assert.deepEqual(arrived, []);
  }
});

test("a body that is too large, or breaks off, is not asked about", async (t) => {
  let asked = 0;
  const { arrived, send } = await place(t, async () => {
    asked += 1;
    return true;
  });
  const large = "x".repeat((1 << 20) + 1);
  assert.match(await send("POST", `Content-Length: ${large.length}\r\n`, large), /more than 1 MiB is not asked about/);
  await send("POST", "Content-Length: 10\r\n", "short", 200);
  assert.equal(asked, 0);
  assert.deepEqual(arrived, []);
  const fits = large.slice(1);
  assert.match(await send("POST", `Content-Length: ${fits.length}\r\n`, fits), /^HTTP\/1\.1 200 /);
  assert.deepEqual([asked, (arrived as Arrived[])[0]?.body.length], [1, 1 << 20]);
});

test("a client that waits to be let in before it sends its body is let in once, to be looked at", async (t) => {
  const { arrived, send } = await place(t, async () => true);
  const answer = await send("POST", "Content-Length: 5\r\nExpect: 100-continue\r\n", "hello");
  assert.equal(answer.match(/HTTP\/1\.1 100 /g)?.length, 1);
  assert.match(answer, /HTTP\/1\.1 200 /);
  assert.equal(arrived[0]?.body, "hello");
});

test("a question whose client went away is withdrawn, and a late yes sends nothing", async (t) => {
  const { promise: withdrawn, resolve } = Promise.withResolvers<void>();
  const { promise: late, resolve: answerLate } = Promise.withResolvers<boolean>();
  const { arrived, proxy, port } = await place(t, async (_effect, look) => {
    look.gone().addEventListener("abort", () => resolve());
    return late;
  });
  const socket = net.connect(proxy.port, "127.0.0.1");
  socket.write(`GET http://127.0.0.1:${port}/x HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await new Promise((done) => setTimeout(done, 50));
  socket.destroy();
  await withdrawn;
  answerLate(true);
  while (proxy.outcomes.length === 0) await new Promise((done) => setTimeout(done, 5));
  assert.equal(proxy.outcomes[0]?.error, "the client ended it");
  assert.deepEqual(arrived, []);
});

test("a tunnel and a WebSocket are asked about as what cannot be seen, and open on a yes alone", async (t) => {
  const echo = net.createServer((socket) => socket.pipe(socket));
  const port = await startServer(t, echo);
  const web = createServer();
  web.on("upgrade", (request, socket) => {
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n${request.url}`);
  });
  const webPort = await startServer(t, web);
  const allow = [rule("127.0.0.1", port, { tls: "tunnel" }), rule("127.0.0.1", webPort)];
  const tunnel = `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\nping`;
  const to = `http://127.0.0.1:${webPort}/socket HTTP/1.1\r\nHost: 127.0.0.1:${webPort}`;
  const upgrade = `GET ${to}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\n\r\n`;
  for (const yes of [false, true]) {
    const seen: [string, boolean, readonly string[]][] = [];
    const answer: PlaceOptions["answer"] = async ({ protocol }, { headers, readBody }) => {
      seen.push([protocol, readBody === null, headers]);
      return yes;
    };
    const proxy = await openProxy(t, { rules: { allow }, label: MODEL, answer });
    const first = await raw(proxy.port, tunnel, { msMax: 300 });
    const second = await raw(proxy.port, upgrade, { msMax: 1000 });
    assert.deepEqual(seen, [
      ["tunnel", true, []],
      ["http", true, ["X-Own", "1"]],
    ]);
    assert.match(first, yes ? /^HTTP\/1\.1 200 .*\r\n\r\nping$/ : /^HTTP\/1\.1 403 /);
    assert.match(second, yes ? /^HTTP\/1\.1 101 .*\/socket$/s : /^HTTP\/1\.1 403 /);
  }
});

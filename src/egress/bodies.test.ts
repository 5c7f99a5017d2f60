import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http, { createServer, type RequestListener } from "node:http";
import https from "node:https";
import net from "node:net";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { Certificates, makeAuthority, makeLeaf } from "./certificates.ts";
import { openOrigin } from "./origin.fixture.ts";
import { openProxy, raw, rule, startServer, until } from "./proxy.fixture.ts";

const API = "api.example.com";
const BODY = randomBytes(12 << 20);
/** Of what is written at once: smaller than any buffer, as large as one, larger, and all at once. */
const PIECES = [700, 1 << 16, 300_001, BODY.length];

const authority = await makeAuthority([API], Date.now());
const inside = new Certificates({ root: authority.root, issuerFor: async () => authority });

/** Writes the body in pieces, as fast as it is taken. */
const sendBody: RequestListener = async (request, answer) => {
  const [, bytes = "1", isChunked] = (request.url ?? "").split("/");
  if (!isChunked) answer.setHeader("Content-Length", BODY.length);
  for (let at = 0; at < BODY.length; at += Number(bytes))
    if (!answer.write(BODY.subarray(at, at + Number(bytes)))) await once(answer, "drain");
  answer.end();
};

async function open(t: TestContext, protocol: "http" | "https") {
  const { key, chain } = await makeLeaf(authority, API, Date.now());
  const server = protocol === "http" ? createServer(sendBody) : https.createServer({ key, cert: chain }, sendBody);
  const port = await startServer(t, server);
  return openProxy(t, {
    rules: { allow: [rule(API, port)] },
    names: { [API]: ["127.0.0.1"] },
    contextFor: (host) => inside.contextFor(host, Date.now()),
    authorities: authority.root,
  }).then((place) => ({ place, port }));
}

/** Asks through the proxy; gives the digest of the body that came. */
async function digestOf(
  { place, port }: Awaited<ReturnType<typeof open>>,
  protocol: "http" | "https",
  { path, isSlow }: { readonly path: string; readonly isSlow: boolean },
): Promise<string> {
  const socket = net.connect(place.port, "127.0.0.1");
  await once(socket, "connect");
  const headers = { Host: `${API}:${port}` };
  let request: http.ClientRequest;
  if (protocol === "http") {
    request = http.get({ createConnection: () => socket, path: `http://${API}:${port}${path}`, headers });
  } else {
    socket.write(`CONNECT ${API}:${port} HTTP/1.1\r\nHost: ${API}:${port}\r\n\r\n`);
    await once(socket, "data");
    const secured = tls.connect({ socket, servername: API, ca: authority.root });
    request = http.get({ createConnection: () => secured, path, headers });
  }
  const [reply] = (await once(request, "response")) as [http.IncomingMessage];
  const hash = createHash("sha256");
  for await (const piece of reply) {
    hash.update(piece as Buffer);
    if (isSlow) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  socket.destroy();
  return hash.digest("hex");
}

for (const protocol of ["http", "https"] as const) {
  test(`a large body of ${protocol} comes as it was sent, however it is cut and however slowly it is read`, async (t) => {
    const opened = await open(t, protocol);
    const whole = createHash("sha256").update(BODY).digest("hex");
    const paths = PIECES.flatMap((bytes) => [`/${bytes}`, `/${bytes}/chunked`]);
    // Side by side, so that the memory of one could be met in another.
    const digests = await Promise.all(
      paths.flatMap((path) => [false, true].map((isSlow) => digestOf(opened, protocol, { path, isSlow }))),
    );
    assert.deepEqual(new Set(digests), new Set([whole]));
    await until(() => opened.place.outcomes.length === digests.length);
    assert.ok(opened.place.outcomes.every((one) => one.error === null && one.receivedBytes === BODY.length));
  });
}

test("a large body comes at the server as it was sent, however it is cut and however slowly it is read there", async (t) => {
  const digests: string[] = [];
  const server = createServer(async (request, answer) => {
    const hash = createHash("sha256");
    for await (const piece of request) {
      hash.update(piece as Buffer);
      if (request.url?.endsWith("/slow")) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    digests.push(hash.digest("hex"));
    answer.end();
  });
  const port = await startServer(t, server);
  const place = await openProxy(t, { rules: { allow: [rule(API, port)] }, names: { [API]: ["127.0.0.1"] } });
  const send = async (path: string, bytes: number) => {
    const headers = { Host: `${API}:${port}`, "Content-Length": BODY.length };
    const target = `http://${API}:${port}${path}`;
    const request = http.request({ port: place.port, host: "127.0.0.1", method: "PUT", path: target, headers });
    for (let at = 0; at < BODY.length; at += bytes)
      if (!request.write(BODY.subarray(at, at + bytes))) await once(request, "drain");
    request.end();
    const [reply] = (await once(request, "response")) as [http.IncomingMessage];
    reply.resume();
  };
  await Promise.all(PIECES.flatMap((bytes) => ["/fast", "/slow"].map((path) => send(path, bytes))));
  assert.equal(digests.length, 2 * PIECES.length);
  assert.deepEqual(new Set(digests), new Set([createHash("sha256").update(BODY).digest("hex")]));
});

test("what a slow reader does not take of a body is not kept", async (t) => {
  let sent = 0;
  const piece = Buffer.alloc(1 << 16);
  const server = createServer((_request, answer) => {
    const more = () => {
      sent += piece.length;
      if (!answer.destroyed && sent < 1 << 28) answer.write(piece, more);
    };
    more();
  });
  const port = await startServer(t, server);
  const place = await openProxy(t, { rules: { allow: [rule(API, port)] }, names: { [API]: ["127.0.0.1"] } });
  const socket = net.connect(place.port, "127.0.0.1").pause();
  socket.write(`GET http://${API}:${port}/ HTTP/1.1\r\nHost: ${API}:${port}\r\n\r\n`);
  await until(() => sent > 0);
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(sent < 1 << 26, `${sent} bytes went on`);
  socket.destroy();
  await until(() => place.outcomes.length === 1);
});

test("what a server says that nobody asked for ends the kept connection, and answers no later request", async (t) => {
  const answerOf = (text: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  let isEnded = false;
  const origin = await openOrigin(t, {
    answer: ({ target }, socket) => {
      if (target !== "/first") return answerOf("right");
      socket.once("close", () => {
        isEnded = true;
      });
      // When the answer has been read, and the connection waits for the next request.
      setTimeout(() => socket.write(answerOf("wrong")), 50);
      return answerOf("first");
    },
  });
  const place = await openProxy(t, { rules: { allow: [rule(API, origin.port)] }, names: { [API]: ["127.0.0.1"] } });
  const ask = (path: string) =>
    raw(
      place.port,
      `GET http://${API}:${origin.port}${path} HTTP/1.1\r\nHost: ${API}:${origin.port}\r\nConnection: close\r\n\r\n`,
    );
  assert.match(await ask("/first"), /first$/);
  await until(() => isEnded);
  assert.match(await ask("/second"), /right$/);
  assert.deepEqual(origin.on, [0, 1]);
});

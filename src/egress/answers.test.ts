import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { openOrigin, type Seen } from "./origin.fixture.ts";
import { openProxy, raw, rule, startServer, until } from "./proxy.fixture.ts";

const API = "api.example.com";
const OK = "HTTP/1.1 200 OK\r\n";
const two = "Content-Length: 2\r\n\r\nok";

/** What a server may say, and what the client is told: the status, 0 for the end alone, and the error of the outcome. */
const ANSWERS: Readonly<Record<string, readonly [answer: string, status: number, error: RegExp | null]>> = {
  "a length": [`${OK}${two}`, 200, null],
  chunks: [`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`, 200, null],
  "chunks with extensions and trailers": [
    `${OK}Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2;a=b\r\nok\r\n0\r\nX: y\r\n\r\n`,
    200,
    null,
  ],
  "an end of the connection": [`${OK}Connection: close\r\n\r\nokEND`, 200, null],
  "HTTP/1.0": ["HTTP/1.0 200 OK\r\n\r\nokEND", 200, null],
  "no content": ["HTTP/1.1 204 No Content\r\n\r\n", 204, null],
  "no content with a length": ["HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, null],
  "a status without words": ["HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, null],
  "a status of one's own": [`HTTP/1.1 799 X\r\n${two}`, 799, null],
  "words of obs-text": [`HTTP/1.1 200 \xe9\xff\r\n${two}`, 200, null],
  "obs-text in a header": [`${OK}X: \xe9\xff\r\n${two}`, 200, null],
  "a date that is no date": [`${OK}Date: never\r\n${two}`, 200, null],
  "many headers": [`${OK}${"a: b\r\n".repeat(2200)}${two}`, 200, null],
  "names that mean something to an object": [`${OK}__proto__: a\r\nconstructor: b\r\n${two}`, 200, null],
  "a Connection that lists a length": [`${OK}Connection: content-length\r\n${two}`, 200, null],
  "a hundred 100": [`${"HTTP/1.1 100 Continue\r\n\r\n".repeat(100)}${OK}${two}`, 200, null],
  "early hints": [`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${OK}${two}`, 200, null],
  "a redirect to another host": [
    "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
    302,
    null,
  ],
  "a second answer behind the first": [`${OK}${two}HTTP/1.1 200 OK\r\n${two}`, 200, null],
  "bytes behind the end": [`${OK}${two}more`, 0, /Parse Error/],
  "a length and chunks": [
    `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    502,
    /Parse Error/,
  ],
  "two lengths": [`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk`, 502, /Parse Error/],
  "a length that is none": [`${OK}Content-Length: 2x\r\n\r\nok`, 502, /Parse Error/],
  "a negative length": [`${OK}Content-Length: -1\r\n\r\nok`, 502, /Parse Error/],
  "a bare carriage return": [`${OK}X: a\rb\r\n${two}`, 502, /Parse Error/],
  "a zero byte": [`${OK}X: a\0b\r\n${two}`, 502, /Parse Error/],
  "a folded header": [`${OK}X: a\r\n b\r\n${two}`, 502, /Parse Error/],
  "a space before the colon": [`${OK}X : a\r\n${two}`, 502, /Parse Error/],
  "a name that is none": [`${OK}X Y: a\r\n${two}`, 502, /Parse Error/],
  "a status of zero": [`HTTP/1.1 000 X\r\n${two}`, 502, /cannot be passed on|Parse Error/],
  "a status of 99": [`HTTP/1.1 099 X\r\n${two}`, 502, /cannot be passed on|Parse Error/],
  "a status of four digits": [`HTTP/1.1 2000 X\r\n${two}`, 502, /Parse Error/],
  "a status in letters": [`HTTP/1.1 abc X\r\n${two}`, 502, /Parse Error/],
  "a switch that nobody asked for": [
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nab",
    502,
    /no answer|hang up/,
  ],
  "a switch to nothing": ["HTTP/1.1 101 Switching Protocols\r\n\r\nab", 502, /./],
  "no HTTP": ["hello\r\n\r\n", 502, /Parse Error/],
  "bytes of TLS": ["\x15\x03\x01\x00\x02\x02\x28", 502, /Parse Error/],
  "HTTP/2": ["\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0", 502, /Parse Error/],
  "a head that is too large": [`${OK}X: ${"a".repeat(100_000)}\r\n${two}`, 502, /Parse Error|overflow/i],
  "an end at once": ["END", 502, /hang up/],
  "an end in the head": [`${OK}X: aEND`, 502, /hang up|Parse Error/],
  "an end in the body": [`${OK}Content-Length: 5\r\n\r\nokEND`, 200, /broke off|aborted/],
  "an end in the chunks": [`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nokEND`, 200, /broke off|aborted/],
  "a chunk without a size": [`${OK}Transfer-Encoding: chunked\r\n\r\nx\r\nok\r\n0\r\n\r\n`, 0, /Parse Error/],
  "a reset in the body": [`${OK}Content-Length: 5\r\n\r\nokRESET`, 200, /broke off|aborted|ECONNRESET/],
  "a reset at once": ["RESET", 502, /hang up|ECONNRESET/],
};

for (const [what, [answer, status, error]] of Object.entries(ANSWERS)) {
  test(`a server's answer of ${what} comes as it is or as 502, with one outcome`, async (t) => {
    const { place, said } = await ask(t, answer);
    assert.equal(Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 0), status, said);
    assert.equal(said.match(/^HTTP\/1\.1 /gm)?.length ?? 0, status === 0 ? 0 : 1);
    assert.equal(place.outcomes.length, 1);
    const [outcome] = place.outcomes;
    if (error === null) assert.equal(outcome?.error, null);
    else assert.match(outcome?.error ?? "", error);
    assert.deepEqual(place.malformed, []);
  });
}

test("what follows an answer is nobody's: the next request is sent on another connection", async (t) => {
  const origin = await openOrigin(t, { answer: () => `${OK}${two}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison` });
  const place = await openProxy(t, { rules: { allow: [rule(API, origin.port)] }, names: { [API]: ["127.0.0.1"] } });
  const request = requestOf(origin.port);
  for (let count = 1; count <= 3; count++) {
    const said = await raw(place.port, request);
    await until(() => place.outcomes.length === count);
    assert.match(said, /ok$/);
    assert.doesNotMatch(said, /poison/);
  }
  assert.deepEqual(origin.on, [0, 1, 2]);
});

test("a redirect is a request of its own, judged as such", async (t) => {
  const origin = await openOrigin(t, {
    answer: ({ target }: Seen) =>
      target === "/a" ? `HTTP/1.1 302 Found\r\nLocation: http://other.example.com/\r\nContent-Length: 0\r\n\r\n` : "",
  });
  const place = await openProxy(t, { rules: { allow: [rule(API, origin.port)] }, names: { [API]: ["127.0.0.1"] } });
  const said = await raw(place.port, requestOf(origin.port));
  assert.match(said, /^HTTP\/1\.1 302 /);
  assert.match(
    await raw(place.port, "GET http://other.example.com/ HTTP/1.1\r\nHost: other.example.com\r\n\r\n"),
    /^HTTP\/1\.1 403 /,
  );
  assert.deepEqual(
    place.judged.map(({ host, listed }) => [host, listed]),
    [
      [API, "allow"],
      ["other.example.com", "unlisted"],
    ],
  );
});

test("a server that says 1xx for ever holds nobody: the client goes away, and it is over", async (t) => {
  let said = 0;
  const origin = await openOrigin(t, {
    answer: (_seen, socket) => {
      const more = () => {
        said += 1;
        if (!socket.destroyed) socket.write("HTTP/1.1 102 Processing\r\nX: y\r\n\r\n", () => setImmediate(more));
      };
      more();
      return null;
    },
  });
  const place = await openProxy(t, { rules: { allow: [rule(API, origin.port)] }, names: { [API]: ["127.0.0.1"] } });
  await raw(place.port, requestOf(origin.port), { isOver: () => said > 200 });
  await until(() => place.outcomes.length === 1);
  assert.equal(place.outcomes[0]?.error, "the client ended it");
});

function requestOf(port: number): string {
  return `GET http://${API}:${port}/a HTTP/1.1\r\nHost: ${API}:${port}\r\nConnection: close\r\n\r\n`;
}

async function ask(t: TestContext, answer: string) {
  const origin = await openOrigin(t, {
    answer: (_seen, socket) => {
      const [, words = "", end] = /^(.*?)(END|RESET)?$/s.exec(answer) ?? [];
      socket.write(words, "latin1", () => {
        if (end === "END") socket.end();
        if (end === "RESET") setTimeout(() => socket.resetAndDestroy(), 20);
      });
      return null;
    },
  });
  const place = await openProxy(t, { rules: { allow: [rule(API, origin.port)] }, names: { [API]: ["127.0.0.1"] } });
  const said = await raw(place.port, requestOf(origin.port));
  await until(() => place.outcomes.length > 0);
  return { place, said };
}

for (const [method, isAgain] of [
  ["GET", true],
  ["POST", false],
] as const) {
  test(`a server that ends a kept connection as a ${method} comes on it ${isAgain ? "is asked again, once" : "is not asked again"}`, async (t) => {
    let asked = 0;
    const origin = await openOrigin(t, {
      answer: (_seen, socket) => {
        asked += 1;
        if (asked !== 2) return `${OK}${two}`;
        socket.resetAndDestroy();
        return null;
      },
    });
    const place = await openProxy(t, { rules: { allow: [rule(API, origin.port)] }, names: { [API]: ["127.0.0.1"] } });
    const said: string[] = [];
    for (const count of [1, 2]) {
      said.push(await raw(place.port, requestOf(origin.port).replace("GET", method)));
      await until(() => place.outcomes.length === count);
    }
    assert.match(said[1] ?? "", isAgain ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 502 /);
    assert.deepEqual([place.judged.length, origin.on], [2, isAgain ? [0, 0, 1] : [0, 0]]);
  });
}

test("what a server sends over a WebSocket arrives as it was sent, also where the client reads late", async (t) => {
  const pieces = Array.from({ length: 3000 }, (_, at) => Buffer.alloc(4096, String(at).padStart(8, " ")));
  const server = net.createServer((socket) => {
    socket.once("data", async () => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      for (const piece of pieces) {
        if (!socket.write(piece)) await once(socket, "drain");
        await nextTurn();
      }
      socket.end();
    });
  });
  const port = await startServer(t, server);
  const place = await openProxy(t, { rules: { allow: [rule(API, port)] }, names: { [API]: ["127.0.0.1"] } });
  const client = net.connect(place.port, "127.0.0.1");
  client.write(
    `GET http://${API}:${port}/ HTTP/1.1\r\nHost: ${API}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  );
  await once(client, "connect");
  await sleep(500);
  const got: Buffer[] = [];
  for await (const piece of client) got.push(piece as Buffer);
  const said = Buffer.concat(got);
  assert.ok(said.subarray(said.indexOf("\r\n\r\n") + 4).equals(Buffer.concat(pieces)));
});

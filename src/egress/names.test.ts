import assert from "node:assert/strict";
import net, { type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { Certificates, makeIssuers } from "./certificates.ts";
import { openOrigin, type Seen } from "./origin.fixture.ts";
import { openProxy, rule, startServer, until } from "./proxy.fixture.ts";

const API = "api.example.com";
const OTHER = "other.example.com";
const NAMES = { [API]: ["127.0.0.1"], [OTHER]: ["127.0.0.1"] };
const inside = new Certificates(await makeIssuers(Date.now()));
const outside = new Certificates(await makeIssuers(Date.now()));

/** What a client says in a connection that leads to `API`, behind TLS, and what the server sees of it. */
const REQUESTS: Readonly<Record<string, readonly [bytes: string, seen: readonly string[]]>> = {
  "a request": ["GET /a HTTP/1.1\r\nHost: H\r\n\r\n", ["GET /a"]],
  "two requests": ["GET /a HTTP/1.1\r\nHost: H\r\n\r\nGET /b HTTP/1.1\r\nHost: H\r\n\r\n", ["GET /a", "GET /b"]],
  "OPTIONS *": ["OPTIONS * HTTP/1.1\r\nHost: H\r\n\r\n", ["OPTIONS *"]],
  "GET *": ["GET * HTTP/1.1\r\nHost: H\r\n\r\n", []],
  "the Host of another": [`GET /a HTTP/1.1\r\nHost: ${OTHER}:P\r\n\r\n`, []],
  "the Host without its port": [`GET /a HTTP/1.1\r\nHost: ${API}\r\n\r\n`, []],
  "no Host": ["GET /a HTTP/1.1\r\n\r\n", []],
  "a whole address": ["GET https://H/a HTTP/1.1\r\nHost: H\r\n\r\n", []],
  "a whole address of http": ["GET http://H/a HTTP/1.1\r\nHost: H\r\n\r\n", []],
  "a whole address of another": [`GET https://${OTHER}/a HTTP/1.1\r\nHost: ${OTHER}\r\n\r\n`, []],
  "a CONNECT inside": ["CONNECT H HTTP/1.1\r\nHost: H\r\n\r\n", []],
  "a CONNECT to another inside": [`CONNECT ${OTHER}:443 HTTP/1.1\r\nHost: ${OTHER}:443\r\n\r\n`, []],
  "the preface of HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []],
  "an upgrade to h2c, which is passed over": [
    "GET /a HTTP/1.1\r\nHost: H\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ["GET /a"],
  ],
  "a length and chunks": [
    "POST /a HTTP/1.1\r\nHost: H\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    [],
  ],
  "no HTTP": ["hello\r\n\r\n", []],
  "TLS in TLS": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", []],
};

for (const [what, [bytes, seen]] of Object.entries(REQUESTS)) {
  test(`behind TLS, ${what}: the server sees what was judged, and no more`, async (t) => {
    const { place, origin } = await open(t);
    const { socket } = await connected(t, place.port, API, origin.port);
    const secured = tls.connect({ socket, servername: API, ca: inside.root });
    let said = "";
    secured
      .on("error", () => {})
      .on("data", (piece) => {
        said += piece;
      });
    const host = `${API}:${origin.port}`;
    secured.write(bytes.replace(/\bH(?=[\r/ ])/g, host).replace(":P", `:${origin.port}`), "latin1");
    await until(() => (seen.length > 0 ? place.outcomes.length === seen.length : said !== "" || secured.destroyed));
    assert.deepEqual(
      origin.seen.map(({ method, target }) => `${method} ${target}`),
      seen,
    );
    assert.deepEqual(
      place.judged.map(({ method, path, host: asked, protocol }) => `${method} ${path} ${asked} ${protocol}`),
      seen.map((one) => `${one} ${API} https`),
    );
    assert.equal(place.malformed.length, seen.length > 0 ? 0 : 1);
  });
}

for (const [servername, isLetIn] of [
  [API, true],
  ["API.Example.Com", true],
  ["", true],
  [OTHER, false],
  ["example.com", false],
  ["api.example.com.evil.test", false],
] as const) {
  test(`a hello that names ${servername || "no host"} is ${isLetIn ? "let in" : "refused, and recorded"}`, async (t) => {
    const { place, origin } = await open(t);
    const { socket } = await connected(t, place.port, API, origin.port);
    const secured = tls.connect({ socket, servername, ca: inside.root, checkServerIdentity: () => undefined });
    let isIn = false;
    secured
      .on("error", () => {})
      .on("secureConnect", () => {
        isIn = true;
      });
    await until(() => isIn || secured.destroyed);
    if (isLetIn) assert.ok(isIn);
    else await until(() => place.malformed.length === 1);
    assert.deepEqual(place.malformed, isLetIn ? [] : [`TLS to ${API}: its server name is another host`]);
    assert.deepEqual(origin.seen, []);
  });
}

for (const [what, act] of Object.entries({
  "breaks off": (socket: Socket): void => void socket.end(),
  "says nothing": () => {},
  "says no TLS": (socket: Socket): void => void socket.write("GET / HTTP/1.1\r\n\r\n"),
  "begins a hello and waits": (socket: Socket): void => void socket.write("\x16\x03\x01\x02\x00\x01", "latin1"),
  resets: (socket: Socket): void => void socket.resetAndDestroy(),
})) {
  test(`a client that ${what} where TLS begins is recorded once, and let go of`, async (t) => {
    const { place, origin } = await open(t, { waitMs: 100 });
    const { socket } = await connected(t, place.port, API, origin.port);
    socket.on("end", () => socket.end());
    act(socket);
    await until(() => place.malformed.length === 1 && socket.destroyed);
    assert.match(place.malformed[0] ?? "", /^TLS to api\.example\.com: /);
  });
}

test("behind TLS, a head that never ends is let go of", async (t) => {
  const { place, origin } = await open(t, { waitMs: 200 });
  const { socket } = await connected(t, place.port, API, origin.port);
  const secured = tls.connect({ socket, servername: API, ca: inside.root });
  secured.on("error", () => {}).resume();
  const timer = setInterval(() => secured.writable && secured.write("a"), 20);
  t.after(() => clearInterval(timer));
  await until(() => place.malformed.length === 1 && secured.destroyed);
});

test("what came with a CONNECT is the beginning of its TLS", async (t) => {
  const { place, origin } = await open(t);
  const hello = helloTo([sni(API)]);
  const socket = net.connect({ port: place.port, host: "127.0.0.1" });
  t.after(() => socket.destroy());
  let said = Buffer.alloc(0);
  socket
    .on("error", () => {})
    .on("data", (piece) => {
      said = Buffer.concat([said, piece]);
    });
  const host = `${API}:${origin.port}`;
  socket.write(Buffer.concat([Buffer.from(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`), hello]));
  await until(() => said.includes("\r\n\r\n") && said.length > said.indexOf("\r\n\r\n") + 4);
  // An alert or a hello of the server's: both are TLS.
  assert.ok([21, 22].includes(said[said.indexOf("\r\n\r\n") + 4] ?? 0));
});

test("a connection to a server is used for one host, port and protocol alone", async (t) => {
  const origin = await openOrigin(t, { tls: await outside.contextFor(API, Date.now()) });
  const other = await openOrigin(t, { tls: await outside.contextFor(OTHER, Date.now()) });
  const plain = await openOrigin(t);
  const place = await openProxy(t, {
    rules: { allow: [rule(API, origin.port), rule(OTHER, other.port), rule(API, plain.port)] },
    names: NAMES,
    contextFor: (host) => inside.contextFor(host, Date.now()),
    authorities: outside.root,
  });
  for (const [host, { port, seen }] of [
    [API, origin],
    [API, origin],
    [OTHER, other],
  ] as const) {
    const before = seen.length;
    const { socket } = await connected(t, place.port, host, port);
    const secured = tls.connect({ socket, servername: host, ca: inside.root });
    secured.on("error", () => {}).resume();
    secured.write(`GET / HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
    await until(() => seen.length === before + 1);
    await until(() => place.outcomes.length === place.judged.length);
  }
  const client = net.connect({ port: place.port, host: "127.0.0.1" }).resume();
  t.after(() => client.destroy());
  // Behind one another on one connection of the client's.
  for (const port of [plain.port, plain.port])
    client.write(`GET http://${API}:${port}/ HTTP/1.1\r\nHost: ${API}:${port}\r\n\r\n`);
  await until(() => plain.seen.length === 2);
  assert.deepEqual([origin.on, other.on], [[0, 0], [0]]);
  const hosts = [origin, other, plain].map(({ seen }) => [...new Set(seen.map((one) => hostOf(one)))]);
  assert.deepEqual(hosts, [[`${API}:${origin.port}`], [`${OTHER}:${other.port}`], [`${API}:${plain.port}`]]);
});

test("a server whose certificate is another's is told of, and sees no request", async (t) => {
  const origin = await openOrigin(t, { tls: await outside.contextFor(OTHER, Date.now()) });
  const { place } = await open(t, { port: origin.port });
  const { socket } = await connected(t, place.port, API, origin.port);
  const secured = tls.connect({ socket, servername: API, ca: inside.root });
  let said = "";
  secured
    .on("error", () => {})
    .on("data", (piece) => {
      said += piece;
    });
  secured.write(`GET / HTTP/1.1\r\nHost: ${API}:${origin.port}\r\n\r\n`);
  await until(() => said.includes("\r\n\r\n"));
  assert.match(said, /^HTTP\/1\.1 502 /);
  assert.deepEqual(origin.seen, []);
});

for (const [what, isUpgraded, answer] of [
  ["switches", true, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst"],
  ["switches to another protocol", false, "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nfirst"],
  ["does not switch", false, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"],
  ["says 200 and goes on", false, "HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst"],
] as const) {
  test(`a WebSocket behind TLS, where the server ${what}`, async (t) => {
    const { place, origin } = await open(t, {
      answer: (_seen: Seen, socket: Socket) => {
        socket.write(answer);
        socket.removeAllListeners("data");
        socket.on("data", (piece) => socket.write(piece));
        return null;
      },
    });
    const { socket } = await connected(t, place.port, API, origin.port);
    const secured = tls.connect({ socket, servername: API, ca: inside.root });
    let said = "";
    secured
      .on("error", () => {})
      .on("data", (piece) => {
        said += piece;
      });
    const head = `GET /ws HTTP/1.1\r\nHost: ${API}:${origin.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    secured.write(`${head}frames`);
    await until(() => (isUpgraded ? said.endsWith("firstframes") : said.includes("\r\n\r\n")));
    assert.equal(/^HTTP\/1\.1 101 /.test(said), isUpgraded);
    assert.deepEqual([place.judged.length, place.judged[0]?.hasBody], [1, true]);
    secured.destroy();
    await until(() => place.outcomes.length === 1);
    assert.deepEqual(origin.broken, []);
  });
}

type Extension = readonly [type: number, body: readonly number[]];
const long = (bytes: readonly number[]) => [bytes.length >> 8, bytes.length & 255, ...bytes];
const sni = (name: string): Extension => [0, long([0, ...long([...Buffer.from(name)])])];

function helloTo(extensions: readonly Extension[], cuts: readonly number[] = []): Buffer {
  const list = long(extensions.flatMap(([type, body]) => [type >> 8, type & 255, ...long(body)]));
  const body = [3, 3, ...new Array<number>(32).fill(7), 0, ...long([0x13, 1]), 1, 0, ...list];
  const message = [1, 0, ...long(body)];
  const pieces = [0, ...cuts].map((from, index) => message.slice(from, cuts[index]));
  return Buffer.from(pieces.flatMap((piece) => [22, 3, 1, ...long(piece)]));
}

/** What goes first into a tunnel, and whether it goes on. */
const TUNNELS: Readonly<Record<string, readonly [bytes: Buffer, passes: boolean]>> = {
  "the name": [helloTo([sni(API)]), true],
  "the name in capitals": [helloTo([sni("API.EXAMPLE.COM")]), true],
  "the name with a last dot": [helloTo([sni("api.example.com.")]), true],
  "the name, over records": [helloTo([sni(API)], [1, 3, 50]), true],
  "the name, and protocols": [helloTo([sni(API), [16, long([2, 104, 50])]]), true],
  "no name": [helloTo([]), false],
  "another name": [helloTo([sni(OTHER)]), false],
  "another name, over records": [helloTo([sni(OTHER)], [60]), false],
  "an address for a name": [helloTo([sni("127.0.0.1")]), false],
  "a name above": [helloTo([sni("example.com")]), false],
  "a name below": [helloTo([sni("a.api.example.com")]), false],
  "a name with a zero byte": [helloTo([sni("api.example.com\0.evil.test")]), false],
  "two names": [helloTo([sni(API), sni(OTHER)]), false],
  "two names in one list": [helloTo([[0, long([0, ...long([97]), 0, ...long([98])])]]), false],
  "an empty name": [helloTo([sni("")]), false],
  "a hidden hello": [helloTo([sni(API), [0xfe0d, [0, 1, 2]]]), false],
  "a hello of a draft that is hidden": [helloTo([sni(API), [0xffce, [0, 1]]]), false],
  "a hello of no version": [Buffer.from([22, 2, 0, 0, 5, 1, 0, 0, 1, 0]), false],
  "no hello": [Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]), false],
  "an empty record": [Buffer.from([22, 3, 1, 0, 0]), false],
};

for (const [what, [bytes, passes]] of Object.entries(TUNNELS)) {
  for (const isSlow of [false, true]) {
    test(`a tunnel that begins with ${what}${isSlow ? ", byte by byte," : ""} ${passes ? "goes on" : "ends, with nothing sent"}`, async (t) => {
      let seen = Buffer.alloc(0);
      const server = net.createServer((socket) => {
        socket
          .on("error", () => {})
          .on("data", (piece) => {
            seen = Buffer.concat([seen, piece]);
          });
      });
      const port = await startServer(t, server);
      const place = await openProxy(t, { rules: { allow: [rule(API, port, { tls: "tunnel" })] }, names: NAMES });
      const { socket } = await connected(t, place.port, API, port);
      socket.on("end", () => socket.end()).setNoDelay(true);
      if (!isSlow) socket.write(bytes);
      else
        for (let at = 0; at < bytes.length && !socket.destroyed; at++) {
          socket.write(bytes.subarray(at, at + 1));
          await new Promise(setImmediate);
        }
      await until(() => seen.length === bytes.length || (socket.destroyed && place.outcomes.length === 1));
      assert.deepEqual([seen.length, place.malformed.length], passes ? [bytes.length, 0] : [0, 1]);
    });
  }
}

function hostOf({ headers }: Seen): string | undefined {
  return headers.find(([name]) => name === "host")?.[1];
}

interface Opening {
  readonly port?: number;
  readonly waitMs?: number;
  readonly answer?: (seen: Seen, socket: Socket) => string | null;
}

async function open(t: TestContext, { port, answer, waitMs }: Opening = {}) {
  const origin = await openOrigin(t, {
    tls: await outside.contextFor(API, Date.now()),
    ...(answer ? { answer } : {}),
  });
  const place = await openProxy(t, {
    rules: { allow: [rule(API, port ?? origin.port)] },
    names: NAMES,
    contextFor: (host) => inside.contextFor(host, Date.now()),
    authorities: outside.root,
    ...(waitMs === undefined ? {} : { waitMs }),
  });
  return { place, origin };
}

/** A connection that was let through CONNECT. */
async function connected(t: TestContext, proxy: number, host: string, port: number): Promise<{ socket: Socket }> {
  const socket = net.connect({ port: proxy, host: "127.0.0.1" });
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
  const answer = await new Promise<string>((resolve) => socket.once("data", (piece) => resolve(String(piece))));
  assert.match(answer, /^HTTP\/1\.1 200 [^\r]*\r\n\r\n$/);
  return { socket };
}

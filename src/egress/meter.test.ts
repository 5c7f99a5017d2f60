import assert from "node:assert/strict";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { Meter, type NetLimits } from "./meter.ts";
import { openOrigin } from "./origin.fixture.ts";
import { openProxy, raw, rule, startServer, until } from "./proxy.fixture.ts";

const API = "api.example.com";

test("each ceiling is kept to the last one, and says which it is", () => {
  const told: number[] = [];
  const meter = new Meter({ sentBytes: 10, requests: 3, connections: 2 }, (bytes) => told.push(bytes));
  assert.deepEqual([meter.connect(), meter.connect()], [null, null]);
  assert.equal(meter.connect(), "the session has its 2 connections open");
  meter.disconnect();
  assert.equal(meter.connect(), null);
  assert.deepEqual([meter.open(0), meter.open(1)], [null, null]);
  assert.equal(meter.open(2), "the session has its 2 requests on their way");
  assert.equal(meter.open(0), "the session has made its 3 requests");
  assert.deepEqual([meter.send(4), meter.send(6)], [null, null]);
  assert.equal(meter.send(1), "the session has sent its 10 bytes");
  assert.equal(meter.send(0), "the session has sent its 10 bytes");
  assert.deepEqual([meter.refuse(), meter.refuse(), meter.refuse(), meter.refuse()], [true, true, true, false]);
});

test("bytes of a body that are too many do not leave, and no request after them", async (t) => {
  const { place, origin, post } = await open(t, { sentBytes: 2000 });
  assert.match(await raw(place.port, post("x".repeat(1000))), /^HTTP\/1\.1 200 /);
  assert.match(await raw(place.port, post("y".repeat(5000))), /^HTTP\/1\.1 502 .*has sent its 2,?000 bytes/s);
  assert.match(await raw(place.port, post("")), /^HTTP\/1\.1 429 /);
  assert.equal(origin.seen.length, 1);
  assert.ok(!origin.seen.some(({ body }) => body.includes("y")));
  assert.deepEqual([place.outcomes.length, place.malformed.length], [2, 1]);
});

test("addresses and headers count as what is sent", async (t) => {
  const { place, origin } = await open(t, { sentBytes: 2000 });
  const get = (headers: string) =>
    `GET http://${API}:${origin.port}/${"s".repeat(700)} HTTP/1.1\r\nHost: ${API}:${origin.port}\r\n${headers}Connection: close\r\n\r\n`;
  assert.match(await raw(place.port, get("")), /^HTTP\/1\.1 200 /);
  assert.match(await raw(place.port, get(`X: ${"s".repeat(900)}\r\n`)), /^HTTP\/1\.1 502 .*has sent its/s);
  assert.equal(origin.seen.length, 1);
});

test("bytes of a tunnel that are too many end it", async (t) => {
  let seen = 0;
  const server = net.createServer((socket) =>
    socket.on("error", () => {}).on("data", (piece) => (seen += piece.length)),
  );
  const port = await startServer(t, server);
  const place = await openProxy(t, {
    rules: { allow: [rule(API, port, { tls: "tunnel" })] },
    names: { [API]: ["127.0.0.1"] },
    limits: { sentBytes: 100_000 },
  });
  const head = `CONNECT ${API}:${port} HTTP/1.1\r\nHost: ${API}:${port}\r\n\r\n`;
  await raw(place.port, `${head}${"x".repeat(1 << 20)}`);
  await until(() => place.outcomes.length === 1);
  assert.match(place.outcomes[0]?.error ?? "", /has sent its 100,?000 bytes/);
  assert.ok(seen <= 100_000, String(seen));
});

test("requests that are too many are refused, and so is the record of what is none", async (t) => {
  const { place, origin, post } = await open(t, { requests: 3 });
  const said: string[] = [];
  for (let count = 0; count < 5; count++) said.push((await raw(place.port, post(""))).slice(9, 12));
  assert.deepEqual(said, ["200", "200", "200", "429", "429"]);
  for (let count = 0; count < 5; count++) assert.match(await raw(place.port, "hello\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.deepEqual([origin.seen.length, place.judged.length, place.malformed.length], [3, 3, 3]);
});

for (const kind of ["HTTP", "SOCKS"] as const) {
  test(`${kind} connections beyond the ceiling are shut, and one that ends makes room`, async (t) => {
    const { place } = await open(t, { connections: 5 });
    const port = kind === "HTTP" ? place.port : place.socksPort;
    const dial = () => {
      const socket = net
        .connect({ port, host: "127.0.0.1" })
        .on("error", () => {})
        .resume();
      t.after(() => socket.destroy());
      return socket;
    };
    const sockets = Array.from({ length: 5 }, dial);
    await until(() => sockets.every(({ readyState }) => readyState === "open"));
    const late = dial();
    await until(() => late.destroyed);
    assert.deepEqual(place.malformed, ["the session has its 5 connections open"]);
    sockets[0]?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const next = dial();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(next.destroyed, false);
  });
}

test("requests that are on their way at once have a ceiling, however few connections bring them", async (t) => {
  const origin = await openOrigin(t, { answer: () => null });
  const place = await openProxy(t, {
    rules: { allow: [rule(API, origin.port)] },
    names: { [API]: ["127.0.0.1"] },
    limits: { connections: 4 },
  });
  const request = `GET http://${API}:${origin.port}/ HTTP/1.1\r\nHost: ${API}:${origin.port}\r\n\r\n`;
  await raw(place.port, request.repeat(20), {
    isOver: () => place.malformed.length === 16 && origin.seen.length === 4,
  });
  assert.deepEqual([origin.seen.length, place.judged.length, place.malformed.length], [4, 4, 16]);
});

async function open(t: TestContext, limits: Partial<NetLimits>) {
  const origin = await openOrigin(t);
  const place = await openProxy(t, {
    rules: { allow: [rule(API, origin.port)] },
    names: { [API]: ["127.0.0.1"] },
    limits,
  });
  const host = `${API}:${origin.port}`;
  const post = (body: string) =>
    `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  return { place, origin, post };
}

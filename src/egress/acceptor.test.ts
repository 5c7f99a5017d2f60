import assert from "node:assert/strict";
import net, { type AddressInfo, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Acceptor, type Take } from "./acceptor.ts";
import { raw, until } from "./proxy.fixture.ts";

/** An acceptor on ports of the machine's loopback, and how often it had loaded what answers. */
async function accept(t: TestContext, listeners: number, load: () => Promise<Take>, waitingMax?: number) {
  const ports: number[] = [];
  for (let number = 0; number < listeners; number++) ports.push(await freePort());
  const loads = { count: 0 };
  const acceptor = new Acceptor(() => {
    loads.count += 1;
    return load();
  }, waitingMax);
  acceptor.listen(ports.map((port) => ({ port, host: "127.0.0.1" })));
  t.after(() => acceptor.close());
  return { acceptor, ports, loads };
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Says which listener a connection came by, and what was sent on it. */
const answer: Take = (socket: Socket, listener) => {
  socket.on("data", (bytes) => socket.end(`${listener}: ${bytes}`));
  socket.resume();
};

test("what answers is loaded by the first connection, once, and nothing that was sent meanwhile is lost", async (t) => {
  const { promise: loaded, resolve: load } = Promise.withResolvers<Take>();
  const { ports, loads } = await accept(t, 2, () => loaded);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(loads.count, 0);
  const early = ports.map((port, number) => raw(port, `early ${number}`));
  await until(() => loads.count === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  load(answer);
  assert.deepEqual(await Promise.all(early), ["0: early 0", "1: early 1"]);
  assert.equal(await raw(ports[1] ?? 0, "late"), "1: late");
  assert.equal(loads.count, 1);
});

test("where what answers cannot be loaded, every connection is ended unanswered, then and later, and it is not tried again", async (t) => {
  const { ports, loads } = await accept(t, 1, async () => {
    throw new Error("it is broken");
  });
  const [port = 0] = ports;
  const early = await Promise.all(Array.from({ length: 3 }, () => raw(port, "GET / HTTP/1.1\r\n\r\n")));
  assert.deepEqual([...early, await raw(port, "x")], ["", "", "", ""]);
  assert.equal(loads.count, 1);
});

test("no more connections wait than may, and those that do are answered", async (t) => {
  const { promise: loaded, resolve: load } = Promise.withResolvers<Take>();
  const { ports, loads } = await accept(t, 1, () => loaded, 2);
  const [port = 0] = ports;
  const early = [raw(port, "a"), raw(port, "b")];
  await until(() => loads.count === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await raw(port, "too many"), "");
  load(answer);
  assert.deepEqual(await Promise.all(early), ["0: a", "0: b"]);
});

test("one that is closed while it loads ends what waits, and hands nothing on", async (t) => {
  const { promise: loaded, resolve: load } = Promise.withResolvers<Take>();
  const { acceptor, ports, loads } = await accept(t, 1, () => loaded);
  const waiting = raw(ports[0] ?? 0, "x");
  await until(() => loads.count === 1);
  acceptor.close();
  assert.equal(await waiting, "");
  load(() => assert.fail("it was handed on"));
  await new Promise((resolve) => setImmediate(resolve));
});

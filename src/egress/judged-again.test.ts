import assert from "node:assert/strict";
import { createServer } from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import type { Label } from "../core/label.ts";
import { openOrigin } from "./origin.fixture.ts";
import { echoServer, openProxy, raw, rule, startServer, until } from "./proxy.fixture.ts";

const API = "api.example.com";
const LOW: Label = { integrity: "user", secrecy: "private" };
const HIGH: Label = { integrity: "external", secrecy: "private" };

/** Ways by which something is on its way: how it begins, and what the server answers so that it does. */
const WAYS: Readonly<
  Record<string, readonly [begin: (host: string) => string, answer: string, tls: "tunnel" | "terminate"]>
> = {
  "a tunnel": [(host) => `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\nfirst`, "", "tunnel"],
  "a body": [
    (host) => `PUT http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000\r\n\r\nfirst`,
    "",
    "terminate",
  ],
  "a WebSocket": [
    (host) => `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst`,
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "terminate",
  ],
};

/** Begins in one way to send to a server that keeps what it gets; `label` is what the session has seen, `answers` a person's. */
async function begin(t: TestContext, way: string) {
  const [head = () => "", answer = "", tls = "tunnel"] = WAYS[way] ?? [];
  const session = { label: LOW, answers: [] as ((yes: boolean) => void)[] };
  const got = { text: "", isEnded: false };
  const server = net.createServer((socket) => {
    socket.write(answer);
    socket
      .on("error", () => {})
      .on("data", (piece) => {
        got.text += piece.toString("latin1");
      });
    socket.on("close", () => {
      got.isEnded = true;
    });
  });
  const port = await startServer(t, server);
  const place = await openProxy(t, {
    rules: { allow: [rule(API, port, { tls })] },
    names: { [API]: ["127.0.0.1"] },
    get label() {
      return session.label;
    },
    answer: () => new Promise((resolve) => void session.answers.push(resolve)),
  });
  const client = net.connect({ port: place.port, host: "127.0.0.1" });
  client.on("error", () => {}).resume();
  t.after(() => client.destroy());
  client.write(head(`${API}:${port}`));
  await until(() => got.text.endsWith("first"));
  return { place, session, got, client };
}

const aWhile = () => new Promise((resolve) => setTimeout(resolve, 100));

for (const way of Object.keys(WAYS)) {
  test(`${way} that is judged again sends nothing meanwhile, and ends when it is refused`, async (t) => {
    const { place, session, got, client } = await begin(t, way);
    session.label = HIGH;
    const judging = place.proxy.judgeAgain();
    client.write("private");
    await until(() => session.answers.length === 1);
    await aWhile();
    session.answers[0]?.(false);
    await judging;
    await until(() => got.isEnded && client.destroyed);
    assert.match(got.text, /first$/);
    assert.equal(place.outcomes.length, 1);
    assert.match(place.outcomes[0]?.error ?? "", /a person looks at what is sent/);
  });

  test(`${way} that is judged again and may go on does, with all that came meanwhile`, async (t) => {
    const { place, session, got, client } = await begin(t, way);
    session.label = HIGH;
    const judging = place.proxy.judgeAgain();
    client.write("meanwhile");
    await until(() => session.answers.length === 1);
    await aWhile();
    assert.match(got.text, /first$/);
    session.answers[0]?.(true);
    await judging;
    client.write(" and later");
    await until(() => got.text.endsWith("firstmeanwhile and later"));
    client.destroy();
    await until(() => got.isEnded);
    assert.equal(place.judged.length, 2);
  });
}

test("what is judged again while it is judged again is judged once more", async (t) => {
  const { place, session, got, client } = await begin(t, "a tunnel");
  session.label = HIGH;
  const judging = [place.proxy.judgeAgain(), place.proxy.judgeAgain()];
  client.write("private");
  await until(() => session.answers.length === 1);
  session.answers[0]?.(true);
  await until(() => session.answers.length === 2);
  await aWhile();
  session.answers[1]?.(false);
  await Promise.all(judging);
  await until(() => got.isEnded);
  assert.match(got.text, /first$/);
});

for (const [method, more, status] of [
  ["GET", "", 200],
  ["PUT", "Content-Length: 2\r\n", 403],
] as const) {
  test(`a ${method} that waits for an address while all is judged again is ${status === 200 ? "judged anew" : "refused, and can be made again"}`, async (t) => {
    const port = await startServer(t, echoServer());
    const { promise: address, resolve } = Promise.withResolvers<readonly string[]>();
    const place = await openProxy(t, { rules: { allow: [rule(API, port)] }, ask: () => address });
    const head = `${method} http://${API}:${port}/ HTTP/1.1\r\nHost: ${API}:${port}\r\n${more}Connection: close\r\n\r\n${more && "hi"}`;
    const first = raw(place.port, head);
    await until(() => place.judged.length === 1);
    await place.proxy.judgeAgain();
    resolve(["127.0.0.1"]);
    assert.match(await first, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(await raw(place.port, head), /^HTTP\/1\.1 200 /);
    assert.equal(place.judged.length, status === 200 ? 3 : 2);
  });
}

test("what was sent whole is not judged again when its answer begins", async (t) => {
  const answered: (() => void)[] = [];
  const server = createServer(
    (asked, answer) => void asked.resume().on("end", () => answered.push(() => answer.end("ok"))),
  );
  const port = await startServer(t, server);
  const place = await openProxy(t, { rules: { allow: [rule(API, port)] }, names: { [API]: ["127.0.0.1"] } });
  const head = `PUT http://${API}:${port}/ HTTP/1.1\r\nHost: ${API}:${port}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi`;
  const first = raw(place.port, head);
  await until(() => answered.length === 1);
  await place.proxy.judgeAgain();
  answered[0]?.();
  assert.match(await first, /^HTTP\/1\.1 200 /);
  assert.equal(place.judged.length, 1);
});

test("a connection that is kept for later is none that is judged again", async (t) => {
  const origin = await openOrigin(t);
  const place = await openProxy(t, { rules: { allow: [rule(API, origin.port)] }, names: { [API]: ["127.0.0.1"] } });
  const head = `GET http://${API}:${origin.port}/ HTTP/1.1\r\nHost: ${API}:${origin.port}\r\nConnection: close\r\n\r\n`;
  assert.match(await raw(place.port, head), /^HTTP\/1\.1 200 /);
  await until(() => place.outcomes.length === 1);
  await place.proxy.judgeAgain();
  assert.equal(place.judged.length, 1);
  assert.match(await raw(place.port, head), /^HTTP\/1\.1 200 /);
  assert.deepEqual(origin.on, [0, 0]);
});

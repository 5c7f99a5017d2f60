import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { directFetch, guardFetch, LIMITS } from "./transport.ts";
import { json, serve, sseThenSilence } from "./wire.fixture.ts";

test("a server that never answers is given up, and the socket closed", async (t) => {
  const server = await serve(t, () => {});
  const fetch = guardFetch(directFetch(), { ...LIMITS, firstByteMs: 500 });
  await assert.rejects(fetch(server.url), {
    kind: "transient",
    message: /^127\.0\.0\.1:\d+ did not answer in 0\.5 s$/,
  });
  assert.equal(await server.seen[0]?.closed, false);
});

test("a server that falls silent in the middle is given up, and the socket closed", async (t) => {
  const server = await serve(t, sseThenSilence({ hello: 1 }));
  const fetch = guardFetch(directFetch(), { ...LIMITS, idleMs: 30 });
  const response = await fetch(server.url);
  await assert.rejects(response.text(), { kind: "transient", message: /fell silent/ });
  assert.equal(await server.seen[0]?.closed, false);
});

test("a reply over the limit is given up, and the socket closed", async (t) => {
  const server = await serve(t, sseThenSilence("x".repeat(5000)));
  const fetch = guardFetch(directFetch(), { ...LIMITS, bytesMax: 4000 });
  const response = await fetch(server.url);
  await assert.rejects(response.text(), { kind: "provider", message: /is over 4000 bytes/ });
  assert.equal(await server.seen[0]?.closed, false);
});

test("an error page without end is read only so far", async (t) => {
  const server = await serve(t, (response) => {
    response.writeHead(400, { "content-type": "text/html" });
    const more = () => {
      while (response.write("y".repeat(10_000)));
    };
    response.on("drain", more);
    more();
  });
  await assert.rejects(guardFetch(directFetch())(server.url), { kind: "provider", message: `400 ${"y".repeat(500)}…` });
  assert.equal(await server.seen[0]?.closed, false);
});

test("an abort before the answer rejects with the signal's reason", async (t) => {
  const stop = new AbortController();
  const server = await serve(t, () => stop.abort("enough"));
  const reply = guardFetch(directFetch())(server.url, { signal: stop.signal });
  await assert.rejects(reply, (error) => error === "enough");
});

test("one connection serves request after request", async (t) => {
  const ports: (number | undefined)[] = [];
  const server = await serve(t, (response, seen) => {
    ports.push(response.socket?.remotePort);
    json(200, {})(response, seen);
  });
  const fetch = guardFetch(directFetch());
  await (await fetch(server.url)).text();
  await (await fetch(server.url)).text();
  assert.equal(ports.length, 2);
  assert.equal(ports[0], ports[1]);
});

test("a proxy in the environment is not used, even when Node is told to", async (t) => {
  const proxy = await serve(t, json(200, { from: "proxy" }));
  const server = await serve(t, json(200, { from: "server" }));
  const script = `
    const { directFetch, guardFetch } = await import(${JSON.stringify(new URL("./transport.ts", import.meta.url).href)});
    const response = await guardFetch(directFetch())(${JSON.stringify(server.url)});
    process.stdout.write(await response.text());`;
  const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, ALL_PROXY: proxy.url };
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env });
  assert.deepEqual([stdout, proxy.seen.length], ['{"from":"server"}', 0]);
});

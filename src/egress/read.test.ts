import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { type Credential, Secret } from "../core/credential.ts";
import type { Effect } from "../core/effect.ts";
import { issueReceipt, mint, type Permit, recordDecision } from "../core/permit.ts";
import { Broker } from "./broker.ts";
import { openProxy, startServer } from "./proxy.fixture.ts";

const PLACEHOLDER = "ghp_Pl4ceh0lderAAAABBBBCCCCDDDDEEEEFFFF00";
const VALUE = "ghp_Canary7Hq2mZ0xTq9LmWv4Rk8Nb3Yc6Pd1Sf0";
const HOW = { accept: "text/html", bytesMax: 1 << 20, signal: null };

function permitFor(port: number, path: string): Permit {
  const request = { protocol: "http", host: "127.0.0.1", port, method: "GET", path, hasBody: false } as const;
  const why = { listed: "allow", rule: null, origin: "typed", command: null, approvedBy: "none", shown: null } as const;
  const effect: Effect = { kind: "request", ...request, ...why };
  const decision = { verdict: "allow", reason: "a test" } as const;
  return mint(effect, decision, issueReceipt(1, "x", recordDecision(effect, decision, String)), String);
}

test("the host reads whatever answer comes, follows nothing, and sends no credential", async (t) => {
  const asked: (readonly [string | undefined, readonly string[]])[] = [];
  const server = createServer(({ url, rawHeaders }, answer) => {
    asked.push([url, rawHeaders]);
    if (url === "/moved") answer.writeHead(302, { Location: "/other" }).end("moved");
    else if (url === "/large") answer.end("x".repeat((1 << 20) + 1));
    else if (url === "/slow") answer.write("begun");
    else if (url === "/broken") answer.writeHead(200, { "Content-Length": "10" }).write("x", () => answer.destroy());
    else answer.end("ok");
  });
  const port = await startServer(t, server);
  const credential: Credential = {
    id: "env TOKEN",
    source: "env TOKEN",
    placeholder: PLACEHOLDER,
    value: new Secret(VALUE),
    rules: [
      { scheme: { kind: "bearer" }, origins: [`http://127.0.0.1:${port}`], methods: ["GET"], pathPrefixes: ["/"] },
    ],
  };
  const { proxy, outcomes } = await openProxy(t, { broker: new Broker(() => [credential]) });
  const read = (path: string, more: Partial<typeof HOW> | { signal: AbortSignal } = {}) =>
    proxy.read(permitFor(port, path), "any", { ...HOW, ...more });
  const moved = await read("/moved");
  assert.ok(moved.ok);
  assert.deepEqual([moved.status, moved.headers.location, moved.body.toString()], [302, "/other", "moved"]);
  const large = await read("/large");
  assert.deepEqual(large, { ok: false, reason: "it has more than 1 MiB" });
  assert.equal((await read("/broken")).ok, false);
  // What stands for a credential is an alarm in an address, and leaves no more than the value does.
  for (const secret of [PLACEHOLDER, VALUE]) {
    const alarm = await read(`/?q=${secret}`);
    assert.match(alarm.ok ? "" : alarm.reason, /^alarm: /);
  }
  const slow = await read("/slow", { signal: AbortSignal.timeout(100) });
  assert.equal(slow.ok, false);
  assert.equal((await read("/slow", { signal: AbortSignal.abort() })).ok, false);
  assert.deepEqual(
    asked.map(([url]) => url),
    ["/moved", "/large", "/broken", "/slow"],
  );
  assert.doesNotMatch(JSON.stringify(asked), /ghp_|authorization/i);
  assert.equal(outcomes.length, 7);
});

test("a server that sends a byte now and then does not keep the host waiting for ever", {
  timeout: 10_000,
}, async (t) => {
  const server = createServer((_request, answer) => {
    const timer = setInterval(() => answer.write("x"), 25);
    answer.on("close", () => clearInterval(timer));
  });
  const port = await startServer(t, server);
  const { proxy } = await openProxy(t, { waitMs: 200 });
  const read = await proxy.read(permitFor(port, "/"), "any", HOW);
  assert.deepEqual(read, { ok: false, reason: "it did not come whole in time" });
});

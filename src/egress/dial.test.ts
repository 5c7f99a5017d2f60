import assert from "node:assert/strict";
import { test } from "node:test";
import { Resolver } from "./dial.ts";
import { openOrigin } from "./origin.fixture.ts";
import { openProxy, raw, rule, until } from "./proxy.fixture.ts";

const API = "api.example.com";

test("a name is asked for once in a while, and its answer used as it was checked", async () => {
  const answers = [["8.8.8.8"], ["127.0.0.1"]];
  let [asked, now] = [0, 0];
  const resolver = new Resolver(
    async () => answers[asked++] ?? [],
    () => now,
  );
  const first = await resolver.resolve(API, "public");
  now = 29_000;
  assert.deepEqual(await resolver.resolve(API, "public"), first);
  assert.equal(asked, 1);
  now = 31_000;
  assert.deepEqual(await resolver.resolve(API, "public"), {
    ok: false,
    reason: "api.example.com is at 127.0.0.1, which is a loopback address",
  });
});

for (const [what, addresses] of Object.entries({
  "the loopback": ["127.0.0.1"],
  "the loopback in IPv6": ["::1"],
  "the loopback, mapped": ["::ffff:127.0.0.1"],
  "the loopback behind NAT64": ["64:ff9b::7f00:1"],
  "a private address": ["192.168.1.1"],
  "the address of metadata": ["169.254.169.254"],
  "an address of this link": ["fe80::1"],
  "an address of this link with a scope": ["fe80::1%eth0"],
  nothing: ["0.0.0.0"],
  "a public address and the loopback": ["8.8.8.8", "127.0.0.1"],
  "a public address, and another behind it": ["2606:4700::1", "10.0.0.1"],
  "no address at all": ["localhost"],
  "no answer": [],
})) {
  test(`a name at ${what} is refused whole`, async () => {
    const resolver = new Resolver(async () => addresses);
    assert.equal((await resolver.resolve(API, "public")).ok, false);
  });
}

test("metadata and the link stay refused where a rule says private", async () => {
  for (const address of ["169.254.169.254", "fd00:ec2::254", "169.254.1.1", "fe80::1", "0.0.0.0", "::"])
    assert.equal((await new Resolver(async () => [address]).resolve(API, "private")).ok, false, address);
  for (const address of ["127.0.0.1", "10.0.0.1", "fd00::1"])
    assert.equal((await new Resolver(async () => [address]).resolve(API, "private")).ok, true, address);
});

test("a failed question is asked again, and its failure is no address", async () => {
  let asked = 0;
  const resolver = new Resolver(async () => {
    asked += 1;
    if (asked === 1) throw new Error("no network");
    return ["8.8.8.8"];
  });
  assert.equal((await resolver.resolve(API, "public")).ok, false);
  assert.equal((await resolver.resolve(API, "public")).ok, true);
});

test("a name whose address changes between two requests is dialled where it was checked", async (t) => {
  const origin = await openOrigin(t, {
    answer: () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
  });
  let asked = 0;
  const place = await openProxy(t, {
    rules: { allow: [rule(API, origin.port)] },
    // The second answer is of a place where nobody listens, and is never asked for.
    ask: async () => (asked++ === 0 ? ["127.0.0.1"] : ["127.0.0.9"]),
  });
  const request = `GET http://${API}:${origin.port}/ HTTP/1.1\r\nHost: ${API}:${origin.port}\r\nConnection: close\r\n\r\n`;
  for (const count of [1, 2]) {
    assert.match(await raw(place.port, request), /^HTTP\/1\.1 200 /);
    await until(() => place.outcomes.length === count);
  }
  assert.deepEqual([asked, origin.made()], [1, 2]);
});

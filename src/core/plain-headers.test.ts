import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { askedHeaders, plainHeaders, tellingHeaders } from "./plain-headers.ts";

const NPM = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
const NAMES = ["Accept", "aCCEPT", "accept-encoding", "Host", "Content-Length", "User-Agent"];

test("of a request whose address tells nothing, its headers tell nothing either", () => {
  const headers = [
    ...["X-Leak", "secret", "Accept", NPM, "Accept-Encoding", "secret, gzip;q=0.9, br;q=0.5", "Host", "a.test"],
    ...["Cookie", "secret", "If-None-Match", "secret", "Authorization", "Bearer secret", "User-Agent", "secret/1"],
    ...["Range", "bytes=1-2", "npm-session", "secret"],
  ];
  const plain = ["User-Agent", "ringfence", "host", "a.test", "accept", NPM, "accept-encoding", "gzip"];
  assert.deepEqual(plainHeaders(headers, false), plain);
  assert.deepEqual(plainHeaders(headers, true), [...plain, "authorization", "Bearer secret"]);
});

test("a kind and a packing are named in one way, whatever the order and the weights", () => {
  const of = (accept: string, encoding: string) => plainHeaders(["Accept", accept, "Accept-Encoding", encoding], false);
  const one = of("application/json;q=0.3, text/html;q=0.7, text/plain;q=0.2", "br;q=0.1, gzip;q=0.4");
  assert.deepEqual(of("text/html;q=0.1,*/*;q=0.9,application/json", "gzip"), one);
  assert.equal(of("", "gzip;q=0, br")[5], "identity");
});

test("whatever is written into headers, they are one of a few", () => {
  const parts = ["*/*", "text/html;q=0.3", "application/json", NPM, "gzip", "gzip;q=0.2", "secret"];
  const list = fc.array(fc.constantFrom(...parts)).map((each) => each.join(","));
  const headers = fc.array(fc.tuple(fc.constantFrom("Accept", "aCCEPT", "accept-encoding", "Cookie"), list));
  const seen = new Set<string>();
  fc.assert(
    fc.property(headers, (pairs) => {
      seen.add(plainHeaders(pairs.flat(), false).join("\n"));
    }),
    { numRuns: 5000 },
  );
  // Of each none or one: nine forms of a kind, two packings.
  assert.ok(seen.size <= 10 * 3, `${seen.size}`);
});

test("of what a person is not shown, one spelling is sent, once, whatever its order and number", () => {
  const hidden = fc.constantFrom("*/*", "text/html, */*; q=0.8", "gzip", "identity", "7");
  const headers = fc.array(fc.tuple(fc.constantFrom(...NAMES), hidden));
  fc.assert(
    fc.property(headers, (pairs) => {
      const asked = askedHeaders(pairs.flat());
      const shown = tellingHeaders(pairs.flat());
      const untold = asked.slice(2, asked.length - shown.length).filter((_, at) => at % 2 === 0);
      assert.deepEqual(asked.slice(asked.length - shown.length), shown);
      const order = ["Host", "Content-Length", "Transfer-Encoding", "Accept", "Accept-Encoding"];
      assert.deepEqual(
        untold,
        order.filter((name) => untold.includes(name)),
      );
    }),
    { numRuns: 2000 },
  );
  const weighted = ["Accept", "text/html;q=0.3, application/json;q=0.7"];
  assert.deepEqual(tellingHeaders(["Accept", "*/*", ...weighted, "Accept-Encoding", "gzip"]), weighted);
});

test("no run of blanks in a header holds the host up", () => {
  const start = performance.now();
  const value = `text/html${" ".repeat(60_000)}x`;
  plainHeaders(["Accept", value, "Accept-Encoding", value], true);
  assert.ok(performance.now() - start < 1000);
});

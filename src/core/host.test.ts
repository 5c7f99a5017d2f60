import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalHost, isAddress, parseAuthority } from "./host.ts";

for (const [written, host] of Object.entries({
  "api.example.com": "api.example.com",
  "API.Example.COM": "api.example.com",
  "api.example.com.": "api.example.com",
  localhost: "localhost",
  "my_host.example.com": "my_host.example.com",
  "bücher.example": "xn--bcher-kva.example",
  "BÜCHER.example": "xn--bcher-kva.example",
  "xn--bcher-kva.example": "xn--bcher-kva.example",
  "ｅｘａｍｐｌｅ.com": "example.com",
  "example。com": "example.com",
  "ex\u00adample.com": "example.com",
  "127.0.0.1": "127.0.0.1",
  "127.1": "127.0.0.1",
  "0x7f.0.0.1": "127.0.0.1",
  "0177.0.0.1": "127.0.0.1",
  "2130706433": "127.0.0.1",
  "0x7f000001": "127.0.0.1",
  "1.2.3": "1.2.0.3",
  "①②⑦.0.0.1": "127.0.0.1",
  "[::1]": "[::1]",
  "[0:0:0:0:0:0:0:1]": "[::1]",
  "[2001:DB8:0:0::1]": "[2001:db8::1]",
  "[::ffff:127.0.0.1]": "127.0.0.1",
  "[::FFFF:7f00:1]": "127.0.0.1",
})) {
  test(`${written} is the host ${host}`, () => assert.equal(canonicalHost(written), host));
}

for (const written of [
  "",
  ".",
  "..",
  "a..b",
  ".example.com",
  "example.com..",
  "a b",
  "a\tb",
  "a\nb",
  "a\0b",
  "exa%6dple.com",
  "127.0.0.1%00",
  "user@example.com",
  "a/b",
  "a\\b",
  "a#b",
  "a?b",
  "a:80",
  "a:",
  "::1",
  "[::1",
  "::1]",
  "[::1%25eth0]",
  "[fe80::1%eth0]",
  "[::1]x",
  "[]",
  "[127.0.0.1]",
  "256.0.0.1",
  "1.2.3.4.5",
  "0x100000000",
  "-a.example.com",
  "a-.example.com",
  "a".repeat(64),
  `${"a.".repeat(127)}com`,
  "*.example.com",
  "a,b",
  "a;b",
  "a'b",
]) {
  test(`${JSON.stringify(written)} is no host`, () => assert.equal(canonicalHost(written), null));
}

test("what is canonical stays as it is, and is what a URL of it asks for", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webAuthority(),
        fc.domain(),
        fc.ipV4(),
        fc.string(),
        fc.ipV6().map((a) => `[${a}]`),
      ),
      (text) => {
        const host = canonicalHost(text);
        if (host === null) return;
        assert.equal(canonicalHost(host), host);
        assert.equal(new URL(`http://${host}/`).hostname, host);
        assert.match(host, /^(?:[a-z0-9_.-]+|\[[0-9a-f:]+\])$/);
      },
    ),
    { numRuns: 2000 },
  );
});

test("an authority is a host and a port from 1 to 65535", () => {
  assert.deepEqual(parseAuthority("A.example.com:8443", null), { ok: true, host: "a.example.com", port: 8443 });
  assert.deepEqual(parseAuthority("[::1]:443", null), { ok: true, host: "[::1]", port: 443 });
  assert.deepEqual(parseAuthority("a.example.com", 443), { ok: true, host: "a.example.com", port: 443 });
  for (const wrong of [
    "a.example.com",
    "a:0",
    "a:65536",
    "a:080",
    "a:+80",
    "a:80:80",
    "a:8 0",
    "::1:443",
    "a:99999",
    ":80",
  ])
    assert.equal(parseAuthority(wrong, null).ok, false, wrong);
});

test("addresses are told from names", () => {
  assert.deepEqual(["127.0.0.1", "[::1]", "a.example.com", "1.example.com"].map(isAddress), [true, true, false, false]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { openProxy, raw, rule } from "./proxy.fixture.ts";

/** What a host is in the one spelling that is judged; null where it is none. */
const SPELLINGS: Readonly<Record<string, string | null>> = {
  "api.example.com": "api.example.com",
  "API.EXAMPLE.COM": "api.example.com",
  "api.example.com.": "api.example.com",
  "api.example.com..": null,
  ".api.example.com": null,
  "api..example.com": null,
  "api.example.com.evil.example.com": "api.example.com.evil.example.com",
  "evil-api.example.com": "evil-api.example.com",
  "api.example.com%00.evil.example.com": null,
  "api.example.com%2eevil.example.com": null,
  "api%2eexample%2ecom": null,
  "api.example.com\\.evil.example.com": null,
  "api.example.com#.evil.example.com": null,
  "api.example.com?.evil.example.com": null,
  "api.example.com;.evil.example.com": null,
  "api.example.com,evil.example.com": null,
  "api.example.com@evil.example.com": null,
  "user:password@api.example.com": null,
  "xn--bcher-kva.example": "xn--bcher-kva.example",
  "*.example.com": null,
  "127.0.0.1": "127.0.0.1",
  "127.1": "127.0.0.1",
  "127.0.1": "127.0.0.1",
  "127.000.000.001": "127.0.0.1",
  "0177.0.0.1": "127.0.0.1",
  "0x7f.0.0.1": "127.0.0.1",
  "0X7F.0x0.0x0.0x1": "127.0.0.1",
  "0x7f000001": "127.0.0.1",
  "2130706433": "127.0.0.1",
  "017700000001": "127.0.0.1",
  "127.0.0.1.": "127.0.0.1",
  "127.0.0.256": null,
  "127.0.0.1.1": null,
  "0": "0.0.0.0",
  "0.0.0.0": "0.0.0.0",
  "0x0": "0.0.0.0",
  "169.254.169.254": "169.254.169.254",
  "169.254.43518": "169.254.169.254",
  "0xa9fea9fe": "169.254.169.254",
  "2852039166": "169.254.169.254",
  "0251.0376.0251.0376": "169.254.169.254",
  "[::1]": "[::1]",
  "[0:0:0:0:0:0:0:1]": "[::1]",
  "[::]": "[::]",
  "[::ffff:127.0.0.1]": "127.0.0.1",
  "[::ffff:7f00:1]": "127.0.0.1",
  "[::FFFF:169.254.169.254]": "169.254.169.254",
  "[::127.0.0.1]": "[::7f00:1]",
  "[64:ff9b::127.0.0.1]": "[64:ff9b::7f00:1]",
  "[::1%25lo]": null,
  "[::1%lo]": null,
  "[::1]x": null,
  "[::1": null,
  "::1": null,
  "[127.0.0.1]": null,
  localhost: "localhost",
  LOCALHOST: "localhost",
  "localhost.": "localhost",
  ringfence: "ringfence",
};

const PORT = 8443;
const ALLOW = [rule("api.example.com", PORT, { private: false, tls: "tunnel" })];

/** How a client may name a host. */
const WAYS: Readonly<Record<string, (host: string) => string>> = {
  "in an address": (host) => `GET http://${host}:${PORT}/ HTTP/1.1\r\nHost: ${host}:${PORT}\r\n\r\n`,
  "in CONNECT": (host) => `CONNECT ${host}:${PORT} HTTP/1.1\r\nHost: ${host}:${PORT}\r\n\r\n`,
  "in CONNECT without a Host": (host) => `CONNECT ${host}:${PORT} HTTP/1.0\r\n\r\n`,
};

for (const [written, host] of Object.entries(SPELLINGS)) {
  for (const [way, request] of Object.entries(WAYS)) {
    test(`${written} ${way} is ${host ?? "no host"}`, async (t) => {
      const place = await openProxy(t, { rules: { allow: ALLOW } });
      const said = await raw(place.port, Buffer.from(request(written), "latin1"));
      assert.match(said, host === null ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 403 /);
      assert.deepEqual(
        place.judged.map((effect) => effect.host),
        host === null ? [] : [host],
      );
      assert.equal(place.malformed.length, host === null ? 1 : 0);
    });
  }
  test(`${written} as a Host fits an address of ${host ?? "nothing"} alone`, async (t) => {
    const place = await openProxy(t, { rules: { allow: ALLOW } });
    const ask = (address: string) =>
      raw(place.port, `GET http://${address}:${PORT}/ HTTP/1.1\r\nHost: ${written}:${PORT}\r\n\r\n`);
    assert.match(await ask("other.example.com"), /^HTTP\/1\.1 400 /);
    if (host !== null) assert.match(await ask(host), /^HTTP\/1\.1 403 /);
    assert.deepEqual([place.malformed.length, place.judged.length], [1, host === null ? 0 : 1]);
  });
  test(`${written} in SOCKS is ${host ?? "no host"}`, async (t) => {
    const place = await openProxy(t, { rules: { allow: ALLOW } });
    const said = await raw(place.socksPort, socksTo(3, [written.length, ...Buffer.from(written, "latin1")]));
    assert.deepEqual(
      place.judged.map((effect) => effect.host),
      host === null ? [] : [host],
    );
    assert.equal(said.slice(2, 4), host === null ? "\x05\x08" : "\x05\x02");
    assert.equal(place.malformed.length, host === null ? 1 : 0);
  });
}

for (const [what, kind, bytes, host] of [
  ["an IPv4 address", 1, [127, 0, 0, 1], "127.0.0.1"],
  ["the address of metadata", 1, [169, 254, 169, 254], "169.254.169.254"],
  ["an IPv6 address", 4, [...Array(15).fill(0), 1], "[::1]"],
  ["a mapped address", 4, [...Array(10).fill(0), 255, 255, 127, 0, 0, 1], "127.0.0.1"],
  ["a name with a zero byte", 3, [3, 97, 0, 98], null],
  ["a name with a line feed", 3, [3, 97, 10, 98], null],
  ["a name with a port", 3, [4, 97, 58, 56, 48], null],
  ["an empty name", 3, [0], null],
  ["a name that is an address in brackets", 3, [5, 91, 58, 58, 49, 93], "[::1]"],
] as const) {
  test(`SOCKS with ${what} is judged as ${host ?? "no host"}`, async (t) => {
    const place = await openProxy(t);
    await raw(place.socksPort, socksTo(kind, bytes));
    assert.deepEqual(
      place.judged.map((effect) => effect.host),
      host === null ? [] : [host],
    );
    assert.equal(place.judged.length + place.malformed.length, 1);
  });
}

for (const [what, bytes] of Object.entries({
  "version 4": [4, 1, 0, 80, 127, 0, 0, 1, 0],
  "no methods": [5, 0],
  "methods that nobody knows": [5, 2, 1, 3],
  "a command to bind": [5, 1, 0, 5, 2, 0, 1, 127, 0, 0, 1, 0, 80],
  "a command for UDP": [5, 1, 0, 5, 3, 0, 1, 127, 0, 0, 1, 0, 80],
  "a request of version 4": [5, 1, 0, 4, 1, 0, 1, 127, 0, 0, 1, 0, 80],
  "a kind of address that nobody knows": [5, 1, 0, 5, 1, 0, 2, 127, 0, 0, 1, 0, 80],
  "the port 0": [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 0],
  "a password in no version": [5, 1, 2, 9, 1, 97, 1, 97],
  "an HTTP request": [...Buffer.from("GET http://api.example.com/ HTTP/1.1\r\n\r\n")],
  "too many bytes": [5, 255, ...Array(5000).fill(7)],
})) {
  test(`SOCKS with ${what} is refused, recorded and let go of`, async (t) => {
    const place = await openProxy(t);
    await raw(place.socksPort, Buffer.from(bytes));
    assert.deepEqual([place.judged.length, place.malformed.length], [0, 1]);
  });
}

function socksTo(kind: number, address: readonly number[]): Buffer {
  return Buffer.from([5, 1, 0, 5, 1, 0, kind, ...address, PORT >> 8, PORT & 255]);
}

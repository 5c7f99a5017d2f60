import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import fc from "fast-check";
import { FIRST_BYTES_MAX, HELLO_BYTES_MAX, parseClientHello } from "./client-hello.ts";
import { workMs } from "./work.fixture.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0), numRuns: 500 });

const u16 = (value: number) => [value >> 8, value & 255];
const text = (value: string) => [...Buffer.from(value, "latin1")];
const short = (bytes: readonly number[]) => [bytes.length, ...bytes];
const long = (bytes: readonly number[]) => [...u16(bytes.length), ...bytes];

type Extension = readonly [type: number, body: readonly number[]];
const sni = (name: string): Extension => [0, long([0, ...long(text(name))])];
const alpn = (...names: string[]): Extension => [16, long(names.flatMap((name) => short(text(name))))];

/** Builds the message as a client would; `tail` is what stands behind the list of extensions. */
function message(extensions: readonly Extension[] | null, tail: readonly number[] = []): number[] {
  const body = [3, 3, ...new Array<number>(32).fill(7), ...short([1, 2]), ...long([0x13, 1]), ...short([0])];
  if (extensions) body.push(...long(extensions.flatMap(([type, content]) => [...u16(type), ...long(content)])));
  body.push(...tail);
  return [1, body.length >> 16, ...u16(body.length & 0xffff), ...body];
}

function record(payload: readonly number[]): number[] {
  return [22, 3, 1, ...long(payload)];
}

/** Cuts a message into records at the given places. */
function records(bytes: readonly number[], cuts: readonly number[] = []): Uint8Array {
  const at = [...new Set(cuts.map((cut) => cut % bytes.length))].filter((cut) => cut > 0).sort((a, b) => a - b);
  return Uint8Array.from([0, ...at].flatMap((from, index) => record(bytes.slice(from, at[index]))));
}

const parse = (...extensions: Extension[]) => parseClientHello(records(message(extensions)));
const other = (why: string) => ({ kind: "other", why });

const names = fc.stringMatching(/^[a-z0-9_-]{1,20}(\.[A-Z0-9]{1,9}){0,5}$/);
const protocols = fc.uniqueArray(fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 20 }), { maxLength: 5 });
const strangers = fc.uniqueArray(
  fc.tuple(fc.integer({ min: 17, max: 0xfdff }), fc.array(fc.nat(255), { maxLength: 40 })),
  { selector: ([type]) => type, maxLength: 8 },
);

test("any hello is read whole, and asks for more at each byte before, however its records are cut", () => {
  const cuts = fc.array(fc.nat(), { maxLength: 7 });
  fc.assert(
    fc.property(fc.option(names), protocols, fc.boolean(), strangers, cuts, (name, offered, hasEch, more, at) => {
      const extensions: Extension[] = [...more];
      if (name !== null) extensions.push(sni(name));
      if (offered.length > 0) extensions.unshift(alpn(...offered));
      if (hasEch) extensions.push([0xfe0d, [1, 2, 3]]);
      const bytes = records(message(extensions), at);
      assert.deepEqual(parseClientHello(bytes), { kind: "hello", sni: name, alpn: offered, hasEch });
      for (let length = 0; length < bytes.length; length += 1)
        assert.deepEqual(parseClientHello(bytes.subarray(0, length)), { kind: "more" });
    }),
    { numRuns: 100 },
  );
});

test("no bytes make it throw, and what was refused stays refused with more of them", () => {
  const hello = records(message([sni("api.example.com"), alpn("h2")]), [9, 40]);
  const changes = fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), changes), fc.nat(hello.length), (made, cut) => {
      const bytes = made instanceof Uint8Array ? made : Uint8Array.from(hello);
      if (!(made instanceof Uint8Array)) for (const [at, byte] of made) bytes[at] = byte;
      const early = parseClientHello(bytes.subarray(0, cut));
      if (early.kind !== "more") assert.deepEqual(parseClientHello(bytes), early);
    }),
    { numRuns: 5000 },
  );
});

test("with the most that is looked at, it never asks for more", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1 << 14 }), { minLength: 1, maxLength: 20 }),
      fc.nat(0xffff),
      (sizes, long) => {
        const bytes = new Uint8Array(FIRST_BYTES_MAX);
        let at = 0;
        for (const size of sizes) {
          bytes.set([22, 3, 1, ...u16(size)].slice(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
          at += 5 + size;
        }
        bytes.set([1, 0, ...u16(long)], 5);
        assert.notEqual(parseClientHello(bytes).kind, "more");
      },
    ),
  );
});

test("an extension that is named twice is refused, whichever it is", () => {
  fc.assert(
    fc.property(fc.nat(0xffff), strangers, (type, more) => {
      const twice: Extension = [type, [0]];
      const hello = parse(twice, ...more.filter(([stranger]) => stranger !== type), twice);
      assert.deepEqual(hello, other("the hello has the same extension twice"));
    }),
  );
  assert.deepEqual(parse(sni("a.test"), sni("b.test")), other("the hello has the same extension twice"));
});

for (const [what, bytes] of [
  ["an HTTP request", text("GET / HTTP/1.1\r\n")],
  ["an alert", [21, 3, 1, 0, 2, 1, 0]],
  ["a hello of SSL 2", [0x80, 0x2e, 1, 3, 1]],
  ["a record of another protocol's version", [22, 2]],
] as const)
  test(`${what} is no TLS, from the first byte that shows it`, () => {
    const first = bytes[0] === 22 ? 2 : 1;
    assert.deepEqual(parseClientHello(Uint8Array.from(bytes.slice(0, first))), other("it is not TLS"));
    assert.deepEqual(parseClientHello(Uint8Array.from(bytes)), other("it is not TLS"));
  });

for (const [what, bytes, why] of [
  ["an empty record", [22, 3, 1, 0, 0], "a record of that size is not TLS"],
  ["a record over its limit", [22, 3, 1, 0x40, 1], "a record of that size is not TLS"],
  ["another handshake message", record([2, 0, 0, 0]), "it begins with no ClientHello"],
  ["a message over the limit", record([1, 0, ...u16(HELLO_BYTES_MAX)]), "the hello is too long"],
  ["a record for each byte", [...records(message([]), [1, 2, 3, 4, 5, 6, 7, 8])], "the hello lies in too many records"],
  ["a second message in the record", record([...message([]), 1]), "something follows the hello in its record"],
  ["bytes behind the extensions", record(message([], [0])), "a part of the hello is longer than what it holds"],
  ["extensions longer than the message", record(message(null, [0, 9])), "the hello ends too early"],
] as const)
  test(`${what} is refused`, () => assert.deepEqual(parseClientHello(Uint8Array.from(bytes)), other(why)));

for (const [what, extension, why] of [
  [
    "two names",
    [0, long([0, ...long(text("a.test")), 0, ...long(text("b.test"))])],
    "a part of the hello is longer than what it holds",
  ],
  ["an empty list of names", [0, long([])], "the hello ends too early"],
  ["a name of an unknown kind", [0, long([1, ...long(text("a.test"))])], "the hello names a server by no host name"],
  [
    "bytes behind the list",
    [0, [...long([0, ...long(text("a.test"))]), 0]],
    "a part of the hello is longer than what it holds",
  ],
  ["a name without a letter", sni(""), "the hello's server name is no host name"],
  ["a name with NUL", sni("a.test\0.b.test"), "the hello's server name is no host name"],
  ["a name with a line end", sni("a.test\n"), "the hello's server name is no host name"],
  ["a name that is no ASCII", sni("b\xfccher.test"), "the hello's server name is no host name"],
  ["a name that is too long", sni("a".repeat(256)), "the hello's server name is no host name"],
  ["an empty list of protocols", alpn(), "the hello ends too early"],
  ["a protocol without a name", alpn("h2", ""), "the hello offers a protocol without a name"],
] as const satisfies readonly (readonly [string, Extension, string])[])
  test(`${what}: refused`, () => assert.deepEqual(parse(extension), other(why)));

test("an encrypted hello is seen in the standard's form, the drafts' and the older one for names", () => {
  for (const type of [0xfe0d, 0xfe0c, 0xfe0b, 0xfe0a, 0xfe09, 0xfe08, 0xffce])
    assert.deepEqual(parse(sni("outer.test"), [type, [0]]), {
      kind: "hello",
      sni: "outer.test",
      alpn: [],
      hasEch: true,
    });
});

test("a hello without extensions, as of old clients, names no server", () => {
  assert.deepEqual(parseClientHello(records(message(null))), { kind: "hello", sni: null, alpn: [], hasEch: false });
});

test("a hello that comes byte by byte costs little", () => {
  const bytes = records(message([sni("a.test"), [999, new Array<number>(16_000).fill(0)]]));
  const start = process.cpuUsage();
  for (let length = 0; length < bytes.length; length += 1) parseClientHello(bytes.subarray(0, length));
  assert.equal(parseClientHello(bytes).kind, "hello");
  assert.ok(workMs(start) < 1000);
});

test("the hellos of curl, openssl, git and node are read", async () => {
  const url = (port: number) => `https://real.example.com:${port}/`;
  const cases: readonly { readonly start: (port: number) => void; readonly alpn: readonly string[] }[] = [
    {
      start: (port) =>
        run("curl", "-sk", "--noproxy", "*", "--resolve", `real.example.com:${port}:127.0.0.1`, url(port)),
      alpn: ["h2", "http/1.1"],
    },
    {
      start: (port) => run("openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-servername", "real.example.com"),
      alpn: [],
    },
    {
      start: (port) =>
        run(
          "git",
          "-c",
          "http.proxy=",
          "-c",
          `http.curloptResolve=real.example.com:${port}:127.0.0.1`,
          "ls-remote",
          url(port),
        ),
      alpn: ["h2", "http/1.1"],
    },
    {
      start: (port) => connect({ port, servername: "real.example.com", ALPNProtocols: ["x"] }).on("error", () => {}),
      alpn: ["x"],
    },
  ];
  for (const { start, alpn } of cases)
    assert.deepEqual(await firstHello(start), { kind: "hello", sni: "real.example.com", alpn, hasEch: false });
});

function run(program: string, ...args: string[]): void {
  spawn(program, args, { stdio: "ignore", timeout: 20_000 });
}

/** Listens, lets a client connect, and reads its hello as a proxy would. */
async function firstHello(start: (port: number) => void) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  start((server.address() as AddressInfo).port);
  const [socket] = await once(server, "connection");
  server.close();
  let bytes = Buffer.alloc(0);
  for await (const piece of socket) {
    bytes = Buffer.concat([bytes, piece]);
    const found = parseClientHello(bytes);
    if (found.kind !== "more") return found;
  }
  return null;
}

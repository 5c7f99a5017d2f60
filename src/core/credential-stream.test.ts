import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { draw } from "./credential.fixture.ts";
import { placeholderFor } from "./credential.ts";
import { needlesOf } from "./credential-forms.ts";
import { type Search, searchFor } from "./credential-search.ts";
import { maskText, openStream, ownersIn } from "./credential-stream.ts";

const VALUE = "ghp_Canary7Hq2mZ0xTq9LmWv4Rk8Nb3Yc6Pd1Sf";
const PASSWORD = `p/"s%41\\&w0rd<C4nary>'+=x`;
const values = [
  VALUE,
  PASSWORD,
  "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl",
  "hunter2-Hunter3",
];
const placeholders = values.map((value) => placeholderFor(value, draw) ?? "");
const masks = searchFor(values.flatMap((value, owner) => needlesOf(value, placeholders[owner] ?? "", owner)));

const b64 = (text: string) => Buffer.from(text).toString("base64");
const wrap = (text: string, columns: number, end = "\n") =>
  text.replace(new RegExp(`.{${columns}}(?=.)`, "g"), `$&${end}`);
const percent = (text: string) => [...text].map((char) => `%${char.charCodeAt(0).toString(16)}`).join("");
const unicode = (text: string) => [...text].map((char) => `\\u00${char.charCodeAt(0).toString(16)}`).join("");

/** Ways in which a value may stand in a body. */
const ENCODINGS: Record<string, (text: string) => string> = {
  raw: (text) => text,
  reversed: (text) => [...text].reverse().join(""),
  hex: (text) => Buffer.from(text).toString("hex"),
  "hex in capitals": (text) => Buffer.from(text).toString("hex").toUpperCase(),
  base64: b64,
  "base64 behind one byte": (text) => b64(`:${text}:`),
  "base64 behind two bytes": (text) => b64(`u:${text}and more`),
  "base64 behind many": (text) => b64(`x-access-token:${text}`),
  base64url: (text) => Buffer.from(`ÿþ>?${text}`).toString("base64url"),
  "wrapped base64": (text) => wrap(b64(`x-access-token:${text}`), 24),
  "wrapped base64 with CRLF": (text) => wrap(b64(text), 20, "\r\n"),
  "base64 in JSON that escapes slashes": (text) => JSON.stringify(b64(text)).replaceAll("/", "\\/"),
  "base64 in a URL": (text) => encodeURIComponent(b64(`??${text}`)),
  percent,
  "percent in capitals": (text) => percent(text).toUpperCase(),
  "percent here and there": (text) => [...text].map((char, at) => (at % 3 === 1 ? percent(char) : char)).join(""),
  "percent of percent": (text) => percent(text).replaceAll("%", "%25"),
  "percent of percent of percent": (text) => percent(text).replaceAll("%", "%2525"),
  "a URI component": encodeURIComponent,
  JSON: (text) => JSON.stringify({ text }),
  "JSON escapes": unicode,
  "JSON escapes in JSON": (text) => JSON.stringify(unicode(text)),
  "escapes of a string literal": (text) => unicode(text).replaceAll("\\u00", "\\x"),
  HTML: (text) =>
    text
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#39;"),
};

/** Escapes sign by sign make a sign of an escape ambiguous, so a value with such signs is only known whole. */
const isPlain = (value: string) => /^[\w.-]+$/.test(value);

for (const [name, encode] of Object.entries(ENCODINGS)) {
  test(`a value is found and masked, the length kept: ${name}`, () => {
    for (const [owner, value] of values.entries()) {
      if (!isPlain(value) && /percent|escapes$|escapes in|literal/.test(name)) continue;
      const text = `before "${encode(value)}" behind`;
      assert.deepEqual(ownersIn(masks, text), [owner], text);
      const masked = maskText(masks, text);
      assert.equal(masked.length, text.length);
      assert.deepEqual(ownersIn(masks, masked), [], masked);
      assert.ok(masked.startsWith('before "') && masked.endsWith('" behind'), masked);
    }
  });
}

test("a value in plain text becomes its placeholder, in the same encoding", () => {
  const [placeholder = ""] = placeholders;
  assert.equal(maskText(masks, `token=${VALUE};`), `token=${placeholder};`);
  assert.equal(maskText(masks, b64(VALUE)).slice(0, 52), b64(placeholder).slice(0, 52));
  assert.equal(maskText(masks, Buffer.from(VALUE).toString("hex")), Buffer.from(placeholder).toString("hex"));
});

test("what is no value passes as it is", () => {
  for (const text of [
    "",
    "%",
    "\\",
    "%2",
    "100% sure\\n",
    "a\nb\r\nc",
    VALUE.slice(1),
    VALUE.slice(0, -1),
    `%zz${"%25".repeat(40)}`,
    "\\u12",
  ])
    assert.equal(maskText(masks, text), text);
});

const piece = fc.oneof(
  fc.constantFrom(...values, ...values.map((value) => value.slice(0, 9)), ...values.map((value) => value.slice(-9))),
  fc
    .tuple(fc.constantFrom(...values), fc.constantFrom(...Object.values(ENCODINGS)))
    .map(([value, encode]) => encode(value)),
  fc.constantFrom(
    "%",
    "%2",
    "%25",
    "\\",
    "\\\\",
    "\\u00",
    "\\u0067",
    "\n",
    "\r\n",
    "\r",
    "abcd",
    "AAAA\n",
    "/",
    "%67",
    "\0",
    "é",
  ),
  fc.string({ maxLength: 12 }),
);
const body = fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.from(pieces.join("")));
const cuts = fc.array(fc.nat(40), { maxLength: 40 });

function run(search: Search, bytes: Buffer, sizes: readonly number[]) {
  const stream = openStream(search);
  const out: Uint8Array[] = [];
  const found = new Set<number>();
  const add = (masked: { bytes: Uint8Array; found: readonly number[] }) => {
    out.push(Buffer.from(masked.bytes));
    for (const owner of masked.found) found.add(owner);
  };
  let at = 0;
  for (const size of sizes) {
    add(stream.push(bytes.subarray(at, at + size)));
    at += size;
  }
  add(stream.push(bytes.subarray(at)));
  add(stream.end());
  return { bytes: Buffer.concat(out), found: [...found].sort() };
}

test("no border between pieces hides a value from a search, nor lets it out unmasked", () => {
  fc.assert(
    fc.property(body, cuts, (bytes, sizes) => {
      const before = Buffer.from(bytes);
      const inPieces = run(masks, bytes, sizes);
      assert.deepEqual(bytes, before, "the body that was given is changed");
      assert.deepEqual(inPieces.bytes.length, bytes.length);
      for (const value of values) assert.ok(!inPieces.bytes.includes(value));
      const whole = run(masks, bytes, []);
      // A line that ends within the first signs of a value waits for nothing; see WRAPPED_AFTER.
      if (!/[\r\n]/.test(bytes.toString("latin1"))) assert.deepEqual(inPieces, whole);
    }),
    { numRuns: 2000 },
  );
});

test("one value alone in any encoding is masked wherever it is cut", () => {
  for (const encode of Object.values(ENCODINGS)) {
    const bytes = Buffer.from(`"${encode(VALUE)}"`);
    const whole = run(masks, bytes, []).bytes.toString();
    for (let cut = 0; cut <= bytes.length; cut += 1)
      assert.equal(run(masks, bytes, [cut]).bytes.toString(), whole, `cut at ${cut}`);
    assert.equal(
      run(
        masks,
        bytes,
        Array.from(bytes, () => 1),
      ).bytes.toString(),
      whole,
    );
  }
});

test("what cannot be the beginning of a value is not kept waiting", () => {
  const stream = openStream(masks);
  for (const event of ['data: {"a":1}\n\n', "ok\n", "progress 100%!\n", "a line that ends with g\n"]) {
    assert.equal(Buffer.from(stream.push(Buffer.from(event)).bytes).toString(), event);
  }
});

test("what waits is bounded, whatever comes", () => {
  for (const part of [VALUE.slice(0, 20), "%25", "\\", "%", "\\u00", "\r\n", "g\n", b64(VALUE).slice(0, 30)]) {
    const stream = openStream(masks);
    let waiting = 0;
    for (let round = 0; round < 3000; round += 1) {
      waiting += part.length - stream.push(Buffer.from(part)).bytes.length;
      assert.ok(waiting < 4096, `${part}: ${waiting} bytes wait`);
    }
    assert.equal(stream.end().bytes.length, waiting);
  }
});

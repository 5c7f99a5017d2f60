import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical, type Json, type JsonObject } from "../core/json.ts";
import { DEPTH_MAX, encodeEvent, PAYLOAD_BYTES_MAX, parseEvent } from "./event.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const parse = (text: string) => parseEvent(Buffer.from(text));
const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}`;

test("an event that was encoded parses to the same bytes", (t) => {
  t.diagnostic(`SEED=${seed}`);
  const event = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ stringUnit: "binary" }), { maxKeys: 5 });
  fc.assert(
    fc.property(event, (value) => {
      const encoded = encodeEvent(value as JsonObject);
      assert.ok(encoded.ok);
      const parsed = parse(encoded.text);
      assert.ok(parsed.ok);
      assert.equal(canonical(parsed.event), encoded.text);
    }),
    { seed },
  );
});

test("the deepest event that may be written is the deepest that may be read", () => {
  const deepest = parse(nested(DEPTH_MAX));
  assert.ok(deepest.ok);
  assert.deepEqual(encodeEvent(deepest.event), { ok: true, text: nested(DEPTH_MAX) });
  assert.deepEqual(encodeEvent({ a: deepest.event }), { ok: false, reason: "the event is nested deeper than 64" });
  assert.deepEqual(parse(nested(DEPTH_MAX + 1)), { ok: false, reason: "the event is nested deeper than 64" });
});

test("brackets in strings do not count as depth, and an escaped quote does not end a string", () => {
  const text = canonical({ text: `\\"${"[".repeat(1000)}\\` });
  assert.ok(parse(text).ok);
  assert.ok(!parse(`{"a\\"":${nested(DEPTH_MAX)}}`).ok);
});

test("a text made only of opening brackets is refused before it is parsed", () => {
  assert.deepEqual(parse("[".repeat(PAYLOAD_BYTES_MAX)), { ok: false, reason: "the event is nested deeper than 64" });
});

test("an event that contains itself or is too long is refused with a reason", () => {
  const circular: Record<string, JsonObject> = {};
  circular.self = circular;
  assert.ok(!encodeEvent(circular).ok);
  assert.deepEqual(encodeEvent({ text: "x".repeat(PAYLOAD_BYTES_MAX) }), {
    ok: false,
    reason: "the event is longer than 16777216 bytes",
  });
});

test("what is not the canonical form of one object is refused", () => {
  const texts = [
    "",
    "1",
    "null",
    "[]",
    '"a"',
    '{"a":1 }',
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{"a":1e999}',
    '{"a":1.0}',
  ];
  texts.push("{}{}", "\ufeff{}", '{"\\u0061":1}', '{"a":-0}');
  for (const text of texts) assert.equal(parse(text).ok, false, text);
  assert.equal(parseEvent(Buffer.from('{"a":"\xff"}', "latin1")).ok, false);
});

test("of texts close to the canonical form, exactly those pass that writing anew leaves as they are", (t) => {
  t.diagnostic(`SEED=${seed}`);
  const key = fc.oneof(
    fc.constantFrom("1", "2", "9", "10", "a", "b", "__proto__", "toJSON", "\ue000", "\u{10000}"),
    fc.string(),
  );
  const { value } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom<Json>(null, true, 0, -0, 1e21, 1e-7, "\ud800", "\udc00\ud800", "\u007f\u2028", "\n\u0001"),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string({ unit: "binary" }),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const edit = fc.record({
    at: fc.nat(),
    cut: fc.nat(3),
    put: fc.oneof(
      fc.constantFrom("", " ", '"', ",", "0", "-", "\\", "\\u0041", "\\u001f", "\\uD800", "\\ud83d\\ude00", '"9":1,'),
      fc.string(),
    ),
  });
  const seen = { passed: 0, refused: 0 };
  fc.assert(
    fc.property(
      fc.dictionary(key, value, { maxKeys: 5 }),
      fc.array(edit, { maxLength: 2 }),
      fc.boolean(),
      (event, edits, isPlain) => {
        let text = isPlain ? JSON.stringify(event) : canonical(event);
        for (const { at, cut, put } of edits) {
          const from = at % (text.length + 1);
          text = text.slice(0, from) + put + text.slice(from + cut);
        }
        const bytes = Buffer.from(text);
        const { ok } = parseEvent(bytes);
        assert.equal(ok, isWrittenAnew(bytes.toString()), text);
        seen[ok ? "passed" : "refused"] += 1;
      },
    ),
    { seed, numRuns: 3000 },
  );
  t.diagnostic(`${seen.passed} passed, ${seen.refused} refused`);
  assert.ok(seen.passed > 500 && seen.refused > 500);
});

function isWrittenAnew(text: string): boolean {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) && canonical(value) === text;
  } catch {
    return false;
  }
}

test('a key "__proto__" stays a key', () => {
  const parsed = parse('{"__proto__":{"admin":true}}');
  assert.ok(parsed.ok);
  assert.equal(parsed.event.admin, undefined);
  assert.deepEqual(encodeEvent(parsed.event), { ok: true, text: '{"__proto__":{"admin":true}}' });
});

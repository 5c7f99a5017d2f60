import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical, type Json, type JsonObject } from "./json.ts";

// Minus zero has no spelling of its own in JSON.
const values = fc.jsonValue({ noUnicodeString: false }).map((value) => JSON.parse(JSON.stringify(value)) as Json);

test("a value means the same after it was written", () => {
  fc.assert(fc.property(values, (value) => assert.deepEqual(JSON.parse(canonical(value)), value)));
});

test("equal objects have equal bytes, in whatever order their keys came", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), values), fc.nat(), (fields, turn) => {
      const entries = Object.entries(fields);
      const turned = [...entries.slice(turn % (entries.length + 1)), ...entries.slice(0, turn % (entries.length + 1))];
      assert.equal(canonical(Object.fromEntries(turned)), canonical(fields));
    }),
  );
});

test("writing twice changes nothing", () => {
  fc.assert(fc.property(values, (value) => canonical(JSON.parse(canonical(value)) as Json) === canonical(value)));
});

test("keys are sorted at every depth and there is no white space", () => {
  assert.equal(
    canonical({ b: [1, { d: null, c: "x y" }], a: { z: true, y: -1.5 } }),
    '{"a":{"y":-1.5,"z":true},"b":[1,{"c":"x y","d":null}]}',
  );
});

test("keys that are numbers are sorted as the texts that they are, also deep inside", () => {
  assert.equal(canonical([{ a: { "9": 1, "10": 2, "": 3 } }]), '[{"a":{"":3,"10":2,"9":1}}]');
});

test("a key that objects inherit is a key like any other", () => {
  const value = JSON.parse('{"toString":1,"__proto__":{"b":2},"constructor":3}') as JsonObject;
  assert.equal(canonical(value), '{"__proto__":{"b":2},"constructor":3,"toString":1}');
});

test("half a surrogate pair is written as an escape, so that the bytes are UTF-8", () => {
  assert.equal(canonical(["\ud800", "\u2028"]), '["\\ud800","\u2028"]');
});

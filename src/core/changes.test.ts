import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodePath, encodePath } from "./changes.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0), numRuns: 500 });

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  // Pieces that stand on the borders of UTF-8: overlong, surrogate, too large, cut short, astral beside an escape.
  fc
    .array(
      fc.constantFrom(
        [0xc0, 0x80],
        [0xe0, 0x80, 0xaf],
        [0xed, 0xa0, 0x80],
        [0xf4, 0x90, 0x80, 0x80],
        [0xe2, 0x82],
        [0xf0, 0x9f, 0x92, 0x80],
        [0x80],
        [0x2f],
        [0xc3, 0xa9],
      ),
    )
    .map((parts) => Uint8Array.from(parts.flat())),
);

test("every path's bytes survive decoding and encoding", () => {
  fc.assert(fc.property(anyBytes, (bytes) => assert.deepEqual(encodePath(decodePath(bytes)), bytes)));
});

test("a valid UTF-8 path decodes as TextDecoder does", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) =>
      assert.equal(decodePath(new TextEncoder().encode(text)), text),
    ),
  );
});

test("distinct bytes have distinct strings", () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      fc.pre(a.join() !== b.join());
      assert.notEqual(decodePath(a), decodePath(b));
    }),
  );
});

test("a byte that is not UTF-8 becomes a lone surrogate", () => {
  assert.equal(decodePath(Uint8Array.of(0x61, 0xff, 0x62)), "a\udcffb");
});

test("a second spelling of the same bytes is refused", () => {
  assert.throws(() => encodePath("\udcc3\udca9"), /bug: encodePath/);
  assert.throws(() => encodePath("\ud83d"), /bug: encodePath/);
});

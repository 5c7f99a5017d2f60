import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Output } from "./output.ts";

const HEAD_BYTES = 8 << 20;
const TAIL_BYTES = 64 << 10;

test("output up to 8 MiB is kept whole, in whatever pieces it came", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 }), (pieces) => {
      const output = new Output();
      for (const piece of pieces) output.add(piece);
      const whole = Buffer.concat(pieces);
      assert.ok(output.bytes().equals(whole));
      assert.deepEqual([output.bytesTotal, output.droppedBytes], [whole.length, 0]);
    }),
  );
});

test("of more, the beginning and the end are kept, and what is left out between them is counted", () => {
  const output = new Output();
  const piece = Buffer.alloc(100_000, "m");
  output.add(Buffer.from("first"));
  for (let added = 0; added < 300; added += 1) output.add(piece);
  output.add(Buffer.from("last"));
  const kept = output.bytes();
  assert.ok(kept.subarray(0, 5).equals(Buffer.from("first")) && kept.subarray(-4).equals(Buffer.from("last")));
  assert.equal(output.bytesTotal, 30_000_009);
  assert.equal(output.droppedBytes, 30_000_009 - kept.length);
  assert.ok(kept.length >= HEAD_BYTES + TAIL_BYTES && kept.length < HEAD_BYTES + TAIL_BYTES + piece.length * 2);
});

test("one piece larger than all that is kept stays within bounds at its beginning", () => {
  const output = new Output();
  output.add(Buffer.alloc(9 << 20, "x"));
  assert.equal(output.bytesTotal, 9 << 20);
  assert.equal(output.bytes().length, 9 << 20);
});

test("taking returns what came since the last take, once", () => {
  const output = new Output();
  output.add(Buffer.from("a"));
  output.add(Buffer.from("b"));
  assert.deepEqual([output.take().toString(), output.take().toString()], ["ab", ""]);
  output.add(Buffer.from("c"));
  assert.deepEqual([output.take().toString(), output.bytesTotal, output.droppedBytes], ["c", 0, 0]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordReader, strings } from "./script.ts";

test("strings are read back one by one, paths with bytes that are no UTF-8 among them", () => {
  const reader = new RecordReader(strings(["L", Buffer.of(0x61, 0xff), "12"]));
  assert.deepEqual(
    [reader.text(), reader.path(), reader.number(), reader.text(), reader.isAtEnd],
    ["L", "a\udcff", 12, ".", true],
  );
});

test("an answer that is cut short, or a number that is none, throws", () => {
  assert.throws(() => new RecordReader(Buffer.from("abc")).text(), /without an end/);
  for (const text of ["", "-1", "1e3", "0x10", "1234567890123456"]) {
    assert.throws(() => new RecordReader(Buffer.from(`${text}\0`)).number(), /number/, text);
  }
});

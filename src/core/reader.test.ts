import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bitsOf, parseAnswer, parseAnswerType, READER_BITS_MAX, spendBits } from "./reader.ts";

const NAMES = new Set(["one", "two", "constructor"]);

function take(type: string, reply: string): string | null {
  const parsed = parseAnswerType(type);
  assert.ok(parsed, type);
  return parseAnswer(reply, parsed, NAMES);
}

test("a type is one of four or a list of distinct plain words", () => {
  for (const type of ["boolean", "number", "version", "identifier"])
    assert.deepEqual(parseAnswerType(type), { kind: type });
  assert.deepEqual(parseAnswerType("yes|no|not-yet"), { kind: "words", words: ["yes", "no", "not-yet"] });
  const many = Array.from({ length: 65 }, (_, number) => `w${number}`).join("|");
  for (const wrong of ["", "yes", "a|a", "a|", "a|b c", "a|\u0430", `a|${"b".repeat(33)}`, many, "Boolean", "text"])
    assert.equal(parseAnswerType(wrong), null, wrong);
});

test("an answer is taken when it is one of its type and nothing else", () => {
  const taken: readonly (readonly [type: string, reply: string])[] = [
    ["boolean", "true"],
    ["number", "0"],
    ["number", "-999999"],
    ["version", "1"],
    ["version", "2024.10.1"],
    ["identifier", "constructor"],
    ["yes|no", "no"],
  ];
  for (const [type, reply] of taken) {
    assert.equal(take(type, reply), reply);
    assert.equal(take(type, ` ${reply}\n`), reply);
    for (const more of [
      `${reply}.`,
      `"${reply}"`,
      `The answer: ${reply}`,
      `${reply}\n${reply}`,
      `${reply}\u00a0`,
      `\u200b${reply}`,
      `${reply}\0`,
    ])
      assert.equal(take(type, more), null, more);
    assert.equal(take(type, reply + " ".repeat(200)), null);
  }
  const refused: readonly (readonly [type: string, reply: string])[] = [
    ["boolean", "True"],
    ["boolean", "yes"],
    ["boolean", "\uff54rue"],
    ["number", "-0"],
    ["number", "01"],
    ["number", "1000000"],
    ["number", "1.5"],
    ["number", "\u0661"],
    ["version", "1.2.3.4"],
    ["version", "v1.2"],
    ["version", "1.2.3-rm.rf"],
    ["version", "1.00"],
    ["identifier", "three"],
    ["identifier", "toString"],
    ["yes|no", "maybe"],
    ["yes|no", "n\u043e"],
    ["yes|no", "yes|no"],
    ["yes|no", ""],
  ];
  for (const [type, reply] of refused) assert.equal(take(type, reply), null, `${type} ${reply}`);
});

test("the bits of a type count every answer, that there is none, and that nothing could be read", () => {
  const bits = (type: string, names: ReadonlySet<string> = NAMES) =>
    bitsOf(parseAnswerType(type) ?? assert.fail(type), names);
  assert.deepEqual(
    ["boolean", "number", "version", "identifier", "a|b", "a|b|c"].map((type) => bits(type)),
    [2, 21, 40, 3, 2, 3],
  );
  assert.equal(bits("identifier", new Set()), 1);
  assert.equal(bits("identifier", new Set(Array.from({ length: 1022 }, (_, number) => `n${number}`))), 10);
  assert.equal(bits("identifier", new Set(Array.from({ length: 1023 }, (_, number) => `n${number}`))), 11);
});

test("bits are spent up to the last, and never past it", () => {
  assert.equal(spendBits(READER_BITS_MAX - 2, 2), READER_BITS_MAX);
  assert.equal(spendBits(READER_BITS_MAX - 1, 2), null);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 })), (asks) => {
      let used = 0;
      for (const bits of asks) used = spendBits(used, bits) ?? used;
      assert.ok(used <= READER_BITS_MAX);
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { UNWATCHED, watch } from "./monitor.ts";
import { hasRow, row } from "./monitor-row.ts";

test("a row is found where one expression would find it", () => {
  const text = fc
    .array(fc.constantFrom("ab", "a", "cd", "c", "abcd", ";", " ", "x"), { maxLength: 14 })
    .map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, (given) => {
      assert.equal(hasRow(given, row(/ab/g, /cd/g, /;/g)), /ab[^;]*cd/.test(given));
      assert.equal(hasRow(given, row(/a|abc/g, /x|c.*d/g, /[; ]/g)), /a[^; ]*(?:x|c.*d)/.test(given));
    }),
    { numRuns: 2000 },
  );
});

test("no command holds the monitor up, however often what it looks for begins in it", () => {
  const beginnings = ["rg -r ", "git grep ", "dig $(", "curl |a=| ", "base64 -d |a=| ", "https://a/?$("];
  for (const [at, beginning] of [...beginnings, `${"curl ".repeat(20)}${"a=| ".repeat(80)}`].entries()) {
    const command = beginning.repeat(7900 / beginning.length);
    const effect = { kind: "run", command, background: false, profile: "net" };
    const startedAt = performance.now();
    watch(UNWATCHED, at, { type: "decision", call: "c", verdict: "allow", effect });
    assert.ok(performance.now() - startedAt < 2500, beginning.slice(0, 20));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventText } from "./log-text.ts";

test("an event of the record is one line for a person, of a type that nobody knows here too", () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5);
  assert.equal(
    eventText(0, { type: "start", at, session: "s1", before: null }),
    "    0  03:04:05  start          session=s1",
  );
  const effect = { kind: "write", path: "a\nb", content: "x".repeat(900) };
  const decided = eventText(12, {
    type: "decision",
    at,
    effect,
    verdict: "allow",
    reason: "stays in the box",
    call: "c",
  });
  assert.match(decided, /^ {3}12 {2}03:04:05 {2}decision {7}allow write path=a b content=xx.*: stays in the box$/);
  assert.ok(decided.length < 400 && !decided.includes("\n"));
  assert.equal(eventText(3, { type: "new-kind", at, of: { a: [1] } }), '    3  03:04:05  new-kind       of={"a":[1]}');
  assert.equal(eventText(4, { type: "decision", at: "never", effect: null }), "    4            decision");
});

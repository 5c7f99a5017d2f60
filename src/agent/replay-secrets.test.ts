import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import { asRecorded, wasHeldBack } from "./replay-secrets.ts";

const effect = { kind: "write", path: "of-«secret:key#1»", content: "«secret:key#2»" } as Effect;
const made = { ...effect, content: { sha256: "of what is recorded", chars: 3000 } } as unknown as JsonObject;

test("what a decision is recorded about is taken where a text held a secret, and only as far as that", () => {
  const recorded = {
    kind: "write",
    path: `of-«secret:key#1» [sha256 ${"a".repeat(64)}]`,
    content: { sha256: "of the text itself", chars: 3010 },
  };
  assert.deepEqual(asRecorded(made, effect, recorded), recorded);
  const other = { ...recorded, kind: "run", path: `from-«secret:key#1» [sha256 ${"a".repeat(64)}]` };
  assert.deepEqual(asRecorded(made, effect, other), { ...recorded, kind: "write", path: made.path as string });
  const plain = { ...effect, path: "a", content: "b" } as Effect;
  assert.deepEqual(asRecorded(made, plain, recorded), made);
  for (const none of [undefined, null, "x", [1]]) assert.deepEqual(asRecorded(made, effect, none), made);
});

test("a call was held back only where it had a placeholder and its outcome says so", () => {
  const outcome = { ok: false, code: "invalid", text: "write: not done: «secret:key#1» stands for a secret" };
  assert.equal(wasHeldBack(effect, outcome), true);
  assert.equal(wasHeldBack({ ...effect, path: "a", content: "b" } as Effect, outcome), false);
  assert.equal(wasHeldBack(effect, { ...outcome, ok: true }), false);
  assert.equal(wasHeldBack(effect, { ...outcome, text: "write: no such folder" }), false);
});

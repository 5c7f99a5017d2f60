import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "./effect.ts";
import { issueReceipt, mint, type Permit, type Receipt, spend } from "./permit.ts";
import type { Decision } from "./policy.ts";

const EFFECT: Effect = { kind: "run", command: "true", timeoutMs: 1000, background: false };
const ALLOW: Decision = { verdict: "allow", reason: "stays in the box" };
const BUG = /^Error: bug: /;

test("a permit gives back the very effect that it was minted for", () => {
  assert.equal(spend(mint(EFFECT, ALLOW, issueReceipt(7, "h"))), EFFECT);
});

test("a permit carries the number of the decision that it rests on, and nothing that could be spent in its place", () => {
  const permit = mint(EFFECT, ALLOW, issueReceipt(7, "h"));
  assert.deepEqual([permit, Object.isFrozen(permit)], [{ seq: 7 }, true]);
});

for (const verdict of ["ask", "deny"] as const) {
  test(`a decision "${verdict}" mints nothing`, () => {
    assert.throws(() => mint(EFFECT, { verdict, reason: "no" }, issueReceipt(1, "h")), BUG);
  });
}

test("a verdict from outside the type mints nothing", () => {
  for (const verdict of ["ALLOW", "", undefined, true]) {
    assert.throws(() => mint(EFFECT, { verdict, reason: "" } as unknown as Decision, issueReceipt(1, "h")), BUG);
  }
});

test("a receipt that the ledger did not issue mints nothing, and neither does a copy of one that it did", () => {
  const receipt = issueReceipt(1, "h");
  for (const forged of [{ seq: 1, hash: "h" }, { ...receipt }, structuredClone(receipt), Object.create(receipt)]) {
    assert.throws(() => mint(EFFECT, ALLOW, forged as Receipt), BUG);
  }
  assert.equal(mint(EFFECT, ALLOW, receipt).seq, 1);
});

test("a receipt mints one permit", () => {
  const receipt = issueReceipt(1, "h");
  mint(EFFECT, ALLOW, receipt);
  assert.throws(() => mint(EFFECT, ALLOW, receipt), BUG);
});

test("a permit is spent once", () => {
  const permit = mint(EFFECT, ALLOW, issueReceipt(1, "h"));
  spend(permit);
  assert.throws(() => spend(permit), BUG);
});

test("a permit that was never minted is worth nothing, and neither is a copy of one that was", () => {
  const permit = mint(EFFECT, ALLOW, issueReceipt(1, "h"));
  for (const forged of [{ seq: 1 }, { ...permit }, Object.create(permit)]) {
    assert.throws(() => spend(forged as Permit), BUG);
  }
  assert.equal(spend(permit), EFFECT);
});

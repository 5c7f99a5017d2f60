import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "./effect.ts";
import type { JsonObject } from "./json.ts";
import { issueReceipt, mint as mintWith, type Permit, type Receipt, recordDecision, spend } from "./permit.ts";
import type { Decision } from "./policy.ts";

const EFFECT: Effect = { kind: "run", command: "true", timeoutMs: 1000, background: false, profile: "net" };
const ALLOW: Decision = { verdict: "allow", reason: "stays in the box" };
const BUG = /^Error: bug: /;
const digest = (text: string) => `digest of ${text.slice(0, 3)}… ${text.slice(-3)}`;
const mint = (effect: Effect, decision: Decision, receipt: Receipt) => mintWith(effect, decision, receipt, digest);
const receiptFor = (effect: Effect, decision: Decision, seq = 1) =>
  issueReceipt(seq, "h", recordDecision(effect, decision, digest));

test("a permit gives back the very effect that it was minted for", () => {
  assert.equal(spend(mint(EFFECT, ALLOW, receiptFor(EFFECT, ALLOW, 7))), EFFECT);
});

test("a permit carries the number of the decision that it rests on, and nothing that could be spent in its place", () => {
  const permit = mint(EFFECT, ALLOW, receiptFor(EFFECT, ALLOW, 7));
  assert.deepEqual([permit, Object.isFrozen(permit)], [{ seq: 7 }, true]);
});

for (const verdict of ["ask", "deny"] as const) {
  test(`a decision "${verdict}" mints nothing`, () => {
    assert.throws(() => mint(EFFECT, { verdict, reason: "no" }, receiptFor(EFFECT, ALLOW)), BUG);
  });
}

test("a verdict from outside the type mints nothing", () => {
  for (const verdict of ["ALLOW", "", undefined, true]) {
    assert.throws(() => mint(EFFECT, { verdict, reason: "" } as unknown as Decision, receiptFor(EFFECT, ALLOW)), BUG);
  }
});

test("a receipt that the ledger did not issue mints nothing, and neither does a copy of one that it did", () => {
  const receipt = receiptFor(EFFECT, ALLOW);
  for (const forged of [{ seq: 1, hash: "h" }, { ...receipt }, structuredClone(receipt), Object.create(receipt)]) {
    assert.throws(() => mint(EFFECT, ALLOW, forged as Receipt), BUG);
  }
  assert.equal(mint(EFFECT, ALLOW, receipt).seq, 1);
});

test("a receipt mints one permit", () => {
  const receipt = receiptFor(EFFECT, ALLOW);
  mint(EFFECT, ALLOW, receipt);
  assert.throws(() => mint(EFFECT, ALLOW, receipt), BUG);
});

test("the receipt of an event that is no decision mints nothing, even when it holds the effect", () => {
  const events: JsonObject[] = [
    { type: "prompt", text: "make test" },
    { ...recordDecision(EFFECT, ALLOW, digest), type: "outcome" },
    {},
  ];
  for (const event of events) assert.throws(() => mint(EFFECT, ALLOW, issueReceipt(1, "h", event)), BUG);
});

test("the receipt of a decision about another effect, however little it differs, mints nothing and is used up", () => {
  const long = "x".repeat(5000);
  const others: readonly (readonly [Effect, Effect])[] = [
    [EFFECT, { ...EFFECT, command: "true " }],
    [EFFECT, { ...EFFECT, background: true }],
    [
      { kind: "write", path: "a", content: `${long}1` },
      { kind: "write", path: "a", content: `${long}2` },
    ],
  ];
  for (const [decided, wanted] of others) {
    const receipt = receiptFor(decided, ALLOW);
    assert.throws(() => mint(wanted, ALLOW, receipt), BUG);
    assert.throws(() => mint(decided, ALLOW, receipt), BUG);
    assert.equal(spend(mint(decided, ALLOW, receiptFor(decided, ALLOW))), decided);
  }
});

test("the receipt of a recorded refusal mints nothing, whatever the caller says was decided", () => {
  for (const verdict of ["ask", "deny"] as const) {
    assert.throws(() => mint(EFFECT, ALLOW, receiptFor(EFFECT, { verdict, reason: "no" })), BUG);
  }
});

test("a permit is spent once", () => {
  const permit = mint(EFFECT, ALLOW, receiptFor(EFFECT, ALLOW));
  spend(permit);
  assert.throws(() => spend(permit), BUG);
});

test("a permit that was never minted is worth nothing, and neither is a copy of one that was", () => {
  const permit = mint(EFFECT, ALLOW, receiptFor(EFFECT, ALLOW));
  for (const forged of [{ seq: 1 }, { ...permit }, Object.create(permit)]) {
    assert.throws(() => spend(forged as Permit), BUG);
  }
  assert.equal(spend(permit), EFFECT);
});

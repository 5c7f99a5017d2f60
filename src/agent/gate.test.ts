import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { requestOf } from "../core/effect.fixture.ts";
import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import { type Label, UNKNOWN_SOURCE } from "../core/label.ts";
import { spend } from "../core/permit.ts";
import { makePolicy, NO_CEILINGS, type Policy, type Rule, TABLE_ALONE } from "../core/policy-rules.ts";
import { createLedger, type Ledger } from "../ledger/append.ts";
import { LedgerFailure } from "../ledger/failure.ts";
import { readLedger } from "../ledger/verify.ts";
import { Gate } from "./gate.ts";

const RUN: Effect = { kind: "run", command: "make test", timeoutMs: 1000, background: false, profile: "net" };
const REPO: Label = { integrity: "repo", secrecy: "private" };

interface Desk {
  readonly gate: Gate;
  readonly ledger: Ledger;
  /** The decisions that stand in the file, read anew. */
  recorded(): JsonObject[];
  /** All that stands there. */
  all(): JsonObject[];
}

function open(
  t: TestContext,
  label: Label | (() => Label) = () => UNKNOWN_SOURCE,
  policy: { readonly current: Policy } = { current: TABLE_ALONE },
): Desk {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-gate-"));
  const file = join(folder, "ledger.log");
  const ledger = createLedger(file, null);
  t.after(() => {
    ledger.close();
    rmSync(folder, { recursive: true });
  });
  const all = () => [...readLedger(file)].map(({ event }) => event);
  return {
    gate: new Gate(
      ledger,
      label,
      () => 7,
      () => policy.current,
    ),
    ledger,
    recorded: () => all().filter(({ type }) => type === "decision"),
    all,
  };
}

test("by the time that a permit exists, its decision stands in the file", (t) => {
  const { gate, recorded } = open(t);
  const gated = gate.pass(RUN, "call_1");
  assert.deepEqual(recorded(), [
    {
      type: "decision",
      at: 7,
      call: "call_1",
      effect: { ...RUN },
      label: { integrity: "external", secrecy: "private" },
      verdict: "allow",
      reason: "stays in the box",
    },
  ]);
  assert.ok(gated.verdict === "allow");
  assert.equal(gated.permit.seq, 1);
  assert.equal(spend(gated.permit), RUN);
});

test("a denied effect is recorded too, and has no permit", (t) => {
  const { gate, recorded } = open(t);
  const gated = gate.pass({ kind: "discard", approvedBy: "none" }, null);
  assert.deepEqual(gated, { verdict: "deny", reason: "only the person discards a layer" });
  assert.deepEqual(
    recorded().map(({ verdict, call }) => [verdict, call]),
    [["deny", null]],
  );
});

test("an effect that needs a person is recorded as a question, and has no permit", (t) => {
  const { gate, recorded } = open(t);
  const land = { kind: "land", paths: ["a"], digest: "d", held: [], approvals: [], approvedBy: "none" } as const;
  const gated = gate.pass(land, null);
  assert.deepEqual([gated.verdict, "permit" in gated, recorded()[0]?.verdict], ["ask", false, "ask"]);
});

test("a question names the label alone, and not what raised it", (t) => {
  const raised = { ...UNKNOWN_SOURCE, integrityFrom: ["a page"], secrecyFrom: ["what you typed"] };
  const { gate } = open(t, () => raised);
  const gated = gate.pass(requestOf({ origin: "package", rule: "preset npm" }), null);
  assert.deepEqual(gated.verdict === "ask" && gated.label, UNKNOWN_SOURCE);
});

test("an effect that no rule names is denied and recorded", (t) => {
  const { gate, recorded } = open(t);
  const gated = gate.pass({ kind: "connect", host: "evil.example" } as unknown as Effect, null);
  assert.equal(gated.verdict, "deny");
  assert.deepEqual(recorded()[0]?.effect, { kind: "connect", host: "evil.example" });
});

test("the label is the one of the moment of the decision", (t) => {
  let label = REPO;
  const { gate, recorded } = open(t, () => label);
  const land = { kind: "land", paths: ["a"], digest: "d", held: [], approvals: [], approvedBy: "none" } as const;
  const before = gate.pass(land, null).verdict;
  label = UNKNOWN_SOURCE;
  const after = gate.pass(land, null).verdict;
  assert.deepEqual([before, after], ["allow", "ask"]);
  assert.deepEqual(
    recorded().map((event) => (event.label as JsonObject).integrity),
    ["repo", "external"],
  );
});

test("a long text is recorded by its digest, whole texts up to 2,000 characters as they are", (t) => {
  const { gate, recorded } = open(t);
  gate.pass({ kind: "write", path: "a", content: "x".repeat(2000) }, null);
  gate.pass({ kind: "write", path: "a", content: "x".repeat(2001) }, null);
  gate.pass({ kind: "write", path: "a", content: "y".repeat(2001) }, null);
  const contents = recorded().map((event) => (event.effect as JsonObject).content);
  assert.equal(contents[0], "x".repeat(2000));
  assert.deepEqual(Object.keys(contents[1] as JsonObject), ["chars", "sha256"]);
  assert.notDeepEqual(contents[1], contents[2]);
});

test("the rules stand whole before the first decision by them, and again when others hold", (t) => {
  const deny: Rule = {
    id: "user policy.yaml:1",
    tier: "user",
    verdict: "deny",
    scope: { kind: "run", argv: ["make"] },
    because: null,
  };
  const policy = { current: TABLE_ALONE };
  const { gate, all } = open(t, REPO, policy);
  gate.pass(RUN, "call_1");
  gate.pass(RUN, "call_2");
  policy.current = makePolicy([deny], { ...NO_CEILINGS, usd: 2 });
  gate.pass(RUN, "call_3");
  assert.deepEqual(
    all().map(({ type, rules, ceilings, label, verdict }) =>
      type === "decision" ? verdict : { type, rules, ceilings, label },
    ),
    [
      { type: "policy-rules", rules: [], ceilings: { ...NO_CEILINGS }, label: { ...REPO } },
      "allow",
      "allow",
      { type: "policy-rules", rules: [deny], ceilings: { ...NO_CEILINGS, usd: 2 }, label: { ...REPO } },
      "deny",
    ],
  );
});

test("a long text that no call brought stands before the decision that names it by digest, once", (t) => {
  const { gate, all } = open(t);
  const long = { ...RUN, command: `echo ${"x".repeat(3000)}` };
  gate.pass(long, null);
  gate.pass(long, null);
  gate.pass(long, "call_1");
  const texts = all().filter(({ type }) => type === "text");
  const decision = all().find(({ type }) => type === "decision") ?? assert.fail();
  const named = (decision.effect as JsonObject).command as JsonObject;
  assert.deepEqual(texts, [{ type: "text", at: 7, sha256: named.sha256, text: long.command }]);
});

test("text that is no UTF-8 is recorded, and what is permitted is what was asked", (t) => {
  const { gate, recorded } = open(t);
  const effect: Effect = { kind: "write", path: "a\ud800", content: "\udfff" };
  const gated = gate.pass(effect, null);
  assert.ok(gated.verdict === "allow" && spend(gated.permit) === effect);
  assert.equal(recorded().length, 1);
});

test("where the decision cannot be recorded, nothing is permitted, and never again", (t) => {
  const { gate, ledger, recorded } = open(t);
  ledger.close();
  assert.throws(() => gate.pass(RUN, null), LedgerFailure);
  assert.throws(() => gate.pass(RUN, null), LedgerFailure);
  assert.deepEqual(recorded(), []);
});

for (const [title, effect, steps] of [
  ["an effect of the box is not synced, since its layer can be discarded", RUN, ["append"]],
  [
    "landing is on the disk, and being signed, before it is permitted",
    { kind: "land", paths: ["a"], digest: "d", held: [], approvals: [], approvedBy: "person" },
    ["append", "seal"],
  ],
  [
    "undoing a landing is on the disk, and being signed, before it is permitted",
    { kind: "undo", landing: 1, paths: ["a"], digest: "d", approvedBy: "person" },
    ["append", "seal"],
  ],
  [
    "putting a landing right is on the disk, and being signed, before it is permitted",
    { kind: "recover", what: "land", landing: 1, approvedBy: "person" },
    ["append", "seal"],
  ],
  [
    "showing a port is on the disk, and being signed, before it is permitted",
    { kind: "preview", port: 80, approvedBy: "person", shownAt: UNKNOWN_SOURCE },
    ["append", "seal"],
  ],
  [
    "taking away locks that a landing left is on the disk, and being signed, before it is permitted",
    { kind: "release", approvedBy: "person" },
    ["append", "seal"],
  ],
  [
    "discarding is on the disk, and being signed, before it is permitted",
    { kind: "discard", approvedBy: "person" },
    ["append", "seal"],
  ],
  ["a refusal to discard is on the disk too", { kind: "discard", approvedBy: "none" }, ["append", "seal"]],
] as const) {
  test(title, (t) => {
    const { ledger } = open(t);
    const seen: string[] = [];
    // The real ledger, with a note of what is asked of it.
    const noted = {
      append: (event: JsonObject) => {
        if (event.type === "decision") seen.push("append");
        return ledger.append(event);
      },
      seal: () => {
        seen.push("seal");
        ledger.seal();
      },
    } as Ledger;
    new Gate(
      noted,
      () => UNKNOWN_SOURCE,
      Date.now,
      () => TABLE_ALONE,
    ).pass(effect, null);
    assert.deepEqual(seen, steps);
  });
}

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import { makePolicy, NO_CEILINGS, type Rule } from "../core/policy-rules.ts";
import { SCHEMA } from "../core/schema.ts";
import { createLedger } from "../ledger/append.ts";
import { readLedger } from "../ledger/verify.ts";
import { Gate } from "./gate.ts";
import { type Replayed, replayEvents } from "./replay.ts";
import { RunQuestions } from "./run-questions.ts";
import { SessionLabel } from "./session-label.ts";
import { RunProfiles } from "./shell.ts";
import { parseCall } from "./tools.ts";

const ASKS_ABOUT_MAKE: Rule = {
  id: "user policy.yaml:3",
  tier: "user",
  verdict: "ask",
  scope: { kind: "run", argv: ["make"] },
  because: null,
};
const REQUEST = {
  kind: "request",
  protocol: "https",
  host: "example.com",
  port: 443,
  method: "GET",
  path: "/",
  hasBody: false,
  listed: "unlisted",
  rule: null,
  origin: "composed",
  command: 1,
  approvedBy: "none",
  shown: null,
} as const satisfies Effect;
const CALLS = [
  ["read", { path: "a.txt" }],
  ["run", { command: "make" }],
  ["write", { path: "a.txt", content: "x".repeat(5000) }],
  ["bogus", {}],
  ["run", { command: "touch b" }],
  ["run", { command: "touch b" }],
] as const;

/** Records a session in which a person says yes to a command, by the parts that a session is made of. */
async function record(t: TestContext): Promise<JsonObject[]> {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-replay-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "ledger.log");
  const ledger = createLedger(file, null);
  const policy = makePolicy([ASKS_ABOUT_MAKE], NO_CEILINGS);
  const label = new SessionLabel((event) => ledger.append({ ...event, at: 1 }));
  const gate = new Gate(
    ledger,
    (effect) => label.at(effect),
    () => 2,
    () => policy,
  );
  ledger.append({ type: "start", schema: SCHEMA, at: 0 });
  const look = { kind: "run", command: `cat ${"y".repeat(3000)}`, timeoutMs: 1, background: false } as const;
  const effect: Effect = { ...look, profile: "read-only" };
  label.foresee(effect, null);
  gate.pass(effect, null);
  label.enter({ kind: "person", openness: "private" });
  const parts = CALLS.map(([name, input], at) => ({ kind: "call", id: `c${at}`, name, input: JSON.stringify(input) }));
  ledger.append({ type: "reply", at: 3, parts });
  const profiles = new RunProfiles(() => []);
  const questions = new RunQuestions({
    ask: async () => "yes",
    pass: (approved, call) => gate.pass(approved, call),
    record: (event) => ledger.append({ ...event, at: 4 }),
    origin: () => "",
  });
  for (const { id, name, input } of parts) {
    const parsed = parseCall(name, input);
    let text = "ok";
    if (parsed.ok) {
      const asked = parsed.effect.kind === "run" ? await profiles.choose(parsed.effect) : parsed.effect;
      const gated = gate.pass(asked, id);
      const by = { call: id, signal: new AbortController().signal };
      if (gated.verdict === "ask" && asked.kind === "run") await questions.pass(asked, gated, by);
      // What a bound was in the way of is not bound the next time.
      if (asked.kind === "run" && asked.command === "touch b") text = "Read-only file system";
      if (asked.kind === "run") profiles.explain(asked, { ok: false, code: "exit", text });
    }
    gate.pass(REQUEST, null);
    ledger.append({ type: "outcome", at: 5, call: id, ok: text === "ok", code: text === "ok" ? null : "exit", text });
  }
  ledger.close();
  return [...readLedger(file)].map(({ event }) => event);
}

function replay(events: readonly JsonObject[]): Promise<Replayed> {
  return replayEvents(events.map((event, seq) => ({ seq, event })));
}

test("a recorded session comes out the same, decision by decision", async (t) => {
  const events = await record(t);
  const decisions = events.filter(({ type }) => type === "decision");
  const profiles = decisions.map(({ effect }) => (effect as JsonObject).profile ?? null);
  assert.deepEqual(profiles.filter((profile) => profile !== null).slice(1), ["net", "net", "build", "net"]);
  assert.deepEqual(await replay(events), {
    decisions: decisions.length,
    identical: decisions.length,
    differences: [],
    unreplayed: [],
    givenLabels: 0,
  });
});

test("whatever field of whatever decision was recorded otherwise is a difference at that event", async (t) => {
  const events = await record(t);
  const forged: readonly [string, (event: JsonObject) => JsonObject][] = [
    ["verdict", ({ verdict, ...event }) => ({ ...event, verdict: verdict === "allow" ? "deny" : "allow" })],
    ["reason", (event) => ({ ...event, reason: "because" })],
    ["label", (event) => ({ ...event, label: { integrity: "local", secrecy: "secret" } })],
    ["effect", ({ effect, ...event }) => ({ ...event, effect: { ...(effect as JsonObject), listed: "allow" } })],
    ["new", (event) => ({ ...event, new: 1 })],
  ];
  let tried = 0;
  for (const [name, forge] of forged) {
    for (const [at, event] of events.entries()) {
      if (event.type !== "decision") continue;
      // What the host does for itself no call tells.
      if (name === "effect" && event.call === null && (event.effect as JsonObject).kind === "run") continue;
      const { differences } = await replay(events.with(at, forge(event)));
      assert.ok(
        differences.some(({ seq, text }) => seq === at && text.includes(`${name} is recorded as`)),
        `${name} of event ${at}: ${JSON.stringify(differences)}`,
      );
      tried += 1;
    }
  }
  assert.ok(tried > 60);
});

test("a decision about no call, one too many and one too few are differences", async (t) => {
  const events = await record(t);
  const at = events.findIndex(({ type, call }) => type === "decision" && call === "c0");
  const decision = events[at] ?? assert.fail();
  const texts = async (changed: readonly JsonObject[]) =>
    (await replay(changed)).differences.map(({ text }) => text).join("\n");
  assert.match(await texts(events.with(at, { ...decision, call: "c9" })), /the model made no such call there/);
  assert.match(await texts(events.toSpliced(at, 0, decision)), /decided already, and nobody said yes/);
  assert.match(await texts(events.toSpliced(at, 1)), /read has an outcome and no decision/);
  const answer = events.findIndex(({ type }) => type === "answer");
  assert.match(await texts(events.toSpliced(answer, 1)), /decided already, and nobody said yes/);
});

test("what a decision depends on and the record does not hold is said to be not replayed, or comes out otherwise", async (t) => {
  const events = await record(t);
  const recorded = events.map((event, seq) => ({ seq, event }));
  const without = (wanted: string) => replayEvents(recorded.filter(({ event }) => event.type !== wanted));
  const { unreplayed } = await without("text");
  assert.deepEqual(
    unreplayed.map(({ text }) => text),
    ["a text of its effect is in the record by digest alone"],
  );
  const unruled = await without("policy-rules");
  assert.equal(unruled.unreplayed.length, unruled.decisions);
  for (const wanted of ["foreseen", "reply"]) assert.notDeepEqual((await without(wanted)).differences, [], wanted);
});

test("rules that are not those of their digest decide nothing", async (t) => {
  const events = await record(t);
  const at = events.findIndex(({ type }) => type === "policy-rules");
  const { differences, identical } = await replay(events.with(at, { ...events[at], rules: [] }));
  assert.match(differences[0]?.text ?? "", /its rules are not those of its digest/);
  assert.equal(identical, 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../core/json.ts";
import { end, record, replay } from "./replay.fixture.ts";
import { replayEvents } from "./replay.ts";

test("a recorded session comes out the same, decision by decision", async (t) => {
  const events = end(await record(t));
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
  const events = end(await record(t));
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
  const events = end(await record(t));
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
  const events = end(await record(t));
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
  const events = end(await record(t));
  const at = events.findIndex(({ type }) => type === "policy-rules");
  const { differences, identical } = await replay(events.with(at, { ...events[at], rules: [] }));
  assert.match(differences[0]?.text ?? "", /its rules are not those of its digest/);
  assert.equal(identical, 0);
});

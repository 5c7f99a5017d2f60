import assert from "node:assert/strict";
import { rmSync, truncateSync } from "node:fs";
import { test } from "node:test";
import type { JsonObject } from "../core/json.ts";
import { purgeTexts } from "../ledger/purge.ts";
import { readLedger } from "../ledger/verify.ts";
import { begin, end, REQUEST, type Recording, record, replay } from "./replay.fixture.ts";
import { replayEvents } from "./replay.ts";

/** Spoils what was recorded, and says what cannot be made again, by reason. */
async function without(recording: Recording, spoil: (file: string) => void) {
  const whole = end(recording);
  spoil(recording.file);
  const { decisions, identical, differences, unreplayed } = await replayEvents(readLedger(recording.file));
  assert.deepEqual(differences, []);
  assert.equal(decisions, identical + unreplayed.length);
  assert.equal(decisions, whole.filter(({ type }) => type === "decision").length);
  // What the box asked for is all in the decision itself.
  assert.equal(identical, whole.filter(({ effect }) => (effect as JsonObject)?.kind === "request").length);
  return [...new Set(unreplayed.map(({ text }) => text))];
}

test("decisions whose texts were purged are not replayed, and never count as identical", async (t) => {
  const recording = await record(t);
  purgeTexts(recording.ledger, recording.file, { at: 9, why: "a test" });
  assert.deepEqual(await without(recording, () => {}), ["its text was purged"]);
});

test("texts that are missing, or were never kept, are told apart", async (t) => {
  const missing = await without(await record(t), (file) => rmSync(`${file}.key`));
  assert.deepEqual(missing, ["its text is missing"]);
  const events = end(await record(t));
  const unkept = events.map((event) => (event.type === "reply" ? withoutInputs(event) : event));
  const { differences, unreplayed } = await replay(unkept);
  assert.deepEqual(differences, []);
  assert.deepEqual([...new Set(unreplayed.map(({ text }) => text))], ["its text was never kept"]);
});

test("a text that is cut off the end of its file is missed where it is needed, and nowhere else", async (t) => {
  const recording = await record(t);
  const whole = end(recording);
  truncateSync(`${recording.file}.content`, 1);
  const { decisions, identical, differences, unreplayed } = await replayEvents(readLedger(recording.file));
  assert.deepEqual(differences, []);
  assert.ok(unreplayed.length > 0 && identical > 0);
  assert.equal(identical + unreplayed.length, decisions);
  assert.equal(decisions, whole.filter(({ type }) => type === "decision").length);
});

test("where what a command said is lost, whether the next one like it is bound cannot be told", async (t) => {
  const events = end(await record(t));
  const said = events.findIndex(({ type, text }) => type === "outcome" && text === "Read-only file system");
  const { differences, unreplayed } = await replay(events.with(said, { ...events[said], text: LOST }));
  assert.deepEqual(differences, []);
  assert.deepEqual(
    unreplayed.map(({ text }) => text),
    ["what its command said before is not in the record any more"],
  );
});

test("rules of which a text is lost decide nothing, and are no difference", async (t) => {
  const events = end(await record(t));
  const at = events.findIndex(({ type }) => type === "policy-rules");
  const [rule] = (events[at]?.rules ?? []) as JsonObject[];
  const { differences, unreplayed, decisions } = await replay(
    events.with(at, { ...events[at], rules: [{ ...rule, because: LOST }] }),
  );
  assert.deepEqual(differences, []);
  assert.equal(unreplayed.length, decisions);
  assert.equal(unreplayed[0]?.text, "of the rules that it was decided by: its text was never kept");
});

test("a text without its secret stands for the whole one, whose digest alone is in the record", async (t) => {
  const recording = begin(t, []);
  const { gate, ledger } = recording;
  const [secret, shown] = ["token abcdef", "token «secret:known#1»"];
  ledger.append({ type: "reply", at: 3, parts: [{ kind: "call", id: "c", name: "search", input: INPUT(secret) }] });
  gate.pass({ kind: "search", pattern: secret, path: "", glob: null }, "c");
  ledger.append({ type: "outcome", at: 4, call: "c", ok: true, code: null, text: "" });
  gate.pass({ ...REQUEST, path: `/${secret}` }, null);
  const taken = end(recording).map((event): JsonObject => {
    if (event.type === "reply")
      return { ...event, parts: [{ kind: "call", id: "c", name: "search", input: INPUT(shown) }] };
    if (event.type !== "decision") return event;
    const effect = event.effect as JsonObject;
    const without = effect.kind === "search" ? { pattern: `${shown}${DIGEST}` } : { path: `/${shown}${DIGEST}` };
    return { ...event, effect: { ...effect, ...without } };
  });
  const { identical, differences } = await replay(taken);
  assert.deepEqual(differences, []);
  assert.equal(identical, 2);
  for (const [at, event] of taken.entries()) {
    if (event.type !== "decision") continue;
    const effect = event.effect as JsonObject;
    if (effect.kind !== "search") continue;
    const forged = taken.with(at, { ...event, effect: { ...effect, pattern: `other «secret:known#1»${DIGEST}` } });
    assert.equal((await replay(forged)).differences.length, 1);
    // In the JSON of a call ends of lines are escaped, so that a key of several has another number there.
    const numbered = `${shown.replace("#1", "#2")}${DIGEST}`;
    const other = taken.with(at, { ...event, effect: { ...effect, pattern: numbered } });
    assert.deepEqual((await replay(other)).differences, []);
  }
});

const LOST = { unkept: true, bytes: 9 };
const DIGEST = ` [sha256 ${"ab".repeat(32)}]`;
const INPUT = (pattern: string) => JSON.stringify({ pattern, path: "" });

function withoutInputs(reply: JsonObject): JsonObject {
  const parts = (reply.parts as readonly JsonObject[]).map((part) => ({ ...part, input: LOST }));
  return { ...reply, parts };
}

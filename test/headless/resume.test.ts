import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "../../src/core/json.ts";
import { readLedger } from "../../src/ledger/verify.ts";
import {
  call,
  type Event,
  makePlace,
  mark,
  type Place,
  processesWith,
  readPlayed,
  ringfence,
  run,
  runArguments,
  script,
  sessionFolder,
  start,
  type Turn,
  type User,
  until,
  users,
} from "./program.ts";

const SLEEP = mark();
const FIRST: readonly Turn[] = [
  run("echo one >a.txt; echo mine >mine.txt; git add -A; git commit -qm in-the-box"),
  run(`sleep ${SLEEP}`, { background: true }),
  {
    calls: [
      { tool: "run", input: { command: "echo begun >begun.txt; sleep 60" } },
      { tool: "run", input: { command: "echo never >never.txt" } },
    ],
    usage: { input: 100, output: 10, usd: 0.5 },
  },
];

function eventsOf(place: Place): JsonObject[] {
  return [...readLedger(join(sessionFolder(place), "ledger.log"))].map(({ event }) => event);
}

/** A session that is killed with kill -9 in the middle of a command. */
async function killed(t: TestContext, user: User, turns = FIRST): Promise<Place> {
  const place = makePlace(t, "echo zero >a.txt; echo p >p.txt", { user });
  const { child, ended } = start(place, runArguments(script(place, turns)));
  await until("the last command runs", () => hasBegun(place));
  child.kill("SIGKILL");
  await ended;
  return place;
}

function hasBegun(place: Place): boolean {
  try {
    const folder = sessionFolder(place);
    return readFileSync(join(folder, "layer/upper/begun.txt"), "utf8") !== "";
  } catch {
    return false;
  }
}

async function resumed(place: Place, turns: readonly Turn[], args: readonly string[] = ["--resume", "last"]) {
  return readPlayed(await ringfence(place, runArguments(script(place, turns), args)));
}

for (const [who, user] of users()) {
  test(`a session killed with kill -9 in the middle goes on with its layer and its conversation: as ${who}`, async (t) => {
    const place = await killed(t, user);
    await until("nothing of the box lives", () => processesWith(SLEEP).length === 0);
    writeFileSync(join(place.checkout, "p.txt"), "person\n");
    const before = eventsOf(place);
    const played = await resumed(place, [
      run("cat a.txt mine.txt begun.txt p.txt; ls never.txt; git log --oneline | wc -l"),
      { text: "done" },
    ]);
    assert.equal(played.status, 0, played.stderr);
    assert.match(played.results[0]?.text ?? "", /^one\nmine\nbegun\nperson\n.*never.txt.*No such file.*\n2/s);
    const events = eventsOf(place);
    const news = events.slice(before.length);
    assert.deepEqual(events.slice(0, before.length), before);
    assert.equal(news[0]?.type, "resumed");
    const lost = news.filter(({ type }) => type === "outcome").slice(0, 2);
    assert.match(String(lost[0]?.text), /^the program ended before it was known/);
    assert.equal(lost[1]?.text, "not done: the turn was stopped");
    const prompt = String(news.find(({ type }) => type === "prompt")?.text);
    assert.match(prompt, /This session broke off and goes on now/);
    assert.ok(prompt.includes(`What ran in the background has ended: "sleep ${SLEEP}"`), prompt);
    assert.match(prompt, /Since your last turn the person changed "p.txt"/);
    // One prompt, three replies with their results, one more prompt.
    assert.equal(news.find(({ type }) => type === "request")?.messages, 8);
    assert.equal((played.result as Event).total_cost_usd, 0.5);
    const sums = await ringfence(place, ["log", "verify"]);
    assert.equal(sums.status, 0, sums.stdout);
  });
}

test("a resumed session has the label of before, has no grant, and runs nothing again", async (t) => {
  const [[, user] = ["", undefined]] = users();
  if (!user) throw new Error("no user");
  const place = await killed(t, user);
  const before = eventsOf(place);
  const played = await resumed(place, [{ text: "nothing to do" }]);
  assert.equal(played.status, 0, played.stderr);
  const news = eventsOf(place).slice(before.length);
  const decided = news.filter(({ type, call: by }) => type === "decision" && typeof by === "string");
  assert.deepEqual(decided, []);
  // All that raised it is in the record already.
  assert.deepEqual(
    news.filter(({ type }) => type === "source"),
    [],
  );
  const later = await resumed(place, [call("fetch", { url: "https://example.com/?q=1" }), { text: "no" }]);
  const decision = eventsOf(place).findLast(({ type }) => type === "decision" && true) as JsonObject;
  assert.equal(later.status !== 50, true);
  assert.deepEqual((decision.label as JsonObject | undefined)?.integrity, "external");
});

test("a record that was changed, or cut below what was signed, is not gone on from", async (t) => {
  const [[, user] = ["", undefined]] = users();
  if (!user) throw new Error("no user");
  const place = await killed(t, user);
  const file = join(sessionFolder(place), "ledger.log");
  const whole = readFileSync(file);
  const at = whole.indexOf("in-the-box");
  const changed = Buffer.from(whole);
  changed.write("IN-THE-BOX", at);
  writeFileSync(file, changed);
  const refused = await ringfence(place, ["run", "go on", "--resume", "last", "--model", script(place, [])]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /was changed at event \d+/);
  assert.deepEqual(readFileSync(file), changed);
  // A write that the kill tore is none of that.
  writeFileSync(file, whole);
  appendFileSync(file, "0000");
  const played = await resumed(place, [{ text: "done" }]);
  assert.equal(played.status, 0, played.stderr);
  assert.equal(eventsOf(place).filter(({ type }) => type === "recovered").length, 1);
});

test("a second process on one session is refused, and told by whom", async (t) => {
  const [[, user] = ["", undefined]] = users();
  if (!user) throw new Error("no user");
  const place = makePlace(t, "echo zero >a.txt", { user });
  const { child, ended } = start(place, runArguments(script(place, FIRST)));
  await until("it runs", () => hasBegun(place));
  const id = sessionFolder(place).split("/").at(-1) ?? "";
  const refused = await ringfence(place, ["resume", id, "--model", script(place, [])]);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, new RegExp(`session ${id} is running`));
  child.kill("SIGKILL");
  await ended;
});

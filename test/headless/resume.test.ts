import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import type { JsonObject } from "../../src/core/json.ts";
import { readLedger } from "../../src/ledger/verify.ts";
import {
  call,
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

function hasBegun(place: Place): boolean {
  try {
    const folder = sessionFolder(place);
    return readFileSync(join(folder, "layer/upper/begun.txt"), "utf8") !== "";
  } catch {
    return false;
  }
}

for (const [who, user] of users()) {
  test(`a session killed with kill -9 in the middle goes on, and only by its own whole record: as ${who}`, async (t) => {
    const place = makePlace(t, "echo zero >a.txt; echo p >p.txt", { user });
    const { child, ended } = start(place, runArguments(script(place, FIRST)));
    await until("the last command runs", () => hasBegun(place));
    const path = sessionFolder(place);
    const second = await ringfence(place, ["resume", basename(path), "--model", script(place, [])]);
    assert.equal(second.status, 2);
    assert.ok(second.stderr.includes(`session ${basename(path)} is running`), second.stderr);
    child.kill("SIGKILL");
    await ended;
    await until("nothing of the box lives", () => processesWith(SLEEP).length === 0);
    const before = eventsOf(place);
    // A write that the kill tore.
    appendFileSync(join(path, "ledger.log"), Buffer.from([0, 0, 0]));
    writeFileSync(join(place.checkout, "p.txt"), "person\n");
    const turns = [
      run("cat a.txt mine.txt begun.txt p.txt; ls never.txt; git log --oneline | wc -l"),
      call("fetch", { url: "https://example.com/?q=1" }),
      { text: "done" },
    ];
    const played = readPlayed(await ringfence(place, runArguments(script(place, turns), ["--resume", "last"])));
    assert.match(played.results[0]?.text ?? "", /^one\nmine\nbegun\nperson\n.*never.txt.*No such file.*\n2/s);
    // No yes of before counts, and what it has seen still does.
    assert.equal(played.results[1]?.ok, false);
    const events = eventsOf(place);
    assert.deepEqual(events.slice(0, before.length), before);
    const news = events.slice(before.length);
    // The write that was torn is cut, and recorded.
    assert.deepEqual(
      news.slice(0, 2).map(({ type }) => type),
      ["recovered", "resumed"],
    );
    const lost = news.filter(({ type }) => type === "outcome").slice(0, 2);
    assert.match(String(lost[0]?.text), /^the program ended before it was known/);
    assert.equal(lost[1]?.text, "not done: the turn was stopped");
    const said = String(news.find(({ type }) => type === "prompt")?.text);
    assert.match(said, /This session broke off and goes on now/);
    assert.ok(said.includes(`What ran in the background has ended: "sleep ${SLEEP}"`), said);
    assert.match(said, /Since your last turn the person changed "p.txt"/);
    // Only what the new calls ask for is decided: nothing of before runs again.
    const decided = news.filter(({ type, call: by }) => type === "decision" && typeof by === "string");
    assert.deepEqual(
      decided.map((decision) => (decision.effect as JsonObject).kind),
      ["run", "fetch"],
    );
    // What raised it is in the record already.
    const [first] = decided;
    assert.deepEqual(first?.label, { integrity: "external", secrecy: "private" });
    assert.deepEqual(
      news.filter(({ type }) => type === "source"),
      [],
    );
    // One prompt, three replies with their results, one more prompt; and what all of it cost.
    assert.equal(news.find(({ type }) => type === "request")?.messages, 8);
    assert.equal(played.result.total_cost_usd, 0.5);
    assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
    // The calls that the kill cut off are taken as what they were.
    const replayed = await ringfence(place, ["log", "replay"]);
    assert.match(replayed.stdout, /^session \S+: (\d+) decisions, \1 identical, 0 different, 0 not replayed\n$/);
    await refusesChanged(place, join(path, "ledger.log"));
  });
}

/** A signed record of which a few bytes were changed is not gone on from, and is left as it is. */
async function refusesChanged(place: Place, file: string): Promise<void> {
  const whole = readFileSync(file);
  const changed = Buffer.from(whole);
  changed.write("IN-THE-BOX", whole.indexOf("in-the-box"));
  writeFileSync(file, changed);
  const refused = await ringfence(place, ["run", "go on", "--resume", "last", "--model", script(place, [])]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /was changed at event \d+/);
  assert.deepEqual(readFileSync(file), changed);
  // For whoever replays it.
  writeFileSync(file, whole);
}

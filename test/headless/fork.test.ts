import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { test } from "node:test";
import type { JsonObject } from "../../src/core/json.ts";
import { readLedger } from "../../src/ledger/verify.ts";
import { replayAll } from "../replayed.ts";
import {
  call,
  makePlace,
  type Place,
  readPlayed,
  ringfence,
  run,
  runArguments,
  script,
  sessionFolder,
} from "./program.ts";

function eventsOf(path: string): JsonObject[] {
  return [...readLedger(join(path, "ledger.log"))].map(({ event }) => event);
}

async function played(place: Place, turns: Parameters<typeof script>[1], ...more: string[]) {
  return readPlayed(await ringfence(place, runArguments(script(place, turns), more)));
}

test("a fork has the files and the conversation of a turn, the label and the costs of the whole session, and a life of its own", async (t) => {
  const place = makePlace(t, "echo zero >a.txt; echo n >notes.md", { isReplayed: false });
  const usage = { input: 100, output: 10, usd: 0.25 };
  await played(place, [
    run("echo one >a.txt; mkdir d; echo d >d/d.txt; rm notes.md"),
    { text: "the answer is plum", usage },
  ]);
  const path = sessionFolder(place);
  const id = basename(path);
  const first = eventsOf(path).filter(({ type }) => type === "prompt");
  await played(place, [run("echo two >a.txt; rm -r d; echo late >late.txt"), { text: "later", usage }], "--resume", id);
  const events = eventsOf(path);
  const forked = await ringfence(place, ["fork", id, "--at", "2", "--json"]);
  assert.equal(forked.status, 0, forked.stderr);
  const { id: own, from } = JSON.parse(forked.stdout) as { id: string; from: JsonObject };
  const ownPath = join(path, "..", own);
  const seq = events.findIndex(({ type, number }) => type === "checkpoint" && number === 2);
  assert.deepEqual({ ...from, hash: "" }, { session: id, seq, hash: "", turn: 2 });
  assert.match(String(from.hash), /^[0-9a-f]{64}$/);
  // Nothing of it stays with the one that it came from.
  assert.deepEqual(eventsOf(path), events);
  assert.equal((await ringfence(place, ["purge", id])).status, 0);
  const turns = [
    run("cat a.txt d/d.txt; ls; echo mine >>a.txt; echo mine >>d/d.txt"),
    call("fetch", { url: "https://example.com/?q=1" }),
    { text: "done", usage },
  ];
  const again = await played(place, turns, "--resume", own);
  assert.match(again.results[0]?.text ?? "", /^one\nd\na\.txt\nd$/);
  assert.equal(again.results[1]?.ok, false);
  assert.equal(again.result.total_cost_usd, 0.75);
  const ownEvents = eventsOf(ownPath);
  const [request] = ownEvents.filter(({ type }) => type === "request");
  // A prompt, a call, its result, a reply, and what is said now.
  assert.equal(request?.messages, 5);
  const inherited = ownEvents.filter(({ type }) => type === "inherited").map(({ message }) => message as JsonObject);
  assert.equal(inherited[0]?.text, first[0]?.text);
  assert.match(JSON.stringify(inherited), /the answer is plum/);
  assert.doesNotMatch(JSON.stringify(ownEvents), /later/);
  const said = String(ownEvents.find(({ type }) => type === "prompt")?.text);
  assert.ok(said.includes(`This session was forked from ${id}, from before its turn 2`), said);
  const decided = ownEvents.find(({ type, call: by }) => type === "decision" && typeof by === "string");
  assert.deepEqual(decided?.label, { integrity: "external", secrecy: "private" });
  // The other's files are gone with it, and the fork's are whole.
  const diff = await ringfence(place, ["diff", "--session", own]);
  assert.match(diff.stdout, /\+one\n\+mine/);
  assert.equal((await ringfence(place, ["log", "verify", "--session", own])).status, 0);
  const { decisions } = await replayAll(join(path, "../.."), new Set([join(path, "ledger.log")]));
  assert.ok(decisions >= 2);
});

test("sessions have names that hold wherever an id does, and are found by what was said in them", async (t) => {
  // What was purged cannot be decided again.
  const place = makePlace(t, "echo a >a.txt", { isReplayed: false });
  await played(place, [run("echo b >a.txt"), { text: "the colour is MAUVE\u001b[31m" }]);
  const id = basename(sessionFolder(place));
  const name = async (...words: string[]) => ringfence(place, ["sessions", "name", ...words]);
  for (const wrong of ["last", id, "20260101-000000-0123abcd", "a\u202eb", "x".repeat(65), "-", "\u200b", "a/b"])
    assert.equal((await name(id, "--", wrong)).status, 2, wrong);
  assert.match((await name(id, "the", "login fix")).stdout, /is called "the login fix"/);
  assert.match((await ringfence(place, ["diff", "--session", "the login fix"])).stdout, /\+b/);
  const found = async (text: string) => {
    const { stdout } = await ringfence(place, ["sessions", "--json", "--search", text]);
    return (JSON.parse(stdout) as { id: string; found: unknown; name: string }[]).map((one) => [one.name, one.found]);
  };
  assert.deepEqual(await found("LOGIN"), [["the login fix", { what: "name", excerpt: "the login fix" }]]);
  assert.deepEqual(await found("mauve"), [
    ["the login fix", { what: "reply", excerpt: "the colour is MAUVE\u001b[31m" }],
  ]);
  assert.deepEqual(await found("purple"), []);
  // The program's own look at instruction files is not the person's.
  assert.deepEqual(await found("AGENTS.md"), []);
  const shown = (await ringfence(place, ["sessions", "--search", "mauve"])).stdout;
  assert.match(shown, /the login fix: .*\n {4}reply: the colour is MAUVE\\x1b\[31m\n$/);
  const last = eventsOf(sessionFolder(place)).findLast(({ type }) => type === "named");
  assert.equal(last?.title, "the login fix");
  await ringfence(place, ["purge", "the login fix", "--content-only"]);
  assert.deepEqual([await found("LOGIN"), await found("mauve")], [[], []]);
  // What was said is gone, and the person and the model are told so; the files are there.
  const again = await played(place, [run("cat a.txt"), { text: "ok" }], "--resume", id);
  assert.equal(again.results[0]?.text.trim(), "b");
  assert.equal(eventsOf(sessionFolder(place)).findLast(({ type }) => type === "request")?.messages, 3);
  assert.match(JSON.stringify(again.events), /What was said in this session is not kept any more/);
});

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { test } from "node:test";
import type { JsonObject } from "../../src/core/json.ts";
import { replayAll } from "../replayed.ts";
import { eventsOf, played } from "./forking.ts";
import { call, makePlace, ringfence, run, sessionFolder } from "./program.ts";

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
  const { decisions } = await replayAll(join(path, "../.."), { done: new Set([join(path, "ledger.log")]) });
  assert.ok(decisions >= 2);
});

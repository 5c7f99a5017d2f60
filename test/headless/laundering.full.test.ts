import assert from "node:assert/strict";
import { readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { rebuiltFrom } from "../../src/core/session-label.ts";
import { readLedger } from "../../src/ledger/verify.ts";
import { head, makeRepository, played, READ, trust } from "./labelled.ts";
import { call, type Place, play, ringfence, run, script, sh, start } from "./program.ts";
import { open } from "./screen.ts";
import { trustFolder } from "./trusting.ts";

const WORDS = "in a stranger's words";
const WRITE = call("write", { path: "src/a.js", content: `${WORDS}\n` });

const sessionsFolder = ({ home }: Place) => join(home, ".local/state/ringfence/sessions");
const sessionsOf = (place: Place) => readdirSync(sessionsFolder(place));

function labelOf(place: Place, session: string): string {
  const events = [...readLedger(join(sessionsFolder(place), session, "ledger.log"))].map(({ event }) => event);
  const { integrity, secrecy } = rebuiltFrom(events);
  return `${integrity} ${secrecy}`;
}

test("what a session committed keeps its label when the person takes the branch back and keeps the files", async (t) => {
  const { place, get } = await makeRepository(t);
  await trust(place, ["commit", head(place)]);
  const commit = run("git commit -qam wip; git mv src/b.js src/c.js; git commit -qm moved");
  await play(place, [get("/page"), WRITE, commit, { text: "ok" }], ["--branch", "theirs"]);
  sh(place, "git checkout -q theirs; git reset -q --soft main");
  assert.equal(sh(place, "cat src/a.js").trim(), WORDS);
  assert.equal((await played(place, [READ])).label, "external private");
  // Of a commit in between no file stands there by itself.
  sh(
    place,
    "git checkout -q main; git checkout -q theirs~0 -- src/a.js; cp src/a.js src/b.js; git checkout -q main -- src/a.js",
  );
  assert.equal((await played(place, [call("read", { path: "src/b.js" })])).label, "external private");
});

test("what differs from a commit that is not checked out when it is approved is a stranger's once it is", async (t) => {
  const { place } = await makeRepository(t);
  const first = head(place);
  sh(place, `echo "${WORDS}" >src/a.js; git commit -qam theirs`);
  await trust(place, ["commit", first]);
  sh(place, "git reset -q --soft HEAD~1");
  assert.equal((await played(place, [READ])).label, "external private");
});

test("what a parallel session lands within a turn keeps its label for one that reads it in that turn", async (t) => {
  const { place, get } = await makeRepository(t);
  await trust(place, ["commit", head(place)]);
  sh(place, "echo mine >src/b.js");
  const other = call("read", { path: "src/b.js" });
  const waiting = open(t, place, ["--model", script(place, [other, run("sleep 20"), READ, { text: "that was read" }])]);
  await waiting.see("> ");
  const [session = ""] = sessionsOf(place);
  waiting.type("go\r");
  await waiting.see("sleep 20");
  await played(place, [get("/page"), WRITE]);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  await waiting.see("that was read");
  assert.equal(labelOf(place, session), "external private");
});

test("what is checked out within a turn is not taken for the person's own change of the approved commit", async (t) => {
  const { place } = await makeRepository(t);
  await trust(place, ["commit", head(place)]);
  const waiting = open(t, place, ["--model", script(place, [run("sleep 4"), READ, { text: "that was read" }])]);
  await waiting.see("> ");
  waiting.type("go\r");
  await waiting.see("sleep 4");
  // What the command could read is looked at first.
  await sleep(2000);
  sh(place, `echo "${WORDS}" >src/a.js; git commit -qam theirs`);
  await waiting.see("that was read");
  assert.equal(labelOf(place, sessionsOf(place)[0] ?? ""), "external private");
});

test("a public mark of a checkout that is fetched from nowhere is not another repository's at that path", async (t) => {
  const { place } = await makeRepository(t);
  await trust(place, ["public"], ["commit", head(place)]);
  assert.equal((await played(place, [READ])).label, "repo public");
  sh(
    place,
    "rm -rf .git src; mkdir src; echo secret >src/a.js; git init -q -b main .; git add -A; git commit -qm other",
  );
  assert.equal((await played(place, [READ])).label, "external private");
});

test("an approval that is killed once it stands has noted what differed", async (t) => {
  const { place } = await makeRepository(t);
  const folder = trustFolder(place);
  sh(place, `echo "${WORDS}" >src/a.js; mkdir -p ${folder}`);
  const { child, ended } = start(place, ["trust", "commit", head(place)]);
  const watcher = watch(folder, (_event, name) => {
    if (/^[0-9a-f]{64}\.json$/.test(name ?? "") && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  });
  t.after(() => watcher.close());
  await ended;
  assert.equal((await played(place, [READ])).label, "external private");
});

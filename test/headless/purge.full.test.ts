import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configure, makePlace, newestEvents, type Place, ringfence, sh } from "./program.ts";
import { SECRET, session, stateOf } from "./purging.ts";

/** Whether any file of the state folder holds a text as it is. */
function holds(place: Place, text: string): boolean {
  return spawnSync("grep", ["-rqaF", text, stateOf(place)]).status === 0;
}

test("gc destroys the texts that are older than the person says, and keeps the rest", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  const [old, young] = [await session(place), await session(place)];
  const [then, folder] = [Date.now() / 1000 - 20 * 86_400, join(stateOf(place), "sessions", old)];
  utimesSync(join(folder, "ledger.log"), then, then);
  sh(place, `sed -i 's/"startedAt":[0-9]*/"startedAt":${Math.floor(then * 1000)}/' ${folder}/session.json`);
  configure(place, "gc: {days: 30}\nlog: {days: 10}\n");
  const done = await ringfence(place, ["gc"]);
  assert.match(
    done.stdout,
    new RegExp(`^purged   ${old} .*\n0 removed, 2 kept, the texts of 1 session destroyed; every log stays$`, "m"),
  );
  const show = async (id: string) => (await ringfence(place, ["log", "show", "--session", id])).stdout;
  assert.equal((await show(old)).includes(SECRET), false);
  assert.equal((await show(young)).includes(SECRET), true);
  // It was not used by that: what waits in it is as old as before.
  assert.match((await ringfence(place, ["sessions"])).stdout, new RegExp(`^${old} +20 d`, "m"));
  assert.match((await ringfence(place, ["gc"])).stdout, /^0 removed, 2 kept; every log stays$/m);
});

test("without content no text is on the disk, and no file of the repository can change that", async (t) => {
  const make =
    "echo a >a.txt; mkdir -p .config/ringfence .ringfence; echo 'log: {content: full}' | tee .config/ringfence/config.yaml >.ringfence/config.yaml";
  // What was never kept cannot be replayed.
  const place = makePlace(t, make, { isReplayed: false });
  configure(place, "log: {content: none}\n");
  const id = await session(place);
  assert.equal(existsSync(join(stateOf(place), "sessions", id, "ledger.log.content")), false);
  assert.equal(holds(place, SECRET), false);
  const reply = newestEvents(place).findLast(({ type }) => type === "reply");
  assert.match(JSON.stringify(reply), /"unkept":true/);
  const verified = await ringfence(place, ["log", "verify"]);
  assert.match(verified.stdout, /^\d+ texts recorded by hash and length alone$/m);
  assert.equal(verified.status, 0);
  assert.equal(holds(place, '"title":"a task"'), false);
});

test("links planted in the state folder are refused or passed over, and nothing behind them changes", async (t) => {
  const make = "echo a >a.txt; mkdir -p ../other/victim; echo mine >../other/victim/key.pem";
  const place = makePlace(t, make, { isReplayed: false });
  const id = await session(place);
  const other = join(place.root, "other/victim");
  sh(place, `cp ${stateOf(place)}/sessions/${id}/session.json ${other}; sed -i s/${id}/planted/ ${other}/session.json`);
  symlinkSync(other, join(stateOf(place), "sessions/planted"));
  assert.doesNotMatch((await ringfence(place, ["sessions", "--all"])).stdout, /planted/);
  assert.match((await ringfence(place, ["purge", "planted"])).stderr, /there is no session "planted"/);
  const file = join(stateOf(place), "sessions", id, "ledger.log.key");
  sh(place, `rm ${file}; ln -s ${other}/key.pem ${file}`);
  const purged = await ringfence(place, ["purge", id, "--content-only"]);
  assert.match(purged.stdout, /failed .*ELOOP/);
  assert.equal(purged.status, 1);
  sh(place, `rm -r ${stateOf(place)}/seals; ln -s ${other} ${stateOf(place)}/seals`);
  const begun = await ringfence(place, ["exec", "--", "true"]);
  assert.match(begun.stderr, /holds a link, seals, which is none of ours: remove/);
  assert.equal(begun.status, 2);
  assert.equal(sh(place, `ls ${other}; cat ${other}/key.pem`), "key.pem\nsession.json\nmine\n");
});

test("no export tells what was purged, and a purge by id leaves the log alone", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  const id = await session(place);
  assert.equal((await ringfence(place, ["purge", "--all", "--content-only"])).status, 0);
  for (const format of ["html", "otlp"]) {
    const exported = await ringfence(place, ["log", "export", "--format", format]);
    assert.equal(exported.status, 0, exported.stderr);
    assert.equal(exported.stdout.includes(SECRET), false);
  }
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.equal((await ringfence(place, ["purge", id])).status, 0);
  const left = ["ledger.log", "ledger.log.key", "session.json"];
  assert.deepEqual(readdirSync(join(stateOf(place), "sessions", id)).sort(), left);
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
});

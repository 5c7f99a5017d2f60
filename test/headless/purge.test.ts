import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makePlace, type Place, recordedText, ringfence, sh, users } from "./program.ts";
import { SECRET, session, stateOf } from "./purging.ts";

/** Whether any file of the state folder holds a text as it is. */
function holds(place: Place, text: string): boolean {
  return spawnSync("grep", ["-rqaF", text, stateOf(place)]).status === 0;
}

for (const [who, user] of users()) {
  test(`purge destroys what was written and leaves a log that verifies: as ${who}`, async (t) => {
    const place = makePlace(t, "echo a >a.txt", { user });
    const id = await session(place);
    assert.equal(holds(place, SECRET), false);
    assert.match(recordedText(place), new RegExp(SECRET));
    const done = await ringfence(place, ["purge", "--all", "--content-only"]);
    assert.match(
      done.stdout,
      new RegExp(`^purged   ${id} .*its changes still wait\n1 session purged; every log stays`),
    );
    assert.equal(done.status, 0, done.stderr);

    const verified = await ringfence(place, ["log", "verify"]);
    assert.match(
      verified.stdout,
      /chain whole[\s\S]*Signed up to event[\s\S]*\d+ texts purged: the key is destroyed, as the log says/,
    );
    assert.equal(verified.status, 0);
    const shown = await ringfence(place, ["log", "show"]);
    assert.match(shown.stdout, /"text":\{"purged":true,"bytes":6\},"type":"prompt"/);
    assert.match(shown.stdout, /"command":"echo box >>a.txt/);
    const replayed = await ringfence(place, ["log", "replay", "--all", "--policy", "current"]);
    assert.match(
      replayed.stdout,
      /, 0 different, [1-9]\d* not replayed\n {2}events? [\d, ]+ (?:is|are) not replayed: its text was purged\n {2}by that policy every decision that could be made again is the same\n/,
    );
    assert.equal(replayed.status, 1);
    const keptFolder = readdirSync(join(stateOf(place), "sessions", id)).sort();
    assert.equal(keptFolder.includes("ledger.log.content"), false);

    // The changes are there, and what lands is recorded.
    assert.equal((await ringfence(place, ["land"])).status, 0);
    assert.equal(sh(place, "cat a.txt"), "a\nbox\n");
  });
}

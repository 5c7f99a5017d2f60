import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { folderOf, keepRunning, makeOld, runOnce, sessionsOf } from "./many-sessions.ts";
import { makePlace, ringfence, sh, users } from "./program.ts";

for (const [who, user] of users()) {
  test(`gc removes what is old, says loudly what is lost, and keeps every log and what runs: as ${who}`, async (t) => {
    const place = makePlace(t, "echo a >a.txt", { user });
    const landed = await runOnce(place, "one", "echo box >>a.txt", "--land", "auto");
    const waits = await runOnce(place, "two", "mkdir shut; echo x >shut/x; chmod 000 shut");
    const young = await runOnce(place, "three", "echo y >young");
    await keepRunning(t, place);
    const [running] = await sessionsOf(place);
    for (const id of [landed, waits, running?.id ?? ""]) makeOld(place, id, 20);
    makeOld(place, young, 13);
    const done = await ringfence(place, ["gc"]);
    assert.equal(done.status, 0, done.stderr);
    const lines = done.stdout.trim().split("\n");
    assert.match(lines[0] ?? "", new RegExp(`^removed  ${landed} .* one  \\(old, \\d+ KB freed\\)$`));
    assert.match(
      lines[1] ?? "",
      new RegExp(`^removed  ${waits} .* two  \\(old, .* CHANGES THAT NEVER LANDED ARE GONE$`),
    );
    assert.deepEqual(
      [
        lines
          .slice(2, -1)
          .map((line) => /^kept {5}(\S+)/.exec(line)?.[1])
          .sort(),
        lines.at(-1),
      ],
      [[running?.id, young].sort(), "2 removed, 2 kept; every log stays"],
    );
    for (const id of [landed, waits]) {
      assert.deepEqual(readdirSync(folderOf(place, id)).sort(), ["ledger.log", "ledger.log.key", "session.json"]);
      assert.equal((await ringfence(place, ["log", "verify", "--session", id])).status, 0);
      const { stdout } = await ringfence(place, ["log", "show", "--session", id]);
      // What signs the log stands between them.
      const acts = stdout.split("\n").filter((line) => /"type":"(?:decision|removed)"/.test(line));
      assert.match(acts.slice(-2).join("\n"), /"kind":"remove".*\n.*"type":"removed"/);
    }
    assert.equal((await ringfence(place, ["undo"])).status, 1);
    assert.equal(sh(place, "cat a.txt"), "a\nbox\n");
    assert.match(
      (await ringfence(place, ["gc", "--days", "7"])).stdout,
      /^removed .* three .*CHANGES THAT NEVER LANDED/,
    );
  });
}

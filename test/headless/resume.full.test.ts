import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { makePlace, readPlayed, ringfence, run, runArguments, script, sessionFolder } from "./program.ts";
import { open } from "./screen.ts";

test("a session that goes on in a terminal has its name, its turns and its changes, and ends as any other", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  await ringfence(place, runArguments(script(place, [run("echo two >>a.txt"), { text: "first done" }])));
  const id = basename(sessionFolder(place));
  assert.equal((await ringfence(place, ["sessions", "name", id, "two lines"])).status, 0);
  const model = script(place, [run("cat a.txt; echo three >>a.txt"), { text: "second done" }]);
  const screen = open(t, place, ["resume", "two lines", "--model", model]);
  await screen.see("note: This session goes on, in a new box");
  await screen.see("> ");
  screen.type("/rewind\r");
  await screen.see(/^ +1 {2}[\d:]+ {2}before: /m);
  await screen.see("> ");
  screen.type("go on\r");
  await screen.see("second done");
  await screen.see(/^edit +\+2 -0 {2}a\.txt/m);
  await screen.see("> ");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
});

test("a ceiling and rules that were named before bound a session that goes on, and its forks", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const policy = join(place.root, "rules.yaml");
  writeFileSync(policy, "rules:\n  - deny: {write: shut.txt}\n    because: nobody writes there\n");
  const spent = { text: "done", usage: { input: 10, output: 10, usd: 0.5 } };
  await ringfence(place, runArguments(script(place, [run("true"), spent]), ["--policy", policy]));
  const id = basename(sessionFolder(place));
  const { id: fork } = JSON.parse((await ringfence(place, ["fork", id, "--json"])).stdout) as { id: string };
  for (const one of [id, fork]) {
    const turns = [{ calls: [{ tool: "write", input: { path: "shut.txt", content: "x" } }] }, { text: "ok" }];
    const model = script(place, turns);
    const again = readPlayed(await ringfence(place, runArguments(model, ["--resume", one])));
    assert.match(again.results[0]?.text ?? "", /nobody writes there/, one);
    const over = readPlayed(await ringfence(place, runArguments(model, ["--resume", one, "--max-usd", "0.4"])));
    assert.equal(over.status, 30, one);
    assert.deepEqual(over.results, [], one);
  }
});

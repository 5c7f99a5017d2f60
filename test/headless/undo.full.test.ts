import assert from "node:assert/strict";
import { test } from "node:test";
import { makePlace, play, ringfence, run, script, sh, start } from "./program.ts";
import { MAKE, WORK } from "./undoing.ts";

test("an undo says how a branch goes back that landed commits moved, since it gives back files alone", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  const before = sh(place, "git rev-parse HEAD; git status --short");
  const other = "git switch -qc side; git commit -q --allow-empty -m side; git switch -q -";
  await play(place, [run(`${other}; echo b >>a.txt; git commit -qam b; echo c >>a.txt`), { text: "ok" }]);
  await ringfence(place, ["land"]);
  const undone = await ringfence(place, ["undo"]);
  const [, id = ""] =
    /^stays {3}branch main, .* moved to [0-9a-f]{7}; .*: git reset ([0-9a-f]{12}) /m.exec(undone.stdout) ?? [];
  const [, made = ""] = /^stays {3}branch side, .*: git branch -D (\S+)$/m.exec(undone.stdout) ?? [];
  assert.deepEqual([undone.status, made, sh(place, "cat a.txt")], [0, "side", "a\n"], undone.stdout);
  sh(place, `git reset -q ${id}; git branch -q -D ${made}`);
  assert.equal(sh(place, "git rev-parse HEAD; git status --short"), before);
  // Commits alone are no landing to undo, and the person is told the same.
  await play(place, [run(other), { text: "ok" }]);
  await ringfence(place, ["land"]);
  const none = await ringfence(place, ["undo"]);
  assert.deepEqual([none.status, /git branch -D side\n$/.test(none.stdout)], [1, true], none.stdout);
});

test("in a session that goes on, /undo takes the newest landing back, and the box sees it", async (t) => {
  const place = makePlace(t, MAKE);
  const turns = [run("echo box >>a.txt"), { text: "one" }, run("cat a.txt >seen.txt"), { text: "two" }];
  const { child, ended } = start(place, ["--model", script(place, turns)], { stdin: "pipe" });
  child.stdin?.end("first\n/land\n/undo\n/undo\nsecond\n/land seen.txt\n/exit\n");
  const { status, stdout } = await ended;
  assert.equal(status, 0);
  assert.match(
    stdout,
    /landed {2}a\.txt\n[\s\S]*undone {2}a\.txt\n[\s\S]*no landing to undo\n[\s\S]*landed {2}seen\.txt\n/,
  );
  // The change itself is in the layer again.
  assert.equal(sh(place, "cat a.txt; cat seen.txt"), "a\na\nbox\n");
  assert.match((await ringfence(place, ["diff", "--stat"])).stdout, /^edit .* a\.txt$/m);
});

test("what landed in a session that went on counts as landed", async (t) => {
  const place = makePlace(t, MAKE);
  const { child, ended } = start(place, ["--model", script(place, [run(WORK), { text: "ok" }])], { stdin: "pipe" });
  child.stdin?.end("first\n/land\n/exit\n");
  await ended;
  assert.match((await ringfence(place, ["sessions"])).stdout, /^\S+ +0 min {2}landed .* first$/m);
});

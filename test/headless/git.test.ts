import assert from "node:assert/strict";
import { test } from "node:test";
import { makePlace, recordedText, ringfence, run, script, sh, start, until, users } from "./program.ts";

for (const [, user] of users()) {
  test(`as ${user.name}: the model is told what the person did with git between two turns, and its commits land on that`, async (t) => {
    const place = makePlace(t, "echo a >a.txt", { user });
    const turns = [
      run("echo b >b.txt; git add -A; git commit -qm box; echo more >>a.txt"),
      { text: "one" },
      run("git status --short; git log --format=%s; git add -A; git commit -qm again"),
      { text: "two" },
    ];
    const { child, ended, seen } = start(place, ["--model", script(place, turns)], { stdin: "pipe" });
    child.stdin?.write("first\n");
    const ledger = () => recordedText(place);
    await until("the first turn is over", () => seen().split("\n> ").length > 2);
    sh(place, "echo p >p.txt; git add -A; git commit -qm person");
    child.stdin?.end("second\n/land\n/exit\n");
    const { status, stdout } = await ended;
    assert.equal(status, 0);
    const [, note = ""] = /(\[Meanwhile.*?\])\\n\\nsecond"/.exec(ledger()) ?? [];
    assert.match(
      note.replaceAll("\\n", "\n"),
      /^\[Meanwhile, in the repository:\nThe person moved main to [0-9a-f]{7}\.\nYour HEAD is main now.*\nYour commits on main are on box\/main; .*\]$/,
    );
    assert.match(stdout, /landed {2}commit [0-9a-f]{7} again/);
    assert.equal(
      sh(place, "git log --format=%s; git status --short; cat a.txt b.txt p.txt"),
      "again\nperson\nstart\na\nmore\nb\np\n",
    );
    assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { makePlace, recordedText, ringfence, run, script, sh, start, until, users } from "./program.ts";

const LINES = "for n in 1 2 3 4 5 6 7 8 9; do echo line $n; done >a.txt; echo b >b.txt; echo c >c.txt";
const WORK = "sed -i 's/line 2/the box/' a.txt; echo box >b.txt";

for (const [, user] of users()) {
  test(`as ${user.name}: what a person changed between turns is merged, told to the model, and a clash is held`, async (t) => {
    const place = makePlace(t, LINES, { user });
    const turns = [run(WORK), { text: "one" }, run("cat a.txt b.txt c.txt >seen.txt"), { text: "two" }];
    const { child, ended, seen } = start(place, ["--model", script(place, turns)], { stdin: "pipe" });
    child.stdin?.write("first\n");
    for (let tried = 0; !seen().includes("one") && tried < 1000; tried += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    // The first turn is over once its changes are collected, which the answer to this shows.
    child.stdin?.write("/nothing\n");
    for (let tried = 0; !/one[\s\S]*Type a task/.test(seen()) && tried < 1000; tried += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    sh(place, "sed -i 's/line 8/the person/' a.txt; echo person >b.txt; echo person >>c.txt");
    child.stdin?.end("second\n/land\n/exit\n");
    const { status, stdout, stderr } = await ended;
    assert.equal(status, 0, stderr);
    assert.match(stdout, /landed {2}a\.txt\n/);
    assert.match(stdout, /held {4}b\.txt: source, you changed it meanwhile/);
    assert.match(sh(place, "cat a.txt; cat b.txt"), /the box[\s\S]*the person[\s\S]*person\n$/);
    assert.match(sh(place, "cat seen.txt"), /the box[\s\S]*the person[\s\S]*box\nc\nperson\n$/);
    const log = recordedText(place);
    assert.match(
      log,
      /"kind":"sync"[\s\S]*"type":"synced"[\s\S]*<checkout-changes>[^<]*a\.txt[^<]*b\.txt[^<]*c\.txt[^<]*clash/,
    );
    assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
  });
}

test("where all that waits clashes, a session says what helps", async (t) => {
  const place = makePlace(t, LINES);
  const turns = [run("echo box >b.txt"), { text: "one" }, { text: "two" }];
  const { child, ended, seen } = start(place, ["--model", script(place, turns)], { stdin: "pipe" });
  child.stdin?.write("first\n/nothing\n");
  await until("the first turn is over", () => /one[\s\S]*Type a task/.test(seen()));
  sh(place, "echo person >b.txt");
  child.stdin?.end("second\n/exit\n");
  const { stderr } = await ended;
  assert.match(stderr, /^1 changed file waits: \/diff shows it, take over by hand what is right, or \/discard$/m);
  assert.doesNotMatch(stderr, /\/approve/);
});

test("diff says what is merged, and an approval is for the merged content", async (t) => {
  const place = makePlace(t, `${LINES}; (echo all:; cat a.txt | sed 's/^/\\t/') >Makefile`);
  await ringfence(place, ["exec", "--", "sh", "-c", "for f in a.txt Makefile; do sed -i 's/line 2/the box/' $f; done"]);
  sh(place, "for f in a.txt Makefile; do sed -i 's/line 8/the person/' $f; done");
  const show = async () =>
    JSON.parse((await ringfence(place, ["diff", "--json"])).stdout) as {
      changes: { path: string; merged: boolean; conflict: string | null; hash: string }[];
    };
  const { changes } = await show();
  assert.deepEqual(
    changes.map(({ path, merged, conflict }) => [path, merged, conflict]),
    [
      ["Makefile", true, null],
      ["a.txt", true, null],
    ],
  );
  assert.match((await ringfence(place, ["diff", "--stat"])).stdout, /a\.txt {2}\(merged with your own changes\)/);
  sh(place, "sed -i 's/line 9/more/' Makefile");
  const approve = (hash = "") => ringfence(place, ["land", "--approve", `Makefile=${hash}`]);
  assert.equal((await approve(changes[0]?.hash)).status, 21);
  assert.doesNotMatch(sh(place, "cat Makefile"), /the box/);
  const landed = await approve((await show()).changes[0]?.hash);
  assert.match(landed.stdout, /landed {2}Makefile {2}\(merged with your own changes\)/);
  assert.match(sh(place, "cat Makefile"), /the box[\s\S]*the person[\s\S]*more/);
});

test("a commit of the box lands over a file that the person changed too, and their change stays uncommitted", async (t) => {
  const place = makePlace(t, LINES);
  await ringfence(place, ["exec", "--", "sh", "-c", "sed -i 's/line 2/the box/' a.txt; git commit -qam Box"]);
  sh(place, "sed -i 's/line 8/the person/' a.txt");
  const { status, stdout } = await ringfence(place, ["land"]);
  assert.deepEqual([status, /^landed {2}commit \w+ Box$/m.test(stdout)], [0, true]);
  assert.equal(
    sh(place, "git show -s --format=%s; git status --short; git diff | grep '^[-+][a-z]'"),
    "Box\n M a.txt\n-line 8\n+the person\n",
  );
});

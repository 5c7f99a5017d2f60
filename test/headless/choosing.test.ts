import assert from "node:assert/strict";
import { test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { shownOf, THREE } from "./choosing.ts";
import { makePlace, play, ringfence, run, sh } from "./program.ts";

test(`a hunk is bound to what was shown: by number to the last diff, by hash to itself, and nothing else lands (RINGFENCE_SEED=${SEED})`, async (t) => {
  const place = makePlace(t, "seq 40 >a.txt; printf 'all:\\n' >Makefile");
  await play(place, [run(`${THREE}; echo evil >>Makefile`), { text: "ok" }]);
  const { changes } = await shownOf(place);
  const hunks = changes.find(({ path }) => path === "a.txt")?.hunks ?? [];
  assert.deepEqual(
    [changes.find(({ path }) => path === "Makefile")?.hunks, hunks.map(({ number, header }) => [number, header])],
    [
      null,
      [
        [1, "@@ -1,6 +1,6 @@"],
        [2, "@@ -17,7 +17,7 @@"],
        [3, "@@ -34,7 +34,7 @@"],
      ],
    ],
  );
  const wrong = [
    [["a.txt", "--hunks", "4"], 21, /hunk 4 does not exist: it was shown with 3/],
    [["a.txt", "--hunks", `2@${"0".repeat(64)}`], 21, /not what was shown last/],
    [["Makefile", "--hunks", `1@${hunks[0]?.hash}`], 21, /it is held \(run-later: .*approved whole or not at all/],
    [["a.txt", "--hunks", "1-3"], 2, /--hunks takes numbers/],
    [["--hunks", "1"], 2, /--hunks takes the hunks of one file/],
    [[".", "--hunks", "1"], 2, /--hunks takes the hunks of one file/],
    [["a.txt", "--class", "run-later"], 2, /--class run-later does not land/],
    [["a.txt", "--class", "nonsense"], 2, /--class is one of source, run-later/],
  ] as const;
  for (const [args, status, message] of drawn(wrong, 4)) {
    const refused = await ringfence(place, ["land", ...args]);
    assert.deepEqual([refused.status, refused.stdout], [status, ""], args.join(" "));
    assert.match(refused.stderr, message);
  }
  assert.equal(sh(place, "git status --porcelain"), "");
  const landed = await ringfence(place, ["land", "a.txt", "--hunks", `2@${hunks[1]?.hash.slice(0, 16)}`]);
  assert.equal(landed.stdout, "landed  a.txt (hunk 2)\n");
  assert.equal(sh(place, "git diff -U0 | grep '^+[0-9]'"), "+20 two\n");
  // The person's own edit makes it theirs.
  sh(place, "sed -i 1d a.txt");
  const own = await ringfence(place, ["land", "a.txt", "--hunks", "1"]);
  assert.deepEqual([own.status, sh(place, "head -n1 a.txt")], [21, "2\n"]);
});

test("land with a path and without one agree that something waits: exit status 21 for a file changed meanwhile", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  await play(place, [run("echo two >>a.txt"), { text: "ok" }]);
  sh(place, "echo me >>a.txt");
  for (const args of [["land"], ["land", "a.txt"]])
    assert.deepEqual([args, (await ringfence(place, args)).status], [args, 21]);
  assert.equal(sh(place, "cat a.txt"), "one\nme\n");
});

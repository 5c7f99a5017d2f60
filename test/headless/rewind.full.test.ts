import assert from "node:assert/strict";
import { test } from "node:test";
import { makePlace, type Place, play, ringfence, run, script, sh, start, users } from "./program.ts";

const TURNS = [
  run("echo one >a.txt; mkdir out; echo built >out/o"),
  { text: "one" },
  run("echo two >>a.txt; rm -r out b.txt"),
  { text: "two" },
  run("{ cat a.txt out/o; ls; } >seen.txt 2>&1; cp seen.txt seen2.txt"),
  { text: "three" },
  run("{ cat a.txt out/o; ls; } >again.txt 2>&1"),
  { text: "four" },
];

async function session(
  place: Place,
  input: string,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const { child, ended } = start(place, ["--model", script(place, TURNS)], { stdin: "pipe" });
  child.stdin?.end(input);
  return ended;
}

/** How many messages each request to the model had. */
async function messagesSent(place: Place): Promise<number[]> {
  const { stdout } = await ringfence(place, ["log", "show"]);
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; messages?: number });
  return events.flatMap(({ type, messages }) => (type === "request" ? [messages ?? 0] : []));
}

for (const [who, user] of users()) {
  test(`/rewind takes files and conversation back to before a turn, and back again: as ${who}`, async (t) => {
    const place = makePlace(t, "echo zero >a.txt; echo b >b.txt; printf 'out/\\n' >.gitignore", { user });
    const { status, stdout } = await session(
      place,
      "first\nsecond\n/rewind\n/rewind 2\nthird\n/rewind 3\nfourth\n/land again.txt\n/exit\n",
    );
    assert.equal(status, 0);
    assert.match(stdout, / {3}1 {2}\S+ {2}before: first\n {3}2 {2}\S+ {2}before: second\n\/rewind N takes/);
    assert.match(stdout, /files and conversation are as before turn 2; \/rewind 3 takes this back\n/);
    assert.match(stdout, /files and conversation are as at checkpoint 3; \/rewind 5 takes this back\n/);
    // Before the second turn b.txt and the ignored file stood; after the second rewind they are gone again.
    assert.equal(sh(place, "cat again.txt"), "one\ntwo\ncat: out/o: No such file or directory\na.txt\nagain.txt\n");
    assert.equal(sh(place, "ls"), "a.txt\nagain.txt\nb.txt\n");
    // The third turn was asked as the second had been; the fourth after two whole turns.
    assert.deepEqual(await messagesSent(place), [1, 3, 5, 7, 5, 7, 9, 11]);
    assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
  });
}

test("/rewind takes back the files alone, and tells the model; or the conversation alone", async (t) => {
  const place = makePlace(t, "echo zero >a.txt; echo b >b.txt");
  const { stdout, stderr } = await session(
    place,
    "first\nsecond\n/rewind 2 files\nthird\n/rewind 2 conversation\nfourth\n/rewind 9\n/rewind 2 all\n/exit\n",
  );
  assert.match(stdout, /files are as before turn 2; \/rewind 3 files takes this back\n/);
  assert.match(stdout, /the conversation is as before turn 2; \/rewind 5 conversation takes this back\n/);
  assert.match(stderr, /there is no checkpoint 9; rewind without a number lists them\n/);
  assert.match(stderr, /\/rewind N takes back both, or one of files and conversation; not "all"\n/);
  assert.deepEqual(await messagesSent(place), [1, 3, 5, 7, 9, 11, 5, 7]);
  const log = (await ringfence(place, ["log", "show"])).stdout;
  assert.match(log, /<ringfence>The person took the files back to what they were before turn 2\.<\/ringfence>\\nthird/);
  assert.match(log, /"type":"rewound"/);
});

test("ringfence rewind lists the turns of a session that is over, and takes its files back and forth", async (t) => {
  const place = makePlace(t, "echo zero >a.txt; echo b >b.txt; printf 'out/\\n' >.gitignore");
  await session(place, "first\nsecond\n/land a.txt\n/exit\n");
  const list = await ringfence(place, ["rewind"]);
  assert.match(list.stdout, /^ {3}1 {2}\S+ {2}before: first\n {3}2 {2}\S+ {2}before: second\n$/);
  assert.match((await ringfence(place, ["diff", "--stat"])).stdout, /delete .* b\.txt/);
  const back = await ringfence(place, ["rewind", "2"]);
  assert.match(back.stdout, /^files are as before turn 2; ringfence rewind 3 --session \S+ takes this back\n1 landing/);
  assert.doesNotMatch((await ringfence(place, ["diff", "--stat"])).stdout, /b\.txt/);
  // What landed stays, and what the layer was before the turn would take the place of it.
  assert.equal(sh(place, "cat a.txt"), "one\ntwo\n");
  assert.equal((await ringfence(place, ["land", "a.txt"])).status, 0);
  assert.equal(sh(place, "cat a.txt"), "one\n");
  await ringfence(place, ["rewind", "3"]);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.equal(sh(place, "cat a.txt; ls"), "one\ntwo\na.txt\n");
  const wrong = await ringfence(place, ["rewind", "12"]);
  assert.deepEqual([wrong.status, wrong.stderr.includes("there is no checkpoint 12")], [2, true]);
});

test("a headless run can be taken back whole, and given back", async (t) => {
  const place = makePlace(t, "echo zero >a.txt");
  await play(place, [run("echo one >a.txt"), { text: "ok" }]);
  assert.equal((await ringfence(place, ["rewind", "1"])).status, 0);
  assert.equal((await ringfence(place, ["land"])).stdout.includes("a.txt"), false);
  assert.equal((await ringfence(place, ["rewind", "2"])).status, 0);
  assert.match((await ringfence(place, ["land"])).stdout, /landed {2}a\.txt/);
});

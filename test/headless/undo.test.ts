import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import {
  makePlace,
  type Place,
  play,
  ringfence,
  run,
  script,
  sessionFolder,
  sh,
  start,
  until,
  users,
} from "./program.ts";

const MAKE =
  "umask 022; mkdir d; echo a >a.txt; chmod 755 a.txt; echo b >b.txt; ln -s a.txt d/l; touch -d 2001-02-03 a.txt b.txt";
const WORK =
  "echo box >>a.txt; chmod 644 a.txt; rm b.txt; ln -sfn ../a.txt d/l; mkdir -p new/er; echo n >new/er/n; echo f >$'not\\xffutf8'";
const look = (place: Place) =>
  sh(place, "find . -path ./.git -prune -o ! -type d -printf '%p %m %l %T@\\n' | sort; cat a.txt b.txt");

for (const [who, user] of users()) {
  test(`undo gives back what a landing replaced, is in the log, and the same lands again: as ${who}`, async (t) => {
    const place = makePlace(t, MAKE, { user });
    const before = look(place);
    await play(place, [run(WORK), { text: "ok" }], ["--land", "auto"]);
    const undone = await ringfence(place, ["undo"]);
    assert.deepEqual([undone.status, undone.stderr], [0, ""]);
    assert.deepEqual(undone.stdout.split("\n").sort().slice(1), [
      "undone  a.txt",
      "undone  b.txt",
      "undone  d/l",
      "undone  new",
      "undone  new/er",
      "undone  new/er/n",
      "undone  not<U+DCFF>utf8",
    ]);
    assert.equal(look(place), before);
    const events = (await ringfence(place, ["log", "show"])).stdout.trim().split("\n");
    const shown = events.map(
      (line) => JSON.parse(line) as { type: string; verdict?: string; effect?: { kind: string } },
    );
    // What signs the log stands between them.
    const acts = shown.filter(({ type }) => type === "decision" || type === "undone");
    assert.deepEqual(acts.map(({ type, effect, verdict }) => [type, effect?.kind, verdict]).slice(-2), [
      ["decision", "undo", "allow"],
      ["undone", undefined, undefined],
    ]);
    assert.deepEqual([(await ringfence(place, ["undo"])).status, look(place)], [1, before]);
    const again = await ringfence(place, ["land"]);
    assert.deepEqual([again.status, sh(place, "cat a.txt new/er/n")], [0, "a\nbox\nn\n"]);
    assert.deepEqual([(await ringfence(place, ["undo"])).status, look(place)], [0, before]);
    assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
  });
}

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

test("the locks of a landing of commits that was killed go with the next command, and no other", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  await play(place, [run("echo b >>a.txt"), { text: "ok" }]);
  const lock = (draft: string, path: string) =>
    `echo x >.git/ringfence-${draft}-1; ln .git/ringfence-${draft}-1 .git/${path}.lock`;
  // The branch is not that of the session, and the person's own git is at work on another one.
  sh(
    place,
    `${lock("0123456789abcdef", "index")}; ${lock("fedcba9876543210", "refs/heads/other")}; echo mine >.git/HEAD.lock`,
  );
  writeFileSync(`${sessionFolder(place)}/landing-commits`, "");
  const { stderr } = await ringfence(place, ["diff"]);
  assert.match(stderr, /^a landing of commits broke off; its locks are taken away/m);
  assert.equal(sh(place, "find .git -name '*.lock' -o -name 'ringfence-*'"), ".git/HEAD.lock\n");
  assert.doesNotMatch((await ringfence(place, ["diff"])).stderr, /broke off/);
});

test("an undo leaves what the person changed since, names it, and says where the earlier version is", async (t) => {
  const place = makePlace(t, MAKE);
  await play(place, [run(WORK), { text: "ok" }], ["--land", "auto"]);
  sh(place, "echo me >>a.txt");
  const undone = await ringfence(place, ["undo"]);
  const [, folder = ""] = /kept in (\S+)\n/.exec(undone.stdout) ?? [];
  assert.deepEqual([undone.status, undone.stdout.includes("held    a.txt: changed since it landed\n")], [1, true]);
  assert.deepEqual([readFileSync(`${folder}/a.txt`, "utf8"), sh(place, "cat a.txt b.txt")], ["a\n", "a\nbox\nme\nb\n"]);
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

test("after kill -9 in the middle of a landing, diff puts it right in words, and undo gives back all of it", async (t) => {
  const place = makePlace(t, "mkdir f; for n in $(seq 600); do echo $n >f/$n; done");
  await play(place, [run("for n in $(seq 600); do echo box >>f/$n; done"), { text: "ok" }]);
  const files = Array.from({ length: 600 }, (_none, index) => `${place.checkout}/f/${index + 1}`);
  const hasLanded = (file: string) => readFileSync(file, "utf8").includes("box");
  for (const some of [5, 300]) {
    const { child, ended } = start(place, ["land"]);
    await until("files are landing", () => files.filter(hasLanded).length >= some);
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await ended;
    const landed = Number(sh(place, "cat f/* | grep -c box || true"));
    const diff = await ringfence(place, ["diff"]);
    assert.match(diff.stderr, /^an earlier landing broke off; this much of it was done/);
    assert.ok(Math.abs(diff.stderr.split("\nlanded ").length - 1 - landed) <= 1);
    assert.equal(diff.stdout.split("\n+box\n").length - 1, 600 - landed);
    assert.equal(sh(place, "find . -name '.ringfence-*' -o -name landing.json"), "");
    assert.equal((await ringfence(place, ["undo"])).status, 0);
    assert.equal(sh(place, "git status --porcelain"), "");
  }
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.equal(sh(place, "cat f/* | grep -c box"), "600\n");
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
});

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import { beginMove } from "../../src/box/landing.ts";
import { HOOK } from "./crash.ts";
import {
  makePlace,
  newestEvents,
  type Place,
  play,
  ringfence,
  run,
  sessionFolder,
  sh,
  start,
  until,
  users,
} from "./program.ts";
import { MAKE, WORK } from "./undoing.ts";

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
  beginMove(sessionFolder(place), { branch: "main", oldId: null, newId: "0".repeat(40), unsigned: [] });
  const { stderr } = await ringfence(place, ["diff"]);
  assert.match(stderr, /^a landing of commits broke off; its locks are taken away/m);
  assert.equal(sh(place, "find .git -name '*.lock' -o -name 'ringfence-*'"), ".git/HEAD.lock\n");
  assert.doesNotMatch((await ringfence(place, ["diff"])).stderr, /broke off/);
  const { branch, refused } = newestEvents(place).find(({ type }) => type === "landed-commits") ?? {};
  assert.deepEqual([branch, refused], ["main", "it broke off before the branch had them"]);
});

const DAMAGED = [null, "", '{"branch":"main"'];
for (const [how, left] of DAMAGED.flatMap((left) => [["before", left] as const, ["after", left] as const])) {
  const about = left === null ? "" : `, also where ${JSON.stringify(left)} is left of what it was at`;
  test(`killed right ${how} the record of a branch that it moved, a landing is recorded once, and undo knows of it${about}`, async (t) => {
    const place = makePlace(t, "echo a >a.txt");
    await play(place, [run("echo b >>a.txt; git commit -qam b"), { text: "ok" }]);
    const hook = { NODE_OPTIONS: `--import=file://${HOOK}?type=landed-commits&how=${how}` };
    assert.equal((await ringfence(place, ["land"], { env: hook })).signal, "SIGKILL");
    assert.equal(sh(place, "git log --format=%s; git status --short"), "b\nstart\n");
    const landed = () =>
      newestEvents(place).flatMap(({ type, branch, commit, refused }) =>
        type === "landed-commits" ? [[branch, commit, refused]] : [],
      );
    assert.equal(landed().length, how === "before" ? 0 : 1);
    if (left !== null) writeFileSync(join(sessionFolder(place), "landing-commits"), left);
    const undone = await ringfence(place, ["undo"]);
    assert.match(undone.stderr, /^a landing of commits broke off; .* Branch main has its commits/m);
    assert.match(undone.stdout, /^undone {2}a\.txt\nstays {3}branch main, which the landing moved to /m);
    assert.deepEqual(landed(), [["main", sh(place, "git rev-parse HEAD").trim(), null]]);
    assert.doesNotMatch((await ringfence(place, ["diff"])).stderr, /broke off/);
    assert.deepEqual([landed().length, (await ringfence(place, ["log", "verify"])).status], [1, 0]);
  });
}

test("a landing of commits of which nothing is known stands before no command", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  await play(place, [run("echo b >>a.txt"), { text: "ok" }]);
  sh(place, "echo x >.git/ringfence-0123456789abcdef-1; ln .git/ringfence-0123456789abcdef-1 .git/index.lock");
  writeFileSync(join(sessionFolder(place), "landing-commits"), "null");
  const { status, stderr } = await ringfence(place, ["land"]);
  assert.match(stderr, /^a landing of commits broke off; /m);
  assert.deepEqual([status, sh(place, "cat a.txt; find .git -name '*.lock' -o -name 'ringfence-*'")], [0, "a\nb\n"]);
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

test(`after kill -9 in the middle of a landing, diff puts it right in words, and undo gives back all of it (RINGFENCE_SEED=${SEED})`, async (t) => {
  const place = makePlace(t, "mkdir f; for n in $(seq 400); do echo $n >f/$n; done");
  await play(place, [run("for n in $(seq 400); do echo box >>f/$n; done"), { text: "ok" }]);
  const files = Array.from({ length: 400 }, (_none, index) => `${place.checkout}/f/${index + 1}`);
  const hasLanded = (file: string) => readFileSync(file, "utf8").includes("box");
  for (const some of drawn([5, 200], 1)) {
    const { child, ended } = start(place, ["land"]);
    await until("files are landing", () => files.filter(hasLanded).length >= some);
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await ended;
    const landed = Number(sh(place, "cat f/* | grep -c box || true"));
    const diff = await ringfence(place, ["diff"]);
    assert.match(diff.stderr, /^an earlier landing broke off; this much of it was done/);
    assert.ok(Math.abs(diff.stderr.split("\nlanded ").length - 1 - landed) <= 1);
    assert.equal(diff.stdout.split("\n+box\n").length - 1, 400 - landed);
    assert.equal(sh(place, "find . -name '.ringfence-*' -o -name landing.json"), "");
    assert.equal((await ringfence(place, ["undo"])).status, 0);
    assert.equal(sh(place, "git status --porcelain"), "");
  }
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.equal(sh(place, "cat f/* | grep -c box"), "400\n");
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
});

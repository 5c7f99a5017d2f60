import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { call, makePlace, type Place, play, ringfence, run, sh, users } from "./program.ts";

const WORK = [
  run("git status --porcelain && git log --oneline | wc -l"),
  run("echo 1 >>a.txt && git add a.txt && git commit -qm one"),
  run("echo 2 >>b.txt && git stash -q && echo n >n.txt && git add n.txt && git commit -qm two && git stash pop -q"),
  run("git commit -qam three && GIT_SEQUENCE_EDITOR='sed -i 2s/pick/fixup/' git rebase -qi HEAD~2"),
  run("git branch --show-current; git log --format=%s; git status --porcelain; git fsck"),
];
const SOUND = "git status --porcelain; git fsck --full --no-dangling 2>&1; git log --format=%s";

for (const [, user] of users()) {
  const trees: Readonly<Record<string, (place: Place) => string>> = {
    "a linked worktree": (place) => {
      sh(place, "echo b >b.txt; git add b.txt; git commit -qm more; git worktree add -q -b topic ../tree");
      return join(place.root, "tree");
    },
    "a submodule's checkout": (place) => {
      sh(
        place,
        "git init -q -b main ../super; echo b >b.txt; git add b.txt; git commit -qm more; cd ../super; git -c protocol.file.allow=always submodule --quiet add ../repo vendor/lib; git commit -qm lib; cd vendor/lib; git checkout -qb topic",
      );
      return join(place.root, "super/vendor/lib");
    },
  };
  for (const [what, make] of Object.entries(trees)) {
    test(`as ${user.name}: git works in ${what}, and what it made lands where it belongs`, async (t) => {
      const place = makePlace(t, "echo a >a.txt", { user });
      const tree = { ...place, checkout: make(place) };
      const before = sh(place, "git rev-parse HEAD; git status --porcelain");
      const played = await play(tree, [...WORK, { text: "ok" }]);
      assert.deepEqual(
        played.results.map(({ ok }) => ok),
        WORK.map(() => true),
        JSON.stringify(played.results),
      );
      assert.match(played.results[4]?.text ?? "", /^topic\ntwo\none\nmore\nstart/);
      const { held, exit_code: exitCode } = played.result as { held: { path: string }[]; exit_code: number };
      assert.deepEqual([exitCode, held.map(({ path }) => path)], [0, ["a.txt", "b.txt", "n.txt"]]);
      assert.equal(
        played.events.find(({ subtype }) => subtype === "notice"),
        undefined,
      );
      const landed = await ringfence(tree, ["land"]);
      assert.match(landed.stdout, /landed {2}commit [0-9a-f]{7} one\nlanded {2}commit [0-9a-f]{7} two\n/);
      assert.equal(landed.status, 0, landed.stderr);
      assert.equal(sh(tree, SOUND), "two\none\nmore\nstart\n");
      assert.equal(sh(place, "git rev-parse HEAD; git status --porcelain; git fsck --no-dangling"), before);
      assert.equal((await ringfence(tree, ["discard"])).status, 0);
      assert.equal(sh(tree, "cat a.txt b.txt n.txt"), "a\n1\nb\n2\nn\n");
    });
  }
}

test("a .git file that names somebody else's repository is told in every format, and shows nothing", async (t) => {
  const place = makePlace(t, "echo canary >a.txt; git init -q; git add a.txt; git commit -qm canary");
  sh(
    place,
    "git worktree add -q --detach ../tree; mkdir ../archive; cp ../tree/.git ../archive; echo a >../archive/a.txt",
  );
  const archive = { ...place, checkout: join(place.root, "archive") };
  const why =
    /^git does not work in this box: .*\/worktrees\/tree, which .*\/archive\/\.git names, does not name .*\/archive; if /;
  const played = await play(archive, [run("git log || true"), call("read", { path: "../repo/a.txt" }), { text: "ok" }]);
  assert.match(String(played.events.find(({ subtype }) => subtype === "notice")?.text), why);
  assert.doesNotMatch(JSON.stringify(played.results), /canary/);
  const done = await ringfence(archive, ["exec", "--", "git", "log"]);
  assert.equal(done.status, 128);
  assert.match(done.stderr, new RegExp(`^ringfence: ${why.source.slice(1)}`, "m"));
});

test("objects to borrow are shown when config.yaml lists their folder, and a repository cannot list it", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  const objects = join(place.checkout, ".git/objects");
  sh(place, "git clone -q --shared . ../borrower; mkdir -p ../borrower/ringfence ../home/.config/ringfence");
  const borrower = { ...place, checkout: join(place.root, "borrower") };
  const config = `git: {alternates: [${objects}]}\n`;
  writeFileSync(join(borrower.checkout, "config.yaml"), config);
  mkdirSync(join(borrower.checkout, ".config/ringfence"), { recursive: true });
  writeFileSync(join(borrower.checkout, ".config/ringfence/config.yaml"), config);
  const before = await ringfence(borrower, ["exec", "--", "git", "log", "--format=%s"]);
  assert.equal(before.status, 128);
  assert.ok(before.stderr.includes(`borrows objects from ${objects}, which the box does not show`), before.stderr);
  writeFileSync(join(place.home, ".config/ringfence/config.yaml"), config);
  const after = await ringfence(borrower, ["exec", "--", "git", "log", "--format=%s"]);
  assert.deepEqual([after.status, after.stdout, after.stderr], [0, "start\n", ""]);
});

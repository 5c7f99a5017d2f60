import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CLEAN, landWithCommits, look } from "./commits.fixture.ts";
import { makePlace, pathsOf, programs, sessionThat, sh, startSession } from "./land.fixture.ts";
import { permitFor } from "./permit.fixture.ts";
import { rewindPermitted } from "./permitted.ts";
import { makeSubmodule, makeWorktree } from "./repository.fixture.ts";
import { settings, sound } from "./worktrees.fixture.ts";

test("in a linked worktree, commits move its branch with its own HEAD and index, and no other worktree's", async () => {
  const place = makeWorktree("echo a >a.ts; echo b >b.ts; echo s >s.ts");
  sh(place.main, "echo me >>b.ts; echo staged >>s.ts; git add s.ts");
  const before = [sh(place.main, "git rev-parse HEAD; git status --porcelain; sha256sum .git/index"), settings(place)];
  const session = await sessionThat(
    place,
    "git status --porcelain; echo 1 >>a.ts; git add a.ts; git commit -qm one",
    "echo 2 >>b.ts; git stash -q; echo new >new.ts; git add new.ts; git commit -qm two; git stash pop -q; git commit -qam three",
    "git checkout -qb side HEAD~1; echo 4 >s2.ts; git add s2.ts; git commit -qm four; git checkout -q topic; git rebase -q side; git branch -qD side",
  );
  const { found, files, move, refused } = await landWithCommits(session);
  assert.deepEqual([found?.note, refused, files.failed, move?.how], [null, [], [], "forward"]);
  assert.deepEqual(look(place).log, ["three", "four", "two", "one", "first"]);
  assert.deepEqual([sound(place), look(place.main).fsck], [CLEAN, ""]);
  assert.equal(sh(place.main, "git rev-parse HEAD; git status --porcelain; sha256sum .git/index"), before[0]);
  const changed = (text: string) => text.replace(/^\S+refs\/heads\/topic .*$/m, "").replace(/^\S+ORIG_HEAD .*$/m, "");
  assert.equal(changed(settings(place)), changed(before[1] ?? ""));
  assert.match(sh(place, "git reflog -1"), /ringfence land: Fast-forward/);
  assert.equal((await landWithCommits(session)).found, null);
});

test("a session in a linked worktree goes on after its commits landed, and what git ignores there is not source", async () => {
  const place = makeWorktree("echo a >a.ts");
  const session = await startSession(place);
  await session.run("echo 1 >>a.ts; git commit -qam one; echo 2 >>a.ts; echo mine >untracked.txt");
  const first = await landWithCommits(session);
  assert.deepEqual([first.move?.how, pathsOf(first.files.landed.map((path) => ({ path })))], ["forward", ["a.ts"]]);
  await session.box.remount();
  await session.run("git commit -qam two; git log --format=%s");
  await session.close();
  assert.equal((await landWithCommits(session)).move?.how, "forward");
  assert.deepEqual([look(place).log, sound(place)], [["two", "one", "first"], CLEAN]);
});

test("a rewind in a linked worktree takes back commits and branches, and what several turns committed lands", async (t) => {
  const place = makeWorktree("echo a >a.ts");
  const session = await startSession(place);
  t.after(() => session.close());
  const seen = () => session.run("cat a.ts; git log --format=%s; git branch --format='%(refname)'; git status --short");
  const states: string[] = [];
  for (const word of ["one", "two", "three"]) {
    await session.box.checkpoint("turn", word);
    states.push(await seen());
    await session.run(
      `echo ${word} >>a.ts; git commit -qam ${word}; git branch at-${word}; echo more >>a.ts; git stash -q`,
    );
  }
  const last = await seen();
  const rewind = (checkpoint: number) => {
    const permit = permitFor({ kind: "rewind", checkpoint, approvedBy: "person" });
    return rewindPermitted(permit, session.box, 1, programs);
  };
  const left = await rewind(2);
  assert.equal(await seen(), states[1]);
  await rewind(left.number);
  assert.equal(await seen(), last);
  const { move } = await landWithCommits(session);
  assert.deepEqual([move?.how, look(place).log], ["forward", ["three", "two", "one", "first"]]);
  assert.deepEqual(sound(place), CLEAN);
});

test("a branch that another worktree has checked out never moves: its commits become a new one", async () => {
  const place = makeWorktree("echo a >a.ts");
  const there = await sessionThat(
    place,
    "git checkout -q --ignore-other-worktrees master; echo 1 >>a.ts; git commit -qam one",
  );
  const first = await landWithCommits(there);
  assert.deepEqual([first.move?.how, first.found?.note], ["branch", "you are not on the branch master"]);
  sh(place, "git checkout -q -- .; git worktree add -qf ../twin topic");
  const twice = await sessionThat(place, "echo 2 >>a.ts; git commit -qam two");
  const second = await landWithCommits(twice);
  assert.deepEqual(
    [second.move?.how, second.refused],
    ["branch", ["another worktree of yours has the branch checked out"]],
  );
  sh(
    place,
    "git checkout -q -- .; git worktree remove -f ../twin; git worktree add -q --detach ../twin; git -C ../twin checkout -q --orphan unborn",
  );
  const unborn = await sessionThat(place, "git checkout -qb unborn; echo 3 >>a.ts; git commit -qam three");
  const third = await landWithCommits(unborn);
  assert.match(third.move?.branch ?? "", /^ringfence\/unborn-/);
  assert.deepEqual([look(place).log, look(place.main).log, look(place.main).status], [["first"], ["first"], ""]);
  assert.match(look(place).fsck, /^notice: worktrees\/twin\/HEAD points to an unborn branch \(unborn\)\n$/);
});

test("a worktree of a bare repository, and one whose history is shallow and packed, take commits too", async () => {
  const from = makePlace("echo a >a.ts; git add -A; git commit -qm zero; echo b >b.ts");
  sh(
    from,
    "git clone -q --bare --depth 1 file://$PWD ../lib.git; cd ../lib.git; git config user.name t; git config user.email t@t; git config extensions.worktreeConfig true; git config --unset core.bare; git config --worktree core.bare true; git worktree add -q ../tree master; git pack-refs --all; sed -i 's/$/\\r/' ../tree/.git; sleep 0.02",
  );
  const place = { ...from, checkout: join(from.checkout, "../tree") };
  const session = await sessionThat(place, "echo 1 >>a.ts; git commit -qam one");
  const { move, refused } = await landWithCommits(session);
  assert.deepEqual([move?.how, refused], ["forward", []]);
  assert.deepEqual([look(place).log, sound(place)], [["one", "first"], CLEAN]);
});

test("in a submodule's checkout, commits move its branch, and those on no branch become one", async () => {
  const place = makeSubmodule("echo a >a.ts");
  const before = sh(place.main, "cat .git/index .git/HEAD | sha256sum");
  const one = await sessionThat(place, "git checkout -q --detach; echo 1 >>a.ts; git commit -qam one");
  const first = await landWithCommits(one);
  assert.match(first.move?.branch ?? "", /^ringfence\/box-[0-9a-f]{7}$/);
  assert.equal(first.found?.note, "in the box, HEAD is on no branch, so its commits become one");
  assert.deepEqual([look(place).log, look(place).branches.at(-1)], [["first"], `${first.move?.branch} one`]);
  sh(place, "git checkout -q -- .; sleep 0.02");
  const two = await sessionThat(
    place,
    "git checkout -q master; echo 2 >>a.ts; git add a.ts; git stash -q; git stash pop -q; git commit -qam two",
  );
  assert.equal((await landWithCommits(two)).move?.how, "forward");
  assert.deepEqual([look(place).log, sound(place)], [["two", "first"], CLEAN]);
  assert.equal(sh(place.main, "cat .git/index .git/HEAD | sha256sum"), before);
  assert.deepEqual([look(place.main).status, look(place.main).fsck], [" M vendor/lib\n", ""]);
  const rebasing = await sessionThat(
    place,
    "git checkout -q --detach; echo 3 >>a.ts; git commit -qam three; GIT_SEQUENCE_EDITOR='sed -i s/pick/edit/' git rebase -qi HEAD~1 2>/dev/null",
  );
  assert.match((await landWithCommits(rebasing)).found?.note ?? "", /^in the box, a rebase is under way/);
});

test("a worktree that names another git folder than its session saw lands no commit", async () => {
  const place = makeWorktree("echo a >a.ts");
  const other = makeWorktree("echo a >a.ts");
  const session = await sessionThat(place, "echo box >>a.ts; git commit -qam good");
  sh(place, `cp ${other.checkout}/.git .git; echo $PWD/.git >${other.main.checkout}/.git/worktrees/tree/gitdir`);
  const { move, found } = await landWithCommits(session);
  assert.deepEqual([move, look(other.main).branches], [null, ["master first", "topic first"]]);
  assert.match(found?.note ?? "", /names another folder than it did: commits stay in the layer$/);
});

test("other branches of the box become new ones, none of the person's moves, and tags never land", async () => {
  const place = makePlace(
    "echo a >a.ts; git add -A; git commit -qm zero; git branch mine; git branch gone; git branch packed; git tag v0",
  );
  const session = await startSession(place);
  await session.run(
    "git checkout -qb one; echo 1 >>a.ts; git commit -qam one; git branch same; git tag v1; git tag -f v0 2>&1",
  );
  await session.run(
    "git checkout -q mine; echo 2 >>a.ts; git commit -qam two; git checkout -qb deep/er master; echo 3 >>a.ts; git commit -qam three; git pack-refs --all",
  );
  await session.run(
    "git checkout -qb held; mkdir -p .github/workflows; echo x >.github/workflows/x.yml; git add -A; git commit -qm ci; git stash list; git checkout -q master; echo 5 >b.ts; git add b.ts; git commit -qm five",
  );
  sh(
    place,
    "git branch -qD gone; echo me >>a.ts; git commit -qam me; git branch -qf packed; git reset -q --hard HEAD~1",
  );
  await session.close();
  const { found, move, others } = await landWithCommits(session);
  assert.equal(move?.how, "forward");
  assert.deepEqual(
    found?.others.map(({ commits, note }) => [commits.map(({ subject, state }) => `${subject} ${state}`), note]),
    [
      [["three lands"], null],
      [["ci waits"], null],
      [["two lands"], null],
      [["one lands"], null],
    ],
  );
  assert.deepEqual(
    others.map(({ how, branch, oldId }) => [how, branch.replace(/-\w{7}$/, ""), oldId]),
    [
      ["branch", "deep/er", null],
      ["branch", "ringfence/mine", null],
      ["branch", "one", null],
    ],
  );
  assert.deepEqual(
    look(place).branches.filter((line) => !line.startsWith("ringfence/")),
    ["deep/er three", "master five", "mine zero", "one one", "packed me"],
  );
  assert.deepEqual([sh(place, "git tag; git log -1 --format=%s v0"), sound(place)], ["v0\nzero\n", CLEAN]);
  const again = await landWithCommits(session);
  assert.deepEqual([again.move, again.others], [null, []]);
  sh(place, "git branch -qD one deep/er");
  assert.deepEqual((await landWithCommits(session)).others, []);
});

test("submodules inside a checkout: status and commits work in the box, gitlinks wait, and no submodule moves", async () => {
  const { main: place } = makeSubmodule("echo a >a.ts");
  const session = await sessionThat(
    place,
    "git submodule status; echo 1 >>s.ts; git commit -qam one",
    "cd vendor/lib; echo 2 >>a.ts; git commit -qam inner; cd ../..; git commit -qam link",
  );
  const { found, move } = await landWithCommits(session);
  assert.deepEqual(
    found?.commits.map(({ subject, state, why }) => [subject, state, why]),
    [
      ["one", "lands", null],
      ["link", "waits", "vendor/lib: it is a submodule"],
    ],
  );
  assert.equal(move?.how, "forward");
  assert.deepEqual([look(place).log.slice(0, 2), look(place).fsck], [["one", "submodule"], ""]);
  assert.equal(sh(place, "git -C vendor/lib log --format=%s"), "first\n");
});

test("a pointer to a large file lands as a pointer, and no filter that attributes name is run for it", async () => {
  const pointer =
    "version https://git-lfs.github.com/spec/v1\\noid sha256:4665a5ea423c2713d436b5ee50593a9640e0018c1550b5a0002f74190d6caea8\\nsize 12\\n";
  const place = makePlace("echo '*.bin filter=lfs diff=lfs merge=lfs -text' >.gitattributes; echo a >a.ts");
  const marker = `${place.checkout}-marker`;
  sh(place, `for key in clean smudge process; do git config filter.lfs.$key 'touch ${marker}; cat'; done`);
  const session = await sessionThat(
    place,
    `for key in clean smudge process; do git config --unset filter.lfs.$key; done; printf '${pointer}' >big.bin; git add big.bin; git commit -qm big; echo '*.ts filter=lfs' >.git/info/attributes; echo 1 >>a.ts; git commit -qam text`,
  );
  const { move, found } = await landWithCommits(session);
  assert.deepEqual([move?.how, found?.commits.map(({ state }) => state)], ["forward", ["lands", "lands"]]);
  assert.equal(existsSync(marker), false);
  assert.equal(sh(place, "cat big.bin; git cat-file -p HEAD:big.bin"), pointer.replaceAll("\\n", "\n").repeat(2));
  sh(place, "touch big.bin; git status");
  assert.ok(existsSync(marker), "the person's own git runs it: else this proves nothing");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { CLEAN, landWithCommits, look } from "./commits.fixture.ts";
import { makePlace, read, sessionThat, sh, startSession } from "./land.fixture.ts";

test("a session goes on after its commits landed, and so does the person", async () => {
  const place = makePlace("echo a >a.ts");
  const session = await startSession(place);
  await session.run("echo 1 >>a.ts; git commit -qam one; echo 2 >>a.ts");
  assert.equal((await landWithCommits(session)).move?.how, "forward");
  assert.equal(sh(place, "git diff --stat | tail -1; git diff --cached"), " 1 file changed, 1 insertion(+)\n");
  await session.box.remount();
  await session.run("git commit -qam two");
  await session.close();
  assert.equal((await landWithCommits(session)).move?.how, "forward");
  assert.deepEqual(look(place).log, ["two", "one", "first"]);
  assert.deepEqual({ status: look(place).status, fsck: look(place).fsck }, CLEAN);
});

test("a file that both changed moves no branch: the person merges the new one", async () => {
  const place = makePlace("for n in a b; do echo $n >$n.ts; done");
  const session = await startSession(place);
  await session.run("for n in a b; do echo box >>$n.ts; done; git commit -qam box");
  sh(place, "echo me >>b.ts");
  await session.close();
  const { move } = await landWithCommits(session);
  assert.equal(move?.how, "branch");
  assert.deepEqual([look(place).status, read(place, "b.ts")], [" M a.ts\n M b.ts\n", "b\nme\n"]);
  assert.equal(sh(place, `git show ${move?.branch}:b.ts`), "b\nbox\n");
});

test("when the person committed too, the commits become a branch of their own and HEAD stays", async () => {
  const place = makePlace("echo a >a.ts; echo b >b.ts");
  const session = await startSession(place);
  await session.run("echo box >>a.ts; git commit -qam box");
  sh(place, "echo me >>b.ts; git commit -qam mine");
  await session.close();
  const { found, move } = await landWithCommits(session);
  assert.deepEqual([move?.how, found?.note], ["branch", "your branch master has commits that the box's has not"]);
  assert.match(move?.branch ?? "", /^ringfence\/master-[0-9a-f]{7}$/);
  assert.deepEqual(look(place).log, ["mine", "first"]);
  assert.deepEqual(look(place).branches, ["master mine", `${move?.branch} box`]);
  const twice = await landWithCommits(session);
  assert.deepEqual([twice.move, twice.found?.note], [null, `your branch ${move?.branch} has these commits`]);
  assert.equal(
    sh(place, `git stash -q; git merge -q ${move?.branch} -m merged; git stash drop -q; cat a.ts b.ts`),
    "a\nbox\nb\nme\n",
  );
  const again = await landWithCommits(session);
  assert.deepEqual([again.move, again.found], [null, null]);
});

test("a branch that the person does not have is made, one of their name is left alone", async () => {
  const place = makePlace("echo a >a.ts");
  sh(place, "git branch other");
  const one = await sessionThat(place, "git checkout -qb feature/x; echo 1 >>a.ts; git commit -qam one");
  const two = await sessionThat(place, "git checkout -q other; echo 2 >>a.ts; git commit -qam two");
  const three = await sessionThat(place, "git checkout -qb feature; echo 3 >>a.ts; git commit -qam three");
  assert.equal((await landWithCommits(one)).move?.branch, "feature/x");
  assert.match((await landWithCommits(two)).move?.branch ?? "", /^ringfence\/other-/);
  assert.match((await landWithCommits(three)).move?.branch ?? "", /^ringfence\/feature-/);
  assert.deepEqual(look(place).log, ["first"]);
  assert.equal(look(place).fsck, "");
  const again = await landWithCommits(two);
  assert.deepEqual(again.move, null);
  assert.match(again.found?.note ?? "", /^your repository has the box's commits already/);
});

test("for a new branch, what the person has on another is no news; for one that moves, it is judged", async () => {
  const place = makePlace("echo a >a.ts");
  sh(
    place,
    "git checkout -qb dev; echo '{}' >.vscode.json; mkdir .vscode; echo '{}' >.vscode/tasks.json; git add -A; git commit -qm tasks; git checkout -q master; git update-ref refs/remotes/origin/dev dev; git branch -qD dev; echo broken >.git/refs/tags/odd; git tag blob $(git rev-parse HEAD:a.ts)",
  );
  const one = await sessionThat(
    place,
    "git checkout -qb feat origin/dev; echo 1 >one.ts; git add -A; git commit -qm one",
  );
  const { found, move } = await landWithCommits(one);
  assert.deepEqual([found?.commits.map(({ subject }) => subject), move?.branch], [["one"], "feat"]);
  const two = await sessionThat(place, "git merge -q --no-ff origin/dev -m merged");
  const merged = await landWithCommits(two);
  assert.deepEqual([merged.found?.commits.map(({ state }) => state), merged.move], [["waits", "waits"], null]);
});

test("a first commit, a shallow history, packed branches and a long path of folders", async () => {
  const unborn = makePlace("echo a >a.ts");
  sh(unborn, "rm -rf .git; git init -q .; git config user.name t; git config user.email t@t; sleep 0.02");
  const first = await sessionThat(unborn, "git add a.ts; git commit -qm born");
  assert.equal((await landWithCommits(first)).move?.how, "forward");
  assert.deepEqual([look(unborn).log, look(unborn).status, look(unborn).fsck], [["born"], "", ""]);

  const place = makePlace("echo a >a.ts");
  const shallow = { ...place, checkout: `${place.checkout}-shallow` };
  sh(
    place,
    `echo b >>a.ts; git commit -qam second; git clone -q --depth 1 file://$PWD ${shallow.checkout}; cd ${shallow.checkout}; git config user.name t; git config user.email t@t; git checkout -qb a/b/c; git pack-refs --all; sleep 0.02`,
  );
  const session = await sessionThat(shallow, "echo c >>a.ts; git commit -qam third");
  assert.equal((await landWithCommits(session)).move?.how, "forward");
  assert.deepEqual([look(shallow).log, look(shallow).status, look(shallow).fsck], [["third", "second"], "", ""]);
});

test("a branch never moves to what the working tree does not have", async () => {
  const cases = {
    "git update-index --add --cacheinfo 100644,$(echo x | git hash-object -w --stdin),ghost.ts; git commit -qm x":
      "does not have ghost.ts",
    "git rm -q --cached a.ts; git commit -qm x": "still has a.ts",
    "git update-index --cacheinfo 100644,$(echo x | git hash-object -w --stdin),a.ts; git commit -qm x":
      "a.ts as it was",
    "echo x >i.log; git add -f i.log; git commit -qm x": "does not have i.log",
  };
  for (const [command, why] of Object.entries(cases)) {
    const place = makePlace("echo a >a.ts; echo '*.log' >.gitignore");
    const session = await sessionThat(place, command);
    const { move, refused } = await landWithCommits(session);
    assert.deepEqual([command, refused.length, move?.how], [command, 1, "branch"]);
    assert.ok(refused[0]?.includes(why), refused[0]);
    assert.deepEqual([look(place).log, look(place).status, look(place).fsck], [["first"], "", ""]);
  }
});

test("an index or a repository that is not plain gets a branch instead", async () => {
  const cases = {
    "git update-index --split-index": "split or sparse",
    "touch .git/index.lock": "locked",
    "git update-index --skip-worktree b.ts": "leaves out files",
    "echo n >n; git add -N n": "leaves out files",
    "git update-index --assume-unchanged b.ts": "leaves out files",
    "touch .git/MERGE_HEAD": "MERGE_HEAD",
  };
  for (const [outside, why] of Object.entries(cases)) {
    const place = makePlace("echo a >a.ts; echo b >b.ts");
    const session = await startSession(place);
    await session.run("echo box >>a.ts; git commit -qam box");
    sh(place, outside);
    await session.close();
    const { move, refused } = await landWithCommits(session);
    assert.deepEqual([outside, move?.how], [outside, "branch"]);
    assert.ok(refused[0]?.includes(why), refused[0]);
    assert.deepEqual(look(place).log, ["first"]);
  }
});

test("index format 4 and its extensions are written back as git reads them", async () => {
  const place = makePlace("mkdir -p d/e; for n in $(seq 50); do echo $n >d/e/$n.ts; done");
  sh(place, "git update-index --index-version 4; git update-index --force-untracked-cache; git status >/dev/null");
  const session = await sessionThat(
    place,
    "rm d/e/7.ts; echo x >>d/e/9.ts; echo y >d/new.ts; git add -A; git commit -qm box",
  );
  assert.equal((await landWithCommits(session)).move?.how, "forward");
  assert.deepEqual([look(place).status, look(place).fsck], ["", ""]);
});

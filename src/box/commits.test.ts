import assert from "node:assert/strict";
import { test } from "node:test";
import { landWithCommits, look } from "./commits.fixture.ts";
import { makePlace, read, sessionThat, sh, startSession } from "./land.fixture.ts";

const CLEAN = { status: "", fsck: "" };

test("commits of every everyday kind move the person's branch forward and leave nothing to commit", async () => {
  const place = makePlace(
    "mkdir d; for n in edit gone moved same; do echo $n >$n.ts; done; echo x >d/x; echo t >d/tool; chmod +x d/tool; ln -s edit.ts link",
  );
  const session = await sessionThat(
    place,
    "echo 1 >>edit.ts; git commit -qam one",
    "echo new >new.ts; mkdir e; echo e >e/e.ts; git add -A; git commit -qm draft; echo more >>new.ts; git commit -qa --amend -m two",
    "git rm -q gone.ts; git mv moved.ts renamed.ts; chmod -x d/tool; ln -sfn same.ts link; git commit -qam three",
    "git checkout -qb side; echo side >side.ts; git add side.ts; git commit -qm side; git checkout -q -; echo 2 >>edit.ts; git commit -qam four; git merge -q --no-ff side -m merged",
    "git rm -qr d; echo d >d; git add d; git commit -qm five; git gc -q",
  );
  const { found, files, move, refused } = await landWithCommits(session);
  assert.deepEqual(
    [found?.note, refused, files.failed, files.held.filter(({ path }) => !path.startsWith(".git/"))],
    [null, [], [], []],
  );
  assert.deepEqual(
    found?.commits.map(({ subject, state, why }) => [subject, state, why]),
    ["one", "two", "three", "four", "side", "merged", "five"].map((subject) => [subject, "lands", null]),
  );
  assert.equal(move?.how, "forward");
  const { log, branches, ...rest } = look(place);
  assert.deepEqual(rest, CLEAN);
  assert.deepEqual([log.length, log[0], branches], [8, "five", ["master five"]]);
  assert.match(sh(place, "git reflog -1"), /ringfence land: Fast-forward/);
  assert.equal(await landWithCommits(session).then(({ found: again }) => again), null);
  sh(place, "echo 3 >>edit.ts; git commit -qam mine; git gc -q --prune=now");
  assert.equal(look(place).fsck, "");
});

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

test("what the person staged and changed stays theirs", async () => {
  const place = makePlace("for n in a b c d; do echo $n >$n.ts; done");
  const session = await startSession(place);
  await session.run("echo box >>a.ts; echo new >new.ts; git add -A; git commit -qm box");
  sh(place, "echo me >>c.ts; git add c.ts; echo more >>c.ts; echo me >>b.ts; git rm -q d.ts; echo mine >mine.ts");
  await session.close();
  const { move } = await landWithCommits(session);
  assert.equal(move?.how, "forward");
  assert.equal(look(place).status, " M b.ts\nMM c.ts\nD  d.ts\n?? mine.ts\n");
  assert.equal(sh(place, "cat b.ts; git show :c.ts; git show HEAD:a.ts"), "b\nme\nc\nme\na\nbox\n");
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

test("a commit with a held path waits with all after it, and what came before lands", async () => {
  const place = makePlace(
    "echo a >a.ts; echo '{}' >package.json; mkdir real; ln -s real/guide.md CLAUDE.md; echo g >real/guide.md",
  );
  const session = await sessionThat(
    place,
    "echo 1 >>a.ts; git commit -qam one",
    "mkdir -p .github/workflows; echo x >.github/workflows/x.yml; echo 2 >>a.ts; git add -A .github; git commit -qam ci",
    "echo 3 >>a.ts; git commit -qam three",
  );
  const { found, move } = await landWithCommits(session);
  assert.equal(move?.how, "forward");
  const ci = found?.commits[1]?.id.slice(0, 7);
  assert.deepEqual(
    found?.commits.map(({ subject, state, why }) => [subject, state, why]),
    [
      ["one", "lands", null],
      ["ci", "waits", ".github/workflows/x.yml: run-later, continuous integration"],
      ["three", "waits", `it comes after ${ci}, which waits`],
    ],
  );
  assert.deepEqual([look(place).log, look(place).status], [["one", "first"], " M a.ts\n"]);
  for (const command of [
    `echo '{"scripts":{"test":"x"}}' >package.json`,
    "echo evil >>real/guide.md",
    "printf '#!/bin/sh' >run; chmod +x run",
    "printf '\\177ELF' >run",
    "ln -s /etc/passwd out",
    "ln -s ../../x out",
    "git init -q sub; git -C sub -c user.name=t -c user.email=t commit -q --allow-empty -m s",
    "rm CLAUDE.md",
  ]) {
    const one = await sessionThat(place, `${command}; git add -A; git commit -qm held`);
    const result = await landWithCommits(one);
    assert.deepEqual([command, result.found?.commits.at(-1)?.state, result.move], [command, "waits", null]);
  }
});

test("a commit of a masked file waits, so that no copy without its secret takes its place", async () => {
  const place = makePlace("echo a >a.ts; printf 'KEY=%s\\n' value1234567890 >.env; git add -f .env");
  const session = await sessionThat(place, "echo b >>a.ts; git commit -qm one a.ts; git commit -qam all");
  const { found, move } = await landWithCommits(session);
  assert.deepEqual([found?.commits.map(({ state }) => state), move?.how], [["lands", "waits"], "forward"]);
  assert.match(found?.commits[1]?.why ?? "", /^\.env: it may hold a secret/);
  assert.deepEqual([look(place).log, look(place).status], [["one", "first"], ""]);
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

test("a commit from an old index, which takes back what the person committed since, moves no branch", async () => {
  const place = makePlace("echo a >a.ts; echo b >b.ts");
  const session = await startSession(place);
  await session.run("echo box >>a.ts; git add a.ts");
  sh(place, "echo me >>b.ts; echo me >mine.ts; git add -A; git commit -qm mine");
  await session.box.remount();
  // The box does not see the person's branch move before its next turn; this one takes it from what it sees of objects.
  await session.run(`git update-ref refs/heads/master ${sh(place, "git rev-parse HEAD").trim()}; git commit -qm box`);
  await session.close();
  const { move, refused } = await landWithCommits(session);
  assert.equal(move?.how, "branch");
  assert.match(refused[0] ?? "", /b\.ts|mine\.ts/);
  assert.deepEqual([look(place).log, sh(place, "cat b.ts mine.ts")], [["mine", "first"], "b\nme\nme\n"]);
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

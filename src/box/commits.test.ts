import assert from "node:assert/strict";
import { test } from "node:test";
import { CLEAN, landWithCommits, look } from "./commits.fixture.ts";
import { makePlace, sessionThat, sh, startSession } from "./land.fixture.ts";

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

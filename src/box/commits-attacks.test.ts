import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { test } from "node:test";
import { landWithCommits, look } from "./commits.fixture.ts";
import { drawn, SEED } from "./drawn.fixture.ts";
import { makePlace, type Place, sessionThat, sh, startSession } from "./land.fixture.ts";

const GOOD = "echo box >>a.ts; git commit -qam good";

/** Everything under `.git` that a program reads as a setting or runs, and where the branches are. */
function settings(place: Place): string {
  return sh(
    place,
    "find .git \\( -path .git/objects -o -path .git/logs \\) -prune -o ! -name index -type f -printf '%p ' -exec sha256sum {} \\; | sort",
  );
}

/** The person's next half hour. */
const EVERYDAY =
  "git status; git log --stat -3; git diff HEAD~1; echo me >>a.ts; git add a.ts; git commit -qm mine; git branch x; git checkout -q x; git stash list; git gc -q";

const PLANTS: Readonly<Record<string, string>> = {
  "configuration that names programs":
    "for key in core.fsmonitor diff.external core.pager core.editor core.sshCommand filter.x.clean filter.x.smudge filter.x.process diff.x.textconv uploadpack.packObjectsHook core.alternateRefsCommand gpg.program; do git config $key $PWD/.git/evil; done; git config core.hooksPath .git/evilhooks; git config commit.gpgsign true; git config include.path evil.inc; echo '* filter=x diff=x' >.git/info/attributes",
  hooks:
    "for name in pre-commit post-commit post-checkout reference-transaction post-index-change post-merge fsmonitor-watchman; do cp .git/evil .git/hooks/$name; done",
  "a second configuration":
    "git config extensions.worktreeConfig true; printf '[core]\\n\\tfsmonitor = %s/.git/evil\\n' $PWD >.git/config.worktree",
  "another repository in its place":
    "git init -q in; cp .git/evil in/evil; git -C in config core.fsmonitor ./in/evil; printf '../in/.git\\n' >.git/commondir",
};

for (const [name, plant] of drawn(Object.entries(PLANTS), 1)) {
  test(`planted: ${name}; nothing of it reaches the person's repository or has a say (RINGFENCE_SEED=${SEED})`, async () => {
    const place = makePlace("echo a >a.ts");
    const marker = `${place.checkout}-marker`;
    const evil = `printf '#!/bin/sh\\ntouch ${marker}\\ncat\\n' >.git/evil; chmod +x .git/evil; mkdir -p .git/evilhooks; cp .git/evil .git/evilhooks/pre-commit`;
    const session = await sessionThat(place, GOOD, `${evil}; ${plant}; true`);
    const copy = { ...place, checkout: `${place.checkout}-copied` };
    sh(
      place,
      `cp -a . ${copy.checkout}; cp -a ${session.path}/layer/upper/. ${copy.checkout}; chmod -R u+rwx ${copy.checkout}; sed -i s,${place.checkout}/,${copy.checkout}/, ${copy.checkout}/.git/config*`,
    );
    sh(copy, `(${EVERYDAY}) >/dev/null 2>&1 </dev/null || true`);
    assert.ok(existsSync(marker), "copied as it is, it must run: else this proves nothing");
    sh(place, `rm ${marker}`);
    const before = settings(place);
    const { found, move } = await landWithCommits(session);
    assert.deepEqual([move?.how, found?.note], ["forward", null]);
    assert.equal(settings(place).replace(/^\.git\/refs.*$/gm, ""), before.replace(/^\.git\/refs.*$/gm, ""));
    assert.deepEqual([look(place).log, look(place).status], [["good", "first"], ""]);
    sh(place, EVERYDAY);
    assert.equal(existsSync(marker), false);
    assert.equal(look(place).fsck, "");
  });
}

test(`a HEAD, a branch or packed refs that are not plain land nothing and touch nothing (RINGFENCE_SEED=${SEED})`, async () => {
  const cases = [
    "rm .git/HEAD; ln -s refs/heads/master .git/HEAD",
    "echo 'ref: refs/heads/../../hooks/pre-commit' >.git/HEAD; git rev-parse master >.git/hooks/pre-commit",
    "echo 'ref: refs/../refs/heads/master' >.git/HEAD",
    "echo 'ref: refs/remotes/x' >.git/HEAD",
    "echo 'ref: /etc/passwd' >.git/HEAD",
    "printf 'ref: refs/heads/a\\nb\\n' >.git/HEAD; echo x >>.git/packed-refs",
    `echo "ref: refs/heads/$(head -c 300 /dev/zero | tr '\\0' a)" >.git/HEAD`,
    "echo 'ref: refs/heads/-x' >.git/HEAD; git rev-parse master >.git/refs/heads/-x",
    "echo 'ref: refs/heads/x.lock' >.git/HEAD; git rev-parse master >.git/refs/heads/x.lock",
    "echo 'ref: refs/heads/HEAD' >.git/HEAD; git rev-parse master >.git/refs/heads/HEAD",
    "head -c 10000 /dev/zero >.git/HEAD",
    "rm .git/HEAD; mkdir .git/HEAD",
    "rm .git/HEAD; mkfifo .git/HEAD",
    "echo 'ref: refs/heads/master' >.git/refs/heads/master",
    "echo 'ref: refs/heads/b' >.git/refs/heads/master; echo 'ref: refs/heads/master' >.git/refs/heads/b",
    "rm .git/refs/heads/master; ln -s ../../HEAD .git/refs/heads/master",
    "rm -r .git/refs; ln -s /etc .git/refs",
    "echo evil >.git/refs/heads/master",
    "id=$(git rev-parse HEAD); rm .git/refs/heads/master; printf '%s refs/heads/../../hooks/x\\n%s refs/heads/master extra\\n' $id $id >.git/packed-refs; true",
    "git rev-parse 'HEAD^{tree}' >.git/tree; cp .git/tree .git/refs/heads/master",
    "rm -rf .git; echo 'gitdir: /etc' >.git",
    "rm -rf .git; ln -s /tmp .git",
  ];
  const place = makePlace("echo a >a.ts");
  const before = settings(place);
  for (const plant of drawn(cases, 8)) {
    const session = await sessionThat(place, `git commit -q --allow-empty -m good; ${plant}`);
    const { move } = await landWithCommits(session);
    assert.deepEqual([plant, move, settings(place), look(place).fsck], [plant, null, before, ""]);
  }
});

test("what git is told to put in place of an object, or to leave out, hides no held path", async () => {
  const workflow =
    "mkdir -p .github/workflows; echo x >.github/workflows/x.yml; git add -A; git commit -qm ci; rm -r .github";
  const after = "git rm -rq --cached .github; git commit -qm after";
  const cases = {
    "a replaced commit": `${workflow}; git replace HEAD $(git commit-tree HEAD~1^{tree} -p HEAD~1 -m good)`,
    "a replaced tree": `${workflow}; git replace HEAD^{tree} HEAD~1^{tree}`,
    "a graft": `${workflow}; ${after}; echo $(git rev-parse HEAD HEAD~2) >.git/info/grafts`,
    "a shallow history": `${workflow}; ${after}; git rev-parse HEAD >.git/shallow`,
  };
  for (const [name, plant] of Object.entries(cases)) {
    const place = makePlace("echo a >a.ts");
    const session = await sessionThat(place, `${GOOD}; ${plant}`);
    const { found, move } = await landWithCommits(session);
    assert.deepEqual(
      [name, found?.commits.map(({ subject, state }) => `${subject} ${state}`).slice(0, 2), move?.how],
      [name, ["good lands", "ci waits"], "forward"],
    );
    assert.deepEqual([look(place).log, look(place).fsck], [["good", "first"], ""]);
    assert.equal(sh(place, "git rev-list --all --objects | grep -c '\\.github' || true").trim(), "0");
  }
});

test(`objects that are damaged, missing, exchanged, huge or too many land nothing (RINGFENCE_SEED=${SEED})`, async () => {
  const object = (what: string) => `f=.git/objects/$(git rev-parse ${what} | sed 's,..,&/,'); chmod u+w $f`;
  const many =
    "t=$(printf '100644 blob %s\\tf\\n' $(echo x | git hash-object -w --stdin) | git mktree); for level in 1 2 3 4 5 6 7; do t=$(for n in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree %s\\t%s\\n' $t $n; done | git mktree); done; git update-ref HEAD $(git commit-tree $t -p HEAD -m bomb)";
  const cases = {
    damaged: `${object("HEAD:a.ts")}; echo junk >$f`,
    "a pipe": `${object("HEAD:a.ts")}; rm -f $f; mkfifo $f`,
    missing: `${object("HEAD:a.ts")}; rm -f $f`,
    "exchanged for another": `${object("HEAD:a.ts")}; g=$f; echo evil | git hash-object -w --stdin >/tmp/id; cp .git/objects/$(sed 's,..,&/,' /tmp/id) $g`,
    huge: "head -c 60000000 /dev/zero >big.ts; git add big.ts; git commit -qm big",
    "more paths than can be listed": many,
    "found only elsewhere": `git init -q in; cp -r .git/objects/. in/.git/objects/; ${object("HEAD:a.ts")}; rm -f $f; echo $PWD/in/.git/objects >.git/objects/info/alternates`,
    "more than a thousand":
      "for n in $(seq 1001); do printf 'commit refs/heads/master\\ncommitter t <t@t> %s +0000\\ndata 1\\nx\\n' $n; [ $n = 1 ] && echo 'from refs/heads/master^0'; done | git fast-import --quiet",
  };
  for (const [name, plant] of drawn(Object.entries(cases), 3)) {
    const place = makePlace("echo a >a.ts");
    const session = await sessionThat(place, `${GOOD}; ${plant}`);
    const { found, move, files } = await landWithCommits(session);
    assert.deepEqual([name, move, found?.commits], [name, null, []]);
    assert.match(found?.note ?? "", /^commits stay in the layer: /, name);
    assert.ok(files.landed.includes("a.ts"), "files land all the same");
    assert.deepEqual([look(place).log, look(place).fsck, sh(place, "ls .git/objects/pack")], [["first"], "", ""]);
  }
});

test("an exchanged object of the person's own has no say in what is judged or landed", async () => {
  const place = makePlace("echo a >a.ts; mkdir d; echo d >d/d.ts");
  const session = await sessionThat(
    place,
    `t=$(git rev-parse HEAD:d | sed 's,..,&/,'); ${GOOD}; mkdir x; echo evil >x/evil.ts; git add x; e=$(git write-tree --prefix=x/ | sed 's,..,&/,'); git reset -q; rm -r x; chmod u+w .git/objects/$t; cp .git/objects/$e .git/objects/$t`,
  );
  const { move } = await landWithCommits(session);
  assert.equal(move?.how, "forward");
  assert.deepEqual(
    [look(place).status, look(place).fsck, sh(place, "git ls-tree -r --name-only HEAD")],
    ["", "", "a.ts\nd/d.ts\n"],
  );
});

test("a tree with a name that some system takes for git's own, or for another folder, is refused", async () => {
  for (const name of [".git", ".GIT", "git~1", "..", ".", ".git ", ".g\\xe2\\x80\\x8cit", "a/b", ""]) {
    const place = makePlace("echo a >a.ts");
    const session = await sessionThat(
      place,
      `id=$(echo x | git hash-object -w --stdin | sed 's/../\\\\x&/g'); t=$( (git cat-file tree HEAD^{tree}; printf "100644 ${name}\\0$id") | git hash-object -t tree -w --literally --stdin); git update-ref HEAD $(git commit-tree $t -p HEAD -m odd)`,
    );
    const { found, move } = await landWithCommits(session);
    assert.deepEqual([name, move, found?.commits.some(({ state }) => state === "lands")], [name, null, false]);
    assert.deepEqual([look(place).log, look(place).fsck], [["first"], ""]);
  }
});

test("a landing that was killed is finished by the next, and a lock of another program's is left alone", async () => {
  const place = makePlace("echo a >a.ts");
  const session = await sessionThat(place, GOOD);
  // Killed between the index and the branch, with both locks taken.
  const half = await landWithCommits(session);
  sh(
    place,
    `git update-ref refs/heads/master HEAD~1; cd .git; for lock in index.lock refs/heads/master.lock; do d=ringfence-0123456789abcdef-$((n=\${n:-0}+1)); echo x >$d; ln $d $lock; done`,
  );
  assert.equal(sh(place, "git status --porcelain"), "M  a.ts\n");
  assert.equal((await landWithCommits(session)).move?.newId, half.move?.newId);
  assert.deepEqual([look(place).status, look(place).fsck, look(place).log], ["", "", ["good", "first"]]);

  const other = await sessionThat(place, "echo 2 >>a.ts; git commit -qam two");
  sh(place, "touch .git/refs/heads/master.lock");
  assert.equal((await landWithCommits(other)).move?.how, "branch");
  assert.ok(existsSync(join(place.checkout, ".git/refs/heads/master.lock")));
});

test("a branch that the person moves, or a file that they save, between collecting and landing is never lost", async () => {
  const place = makePlace("echo a >a.ts; echo b >b.ts");
  const session = await startSession(place);
  await session.run(GOOD);
  await session.close();
  const { move, refused } = await landWithCommits(session, () => sh(place, "echo me >>b.ts; git commit -qm mine b.ts"));
  assert.deepEqual([move?.how, refused], ["branch", ["your branch has moved"]]);
  assert.deepEqual(
    [look(place).log, readFileSync(join(place.checkout, "b.ts"), "utf8")],
    [["mine", "first"], "b\nme\n"],
  );
  assert.equal(look(place).fsck, "");
});

test("no commit of the person's is lost while they commit and the box's commits land", async () => {
  const place = makePlace("echo a >a.ts; : >mine.ts");
  for (const round of [1, 2, 3]) {
    const session = await sessionThat(place, `git checkout -q master; echo ${round} >>a.ts; git commit -qam box`);
    const loop = `for n in $(seq 40); do echo ${round}.$n >>mine.ts; git commit -qm mine mine.ts && echo ok; done`;
    const person = spawn("/bin/bash", ["--norc", "-c", loop], {
      cwd: place.checkout,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const made = textOf(person.stdout);
    const first = await landWithCommits(session);
    const commits = (await made).split("ok").length - 1;
    // A landing that met their locks each time is refused, and goes through once they rest.
    const move = first.move ?? (await landWithCommits(session)).move;
    assert.ok(move !== null && commits > 0);
    assert.equal(sh(place, `git log --format=%s -${commits} --grep=mine | grep -c mine`).trim(), String(commits));
    sh(place, "git add -A; git commit -qm rest --allow-empty");
    assert.deepEqual([look(place).status, look(place).fsck], ["", ""]);
    assert.equal(sh(place, "wc -l <mine.ts").trim(), String(round * 40));
  }
});

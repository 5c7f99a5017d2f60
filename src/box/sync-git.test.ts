import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { landWithCommits, look } from "./commits.fixture.ts";
import { makePlace, type Place, type Session, sh, startSession } from "./land.fixture.ts";
import { sync } from "./sync-git.fixture.ts";
import { readBoxGit } from "./sync-git-read.ts";

/** Runs a test in a session on a checkout that a shell program made. */
function inSession(make: string, use: (session: Session, place: Place) => Promise<void>): () => Promise<void> {
  return async () => {
    const place = makePlace(make);
    const session = await startSession(place);
    try {
      await use(session, place);
    } finally {
      await session.close();
    }
  };
}

test(
  "a commit from an index that the person has overtaken takes back nothing of theirs, in the turn and in the next",
  inSession("echo a >a.ts", async (session, place) => {
    await session.run("echo box >box.ts; git add box.ts; git stash list; git status");
    sh(place, "echo mine >mine.ts; echo more >>a.ts; git add -A; git commit -qm mine");
    await session.box.remount();
    await session.run("git commit -qm box");
    assert.equal(await session.run("git show --format= --name-status HEAD"), "A\tbox.ts");
    const news = await sync(session, place);
    assert.deepEqual(news?.plan?.aside, [{ from: "refs/heads/master", to: "refs/heads/box/master" }]);
    assert.equal(await session.run("git log --format=%s; git status --short"), "mine\nfirst\n?? box.ts");
    await session.run("git add -A; git commit -qam again");
    assert.equal(await session.run("git show --format= --name-status HEAD"), "A\tbox.ts");
    assert.equal(await session.run("git log --format=%s box/master"), "box\nfirst");
  }),
);

test(
  "an untouched repository is left alone, and what the person does is seen in the next turn",
  inSession("echo a >a.ts; git add -A; git commit -qm a; git tag old; git branch side", async (session, place) => {
    assert.equal(await sync(session, place), null);
    await session.run("echo b >b.ts; git add b.ts; git commit -qm box; git branch own; git tag mark");
    assert.equal(await sync(session, place), null);
    sh(place, "git tag new; git branch -d side; git tag -d old; git pack-refs --all; git branch later");
    assert.equal((await sync(session, place))?.problem, null);
    assert.equal(await sync(session, place), null);
    assert.equal(
      await session.run("git for-each-ref --format='%(refname:short) %(contents:subject)'; git status --short"),
      "later first\nmaster box\nown box\nmark box\nnew first",
    );
  }),
);

test(
  "where the box had not switched HEAD follows the person's, and where it had it stays",
  inSession("echo a >a.ts; echo k >k.ts; git add -A; git commit -qm k; git branch topic", async (session, place) => {
    sh(place, "git switch -q topic; git rm -q k.ts; git commit -qm without; ");
    await sync(session, place);
    assert.equal(await session.run("git branch --show-current; git status --short; ls"), "topic\na.ts");
    await session.run("git switch -qc feature; echo f >f.ts; git add -A; git commit -qm f");
    sh(place, "git switch -q master; echo m >m.ts; echo more >>a.ts; git add -A; git commit -qm m");
    await sync(session, place);
    assert.equal(await session.run("git branch --show-current; git status --short"), "feature\n?? k.ts\n?? m.ts");
    await session.run("echo 2 >f.ts; git commit -qam f2");
    assert.equal(await session.run("git show --format= --name-status HEAD"), "M\tf.ts");
  }),
);

test(
  "a branch of the box's that the person commits something else onto keeps what both made",
  inSession("echo a >a.ts; git add -A; git commit -qm a; git branch other", async (session, place) => {
    await session.run("git switch -q other; echo b >b.ts; git add -A; git commit -qm box");
    sh(place, "git switch -q other; echo p >p.ts; git add -A; git commit -qm person; git switch -q master");
    const news = await sync(session, place);
    assert.equal(news?.plan?.head, "ref: refs/heads/box/other");
    assert.equal(await session.run("git log --format=%s; git log --format=%s other"), "box\na\nperson\na");
    assert.equal(await session.run("git status --short"), "(no output)");
  }),
);

test(
  "commits that were set aside land as a branch, and their files as files",
  inSession("echo a >a.ts", async (session, place) => {
    await session.run("echo b >b.ts; git add -A; git commit -qm box");
    sh(place, "echo p >p.ts; git add -A; git commit -qm person");
    await sync(session, place);
    const { move, files, others } = await landWithCommits(session);
    assert.deepEqual([move, files.landed], [null, ["b.ts"]]);
    assert.deepEqual(
      others.map(({ how, branch }) => [how, branch]),
      [["branch", "box/master"]],
    );
    assert.deepEqual(look(place), {
      log: ["person", "first"],
      status: "?? b.ts\n",
      branches: ["box/master box", "master person"],
      fsck: "",
    });
    await sync(session, place);
    assert.equal((await landWithCommits(session)).found, null);
    await session.run("git add -A; git commit -qm again");
    assert.equal((await landWithCommits(session)).move?.how, "forward");
    assert.equal(look(place).status, "");
  }),
);

test(
  "what the person commits is seen also where the box has cleared its folders of objects away",
  inSession("for n in $(seq 60); do echo $n >$n; done", async (session, place) => {
    await session.run("git gc -q --prune=now; ls .git/objects | wc -l");
    sh(place, "for n in $(seq 40); do echo p$n >p$n; git add -A; git commit -qm $n; done");
    assert.equal((await sync(session, place))?.problem, null);
    assert.equal(await session.run("git log --oneline | wc -l; git fsck --no-dangling 2>&1; git status --short"), "41");
  }),
);

test(
  "the stashes of both are kept, and what one took off stays off",
  inSession("echo a >a.ts", async (session, place) => {
    sh(place, "echo 1 >>a.ts; git stash -qm one; echo 2 >>a.ts; git stash -qm two");
    await sync(session, place);
    await session.run("git stash drop -q stash@{1}; echo b >b.ts; git add b.ts; git stash -qm box");
    sh(place, "echo 3 >>a.ts; git stash -qm three");
    await sync(session, place);
    const list = "git stash list --format=%gs";
    assert.equal(await session.run(list), "On master: box\nOn master: three\nOn master: two");
    assert.equal(sh(place, list), "On master: three\nOn master: two\nOn master: one\n");
    assert.equal(await session.run("git stash pop -q; git status --short"), "A  b.ts");
  }),
);

test(
  "a merge of the box's goes on where its branch is unmoved, and ends with its files where it is not",
  inSession(
    "echo a >a.ts; git add -A; git commit -qm a; git switch -qc topic; echo t >a.ts; git commit -qam t; git switch -q master; echo m >a.ts; git commit -qam m",
    async (session, place) => {
      await session.run("git merge topic || true");
      sh(place, "git branch elsewhere");
      await sync(session, place);
      assert.match(await session.run("git status"), /You have unmerged paths/);
      sh(place, "echo n >n.ts; git add -A; git commit -qm n");
      const news = await sync(session, place);
      assert.equal(news?.plan?.keepsOperation, false);
      assert.equal(
        await session.run("git status --short; grep -c '<<<<' a.ts; git log -1 --format=%s"),
        " M a.ts\n1\nn",
      );
    },
  ),
);

test(
  "a merge that the person began is seen with their index, and not with one of the box's own",
  inSession(
    "echo a >a.ts; git add -A; git commit -qm a; git switch -qc topic; echo t >a.ts; echo u >u.ts; git add -A; git commit -qm t; git switch -q master; echo m >a.ts; git commit -qam m",
    async (session, place) => {
      sh(place, "git merge topic || true");
      await sync(session, place);
      assert.equal(await session.run("git status --short; ls .git/MERGE_HEAD"), "UU a.ts\nA  u.ts\n.git/MERGE_HEAD");
      sh(place, "git merge --abort");
      await sync(session, place);
      await session.run("echo b >b.ts; git add b.ts");
      sh(place, "git merge topic || true");
      await sync(session, place);
      assert.equal(
        await session.run("ls .git/MERGE_HEAD || true"),
        "ls: cannot access '.git/MERGE_HEAD': No such file or directory",
      );
      await session.run("git commit -qam all || true");
      assert.equal(await session.run("git log --format='%p' -1 | wc -w"), "1");
    },
  ),
);

test(
  "a file that both changed is told, and an old copy of the box's that nobody edited gives way",
  inSession("echo a >a.ts; echo b >b.ts; echo c >c.ts", async (session, place) => {
    await session.run(
      "echo box >>a.ts; git add -A; touch b.ts; echo x >c.ts; git stash -q; git stash drop -q; echo box >>a.ts",
    );
    sh(place, "echo me >>a.ts; echo me >>b.ts; echo me >>c.ts; git commit -qam mine");
    const news = await sync(session, place);
    assert.deepEqual(news?.overtaken, ["a.ts"]);
    assert.equal(await session.run("git status --short; cat b.ts c.ts"), " M a.ts\nb\nme\nc\nme");
  }),
);

test(
  "a repository that tells nothing, or lies, costs the box its own view and nothing else",
  inSession("echo a >a.ts", async (session, place) => {
    await session.run("echo b >b.ts; git add -A; git commit -qm b; echo broken >.git/HEAD");
    sh(place, "echo m >m.ts; git add -A; git commit -qm m");
    assert.equal((await sync(session, place))?.problem, "git in the box could not tell its branches");
    await session.run(
      "echo 'ref: refs/heads/master' >.git/HEAD; git config core.hooksPath .; printf '#!/bin/sh\\ntouch ran' >reference-transaction; chmod +x reference-transaction; cp reference-transaction post-index-change; git config alias.stash '!touch ran'; git config core.fsmonitor ./reference-transaction",
    );
    assert.equal((await sync(session, place))?.problem, null);
    assert.equal(
      await session.run("ls ran 2>&1; git log --format=%s; git log --format=%s box/master"),
      "ls: cannot access 'ran': No such file or directory\nm\nfirst\nb\nfirst",
    );
    await session.run("rm -rf .git");
    sh(place, "git commit -q --allow-empty -m more");
    assert.equal((await sync(session, place))?.problem, "git in the box could not tell its branches");
    assert.equal(sh(place, "git log --format=%s; git status --short; git fsck --strict 2>&1"), "more\nm\nfirst\n");
  }),
);

test("refs that are too many to be told are not taken for deleted", () => {
  const tell = (count: number) =>
    readBoxGit(
      Buffer.from(
        `h ref: refs/heads/a\n${Array.from({ length: count }, (_one, at) => `r ${"a".repeat(40)} refs/tags/${at} \n`).join("")}.\n`,
      ),
    );
  assert.equal(tell(50_000).refs.size, 50_000);
  assert.throws(() => tell(50_001), /more than 50000 branches and tags/);
});

test("an operation under way that an archive brought is copied up to a size", async () => {
  for (const [count, isCopied] of [
    [1, true],
    [3, false],
  ] as const) {
    const place = makePlace("echo a >a.ts");
    sh(place, `mkdir .git/rebase-apply; for n in $(seq ${count}); do truncate -s 8M .git/rebase-apply/$n; done`);
    const session = await startSession(place);
    try {
      assert.equal(existsSync(join(session.path, "git-state/.git/rebase-apply")), isCopied);
      assert.equal(await session.run("ls .git/rebase-apply | wc -l; git log --format=%s"), `${count}\nfirst`);
    } finally {
      await session.close();
    }
  }
});

test("links in a git folder that an archive brought lead to no copy of what is masked", async () => {
  for (const [link, make] of [
    ["refs", "cp -r .git/refs/. conf"],
    ["logs", "mkdir conf/refs; echo canary >conf/refs/stash"],
    ["logs/refs", "echo canary >conf/stash"],
  ] as const) {
    const place = makePlace("echo a >a.ts; mkdir conf");
    const to = link === "logs/refs" ? "../../conf" : "../conf";
    sh(place, `${make}; rm -r .git/${link}; ln -s ${to} .git/${link}; echo K=canary | tee conf/.env >conf/server.key`);
    const session = await startSession(place);
    try {
      const seen = await session.run(
        "git log --format=%s; readlink .git/refs .git/logs .git/logs/refs; cat .git/refs/.env .git/refs/server.key 2>/dev/null; true",
      );
      assert.doesNotMatch(seen, /canary/, link);
      assert.match(seen, /^first\n.*conf/, link);
    } finally {
      await session.close();
    }
  }
});

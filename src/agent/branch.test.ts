import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { makePlace, type Place, type Session, sh, startSession } from "../box/land.fixture.ts";
import { UNKNOWN_SOURCE } from "../core/label.ts";
import { TABLE_ALONE } from "../core/policy-rules.ts";
import { createLedger } from "../ledger/append.ts";
import { BranchView } from "./branch.ts";
import { Gate } from "./gate.ts";

const FILES =
  "mkdir -p d/e; for n in a b c gone file dir/in mode; do mkdir -p $(dirname $n.ts); echo $n >$n.ts; done; echo d >d/d.ts; echo e >d/e/e.ts; ln -s a.ts link; printf 'out\\nnode_modules\\n' >.gitignore; mkdir node_modules; echo m >node_modules/m; find . -path ./.git -prune -o ! -type d -print0 | xargs -0 touch -h -d 2001-02-03";
const CLEAN = "git status --porcelain; git diff HEAD --stat";

/** Begins a view on a new branch at the person's HEAD. */
async function beginView(t: TestContext, place: Place, name = "feat"): Promise<{ session: Session; view: BranchView }> {
  const session = await startSession(place);
  const ledger = createLedger(`${session.path}/ledger.log`, null);
  const gate = new Gate(
    ledger,
    () => UNKNOWN_SOURCE,
    Date.now,
    () => TABLE_ALONE,
  );
  const from = sh(place, "git rev-parse HEAD").trim();
  const view = await BranchView.begin(session.box, gate, { name, from });
  t.after(async () => {
    await session.close();
    ledger.close();
  });
  return { session, view };
}

const list = "find . -path ./.git -prune -o -path ./node_modules -prune -o ! -type d -printf '%p %m %l\\n' | sort";

test("whatever the person is in the middle of, the view begins with the tree of the commit and nothing else", async (t) => {
  const works = {
    "edits of every kind":
      "echo me >>a.ts; rm b.ts c.ts; chmod +x mode.ts; ln -sfn b.ts link; rm -r d; echo d >d; rm file.ts; mkdir file.ts; echo x >file.ts/x; rm -r dir; echo dir >dir; mkdir u; echo u >u/u; echo q >'q\"$(x)'; echo l >$'new\\nline'; echo n >$'not\\xffutf8'; git init -q nested; echo n >nested/n",
    "an index of their own":
      "echo me >>a.ts; git add a.ts; git rm -q --cached b.ts; git mv c.ts moved.ts; echo more >>a.ts",
    "files that git is told not to look at":
      "echo me >>a.ts; git update-index --assume-unchanged a.ts; echo me >>b.ts; git update-index --skip-worktree b.ts; rm c.ts; git update-index --skip-worktree --assume-unchanged c.ts",
    "a merge with conflicts":
      "git checkout -qb other; echo o >a.ts; git commit -qam o; git checkout -q master; echo m >a.ts; git commit -qam m; git merge -q other || true",
    "a rebase under way":
      "git checkout -qb other; echo o >a.ts; git commit -qam o; git checkout -q master; echo m >a.ts; git commit -qam m; git checkout -q other; git rebase -q master || true",
    "no index": "rm .git/index",
    "locks of another git": "touch .git/index.lock .git/HEAD.lock",
    "ignored files": "echo out >out; echo m2 >node_modules/m2",
  };
  for (const [what, work] of Object.entries(works)) {
    const place = makePlace(FILES);
    sh(place, work);
    const before = sh(
      place,
      "rm -rf ../want; git worktree list >/dev/null; mkdir ../want; git -c tar.umask=0022 archive HEAD | tar x -C ../want; cd ../want; " +
        list,
    );
    const person = sh(place, `${list}; git status --porcelain`);
    const { session } = await beginView(t, place);
    assert.equal(await session.run(CLEAN), "(no output)", what);
    const ignored = what === "ignored files" ? ["./out 644 "] : [];
    const seen = (await session.run(list)).split("\n").filter((line) => !ignored.includes(line));
    assert.deepEqual(
      seen.map((line) => line.trimEnd()),
      before
        .trimEnd()
        .split("\n")
        .map((line) => line.trimEnd()),
      what,
    );
    assert.equal(await session.run("ls node_modules | head -1; git rev-parse --abbrev-ref HEAD"), "m\nfeat");
    assert.equal(sh(place, `${list}; git status --porcelain`), person, what);
  }
});

/** A name that git allows, and that a shell would run. */
const NAME = `it's"$(touch\${IFS}ran)";touch\${IFS}ran;&|<x>#é`;

test("what the person does meanwhile goes from the view, and what the agent did stays", async (t) => {
  const place = makePlace(FILES);
  const { session, view } = await beginView(t, place, NAME);
  await session.run(
    "cat a.ts b.ts c.ts d/d.ts; ls; echo agent >>a.ts; echo agent >agent.ts; rm gone.ts; mkdir made; echo x >made/x.ts",
  );
  sh(
    place,
    "sleep 1.1; echo me >>a.ts; echo me >>b.ts; echo me >c2; mv c2 c.ts; rm d/d.ts; echo me >new.ts; mkdir u made; echo u >u/u.ts; echo me >made/me.ts; echo >.gitignore; echo me >gone.ts; chmod +x mode.ts; echo out >out",
  );
  const since = Date.now() / 1000 - 5;
  // What the agent did lies in a sealed layer from here on.
  assert.notEqual((await session.box.checkpoint("turn", "the next")).stack, null);
  await view.putRight(since);
  const expected = "M a.ts\n D gone.ts\n?? agent.ts\n?? made/";
  assert.equal((await session.run("git status --porcelain")).trim(), expected);
  assert.equal(
    await session.run("cat a.ts b.ts c.ts d/d.ts; ls made; ls u 2>/dev/null; ls -a | grep -c m; cat node_modules/m"),
    "a\nagent\nb\nc\nd\nx.ts\n3\nm",
  );
  sh(
    place,
    "git add -A; git commit -qm mine; git checkout -qb elsewhere; git rm -qr d; git commit -qm more; git branch -D master",
  );
  await session.box.remount();
  await view.putRight(since);
  assert.equal((await session.run("git status --porcelain; git log --format=%s")).trim(), `${expected}\nfirst`);
  sh(place, "echo later >>b.ts; echo later >later.ts");
  assert.equal(await session.run("git branch --show-current; ls -A | grep -c ran || true"), `${NAME}\n0`);
  assert.equal(await view.commit(["what the agent did", "Trailer: x"]), null);
  assert.equal(
    await session.run("git show --name-status --format='%an %s' HEAD"),
    "t what the agent did\n\nM\ta.ts\nA\tagent.ts\nD\tgone.ts\nA\tmade/x.ts",
  );
});

test("a branch that the agent makes on the way is what it worked on; an operation under way is committed by nobody", async (t) => {
  const place = makePlace(FILES);
  const { session, view } = await beginView(t, place);
  await session.run("git checkout -qb own; echo 1 >>a.ts; git commit -qam one; echo 2 >>a.ts");
  assert.equal(await view.commit(["two"]), null);
  assert.equal(await session.run("git log --format=%s feat; git branch --show-current"), "two\none\nfirst\nfeat");
  sh(place, "touch .git/HEAD.lock .git/index.lock .git/refs/heads/feat.lock");
  await session.run("echo l >>c.ts; git status >/dev/null; ls .git/HEAD.lock");
  assert.equal(await view.commit(["locks"]), null);
  assert.equal(sh(place, "ls .git/*.lock"), ".git/HEAD.lock\n.git/index.lock\n");
  await session.run("git reset -q --soft HEAD~1; git checkout -q HEAD -- c.ts");
  await session.run("git checkout -q HEAD~2; echo 3 >>b.ts");
  assert.match((await view.commit(["three"])) ?? "", /status 1/);
  await session.run(
    "git checkout -q feat; git checkout -qb other HEAD~1; echo x >a.ts; git commit -qam x; git checkout -q feat; git merge -q other >/dev/null || true",
  );
  assert.match((await view.commit(["merged"])) ?? "", /a merge with conflicts is under way/);
  assert.equal(await session.run("git log --format=%s feat"), "two\none\nfirst");
});

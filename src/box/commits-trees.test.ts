import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CLEAN, landWithCommits, look } from "./commits.fixture.ts";
import { sh, startSession } from "./land.fixture.ts";
import { makeWorktree } from "./repository.fixture.ts";
import { settings, sound } from "./worktrees.fixture.ts";

test("nothing that is planted in the layer of a linked worktree's git folder lands or has a say: only its own branch moves", async () => {
  const place = makeWorktree("echo a >a.ts");
  sh(place.main, "git branch other");
  const marker = join(place.checkout, "../marker");
  const before = settings(place);
  const session = await startSession(place);
  const plant = (what: string) => session.run(`g=${place.main.checkout}/.git; ${what}; true`);
  await plant("echo box >>a.ts; git commit -qm good a.ts");
  // Configuration, hooks and attributes.
  await plant(
    `printf '#!/bin/sh\\ntouch ${marker}\\n' >$g/evil; chmod +x $g/evil; for h in pre-commit post-checkout reference-transaction; do cp $g/evil $g/hooks/$h; done; git config core.fsmonitor $g/evil; git config extensions.worktreeConfig true; git config --worktree core.hooksPath $g/hooks; echo '* filter=x' >$g/info/attributes; git config filter.x.clean $g/evil`,
  );
  // Branches of the person's, tags, and the HEAD and index of the main worktree.
  await plant(
    "for ref in refs/heads/master refs/heads/other refs/tags/v1 refs/remotes/origin/x; do git update-ref $ref HEAD; done; echo ref: refs/heads/topic >$g/HEAD; rm $g/index",
  );
  // What to borrow from, and what to put in an object's place.
  await plant(
    "git replace HEAD HEAD~1; echo $(git rev-parse HEAD) >$g/info/grafts; git rev-parse HEAD >$g/shallow; echo /etc >$g/objects/info/alternates",
  );
  // Pointers of worktrees, and a common folder elsewhere.
  await plant(
    "mkdir -p $g/worktrees/evil; echo /etc/x/.git >$g/worktrees/evil/gitdir; echo ../.. >$g/worktrees/evil/commondir; echo ref: refs/heads/master >$g/worktrees/evil/HEAD; git init -q in; echo $PWD/in/.git | tee $g/worktrees/tree/gitdir $g/worktrees/tree/commondir >$g/commondir",
  );
  // Another repository in place of the .git file.
  await plant("rm .git; git init -q; git add -A; git commit -qm mine");
  await session.close();
  const { move } = await landWithCommits(session);
  assert.equal(move?.how, "forward");
  const rest = (text: string) => text.replace(/^\S+refs\/heads\/topic .*$/m, "");
  assert.equal(rest(settings(place)), rest(before));
  for (const one of [place, place.main])
    sh(
      one,
      "git status; git log --all --stat; git stash list; git worktree prune -n; git commit -q --allow-empty -m next",
    );
  assert.deepEqual(
    [look(place).log, look(place.main).log, existsSync(marker)],
    [["next", "good", "first"], ["next", "first"], false],
  );
  assert.deepEqual([sound(place), look(place.main).fsck], [CLEAN, ""]);
});

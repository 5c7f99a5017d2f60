import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkoutOf, DONE, filesOf, MAKE, onBranch } from "./branching.ts";
import { makePlace, ringfence, run, sessionFolder, sh, users } from "./program.ts";

/** The person in the middle of something: edits, a staged file, files that git does not know, and one that it ignores. */
const AT_WORK = "echo mine >>b.ts; echo staged >s.ts; git add s.ts; rm c.ts; mkdir u; echo u >u/u.ts; echo o >out";

for (const [who, user] of users()) {
  test(`a run on a branch makes that branch and touches nothing else of the checkout: as ${who}`, async (t) => {
    const place = makePlace(t, MAKE, { user });
    sh(place, AT_WORK);
    const before = checkoutOf(place);
    const { result, results, branch, status } = await onBranch(place, "feat/x", [
      run("git status --short; git branch --show-current; ls; cat b.ts c.ts out"),
      run(
        "echo box >>a.ts; git add -A; git commit -qm one; mkdir -p .github/workflows; echo w >.github/workflows/w.yml",
      ),
      run("rm d/d.ts; echo n >n.ts; git add n.ts"),
      run("while :; do date >>out; sleep 0.1; done", { background: true }),
      DONE,
    ]);
    assert.deepEqual(results[0], { ok: true, text: "feat/x\na.ts\nb.ts\nc.ts\nd\nout\nb\nc\no" });
    assert.deepEqual([status, result.landed, result.held, result.patch], [0, [], [], null]);
    assert.deepEqual(
      [branch.asked, branch.name, branch.note, branch.commits.map(({ subject, state }) => `${subject} ${state}`)],
      ["feat/x", "feat/x", null, ["one lands", "a task lands"]],
    );
    assert.equal(checkoutOf(place), before);
    assert.equal(filesOf(place, "main feat/x"), "A\t.github/workflows/w.yml\nM\ta.ts\nD\td/d.ts\nA\tn.ts\n");
    assert.equal(
      sh(place, "git log -1 --format='%an %s %(trailers:key=Ringfence-Session,valueonly)' feat/x").trim(),
      `Ada Example a task ${result.session_id}`,
    );
    assert.equal(sh(place, "git fsck --strict --full --no-dangling 2>&1"), "");
    assert.equal(existsSync(join(sessionFolder(place), "layer")), false);
    assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
    assert.match((await ringfence(place, ["log", "show"])).stdout, /"kind":"land-commits"[^\n]*"verdict":"allow"/);
  });
}

test("nothing that a hostile repository or the agent plants runs outside, and no odd tree becomes a branch", async (t) => {
  const place = makePlace(t, MAKE);
  const evil = join(place.root, "evil");
  writeFileSync(evil, `#!/bin/sh\ntouch ${place.root}/ran\ncat\n`, { mode: 0o755 });
  const plant = `for name in post-checkout reference-transaction post-index-change pre-commit; do cp ${evil} .git/hooks/$name; done; for key in core.fsmonitor filter.x.smudge filter.x.clean gpg.program core.pager; do git config $key ${evil}; done; git config commit.gpgSign true; echo '* filter=x' >.git/info/attributes; rm -f ${place.root}/ran`;
  sh(place, plant);
  const { branch, result } = await onBranch(place, "feat", [
    run(
      `${plant.replace(`cp ${evil}`, "cp a.ts").replace(/; rm -f.*/, "")}; git -c commit.gpgSign=false -c core.hooksPath=/x commit -q --allow-empty -m good`,
    ),
    run(
      "id=$(git rev-parse HEAD:a.ts | sed 's/../\\\\x&/g'); t=$( (git cat-file tree HEAD^{tree}; printf \"100644 .git\\0$id\") | git hash-object -t tree -w --literally --stdin); git -c core.hooksPath=/x update-ref HEAD $(git commit-tree $t -p HEAD -m odd)",
    ),
    DONE,
  ]);
  assert.equal(existsSync(`${place.root}/ran`), false);
  assert.deepEqual([branch?.name, branch?.commits], [null, []], JSON.stringify(result));
  assert.match(branch.note ?? "", /commits stay in the layer: git index-pack failed/);
  assert.equal(sh(place, "git -c core.hooksPath=/x branch --format='%(refname:short)'"), "main\n");
});

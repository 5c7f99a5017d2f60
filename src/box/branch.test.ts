import assert from "node:assert/strict";
import { test } from "node:test";
import { findBeginning } from "./branch.ts";
import { makePlace, programs, sh } from "./land.fixture.ts";

test("a name that is none, or that git could not hold or move, is refused and says why", async () => {
  const place = makePlace("echo a >a.ts");
  sh(
    place,
    "git branch x/y; git branch old; git worktree add -q ../tree -b inTree; git checkout -qb rebased; echo 1 >a.ts; git commit -qam 1; git checkout -q master; echo 2 >a.ts; git commit -qam 2; git checkout -q rebased; git rebase -q master 2>/dev/null || true; git branch packed; git pack-refs --all",
  );
  const id = sh(place, "git rev-parse HEAD").trim();
  const names = [
    ..."-x a..b x~1 a.lock @ HEAD refs/heads/q /x x/ a//b .x x. ../../config x:y a@{b a\\b a[b a*b".split(" "),
    ...["a b", "a\nb", "a\x7fb", "", id, "x".repeat(300), "a/.b", "a/HEAD"],
  ];
  for (const name of names) {
    const why = await findBeginning(place.checkout, name, programs);
    assert.deepEqual(
      [name, why.ok || why.why],
      [name, "that is no name for a branch: give a name as for git branch, without refs/heads/"],
    );
  }
  const cases = {
    inTree: /^it is in use: it is checked out in \/.*\/tree; /,
    rebased: /^it is in use: a rebase of it is under way in this checkout; /,
    x: /^you have a branch x\/y already, /,
    "old/z": /^you have a branch old already, /,
  };
  for (const [name, why] of Object.entries(cases)) {
    const beginning = await findBeginning(place.checkout, name, programs);
    assert.match(beginning.ok ? "" : beginning.why, why);
  }
  for (const name of ["new", "ä/b-c", `it's"$(x)";&|<y>#`, "packed"]) {
    const from = name === "packed" ? sh(place, "git rev-parse packed").trim() : id;
    assert.deepEqual(await findBeginning(place.checkout, name, programs), { ok: true, branch: { name, from } });
  }
});

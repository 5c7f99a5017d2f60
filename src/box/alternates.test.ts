import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { landWithCommits, look } from "./commits.fixture.ts";
import { makePlace, type Place, sh, startSession } from "./land.fixture.ts";
import { openBox } from "./open.fixture.ts";

/** A clone that borrows all objects from a repository beside it, and the folder of those. */
function makeBorrower(): { readonly place: Place; readonly objects: string } {
  const lender = makePlace("echo canary >a.ts; mkdir d; echo d >d/d.ts");
  const place = { ...lender, checkout: join(lender.checkout, "../borrower") };
  sh(
    lender,
    `git clone -q --shared . ${place.checkout}; cd ${place.checkout}; git config user.name t; git config user.email t@t; sleep 0.02`,
  );
  return { place, objects: join(lender.checkout, ".git/objects") };
}

test("what a repository borrows from is not shown before the person lists exactly that folder, and they are told how", async (t) => {
  const { place, objects } = makeBorrower();
  for (const alternates of [[], [join(objects, "..")], [join(objects, "pack")], [`${objects}x`]]) {
    const { box, run } = await openBox(t, "", { place, alternates });
    const seen = await run(`find ${objects}; git cat-file -p HEAD:a.ts`);
    assert.doesNotMatch(seen.text, /canary|pack/);
    assert.deepEqual(box.notes, [
      `the repository borrows objects from ${objects}, which the box does not show: if it is yours, and what it holds may be seen, list it under git.alternates in config.yaml`,
    ]);
    await box.close();
  }
});

test("a folder that the person listed is shown alone and read-only, and commits land beside it", async () => {
  const { place, objects } = makeBorrower();
  const before = sh(place, `find ${objects} | sort | sha256sum`);
  const session = await startSession(place, { alternates: [objects] });
  assert.deepEqual(session.box.notes, []);
  await session.run(`git log --stat; git status; echo box >>a.ts; git commit -qam box; git fsck`);
  assert.equal(await session.run(`touch ${objects}/x 2>/dev/null || ls -A ${objects}/..`), "objects");
  await session.close();
  const { move, refused } = await landWithCommits(session);
  assert.deepEqual([move?.how, refused], ["forward", []]);
  assert.deepEqual([look(place).log, look(place).status, look(place).fsck], [["box", "first"], "", ""]);
  assert.equal(sh(place, `find ${objects} | sort | sha256sum`), before);
});

test("a listed folder is followed to the next one that is listed, and a link to one is not", async (t) => {
  const { place, objects } = makeBorrower();
  const next = { ...place, checkout: join(place.checkout, "../next") };
  sh(
    place,
    `git clone -q --shared . ${next.checkout}; cat .git/objects/info/alternates >>${next.checkout}/.git/objects/info/alternates`,
  );
  sh(next, "echo '../../../borrower/.git/objects' >.git/objects/info/alternates");
  const own = join(place.checkout, ".git/objects");
  const both = await openBox(t, "", { place: next, alternates: [own, `${objects}/`] });
  assert.deepEqual([both.box.notes, await both.text("git cat-file -p HEAD:a.ts")], [[], "canary"]);
  sh(next, `ln -s ${objects} ../link; echo ${next.checkout}/../link >.git/objects/info/alternates`);
  const linked = await openBox(t, "", { place: next, alternates: [join(next.checkout, "../link")] });
  assert.match(linked.box.notes.join(), /link, which lies behind a link: list and name the folder itself$/);
  assert.equal((await linked.run("git cat-file -p HEAD:a.ts")).ok, false);
});

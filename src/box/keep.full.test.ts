import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readFacts } from "./folder.ts";
import { keepIgnored } from "./keep.ts";
import { asOrdinaryUser, makePlace, programs, startSession } from "./land.fixture.ts";
import { LIMITS_DEFAULT } from "./limits.ts";

test("folders 100,000 deep and 20,000 files: what can be named is there next time, and the end of the session comes", async (t) => {
  const place = makePlace("printf 'node_modules/\\ndist/\\n' >.gitignore");
  const session = await startSession(place);
  t.after(session.close);
  await session.run(`mkdir -p dist/deep node_modules; echo t >dist/top; perl -e '
    for my $p (1 .. 200) { mkdir "node_modules/$p"; for (1 .. 100) { open my $f, ">", "node_modules/$p/$_"; print $f $_ } }'`);
  // In steps, since a command of this fixture may take 30 s.
  for (let step = 0; step < 20; step += 1)
    await session.run(
      `perl -e 'chdir "dist/deep"; 1 while chdir "d"; for (1 .. 5000) { mkdir "d" and chdir "d" or die "$_: $!" }'`,
    );
  await session.box.retire(async () => {
    const plan = { sessionPath: session.path, facts: readFacts(session.path), base: session.box.base, programs };
    const kept = await keepIgnored({ ...plan, limits: LIMITS_DEFAULT });
    assert.deepEqual([[...kept.units].sort(), kept.notes], [["dist", "node_modules"], []]);
  });
  await session.close();
  const next = await startSession(place);
  t.after(next.close);
  assert.equal(await next.run("find node_modules -type f | wc -l; cat dist/top"), "20000\nt");
});

if (process.getuid?.() === 0)
  test("this holds for an ordinary user", () => asOrdinaryUser(fileURLToPath(import.meta.url)));

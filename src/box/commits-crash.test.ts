import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { look } from "./commits.fixture.ts";
import { findCommits, landCommits, type Move, releaseLocks } from "./commits.ts";
import { readFacts } from "./folder.ts";
import { asOrdinaryUser, makePlace, type Place, programs, sessionThat, sh } from "./land.fixture.ts";

/** All steps take a minute; one in five, from another one each time, finds what most faults would do. */
const STRIDE = process.env.RINGFENCE_FULL === "1" ? 1 : 5;
const FIRST = STRIDE === 1 ? 0 : Math.floor(Math.random() * STRIDE);

const MAKE = "mkdir d; for n in edit gone same d/x; do echo $n >$n.ts; done";
const WORK =
  "git checkout -q -B TARGET; echo box >>edit.ts; git rm -q gone.ts; mkdir -p n/e; echo n >n/e/w.ts; git add -A; git commit -qm one; echo 2 >>d/x.ts; git commit -qam two";

/** What the person sees, without what is in nobody's way: half a pack, which git clears away, and a lock's second name. */
function seen(place: Place) {
  const { fsck, ...rest } = look(place);
  return { ...rest, fsck: fsck.replace(/^\.git\/(?:objects\/pack\/tmp_|ringfence-).*\n/gm, "") };
}

for (const [how, branch] of [
  ["forward", "master"],
  ["branch", "topic/of/mine"],
] as const) {
  test(`killed at any step, a landing of commits by "${how}" leaves the branch old or new and loses nothing; the next finishes it (first step ${FIRST})`, async () => {
    const place = makePlace(MAKE);
    const before = seen(place);
    const session = await sessionThat(place, WORK.replace("TARGET", branch));
    const plan = { sessionPath: session.path, facts: readFacts(session.path), programs };
    const collected = await session.collect();
    const found = await findCommits(plan, collected);
    const move = found?.moves[0];
    assert.ok(found && move);
    assert.deepEqual([move.how, move.branch], [how, branch]);
    // The files land before their commits.
    await session.land(collected);
    const files = sh(place, "cat edit.ts d/x.ts n/e/w.ts; ls");
    const counts = { put: 0, move: 0 };
    for (const act of ["put", "move"] as const) {
      for (let step = FIRST, isBroken = true; isBroken; step += STRIDE) {
        const copy = { ...place, checkout: `${place.checkout}-${act}-${step}` };
        execFileSync("cp", ["-a", place.checkout, copy.checkout]);
        const facts = { ...plan.facts, checkout: copy.checkout };
        isBroken = (await landCommits({ facts, found, programs, dieAt: { act, step } }, move)) !== null;
        const name = `${act}, step ${step}`;
        const half = sh(copy, `git rev-parse -q --verify ${branch} || true`).trim();
        assert.ok([move.newId, move.oldId ?? ""].includes(half), `${name}: ${half}`);
        assert.equal(sh(copy, "cat edit.ts d/x.ts n/e/w.ts; ls"), files, name);
        assert.match(sh(copy, "git status --porcelain"), how === "branch" ? /^ M/ : /^(?:(?:[ MAD][ MD]|\?\?) .*\n)*$/);
        assert.equal(sh(copy, "git fsck --strict --full --no-dangling 2>&1"), "", name);
        // The next command takes the locks away, and so does the next landing.
        if (step % 2 === 0) {
          assert.equal(await releaseLocks({ facts, programs }, move), half === move.newId, name);
          assert.equal(sh(copy, "find .git -name '*.lock' -o -name 'ringfence-*'; git add -A"), "", name);
          sh(copy, "git reset -q");
        }
        if (isBroken && half !== move.newId)
          assert.equal(await landCommits({ facts, found, programs }, move), null, name);
        check(copy, move, before, name);
        counts[act] = step;
        execFileSync("rm", ["-rf", copy.checkout]);
      }
    }
    assert.ok(counts.put > 6 && counts.move > 8, JSON.stringify(counts));
  });
}

function check(place: Place, move: Move, before: ReturnType<typeof seen>, name: string): void {
  const { log, status, branches, fsck } = seen(place);
  const isForward = move.how === "forward";
  assert.deepEqual(
    isForward ? log : log.concat(sh(place, `git log --format=%s ${move.branch}`).trim().split("\n")),
    isForward ? ["two", "one", "first"] : ["first", "two", "one", "first"],
    name,
  );
  assert.deepEqual(isForward ? status : branches, isForward ? "" : [...before.branches, `${move.branch} two`], name);
  assert.equal(fsck, "", name);
}

// A kill meets every user alike: as the ordinary one in the long run alone.
if (process.getuid?.() === 0 && STRIDE === 1) {
  test("all of this holds for an ordinary user", () => asOrdinaryUser(fileURLToPath(import.meta.url)));
}

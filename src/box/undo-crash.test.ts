import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Collected } from "./collect.ts";
import { readFacts, type SessionFacts } from "./folder.ts";
import {
  asOrdinaryUser,
  landAll,
  makePlace,
  programs,
  read,
  sessionThat,
  sh,
  tree,
  treeWithTimes,
} from "./land.fixture.ts";
import { landChanges } from "./land.ts";
import { endPending, listLandings } from "./landing.ts";
import { recoverLanding, undoLanding } from "./undo.ts";

const FEW = `mkdir -p d gone/in; for n in edit mode away; do echo $n >$n; done; chmod 755 mode; ln -s edit link; echo 1 >d/1
echo 3 >gone/in/3; echo f >file-to-dir; mkdir dir-to-file; echo i >dir-to-file/i; echo l >file-to-link`;
const FEW_DONE = `umask 022; echo box >>edit; chmod 644 mode; mv away moved; ln -sfn mode link; echo 2 >d/2; rm -r gone
rm file-to-dir; mkdir file-to-dir; echo x >file-to-dir/x; rm -r dir-to-file; echo y >dir-to-file; ln -sfn edit file-to-link
mkdir -p n/e; echo n >n/e/w; mkdir hollow`;

/** Every step takes minutes; one in eleven finds what most faults would do. */
const STRIDE = process.env.RINGFENCE_FULL === "1" ? 1 : 11;

/** A session and its checkout, copied anew for each try. */
interface Copy {
  readonly path: string;
  readonly facts: SessionFacts;
  readonly collected: Collected;
}

function copyFor(collected: Collected, pristine: string, facts: SessionFacts, name: string): Copy {
  const root = `${pristine}-${name}`;
  mkdirSync(root);
  execFileSync("cp", ["-a", pristine, join(root, "checkout")]);
  const stage = join(root, basename(collected.stage));
  cpSync(collected.stage, stage, { recursive: true, verbatimSymlinks: true });
  return { path: root, facts: { ...facts, checkout: join(root, "checkout") }, collected: { ...collected, stage } };
}

/** Lines of a tree's list, without folders: what is checked one by one. */
function files(folder: string): string[] {
  return treeWithTimes(folder)
    .split("\n")
    .filter((line) => !line.startsWith("d "));
}

test("killed at any step, a landing leaves each file old or new; then it is put right, and its undo gives back all", async () => {
  const place = makePlace(FEW);
  const session = await sessionThat(place, FEW_DONE);
  const collected = await session.collect();
  const before = treeWithTimes(place.checkout);
  const whole = copyFor(collected, place.checkout, readFacts(session.path), "whole");
  await landChanges({ ...whole, which: null, approvals: [], programs });
  const [old, landed] = [new Set(files(place.checkout)), new Set(files(whole.facts.checkout))];
  let steps = 0;
  for (let isBroken = true; isBroken; steps += STRIDE) {
    const copy = copyFor(collected, place.checkout, readFacts(session.path), `s${steps}`);
    const { path, facts } = copy;
    isBroken = await landChanges({ ...copy, which: null, approvals: [], programs, dieAt: steps }).then(
      () => false,
      () => true,
    );
    // Half of the time the putting right is killed too.
    if (isBroken && steps % 2 === 0)
      await recoverLanding({ sessionPath: path, facts, programs, dieAt: (steps * 7) % 13 }).catch(() => null);
    const recovered = await recoverLanding({ sessionPath: path, facts, programs });
    endPending(path);
    assert.deepEqual([recovered?.held, recovered?.failed], [[], []], `step ${steps}`);
    assert.equal(execFileSync("find", [facts.checkout, "-name", ".ringfence-*"], { encoding: "utf8" }), "");
    for (const line of files(facts.checkout).filter((one) => !/^\d+\.\d+ /.test(one)))
      assert.ok(old.has(line) || landed.has(line), `step ${steps}: ${line}`);
    const landing = listLandings(path).at(-1);
    if (!landing) assert.equal(treeWithTimes(facts.checkout), before);
    else {
      await undoLanding({ sessionPath: path, facts, landing, programs });
      assert.equal(treeWithTimes(facts.checkout), before, `step ${steps}`);
    }
    execFileSync("rm", ["-rf", path]);
  }
  assert.ok(steps > 100, String(steps));
});

test("after a landing that was killed, the next one lands the rest, and holds nothing for what it did itself", async () => {
  for (const dieAt of [12, 31, 50, 69, 88, 107]) {
    const place = makePlace(FEW);
    const twin = `${place.checkout}-twin`;
    execFileSync("cp", ["-a", place.checkout, twin]);
    execFileSync("/bin/bash", ["-euc", FEW_DONE], { cwd: twin });
    const session = await sessionThat(place, FEW_DONE);
    const plan = {
      facts: readFacts(session.path),
      collected: await session.collect(),
      which: null,
      approvals: [],
      programs,
    };
    await assert.rejects(landChanges({ ...plan, dieAt }), /broke off/);
    await session.recover();
    assert.deepEqual([(await landAll(session)).held, tree(place.checkout)], [[], tree(twin)], `step ${dieAt}`);
  }
});

test("a save of the person's that a killed landing had swapped out is given back, or kept and named", async () => {
  const swap = "d=$(ls -A | grep ringfence-); mv $d t; mv a.ts $d; mv t a.ts";
  for (const [later, wanted, why] of [
    ["true", "me\n", "changed while landing"],
    ["rm a.ts", "me\n", "changed while landing"],
    [
      "echo again >>a.ts",
      "box\nagain\n",
      /^changed while landing, and again later; the version in between is kept as \.ringf/,
    ],
  ] as const) {
    const place = makePlace("echo a >a.ts");
    const session = await sessionThat(place, "echo box >a.ts");
    const plan = {
      facts: readFacts(session.path),
      collected: await session.collect(),
      which: null,
      approvals: [],
      programs,
    };
    // The draft is whole, and the exchange is next: play one that takes the person's save out.
    await assert.rejects(landChanges({ ...plan, dieAt: 5 }), /broke off/);
    sh(place, `echo me >a.ts; ${swap}; ${later}`);
    const recovered = await session.recover();
    assert.deepEqual([recovered?.done, recovered?.failed, read(place, "a.ts")], [[], [], wanted]);
    assert.match(recovered?.held[0]?.why ?? "", new RegExp(why));
    assert.equal(sh(place, "cat .ringfence-* 2>/dev/null || true"), later.startsWith("echo") ? "me\n" : "");
  }
});

test("killed at any step, an undo is put right, and the next one finishes it", async () => {
  const place = makePlace(FEW);
  const session = await sessionThat(place, FEW_DONE);
  const collected = await session.collect();
  const before = treeWithTimes(place.checkout);
  let steps = 0;
  for (let isBroken = true; isBroken; steps += STRIDE) {
    const copy = copyFor(collected, place.checkout, readFacts(session.path), `u${steps}`);
    const plan = { sessionPath: copy.path, facts: copy.facts, programs };
    await landChanges({ ...copy, which: null, approvals: [], programs });
    endPending(copy.path);
    const newest = () => listLandings(copy.path).at(-1) ?? assert.fail();
    isBroken = await undoLanding({ ...plan, landing: newest(), dieAt: steps }).then(
      () => false,
      () => true,
    );
    const recovered = await recoverLanding(plan);
    endPending(copy.path);
    assert.deepEqual([recovered?.held, recovered?.failed], [[], []], `step ${steps}`);
    if (!newest().isUndone) await undoLanding({ ...plan, landing: newest() });
    assert.equal(treeWithTimes(copy.facts.checkout), before, `step ${steps}`);
    assert.equal(newest().isUndone, true);
    execFileSync("rm", ["-rf", copy.path]);
  }
  assert.ok(steps > 100, String(steps));
});

// A kill meets every user alike: as the ordinary one in the long run alone.
if (process.getuid?.() === 0 && STRIDE === 1) {
  test("all of this holds for an ordinary user", () => asOrdinaryUser(fileURLToPath(import.meta.url)));
}

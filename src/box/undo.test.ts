import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Collected } from "./collect.ts";
import { discardSession, releaseStage } from "./discard.ts";
import { readFacts, type SessionFacts } from "./folder.ts";
import {
  asOrdinaryUser,
  landAll,
  makePlace,
  PROJECT,
  pathsOf,
  programs,
  read,
  sessionThat,
  sh,
  startSession,
  tree,
  WORK,
} from "./land.fixture.ts";
import { landChanges } from "./land.ts";
import { endPending, listLandings } from "./landing.ts";
import { recoverLanding, undoLanding } from "./undo.ts";

/** What `tree` tells, and when each file and link was changed last. */
function treeWithTimes(folder: string): string {
  const times = "find . -path ./.git -prune -o ! -type d -printf '%T@ %P\\n' | LC_ALL=C sort";
  return tree(folder) + execFileSync("/bin/bash", ["--norc", "-c", times], { cwd: folder, encoding: "latin1" });
}

test("an undo gives back the tree to the byte, mode, link and time, and the same can land again", async () => {
  const place = makePlace(
    `${PROJECT}\nmkdir -m 750 gone/private; echo p >gone/private/p; touch -d 1969-07-20T20:17:40.5Z blob`,
  );
  const before = treeWithTimes(place.checkout);
  const session = await sessionThat(place, `${WORK}\nmkdir -p hollow/dir`);
  assert.deepEqual((await landAll(session)).failed, []);
  const landed = tree(place.checkout);
  for (const _ of [1, 2]) {
    const undone = await session.undo();
    assert.deepEqual([undone.held, undone.failed], [[], []]);
    assert.equal(treeWithTimes(place.checkout), before);
    const again = await landAll(session);
    assert.deepEqual([again.held, again.failed], [[], []]);
    assert.equal(tree(place.checkout), landed);
  }
});

test("what the person did since a landing is never undone, and is named", async () => {
  const place = makePlace("for n in edit mode link gone whole; do echo $n >$n.ts; done; mkdir d; echo x >d/x");
  const session = await sessionThat(
    place,
    "for n in edit mode link whole; do echo box >>$n.ts; done; rm gone.ts; rm -r d; echo new >new.ts; mkdir -p n/e; echo e >n/e/e; echo m >mine",
  );
  await landAll(session);
  sh(
    place,
    "echo me >>edit.ts; chmod 755 mode.ts; rm link.ts; ln -s edit.ts link.ts; echo me >gone.ts; echo me >n/e/me; echo me >d; rm mine",
  );
  const kept = sh(place, "ls -la edit.ts mode.ts link.ts gone.ts n/e/me d; cat edit.ts mode.ts gone.ts d");
  const undone = await session.undo();
  assert.deepEqual(undone.failed, []);
  assert.deepEqual(Object.fromEntries(undone.held.map(({ path, why }) => [path, why])), {
    "edit.ts": "changed since it landed",
    "mode.ts": "changed since it landed",
    "link.ts": "changed since it landed",
    "gone.ts": "appeared since it landed",
    d: "appeared since it landed",
    "d/x": "its folder is a link or a file",
    mine: "deleted since it landed",
    n: "the folder is not empty: something in it stays",
    "n/e": "the folder is not empty: something in it stays",
  });
  assert.equal(sh(place, "ls -la edit.ts mode.ts link.ts gone.ts n/e/me d; cat edit.ts mode.ts gone.ts d"), kept);
  assert.deepEqual(
    [read(place, "whole.ts"), sh(place, "ls new.ts n/e/e 2>&1 || true").includes("cannot")],
    ["whole\n", true],
  );
  assert.equal(listLandings(session.path)[0]?.isUndone, true);
});

test("no save is lost while a person's editor and an undo write the same files", async () => {
  const place = makePlace("mkdir f; for n in $(seq 300); do echo $n >f/$n.ts; done");
  const session = await sessionThat(place, "for n in $(seq 300); do echo box >f/$n.ts; done");
  await landAll(session);
  const editor = spawn("/bin/bash", ["-c", "for n in $(seq 300); do echo me >.t; mv .t f/$n.ts; done"], {
    cwd: place.checkout,
  });
  const closed = new Promise((resolve) => editor.on("close", resolve));
  const undone = await session.undo();
  await closed;
  assert.deepEqual(undone.failed, []);
  assert.equal(sh(place, "cat f/* | sort | uniq -c").trim(), "300 me");
  assert.equal(sh(place, "find . -name '.ringfence-*'"), "");
});

test("landings of one session are undone one after the other, the newest first", async () => {
  const place = makePlace("echo 0 >a.ts");
  const session = await startSession(place);
  for (const n of [1, 2]) {
    await session.run(`echo ${n} >>a.ts`);
    assert.deepEqual((await landAll(session)).landed, ["a.ts"]);
    await session.box.remount();
  }
  await session.close();
  const seen: string[] = [];
  for (const _ of [1, 2]) {
    assert.deepEqual((await session.undo()).done, ["a.ts"]);
    seen.push(read(place, "a.ts"));
  }
  assert.deepEqual(seen, ["0\n1\n", "0\n"]);
  await assert.rejects(session.undo(), /nothing to undo/);
});

test("a link in place of a folder of the checkout is not followed by an undo", async () => {
  const place = makePlace("mkdir -p src/in; echo a >src/in/a.ts; echo b >src/in/b.ts");
  const session = await sessionThat(place, "echo box >>src/in/a.ts; rm src/in/b.ts; echo box >src/in/new.ts");
  await landAll(session);
  const outside = `${place.checkout}-outside`;
  sh(place, `cp -a src/in ${outside}; mv src/in src/was; ln -s ${outside} src/in`);
  const before = [tree(outside), tree(place.checkout)];
  const undone = await session.undo();
  assert.deepEqual([undone.done, pathsOf(undone.held)], [[], ["src/in/a.ts", "src/in/b.ts", "src/in/new.ts"]]);
  assert.deepEqual([tree(outside), tree(place.checkout)], before);
  // Nothing was put back, so the landing can still be undone.
  sh(place, "rm src/in; mv src/was src/in");
  assert.equal((await session.undo()).done.length, 3);
  assert.equal(sh(place, "git status --porcelain"), "");
});

test("kept copies that are not what was replaced stop an undo", async () => {
  const place = makePlace("echo a >a.ts");
  const session = await sessionThat(place, "echo b >>a.ts");
  await landAll(session);
  writeFileSync(join(session.path, listLandings(session.path)[0]?.stage ?? "", "a/a.ts"), "evil\n");
  await assert.rejects(session.undo(), /not those that were collected/);
  assert.deepEqual(
    [read(place, "a.ts"), await session.recover()],
    ["a\nb\n", { what: "undo", number: 1, done: [], held: [], failed: [] }],
  );
});

test("a landing keeps the copies of what landed and no others, and is undone after its session is discarded", async () => {
  const place = makePlace("echo a >a.ts; echo c >c.ts; echo f >f");
  const session = await sessionThat(place, "echo b >>a.ts; echo d >>c.ts; rm f; mkdir f; echo x >f/x; echo n >n");
  const collected = await session.collect();
  await session.land(collected, ["a.ts"]);
  await releaseStage(collected, programs);
  assert.equal(
    execFileSync("find", [".", "-type", "f"], { cwd: collected.stage, encoding: "utf8" }).split("\n").sort().join(" "),
    " ./a/a.ts ./b/a.ts",
  );
  await discardSession(session.path, programs);
  assert.deepEqual((await session.undo()).done, ["a.ts"]);
  assert.equal(sh(place, "git status --porcelain"), "");
});

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

if (process.getuid?.() === 0) {
  test("all of this holds for an ordinary user", () => asOrdinaryUser(fileURLToPath(import.meta.url)));
}

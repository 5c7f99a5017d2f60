import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { collectChanges } from "./collect.ts";
import { releaseStage } from "./discard.ts";
import { SEED } from "./drawn.fixture.ts";
import { readFacts } from "./folder.ts";
import { landAll, makePlace, pathsOf, programs, read, type Session, sh, startSession } from "./land.fixture.ts";
import { landChanges } from "./land.ts";
import { until } from "./open.fixture.ts";

const LINES = "for n in 1 2 3 4 5 6 7 8 9; do echo line $n; done";

test("a file in a folder that took the place of an unknown version derives from no other file's", async (t) => {
  const { place, session } = await open(t, "head -c 2000000 /dev/zero >a; mkdir unknown; echo one >unknown/b");
  await session.run("echo more >>a; echo two >unknown/b");
  await session.box.saveBases();
  sh(place, "rm a; mkdir a; echo one >a/b");
  await session.run("rm a; mkdir a; echo box >a/b");
  const { changes } = await session.collect();
  assert.deepEqual(
    changes.map(({ change, conflict }) => [change.path, conflict]),
    [
      ["a/b", "appeared"],
      ["unknown/b", null],
    ],
  );
});

test("a file that both sides changed lands merged, and a second landing takes nothing of the person's back", async (t) => {
  const { place, session } = await open(t, `${LINES} >a.txt`);
  await session.run("sed -i 's/line 2/the box/' a.txt");
  await session.box.saveBases();
  sh(place, "sed -i 's/line 8/the person/' a.txt");
  const collected = await session.collect();
  assert.deepEqual(
    collected.changes.map(({ change, conflict, merged }) => [change.path, conflict, merged]),
    [["a.txt", null, true]],
  );
  assert.deepEqual((await landAll(session)).landed, ["a.txt"]);
  const both = sh(place, `${LINES} | sed 's/line 2/the box/; s/line 8/the person/'`);
  assert.equal(read(place, "a.txt"), both);
  assert.deepEqual((await session.collect()).changes, []);
  sh(place, "sed -i '/the box/d' a.txt");
  assert.deepEqual((await landAll(session)).landed, []);
  assert.doesNotMatch(read(place, "a.txt"), /the box/);
});

test("an undo of a merged landing gives the person's version back, and it lands merged again", async (t) => {
  const { place, session } = await open(t, `${LINES} >a.txt`);
  await session.run("sed -i 's/line 2/the box/' a.txt");
  await session.box.saveBases();
  sh(place, "sed -i 's/line 8/the person/' a.txt");
  const before = read(place, "a.txt");
  await landAll(session);
  const after = read(place, "a.txt");
  assert.deepEqual((await session.undo()).held, []);
  assert.equal(read(place, "a.txt"), before);
  await landAll(session);
  assert.equal(read(place, "a.txt"), after);
});

test("changes of the same line are held, and the person's file stays as it is", async (t) => {
  const { place, session } = await open(t, `${LINES} >a.txt`);
  await session.run("sed -i 's/line 2/the box/' a.txt");
  await session.box.saveBases();
  sh(place, "sed -i 's/line 2/the person/' a.txt");
  const { landed, held } = await landAll(session);
  assert.deepEqual([landed, pathsOf(held)], [[], ["a.txt"]]);
  assert.match(read(place, "a.txt"), /the person/);
});

test("a file that was touched, moved away and back or stashed and popped is no conflict", async (t) => {
  const { place, session } = await open(t, "for n in a b c d; do echo $n >$n.txt; done; mkdir d; echo x >d/x.txt");
  await session.run("for f in a b c d d/x; do echo box >>$f.txt; done");
  await session.box.saveBases();
  sh(place, "touch a.txt; mv b.txt b; cp b b.txt; rm b; mv d e; mv e d; echo w >c.txt; git stash -q; git stash pop -q");
  sh(place, "git checkout -q c.txt");
  const { landed, held } = await landAll(session);
  assert.deepEqual([landed, held], [["a.txt", "b.txt", "c.txt", "d.txt", "d/x.txt"], []]);
});

test("a file that the person deleted is not brought back by what the box made of it without knowing", async (t) => {
  const { place, session } = await open(t, `${LINES} >a.txt; echo b >b.txt`);
  await session.run("cat *.txt");
  await until("the files are written down", () => existsSync(`${session.path}/ctl/names`));
  sh(place, "rm a.txt; mv b.txt c.txt");
  await session.run("sed -i 's/line 2/the box/' a.txt; echo box >b; mv b b.txt; echo new >d.txt");
  await session.box.saveBases();
  const { landed, held } = await landAll(session);
  assert.deepEqual([landed, pathsOf(held)], [["d.txt"], ["a.txt", "b.txt"]]);
});

test("a file that the box renamed and edited in a folder that the person touched lands under its new name, and no deleted one does", async (t) => {
  const { place, session } = await open(
    t,
    `mkdir -p d gone/deep; for n in old cut; do ${LINES} >d/$n.txt; done; ${LINES} >gone/a.txt; ${LINES} >gone/deep/b.txt; ${LINES} >c.txt`,
  );
  await until("the files are written down", () => existsSync(`${session.path}/ctl/names`));
  await session.run(
    "mv d/old.txt d/new.txt; mv c.txt gone/c.txt; for f in d/new.txt d/cut.txt gone/*.txt gone/deep/b.txt; do echo box >>$f; done",
  );
  sh(place, "echo me >d/mine.txt; rm -r d/cut.txt gone");
  await session.box.saveBases();
  const { landed, held } = await landAll(session);
  assert.deepEqual(
    [[...landed].sort(), held.map(({ path, why }) => `${path}: ${why.split(";")[0]}`)],
    [
      ["c.txt", "d/new.txt", "d/old.txt", "gone/c.txt"],
      ["d/cut.txt", "gone/a.txt", "gone/deep/b.txt"].map((path) => `${path}: you deleted it meanwhile`),
    ],
  );
  assert.equal(sh(place, "ls d gone; tail -n 1 d/new.txt"), "d:\nmine.txt\nnew.txt\n\ngone:\nc.txt\nbox\n");
});

test("what the last save could not know is held as deleted", async (t) => {
  const { place, session } = await open(t, `mkdir d; ${LINES} >d/old.txt`);
  await session.run("mv d/old.txt d/new.txt; echo box >>d/new.txt");
  sh(place, "echo me >d/mine.txt");
  await session.box.freeze();
  // As when a save broke off, or found more than it may look at.
  rmSync(`${session.path}/bases.whole`);
  const plan = { sessionPath: session.path, facts: readFacts(session.path), programs };
  const collected = await collectChanges(plan);
  await session.box.thaw();
  const { held } = await session.land(collected);
  assert.deepEqual(pathsOf(held), ["d/new.txt"]);
});

test("a folder that the person moved in is not taken for the one that the box saw", async (t) => {
  const { place, session } = await open(t, "mkdir -p one other; echo old >one/a.txt; echo other >other/a.txt");
  await session.run("true");
  sh(place, "mv one gone; mv other one; touch one/new.txt");
  await session.run("echo box >>one/a.txt");
  await session.box.saveBases();
  assert.throws(() => readFileSync(`${session.path}/bases/one/a.txt`));
});

test("a masked file is never saved, and neither is one that a link leads to", async (t) => {
  const { place, session } = await open(
    t,
    "echo TOKEN=abcdefgh >.env; mkdir real; echo real >real/f.txt; ln -s real link; echo a >a.txt",
  );
  await session.run("echo TOKEN=other >.env; rm link; mkdir link; echo box >link/f.txt; echo box >a.txt");
  await session.box.saveBases();
  assert.equal(readFileSync(`${session.path}/bases/a.txt`, "utf8"), "a\n");
  for (const path of [".env", "link/f.txt"]) assert.throws(() => readFileSync(`${session.path}/bases/${path}`));
  sh(place, "true");
});

test("only the side that changed the right to execute decides on it", async (t) => {
  const { place, session } = await open(t, `${LINES} >a.sh; ${LINES} >b.sh`);
  await session.run("sed -i 's/line 2/the box/' a.sh; chmod 755 b.sh");
  await session.box.saveBases();
  sh(place, "chmod 755 a.sh; sed -i 's/line 8/the person/' b.sh");
  const collected = await session.collect();
  assert.deepEqual(
    collected.changes.map(({ change, conflict, merged }) => [change.path, change.executable, conflict, merged]),
    [
      ["a.sh", true, null, false],
      ["b.sh", true, null, true],
    ],
  );
});

/** Of the moments at which a landing is killed, every one in the full run and else some, by the seed. */
const STRIDE = process.env.RINGFENCE_FULL === "1" ? 1 : 3;

test(`killed at any step, a merged landing is put right, and nothing that the person takes back after it comes again (RINGFENCE_SEED=${SEED})`, async (t) => {
  const { place, session } = await open(t, `for f in $(seq 0 15); do (${LINES}) >$f.txt; done`);
  await session.run("sed -i 's/line 2/the box/' *.txt");
  await session.box.saveBases();
  sh(place, "sed -i 's/line 8/the person/' *.txt");
  const facts = readFacts(session.path);
  let [step, isOver] = [STRIDE === 1 ? 0 : SEED % STRIDE, false];
  for (; !isOver; step += STRIDE) {
    const path = `${step}.txt`;
    const before = read(place, path);
    const base = readFileSync(`${session.path}/bases/${path}`);
    const collected = await session.collect();
    const plan = { facts, collected, which: [path], approvals: [], programs, dieAt: step };
    isOver = await landChanges(plan).then(
      () => true,
      () => false,
    );
    // As if it had been killed before it kept what the layer's version is by now.
    if (isOver) writeFileSync(`${session.path}/bases/${path}`, base);
    await session.recover();
    await releaseStage(collected, programs);
    const after = read(place, path);
    assert.ok(after === before || after === before.replace("line 2", "the box"), `step ${step}: ${after}`);
    sh(place, `sed -i '/the box/d' ${path}`);
    const isLanded = after !== before;
    const again = await session.collect();
    const { landed } = await session.land(again, [path]);
    await releaseStage(again, programs);
    assert.deepEqual(
      [landed, read(place, path).includes("the box")],
      [isLanded ? [] : [path], !isLanded],
      `step ${step}`,
    );
  }
  assert.ok(step > 5);
});

async function open(t: import("node:test").TestContext, make: string) {
  const place = makePlace(make);
  const session: Session = await startSession(place);
  t.after(() => session.close());
  return { place, session };
}

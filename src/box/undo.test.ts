import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { discardSession, releaseStage } from "./discard.ts";
import {
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
  treeWithTimes,
  WORK,
} from "./land.fixture.ts";
import { listLandings } from "./landing.ts";

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

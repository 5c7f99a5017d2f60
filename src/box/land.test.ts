import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
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
  WORK,
} from "./land.fixture.ts";
import { makePatch } from "./patch.ts";

test("every kind of source change lands as if it had been made in the checkout, and is no change any more", async () => {
  const place = makePlace(PROJECT);
  const twin = `${place.checkout}-twin`;
  execFileSync("cp", ["-a", place.checkout, twin]);
  execFileSync("/bin/bash", ["-euc", `${WORK}\nmkdir -p hollow/dir`], { cwd: twin });
  const session = await sessionThat(place, `${WORK}\nmkdir -p hollow/dir`);
  const result = await landAll(session);
  assert.deepEqual([result.held, result.failed], [[], []]);
  assert.equal(tree(place.checkout), tree(twin));
  const again = await session.collect();
  assert.deepEqual(again.changes, []);
});

test("a file that the person deleted meanwhile stays away however often the rest of its folder lands", async () => {
  const place = makePlace("mkdir d; for n in a b; do echo $n >$n.ts; echo $n >d/$n.ts; done");
  const session = await sessionThat(
    place,
    "for f in a.ts d/a.ts; do echo box >>$f; done; echo n >new.ts; echo n >d/new.ts; rm d/b.ts",
  );
  sh(place, "rm a.ts d/a.ts");
  for (let round = 0; round < 3; round += 1) {
    const { landed, held } = await landAll(session);
    assert.deepEqual([...landed].sort(), round === 0 ? ["d/b.ts", "d/new.ts", "new.ts"] : []);
    assert.deepEqual(pathsOf(held), ["a.ts", "d/a.ts"]);
  }
  assert.equal(sh(place, "ls; ls d"), "b.ts\nd\nnew.ts\nnew.ts\n");
});

test("what the person did meanwhile is never overwritten, deleted or brought back", async () => {
  const place = makePlace(
    "mkdir d whole; echo w >whole/w; for n in 1 2 3 4 5 6 7 same; do echo $n >$n.ts; done; echo a >d/a; echo b >d/b",
  );
  const session = await startSession(place);
  await session.run(
    "for n in 1 2 3; do echo box >>$n.ts; done; rm 4.ts 5.ts; echo box >new.ts; rm -r d; echo x >>same.ts; mv 6.ts renamed.ts; echo box >>7.ts; echo b >>whole/w",
  );
  sh(
    place,
    "echo me >>1.ts; echo me >2.tmp; mv 2.tmp 2.ts; rm 3.ts; echo me >>4.ts; rm 5.ts; echo me >new.ts; echo me >d/c; echo x >>same.ts; rm -r whole; echo unrelated >mine.ts",
  );
  await session.close();
  const before = tree(place.checkout);
  const collected = await session.collect();
  const conflicts = collected.changes.flatMap(({ change, conflict }) =>
    conflict === null ? [] : [[change.path, conflict]],
  );
  const wanted = [
    ["1.ts", "changed"],
    ["2.ts", "changed"],
    ["3.ts", "deleted"],
    ["4.ts", "changed"],
  ];
  // The person put something into d, so nothing tells what else in it is older than the session.
  wanted.push(
    ["d/a", "changed"],
    ["d/b", "changed"],
    ["d/c", "changed"],
    ["new.ts", "appeared"],
    ["whole/w", "deleted"],
  );
  assert.deepEqual(conflicts, wanted);
  const result = await session.land(collected);
  assert.deepEqual([...result.landed].sort(), ["6.ts", "7.ts", "renamed.ts"]);
  sh(place, "mv renamed.ts 6.ts; echo 7 >7.ts");
  assert.equal(tree(place.checkout), before);
});

test("what the person saves between collecting and landing stays", async () => {
  const place = makePlace("for n in edit replace gone mode; do echo $n >$n.ts; done");
  const session = await sessionThat(
    place,
    "echo box >>edit.ts; rm replace.ts gone.ts; echo box >>mode.ts; echo box >late.ts; echo ok >ok.ts",
  );
  const collected = await session.collect();
  sh(place, "echo me >>edit.ts; echo me >t; mv t replace.ts; rm gone.ts; chmod 755 mode.ts; echo me >late.ts");
  const before = tree(place.checkout);
  const result = await session.land(collected);
  assert.deepEqual(result.landed, ["ok.ts"]);
  assert.deepEqual(pathsOf(result.held), ["edit.ts", "gone.ts", "late.ts", "mode.ts", "replace.ts"]);
  sh(place, "rm ok.ts");
  assert.equal(tree(place.checkout), before);
});

test("no save is lost while a person's editor and the lander write the same files", async () => {
  const place = makePlace("mkdir f; for n in $(seq 300); do echo $n >f/$n.ts; done");
  const session = await sessionThat(place, "for n in $(seq 300); do echo box >f/$n.ts; done");
  const collected = await session.collect();
  const editor = spawn("/bin/bash", ["-c", "for n in $(seq 300); do echo me >.t; mv .t f/$n.ts; done"], {
    cwd: place.checkout,
  });
  const closed = new Promise((resolve) => editor.on("close", resolve));
  const result = await session.land(collected);
  await closed;
  assert.deepEqual(result.failed, []);
  assert.equal(sh(place, "cat f/* | sort | uniq -c").trim(), "300 me");
  assert.equal(sh(place, "find . -name '.ringfence-*'"), "");
});

test("a link in place of a folder of the checkout is never followed", async () => {
  const place = makePlace("mkdir -p src/in; echo a >src/in/a.ts; echo b >src/in/b.ts");
  const outside = `${place.checkout}-outside`;
  execFileSync("/bin/bash", ["-c", 'mkdir "$0"; echo a >"$0/a.ts"; echo b >"$0/b.ts"', outside]);
  const session = await sessionThat(place, "echo box >>src/in/a.ts; rm src/in/b.ts; echo box >src/in/new.ts");
  const collected = await session.collect();
  sh(place, `mv src/in src/was; ln -s ${outside} src/in`);
  const before = tree(outside);
  const inside = tree(place.checkout);
  const result = await session.land(collected);
  assert.deepEqual([result.landed, pathsOf(result.held)], [[], ["src/in/a.ts", "src/in/b.ts", "src/in/new.ts"]]);
  assert.deepEqual([tree(outside), tree(place.checkout)], [before, inside]);
});

test("a link that leads out of the checkout never lands, nor does anything through one", async () => {
  const place = makePlace("echo a >a.ts; mkdir d; echo x >d/x");
  const session = await sessionThat(
    place,
    "ln -s /etc/passwd one; ln -s ../../up two; ln -s .git/hooks three; ln -s a.ts fine; rm -r d; ln -s /tmp d",
  );
  const result = await landAll(session);
  assert.deepEqual(result.landed, ["fine"]);
  assert.deepEqual(pathsOf(result.held), ["d", "d/x", "one", "three", "two"]);
});

test("a folder without git is collected, patched and landed all the same", async () => {
  const place = makePlace("echo a >a.ts");
  sh(place, "rm -rf .git; sleep 0.02");
  const session = await sessionThat(place, "echo b >>a.ts; mkdir node_modules; echo m >node_modules/m.js");
  const collected = await session.collect();
  assert.match((await makePatch({ collected, programs, include: "source" })).toString(), /^\+b$/m);
  const result = await session.land(collected);
  assert.ok(result.landed.includes("a.ts"));
  assert.deepEqual([collected.gitType, read(place, "a.ts")], [null, "a\nb\n"]);
});

test("a session that goes on after a landing lands again, and respects what the person did to landed files", async () => {
  const place = makePlace("mkdir d; echo a >a.ts; echo b >d/b.ts");
  const session = await startSession(place);
  await session.run("echo 1 >>a.ts; echo n >d/n.ts; echo m >d/m.ts; echo o >o.ts");
  assert.equal((await landAll(session)).landed.length, 4);
  await session.box.remount();
  await session.run("echo 2 >>a.ts; rm d/n.ts; echo 2 >>d/m.ts; echo 2 >>d/b.ts");
  sh(place, "echo me >>d/m.ts; rm o.ts");
  await session.close();
  const result = await landAll(session);
  assert.deepEqual([...result.landed].sort(), ["a.ts", "d/b.ts", "d/n.ts"]);
  assert.deepEqual(pathsOf(result.held), ["d/m.ts", "o.ts"]);
  assert.deepEqual(
    [read(place, "a.ts"), read(place, "d/m.ts"), read(place, "d/b.ts")],
    ["a\n1\n2\n", "m\nme\n", "b\n2\n"],
  );
});

test("staged files that are not those that were collected stop the landing", async () => {
  const place = makePlace("echo a >a.ts");
  const session = await sessionThat(place, "echo b >>a.ts");
  const collected = await session.collect();
  writeFileSync(join(collected.stage, "b/a.ts"), "evil\n");
  await assert.rejects(session.land(collected), /not those that were collected/);
  assert.equal(read(place, "a.ts"), "a\n");
});

test("only the chosen paths land", async () => {
  const place = makePlace("echo a >a.ts");
  const session = await sessionThat(place, "echo b >>a.ts; echo c >c.ts; echo e >evil; chmod +x evil");
  const collected = await session.collect();
  const result = await session.land(collected, ["c.ts", "evil"]);
  assert.deepEqual([result.landed, pathsOf(result.held)], [["c.ts"], ["evil"]]);
});

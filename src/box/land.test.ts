import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { discardSession, removeStage } from "./discard.ts";
import { makePlace, type Place, programs, type Session, sessionThat, sh, startSession, tree } from "./land.fixture.ts";
import { makePatch } from "./patch.ts";

const PROJECT = `
mkdir -p src/deep/er d gone/a/b; for n in a b c keep; do echo $n >src/$n.ts; done
echo 1 >d/1; echo 2 >d/2; echo 3 >gone/a/b/3; echo 4 >gone/4; echo deep >src/deep/er/x
printf 'a\\0b' >blob; : >was-empty; echo tool >tool; chmod 755 tool; ln -s a.ts src/link; ln -s b.ts src/link2
echo f >file-to-dir; mkdir dir-to-file; echo i >dir-to-file/i; echo l >file-to-link; ln -s blob link-to-file; echo 6 >mode-600; chmod 600 mode-600`;

/** Changes of every kind that are source; they do the same in the box and outside it. */
const WORK = `umask 022
echo more >>src/a.ts; rm src/b.ts; mv src/c.ts src/renamed.ts; rm -rf d; mkdir d; echo new >d/2; echo fresh >d/3; rm -rf gone
rm -r src/deep; printf '\\0\\1\\377' >blob; echo full >was-empty; : >empty; chmod 644 tool; ln -sfn keep.ts src/link; rm src/link2
ln -s ../src/keep.ts d/up; rm file-to-dir; mkdir -p file-to-dir/in; echo x >file-to-dir/in/x; rm -r dir-to-file; echo y >dir-to-file
ln -sfn blob file-to-link; rm link-to-file; echo z >link-to-file; echo 66 >mode-600; mkdir -p n/e/w; echo w >n/e/w/f
echo s >$'new\\nline'; echo s >'quo"te'\\'; echo s >$'not\\xffutf8'; echo s >' -rf '; echo s >$'tab\\t'; echo s >'back\\slash'; touch src/keep.ts`;

function paths(list: readonly { readonly path: string }[]): string[] {
  return list.map(({ path }) => path).sort();
}

function read(place: Place, path: string): string {
  return readFileSync(join(place.checkout, path), "utf8");
}

async function landAll(session: Session) {
  const collected = await session.collect();
  const result = await session.land(collected);
  await removeStage(collected, programs);
  return result;
}

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

test("the patch, applied to a clean copy, gives the tree that landing gives", async () => {
  const place = makePlace(PROJECT);
  const twin = `${place.checkout}-twin`;
  execFileSync("cp", ["-a", place.checkout, twin]);
  const session = await sessionThat(place, WORK);
  const collected = await session.collect();
  const patch = await makePatch({ collected, programs, include: "source" });
  execFileSync("git", ["apply", "--whitespace=nowarn", "-"], { cwd: twin, input: patch });
  await session.land(collected);
  // git writes a file anew, with its own two modes.
  chmodSync(join(twin, "mode-600"), 0o600);
  assert.equal(tree(twin), tree(place.checkout));
});

test("attributes and line endings do not change what the patch says", async () => {
  const place = makePlace("printf 'a\\r\\nb\\r\\n' >crlf.txt; echo x >plain.ts");
  const twin = `${place.checkout}-twin`;
  execFileSync("cp", ["-a", place.checkout, twin]);
  const session = await sessionThat(
    place,
    "printf '* text eol=crlf -diff ident\\n' >.gitattributes; printf 'a\\r\\nc\\n$Id$\\r\\n' >crlf.txt; echo y >plain.ts",
  );
  const collected = await session.collect();
  const patch = await makePatch({ collected, programs, include: "all" });
  assert.match(patch.toString(), /^-x\n\+y$/m);
  execFileSync("git", ["apply", "--whitespace=nowarn", "-"], { cwd: twin, input: await makePatch({ collected, programs, include: "source" }) });
  assert.equal(readFileSync(join(twin, "crlf.txt"), "latin1"), "a\r\nc\n$Id$\r\n");
});

test("nothing under .git lands, neither a commit nor a hook nor configuration, at any depth", async () => {
  const place = makePlace("mkdir -p sub; echo a >a.ts");
  const before = sh(place, "find .git -type f -print0 | sort -z | xargs -0 sha256sum");
  const session = await sessionThat(
    place,
    "echo b >>a.ts; git commit -qam second; git branch side; echo evil >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit",
    "git config core.fsmonitor evil; git init -q sub/nested; echo '[core]' >>sub/nested/.git/config; echo n >sub/nested/n.ts",
  );
  const collected = await session.collect();
  const result = await session.land(collected);
  assert.deepEqual(result.landed, ["a.ts", "sub/nested/n.ts"]);
  assert.equal(sh(place, "find .git -type f -print0 | sort -z | xargs -0 sha256sum"), before);
  assert.equal(sh(place, "find sub -name .git"), "");
  assert.ok(collected.gitChanges > 5);
  for (const path of [".git/hooks/pre-commit", ".git/config", "sub/nested/.git/config"]) assert.ok(paths(result.held).includes(path), path);
});

test("what would run later is held, and the rest lands without it", async () => {
  const place = makePlace(`echo '{"name":"x","scripts":{"test":"true"}}' >package.json; mkdir p; echo '{"name":"p","version":"1"}' >p/package.json; echo s >run.sh; echo m >main.ts`);
  const before = tree(place.checkout);
  const session = await sessionThat(
    place,
    `echo '{"name":"x","scripts":{"test":"evil"}}' >package.json; echo '{"name":"p","version":"2"}' >p/package.json; mkdir -p .vscode .github/workflows
     echo '{}' >.vscode/tasks.json; echo 'on: push' >.github/workflows/ci.yml; echo evil >.bashrc; echo obey >AGENTS.md; chmod +x run.sh; mkfifo pipe`,
  );
  const result = await landAll(session);
  assert.deepEqual(result.landed, ["p/package.json"]);
  const wanted = [".bashrc", ".github/workflows/ci.yml", ".vscode/tasks.json", "AGENTS.md", "package.json", "pipe", "run.sh"];
  assert.deepEqual(paths(result.held), wanted);
  assert.ok(result.held.every(({ why }) => why !== ""));
  sh(place, "git checkout -q p");
  assert.equal(tree(place.checkout), before);
});

test("a deletion waits for the held file that takes its place", async () => {
  const place = makePlace("mkdir lib; echo l >lib/l.ts; printf '#!/bin/sh\\necho job\\n' >job.sh; chmod 755 job.sh; mkdir other; echo o >other/o");
  const before = tree(place.checkout);
  const session = await sessionThat(place, "mkdir bin; mv job.sh bin/job; rm -r lib; ln -s other lib");
  const result = await landAll(session);
  assert.deepEqual(result.landed, []);
  assert.deepEqual(paths(result.held), ["bin/job", "job.sh", "lib", "lib/l.ts"]);
  assert.equal(tree(place.checkout), before);
});

test("what the person did meanwhile is never overwritten, deleted or brought back", async () => {
  const place = makePlace("mkdir d whole; echo w >whole/w; for n in 1 2 3 4 5 6 7 same; do echo $n >$n.ts; done; echo a >d/a; echo b >d/b");
  const session = await startSession(place);
  await session.run("for n in 1 2 3; do echo box >>$n.ts; done; rm 4.ts 5.ts; echo box >new.ts; rm -r d; echo x >>same.ts; mv 6.ts renamed.ts; echo box >>7.ts; echo b >>whole/w");
  sh(place, "echo me >>1.ts; echo me >2.tmp; mv 2.tmp 2.ts; rm 3.ts; echo me >>4.ts; rm 5.ts; echo me >new.ts; echo me >d/c; echo x >>same.ts; rm -r whole; echo unrelated >mine.ts");
  await session.close();
  const before = tree(place.checkout);
  const collected = await session.collect();
  const conflicts = collected.changes.flatMap(({ change, conflict }) => (conflict === null ? [] : [[change.path, conflict]]));
  const wanted = [["1.ts", "changed"], ["2.ts", "changed"], ["3.ts", "deleted"], ["4.ts", "changed"]];
  // The person put something into d, so nothing tells what else in it is older than the session.
  wanted.push(["d/a", "changed"], ["d/b", "changed"], ["d/c", "changed"], ["new.ts", "appeared"], ["whole/w", "deleted"]);
  assert.deepEqual(conflicts, wanted);
  const result = await session.land(collected);
  assert.deepEqual([...result.landed].sort(), ["6.ts", "7.ts", "renamed.ts"]);
  sh(place, "mv renamed.ts 6.ts; echo 7 >7.ts");
  assert.equal(tree(place.checkout), before);
});

test("what the person saves between collecting and landing stays", async () => {
  const place = makePlace("for n in edit replace gone mode; do echo $n >$n.ts; done");
  const session = await sessionThat(place, "echo box >>edit.ts; rm replace.ts gone.ts; echo box >>mode.ts; echo box >late.ts; echo ok >ok.ts");
  const collected = await session.collect();
  sh(place, "echo me >>edit.ts; echo me >t; mv t replace.ts; rm gone.ts; chmod 755 mode.ts; echo me >late.ts");
  const before = tree(place.checkout);
  const result = await session.land(collected);
  assert.deepEqual(result.landed, ["ok.ts"]);
  assert.deepEqual(paths(result.held), ["edit.ts", "gone.ts", "late.ts", "mode.ts", "replace.ts"]);
  sh(place, "rm ok.ts");
  assert.equal(tree(place.checkout), before);
});

test("no save is lost while a person's editor and the lander write the same files", async () => {
  const place = makePlace("mkdir f; for n in $(seq 300); do echo $n >f/$n.ts; done");
  const session = await sessionThat(place, "for n in $(seq 300); do echo box >f/$n.ts; done");
  const collected = await session.collect();
  const editor = spawn("/bin/bash", ["-c", "for n in $(seq 300); do echo me >.t; mv .t f/$n.ts; done"], { cwd: place.checkout });
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
  assert.deepEqual([result.landed, paths(result.held)], [[], ["src/in/a.ts", "src/in/b.ts", "src/in/new.ts"]]);
  assert.deepEqual([tree(outside), tree(place.checkout)], [before, inside]);
});

test("a link that leads out of the checkout never lands, nor does anything through one", async () => {
  const place = makePlace("echo a >a.ts; mkdir d; echo x >d/x");
  const session = await sessionThat(place, "ln -s /etc/passwd one; ln -s ../../up two; ln -s .git/hooks three; ln -s a.ts fine; rm -r d; ln -s /tmp d");
  const result = await landAll(session);
  assert.deepEqual(result.landed, ["fine"]);
  assert.deepEqual(paths(result.held), ["d", "d/x", "one", "three", "two"]);
});

test("ignored is what the checkout's own rules ignore, not what the box made of them", async () => {
  const place = makePlace("printf 'dist\\n*.log\\n' >.gitignore; echo x >.git/info/exclude; echo t >kept.log; git add -f kept.log; mkdir dist; echo o >dist/o; ln -s dist alias");
  const session = await sessionThat(
    place,
    "printf 'src\\n' >.gitignore; mkdir -p src node_modules; echo s >src/s.ts; echo m >>dist/o; echo l >a.log; echo t >>kept.log; echo x >x; rm alias; mkdir alias; echo n >alias/n",
  );
  const collected = await session.collect();
  const classes = Object.fromEntries(collected.changes.map(({ change, cls }) => [change.path, cls]));
  assert.deepEqual(
    [classes["src/s.ts"], classes["dist/o"], classes["a.log"], classes["kept.log"], classes["x"], classes["alias/n"]],
    ["source", "ignored", "ignored", "source", "ignored", "source"],
  );
  await session.land(collected);
  assert.deepEqual([read(place, "src/s.ts"), read(place, "dist/o")], ["s\n", "o\n"]);
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
  assert.deepEqual(paths(result.held), ["d/m.ts", "o.ts"]);
  assert.deepEqual([read(place, "a.ts"), read(place, "d/m.ts"), read(place, "d/b.ts")], ["a\n1\n2\n", "m\nme\n", "b\n2\n"]);
});

test("a masked file never lands", async () => {
  const place = makePlace("echo 'TOKEN=abcdef0123456789abcdef' >.env; echo a >a.ts");
  const session = await sessionThat(place, "echo X=1 >>.env; echo b >>a.ts");
  const result = await landAll(session);
  assert.deepEqual([result.landed, paths(result.held)], [["a.ts"], [".env"]]);
  assert.equal(read(place, ".env"), "TOKEN=abcdef0123456789abcdef\n");
});

test("a file too large to be staged is named and stays in the layer", async () => {
  const place = makePlace("echo a >a.ts");
  const session = await sessionThat(place, "head -c 60000000 /dev/zero >big.txt; echo b >b.ts");
  const result = await landAll(session);
  assert.deepEqual([result.landed, paths(result.held)], [["b.ts"], ["big.txt"]]);
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
  assert.deepEqual([result.landed, paths(result.held)], [["c.ts"], ["evil"]]);
});

test("discarding removes all of a layer and nothing else", async () => {
  const place = makePlace(PROJECT);
  const before = tree(place.checkout);
  const deep = `perl -e 'chdir "deep"; for (1 .. 1500) { mkdir "abcdefghij" and chdir "abcdefghij" or die "$!" }'`;
  const session = await sessionThat(
    place,
    `${WORK}\nmkdir -p shut/in; echo x >shut/in/x; ln -s ${place.checkout} shut/out; chmod 000 shut/in; chmod 000 shut; chmod -R a-w src; mkdir deep; ${deep}`,
  );
  writeFileSync(join(session.path, "ledger.log"), "kept");
  const collected = await session.collect();
  assert.ok(collected.changes.some(({ change, cls }) => cls === "outside" && change.path.startsWith("deep/")));
  assert.ok(collected.changes.some(({ change }) => change.path === "shut/in/x"));
  await discardSession(session.path, programs);
  assert.deepEqual(readdirSync(session.path).sort(), ["ledger.log", "session.json"]);
  assert.equal(tree(place.checkout), before);
});

test("a layer that was thrown away has no changes", async () => {
  const place = makePlace("echo a >a.ts");
  const session = await sessionThat(place, "echo b >>a.ts");
  await discardSession(session.path, programs);
  await assert.rejects(session.collect(), /thrown away/);
});

if (process.getuid?.() === 0) {
  test("all of this holds for an ordinary user", () => {
    const { RINGFENCE_USER = "ringfence-test" } = process.env;
    const child = spawnSync(
      "setpriv",
      ["--reuid", RINGFENCE_USER, "--regid", RINGFENCE_USER, "--clear-groups", process.execPath, fileURLToPath(import.meta.url)],
      { cwd: "/tmp", env: { PATH: "/usr/bin:/bin", HOME: `/home/${RINGFENCE_USER}`, USER: RINGFENCE_USER }, encoding: "utf8", timeout: 300_000 },
    );
    assert.equal(child.status, 0, child.stdout.slice(-8000) + child.stderr);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { discardSession } from "./discard.ts";
import { landAll, makePlace, pathsOf, programs, read, sessionThat, sh, startSession, tree } from "./land.fixture.ts";

test("ignored is what the checkout's own rules ignore, not what the box made of them", async () => {
  const place = makePlace(
    "printf 'dist\\n*.log\\n' >.gitignore; echo x >.git/info/exclude; echo t >kept.log; git add -f kept.log; mkdir dist; echo o >dist/o; ln -s dist alias",
  );
  const session = await sessionThat(
    place,
    "printf 'src\\n' >.gitignore; mkdir -p src node_modules; echo s >src/s.ts; echo m >>dist/o; echo l >a.log; echo t >>kept.log; echo x >x; rm alias; mkdir alias; echo n >alias/n",
  );
  const collected = await session.collect();
  const classes = Object.fromEntries(collected.changes.map(({ change, cls }) => [change.path, cls]));
  assert.deepEqual(
    [classes["src/s.ts"], classes["dist/o"], classes["a.log"], classes["kept.log"], classes.x, classes["alias/n"]],
    ["source", "ignored", "ignored", "source", "ignored", "source"],
  );
  await session.land(collected);
  assert.deepEqual([read(place, "src/s.ts"), read(place, "dist/o")], ["s\n", "o\n"]);
});

test("a folder made anew shows nothing of the checkout, and neither do those made anew inside it", async () => {
  const place = makePlace(
    "mkdir -p d/a/b d/a/c sub; echo 1 >d/a/b/1; echo 2 >d/a/c/2; echo 3 >d/3; git init -q sub/repo; touch sub/repo/f",
  );
  const session = await sessionThat(place, "rm -rf d sub; mkdir -p d/a/b/new d/a/c sub/repo/.git; echo 2 >d/a/c/2");
  const collected = await session.collect();
  assert.deepEqual(
    collected.changes.map(({ change }) => `${change.action} ${change.path}`),
    ["delete d/3", "delete d/a/b/1", "add d/a/b/new", "delete sub/repo/f"],
  );
  assert.ok(collected.gitHeld.includes("sub/repo/.git/config"));
});

test("a file too large to be staged is named and stays in the layer", async () => {
  const place = makePlace("echo a >a.ts");
  const session = await sessionThat(place, "head -c 60000000 /dev/zero >big.txt; echo b >b.ts");
  const result = await landAll(session);
  assert.deepEqual([result.landed, pathsOf(result.held)], [["b.ts"], ["big.txt"]]);
});

test("a masked file never lands", async () => {
  const place = makePlace("echo 'TOKEN=abcdef0123456789abcdef' >.env; echo a >a.ts");
  const session = await sessionThat(place, "echo X=1 >>.env; echo b >>a.ts");
  const result = await landAll(session);
  assert.deepEqual([result.landed, pathsOf(result.held)], [["a.ts"], [".env"]]);
  assert.equal(read(place, ".env"), "TOKEN=abcdef0123456789abcdef\n");
});

test("a layer that was thrown away has no changes", async () => {
  const place = makePlace("echo a >a.ts");
  const session = await sessionThat(place, "echo b >>a.ts");
  await discardSession(session.path, programs);
  await assert.rejects(session.collect(), /thrown away/);
});

test("what would run later is held, and the rest lands without it", async () => {
  const place = makePlace(
    `echo '{"name":"x","scripts":{"test":"true"}}' >package.json; mkdir p; echo '{"name":"p","version":"1"}' >p/package.json; echo s >run.sh; echo m >main.ts`,
  );
  const before = tree(place.checkout);
  const session = await sessionThat(
    place,
    `echo '{"name":"x","scripts":{"test":"evil"}}' >package.json; echo '{"name":"p","version":"2"}' >p/package.json; mkdir -p .vscode .github/workflows
     echo '{}' >.vscode/tasks.json; echo 'on: push' >.github/workflows/ci.yml; echo evil >.bashrc; echo obey >AGENTS.md; chmod +x run.sh; mkfifo pipe`,
  );
  const result = await landAll(session);
  assert.deepEqual(result.landed, ["p/package.json"]);
  const wanted = [
    ".bashrc",
    ".github/workflows/ci.yml",
    ".vscode/tasks.json",
    "AGENTS.md",
    "package.json",
    "pipe",
    "run.sh",
  ];
  assert.deepEqual(pathsOf(result.held), wanted);
  assert.ok(result.held.every(({ why }) => why !== ""));
  sh(place, "git checkout -q p");
  assert.equal(tree(place.checkout), before);
});

test("a deletion waits for the held file that takes its place", async () => {
  const place = makePlace(
    "mkdir lib; echo l >lib/l.ts; printf '#!/bin/sh\\necho job\\n' >job.sh; chmod 755 job.sh; mkdir other; echo o >other/o",
  );
  const before = tree(place.checkout);
  const session = await sessionThat(place, "mkdir bin; mv job.sh bin/job; rm -r lib; ln -s other lib");
  const result = await landAll(session);
  assert.deepEqual(result.landed, []);
  assert.deepEqual(pathsOf(result.held), ["bin/job", "job.sh", "lib", "lib/l.ts"]);
  assert.equal(tree(place.checkout), before);
});

test("what a link of the checkout gives a held name is held, whether git tracks the link, ignores it or knows nothing of it", async () => {
  const place = makePlace(
    "echo /later >.gitignore; mkdir conf tools; echo a >agents.md.txt; echo e >conf/env; echo t >tools/t; echo p >plain; ln -s agents.md.txt AGENTS.md; mkdir later; ln -s ../conf/env later/.envrc",
  );
  const session = await startSession(place);
  await session.run("for n in agents.md.txt conf/env tools/t plain; do echo box >>$n; done");
  sh(place, "ln -s tools .vscode; git status >/dev/null");
  await session.close();
  const result = await landAll(session);
  assert.deepEqual(result.landed, ["plain"]);
  assert.deepEqual(pathsOf(result.held), ["agents.md.txt", "conf/env", "tools/t"]);
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
  for (const path of [".git/hooks/pre-commit", ".git/config", "sub/nested/.git/config"])
    assert.ok(pathsOf(result.held).includes(path), path);
});

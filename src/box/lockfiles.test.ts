import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isLocked, type Locked } from "../core/packages.ts";
import { Lockfiles } from "./lockfiles.ts";

/** A folder that a shell program filled. */
function checkout(t: TestContext, make: string): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "ringfence-lockfiles-")));
  t.after(() => execFileSync("/bin/sh", ["-c", 'chmod -R u+rwx "$0"; rm -rf "$0"', folder]));
  execFileSync("/bin/bash", ["-euc", make], { cwd: folder });
  return folder;
}

function names({ versions }: Locked): string[] {
  return [...versions.keys()].sort();
}

test("lockfiles of the root and of folders below are read, those of installed packages are not", async (t) => {
  const folder = checkout(
    t,
    `echo a==1.0 >requirements.txt; mkdir -p apps/web/deep node_modules/x vendor/y .hidden 1/2/3/4/5/6
echo b==1.0 >apps/web/requirements-dev.txt; echo 'm v1.0.0 h1:x=' >apps/web/deep/go.sum
for at in node_modules/x vendor/y .hidden 1/2/3/4/5/6; do echo no==1.0 >$at/requirements.txt; done`,
  );
  assert.deepEqual(names(await new Lockfiles(folder).known()), ["go m", "pypi a", "pypi b"]);
});

test("a link, a pipe, a folder and a file with NUL in it are no lockfiles, and hold nothing up", async (t) => {
  const outside = checkout(t, "echo outside==1.0 >requirements.txt; mkdir sub; echo sub==1.0 >sub/requirements.txt");
  const folder = checkout(
    t,
    `ln -s ${outside}/requirements.txt requirements.txt; ln -s ${outside}/sub sub; ln -s /etc/passwd yarn.lock; mkfifo go.sum
mkdir Cargo.lock; printf 'a==1.0\\n\\0' >requirements-nul.txt; echo here==1.0 >requirements-here.txt; mkdir shut; echo b==1 >shut/requirements.txt; chmod 0 shut`,
  );
  const found = names(await new Lockfiles(folder).known());
  assert.deepEqual(
    found.filter((name) => name !== "pypi b"),
    ["pypi here"],
  );
});

test("a lockfile that changes counts at the next look, one that does not is not read again", async (t) => {
  const folder = checkout(t, "echo a==1.0 >requirements.txt");
  const lockfiles = new Lockfiles(folder);
  const first = await lockfiles.known();
  assert.deepEqual(await Promise.all([lockfiles.refresh(), lockfiles.refresh()]), [false, false]);
  assert.equal(await lockfiles.known(), first);
  writeFileSync(join(folder, "requirements.txt"), "a==2.0\n");
  assert.equal(await lockfiles.refresh(), true);
  const second = await lockfiles.known();
  assert.deepEqual([isLocked(second, "pypi", "a", "1.0"), isLocked(second, "pypi", "a", "2.0")], [false, true]);
  mkdirSync(join(folder, "app"));
  writeFileSync(join(folder, "app/requirements.txt"), "c==1.0\n");
  assert.equal(await lockfiles.refresh(), true);
  rmSync(join(folder, "requirements.txt"));
  assert.equal(await lockfiles.refresh(), true);
  assert.deepEqual(names(await lockfiles.known()), ["pypi c"]);
});

test("very many folders and lockfiles, and a large one, end at a limit with the root's read", async (t) => {
  const folder = checkout(
    t,
    `echo root==1.0 >requirements.txt; for i in $(seq 300); do mkdir d$i; echo p$i==1.0 >d$i/requirements.txt; done
mkdir many; cd many; seq -f 'f%g' 4100 | xargs mkdir; truncate -s 100M requirements.txt`,
  );
  const found = names(await new Lockfiles(folder).known());
  assert.ok(found.includes("pypi root"));
  assert.equal(found.length, 256);
});

test("a checkout without a lockfile locks nothing, and one that is gone is an error", async (t) => {
  const folder = checkout(t, "echo {} >package.json");
  assert.deepEqual(names(await new Lockfiles(folder).known()), []);
  await assert.rejects(new Lockfiles(join(folder, "gone")).known(), /could not be set up/);
});

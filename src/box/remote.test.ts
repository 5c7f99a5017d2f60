import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NO_OBJECT } from "../core/git-push.ts";
import { askHelpers } from "./git-login.ts";
import { findPrograms } from "./programs.ts";
import { findKnown, packPush, readRemote } from "./remote.ts";

const programs = findPrograms();
const URL = "https://git.example/group/thing.git";
const MAIN = "refs/heads/main";

/** A repository with three commits on main, a second branch, and a commit that no branch has. */
function makePlace(t: TestContext) {
  const root = mkdtempSync("/tmp/ringfence-remote-");
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [checkout, home] = [join(root, "repo"), join(root, "home")];
  for (const folder of [checkout, home]) mkdirSync(folder);
  writeFileSync(join(home, ".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.test\n");
  const env = { PATH: "/usr/bin:/bin", HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
  const sh = (program: string) =>
    execFileSync("/bin/sh", ["-euc", program], { cwd: checkout, env, encoding: "utf8" }).trim();
  sh(`git init -q -b main; for i in 1 2 3; do echo $i >$i.txt; git add .; git commit -qm $i; git tag c$i; done
      git checkout -q -b side c1; echo s >s.txt; git add .; git commit -qm side; git tag side-1
      git checkout -q --detach; echo l >l.txt; git add .; git commit -qm loose; git tag loose; git checkout -q main; git remote add origin ${URL}`);
  const id = (name: string) => sh(`git rev-parse ${name}`);
  const facts = { checkout, repository: null, alternates: [] };
  const read = () => readRemote({ checkout, state: join(root, "state"), home, environment: { HOME: home }, programs });
  return { root, home, checkout, env, sh, id, facts, read };
}

/** The objects of a pack, as a repository that has one commit already takes them in. */
function objectsOf({ root, sh, env }: ReturnType<typeof makePlace>, pack: Buffer, has: string): string[] {
  const other = join(root, "other.git");
  rmSync(other, { recursive: true, force: true });
  sh(`git init -q --bare ${other}; git push -q ${other} ${has}:refs/heads/main`);
  const list = () =>
    execFileSync("git", ["-C", other, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], {
      env,
      encoding: "utf8",
    }).split("\n");
  const before = new Set(list());
  const done = spawnSync("git", ["-C", other, "index-pack", "--fix-thin", "--strict", "--stdin"], { env, input: pack });
  assert.equal(done.status, 0, done.stderr.toString());
  return list()
    .filter((id) => !before.has(id))
    .sort();
}

test("what stands on the person's branch is packed, without what the remote has, and nothing else", async (t) => {
  const place = makePlace(t);
  const { id, facts, sh } = place;
  const command = { ref: MAIN, oldId: id("c1"), newId: id("c2") };
  const packed = await packPush(facts, programs, { command, from: MAIN, shown: ["f".repeat(40), id("side-1")] });
  assert.ok(packed.found === "landed");
  assert.deepEqual(objectsOf(place, packed.pack, "c1"), sh("git rev-parse c2 c2^{tree} c2:2.txt").split("\n").sort());
  assert.match(packed.summary, /^[0-9a-f]{7} Ada: 2\n 2\.txt \| 1 \+\n 1 file changed, 1 insertion\(\+\)\n$/);
  const all = await packPush(facts, programs, {
    command: { ...command, oldId: NO_OBJECT, newId: id("c3") },
    from: MAIN,
    shown: [id("c2"), "x", "--all"],
  });
  assert.ok(all.found === "landed");
  assert.deepEqual(objectsOf(place, all.pack, "c2"), sh("git rev-parse c3 c3^{tree} c3:3.txt").split("\n").sort());
});

test("a commit of another branch or of none, a tree, and an id that is nowhere are not on the branch", async (t) => {
  const { id, facts } = makePlace(t);
  for (const newId of [id("side-1"), id("loose"), id("c2^{tree}"), "f".repeat(40)]) {
    const command = { ref: MAIN, oldId: id("c1"), newId };
    assert.deepEqual(await packPush(facts, programs, { command, from: MAIN, shown: [] }), { found: "absent" });
  }
  const command = { ref: MAIN, oldId: id("c1"), newId: id("c2") };
  assert.deepEqual(await packPush(facts, programs, { command, from: "refs/heads/none", shown: [] }), {
    found: "absent",
  });
  for (const oldId of [id("side-1"), id("c3"), "f".repeat(40)])
    assert.deepEqual(await packPush(facts, programs, { command: { ...command, oldId }, from: MAIN, shown: [] }), {
      found: "diverged",
    });
});

test("no hook, setting, replaced object or graft of the repository has a say in what is packed", async (t) => {
  const place = makePlace(t);
  const { root, id, facts, sh } = place;
  const mark = `${root}/ran`;
  sh(`git replace c2 loose; echo "$(git rev-parse c2) $(git rev-parse loose)" >.git/info/grafts
      git config uploadpack.packObjectsHook 'touch ${mark}; exec'; git config core.fsmonitor 'touch ${mark}'; git config core.hooksPath hooks
      git config core.sshCommand 'touch ${mark}'; git config extensions.partialClone origin; git config remote.origin.promisor true`);
  const command = {
    ref: MAIN,
    oldId: id("c1"),
    newId: execFileSync("git", ["rev-parse", "c2"], { cwd: place.checkout, env: place.env, encoding: "utf8" }).trim(),
  };
  const packed = await packPush(facts, programs, { command, from: MAIN, shown: [] });
  assert.ok(packed.found === "landed");
  sh(
    "git replace -d c2 >/dev/null; rm .git/info/grafts; for key in extensions.partialClone remote.origin.promisor core.fsmonitor; do git config --unset $key; done",
  );
  assert.deepEqual(objectsOf(place, packed.pack, "c1"), sh("git rev-parse c2 c2^{tree} c2:2.txt").split("\n").sort());
  assert.throws(() => sh(`ls ${mark}`));
});

test("of some ids those are known that are objects of the person's", async (t) => {
  const { id, facts } = makePlace(t);
  const asked = [id("c1"), "f".repeat(40), id("loose"), "main", "--all"];
  assert.deepEqual([...(await findKnown(facts, programs, asked))].sort(), [id("c1"), id("loose")].sort());
});

test("the remote is read from the checkout's own git folder, whatever includes and links in it say", async (t) => {
  const { root, checkout, sh, read } = makePlace(t);
  writeFileSync(join(root, "more"), '[remote "origin"]\n\turl = https://evil.example/x.git\n');
  sh(
    `git config branch.main.remote origin; git config branch.main.merge refs/heads/trunk; git config include.path ${root}/more`,
  );
  const remote = {
    url: URL,
    written: URL,
    branch: MAIN,
    tracks: "refs/heads/trunk",
    isPushedTo: true,
    sshCommand: null,
  };
  assert.deepEqual(await read(), remote);
  sh("git config --global url.https://mirror.example/.insteadOf https://git.example/");
  assert.deepEqual(await read(), { ...remote, url: "https://mirror.example/group/thing.git" });
  sh(`mv .git/config ../config; ln -s ../../config .git/config`);
  assert.equal(await read(), null);
  sh(`rm .git/config; mv ../config .git/config; mv .git ../real`);
  symlinkSync("../real", join(checkout, ".git"));
  assert.equal(await read(), null);
});

test("a helper is asked without a question to anybody, for one address, and one that is silent knows nothing", async (t) => {
  const { root, home, checkout, sh } = makePlace(t);
  const helper = join(home, "helper");
  const ask = (path = "group/thing.git") => {
    const environment = {
      HOME: home,
      PATH: `${checkout}:/usr/bin:/bin`,
      GIT_ASKPASS: helper,
      SSH_ASKPASS: helper,
      DISPLAY: ":0",
      SECRET: "no",
    };
    return askHelpers({ protocol: "https", host: "git.example", path }, { environment, home, checkout });
  };
  const write = (body: string) => {
    writeFileSync(helper, `#!/bin/sh\n${body}\n`);
    chmodSync(helper, 0o755);
  };
  write("echo username=asked; echo password=asked");
  assert.equal(await ask(), null);
  sh(
    `git config --global credential.helper '!sh ${helper}'; git config credential.helper '!touch ${root}/repository; #'`,
  );
  write(`cat >${root}/said; env >${root}/env; pwd >>${root}/env; echo username=me; echo password=p=w`);
  assert.deepEqual(await ask(), { user: "me", password: "p=w" });
  assert.match(execFileSync("cat", [`${root}/said`], { encoding: "utf8" }), /^protocol=https\nhost=git\.example\n/);
  assert.doesNotMatch(
    execFileSync("cat", [`${root}/env`], { encoding: "utf8" }),
    new RegExp(`SECRET|ASKPASS|DISPLAY=|${checkout}`),
  );
  assert.throws(() => sh(`ls ${root}/repository`));
  write("exit 1");
  assert.equal(await ask(), null);
  assert.equal(await ask("x\npath=y"), null);
});

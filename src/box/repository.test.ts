import assert from "node:assert/strict";
import { chownSync, existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makePlace, type Place, programs, sh } from "./land.fixture.ts";
import { measureSessions } from "./measure.ts";
import { openBox } from "./open.fixture.ts";
import { permitFor } from "./permit.fixture.ts";
import { emptyPermitted } from "./permitted.ts";
import { makeSubmodule, makeWorktree } from "./repository.fixture.ts";
import { findRepository } from "./repository.ts";

const find = (checkout: string, hidden: readonly string[] = [], closed: readonly string[] = []) =>
  findRepository({ checkout, programs, hidden, closed });

/** A private repository of the person's with a worktree and a submodule, beside which archives are unpacked. */
const victim = (() => {
  const { main } = makeSubmodule("echo canary >c.ts");
  sh(
    main,
    "echo canary >secret.ts; git add secret.ts; git commit -qm secret; git worktree add -q -b x ../x; git -C ../x status",
  );
  return { main, git: join(main.checkout, ".git") };
})();

/** Makes a folder as an archive brings it: the program runs where the checkout will be, and $git is the victim's. */
function unpack(name: string, program: string): Place {
  const { main, git } = victim;
  const checkout = join(main.checkout, "..", name, "tree");
  sh(main, `mkdir -p ${checkout}; cd ${checkout}; git=${git}; ${program}`);
  return { ...main, checkout };
}

const LOOK =
  "mkdir -p ../fake/worktrees/x; echo $PWD/.git >../fake/worktrees/x/gitdir; echo 'ref: refs/heads/x' | tee ../fake/HEAD >../fake/worktrees/x/HEAD; echo gitdir: $PWD/../fake/worktrees/x >.git";
const FORGED: Readonly<Record<string, string>> = {
  "a repository of the person's": "echo gitdir: $git >.git",
  "a worktree of the person's": "echo gitdir: $git/worktrees/x >.git",
  "the same by a relative path": "echo gitdir: ../../checkout/.git/worktrees/x >.git",
  "a submodule of the person's": "echo gitdir: $git/modules/vendor/lib >.git",
  "a worktree behind a link": "ln -s $git ../fake; echo gitdir: $PWD/../fake/worktrees/x >.git",
  "a link to a worktree": `${LOOK}; rm -r ../fake/worktrees/x; ln -s $git/worktrees/x ../fake/worktrees/x`,
  "a folder of its own that names the repository": `${LOOK}; echo $git >../fake/worktrees/x/commondir`,
  "a folder of its own in which all is links": `${LOOK}; echo ../.. >../fake/worktrees/x/commondir; ln -s $git/objects $git/refs ../fake`,
  "a folder in the checkout that names the repository":
    "mkdir fake; echo $PWD/.git >fake/gitdir; echo 'ref: refs/heads/x' >fake/HEAD; echo $git >fake/commondir; echo gitdir: fake >.git",
  "a folder that is not there": "echo gitdir: /nonexistent/worktrees/x >.git",
  "a file": "echo gitdir: /etc/passwd >.git",
  "a folder of the system": "echo gitdir: /etc >.git",
  "nothing, at length": "head -c 1000000 /dev/zero >.git",
  "two folders": "printf 'gitdir: /a\\ngitdir: /b\\n' >.git",
};

test("a .git file of a stranger's shows nothing of what it names, and the person is told", async (t) => {
  for (const [what, forge] of Object.entries(FORGED)) {
    const place = unpack(what.replaceAll(/\W/g, "-"), forge);
    const { git } = victim;
    assert.equal((await find(place.checkout)).repository, null, what);
    if (!forge.includes("$git")) continue;
    const { box, run } = await openBox(t, "", { place });
    const seen = await run(
      `cat ${git}/HEAD; ls -A ${git} ${git}/..; git log --all; git cat-file -p x:secret.ts; git status`,
    );
    assert.doesNotMatch(seen.text, /canary|secret|refs\/heads/);
    assert.match(seen.text, /not a git repository|fatal/);
    // One that stays in the checkout is the checkout's own matter.
    if (!what.includes("in the checkout")) assert.match(box.notes.join(), /^git does not work in this box: .+; .*git /);
    assert.equal(box.notes.length, what.includes("in the checkout") ? 0 : 1);
    await box.close();
  }
});

test("a whole repository of a stranger's shows itself, and nothing of what its links and lists name", async (t) => {
  const { git } = victim;
  const archive = unpack(
    "whole",
    `${LOOK}; cd ../fake; echo ../.. >worktrees/x/commondir; mkdir -p objects/info refs; echo ${git}/objects >objects/info/alternates; for d in ${git}/objects/??; do ln -s $d objects; done; ln -s ${git}/refs/heads refs/heads; cp ${git}/HEAD HEAD; ln -s ${git}/packed-refs packed-refs; ln -s ${git}/config config; ln -s ${git}/logs logs`,
  );
  const { repository } = await find(archive.checkout);
  assert.equal(repository?.common, join(archive.checkout, "../fake"), "else this proves nothing");
  const { box, run } = await openBox(t, "", { place: archive });
  const seen = await run(
    `ls -A ${git}; cat ../fake/objects/*/* ../fake/config ../fake/logs/HEAD; git log --all; git cat-file -p x:secret.ts`,
  );
  assert.doesNotMatch(seen.text, /canary|secret$|secret\n/);
  assert.match(
    box.notes.join(),
    new RegExp(`^the repository borrows objects from ${git}/objects, which the box does not show`),
  );
});

test("a linked worktree and a submodule's checkout are found with what is theirs, and shown without what lies beside", async (t) => {
  const tree = makeWorktree("echo a >a.ts");
  const lib = makeSubmodule("echo a >a.ts");
  const nested = { ...lib, checkout: join(lib.checkout, "../../../sub-tree") };
  sh(lib, `git worktree add -q -b side ${nested.checkout}`);
  const git = join(lib.main.checkout, ".git/modules/vendor/lib");
  assert.deepEqual(await find(tree.checkout), {
    repository: { common: join(tree.main.checkout, ".git"), own: "worktrees/tree/" },
    refused: null,
  });
  assert.deepEqual((await find(lib.checkout)).repository, { common: git, own: "" });
  assert.deepEqual((await find(nested.checkout)).repository, { common: git, own: "worktrees/sub-tree/" });
  for (const place of [tree, lib, { ...nested, main: lib.main }]) {
    const { text, box } = await openBox(t, "", { place });
    assert.deepEqual(box.notes, []);
    assert.equal(await text("git status --porcelain && git log --format=%s"), "first");
    assert.equal(await text(`find ${place.main.checkout} -name untracked.txt -o -name s.ts`), "(no output)");
  }
});

test("no command can put something else where the git folder is shown", async (t) => {
  const tree = makeWorktree("echo a >a.ts");
  const { box, run, text } = await openBox(t, "", { place: tree });
  const git = join(tree.main.checkout, ".git");
  for (const attempt of [
    `mv ${git} ${git}x`,
    `rmdir ${git}`,
    `mv ${git}/.. /tmp/x`,
    `mv ${git}/../.. /tmp/x`,
    `rm -rf ${tree.main.checkout}`,
  ])
    assert.equal((await run(attempt)).ok, false, attempt);
  await box.renew(async () => {});
  assert.equal(await text(`findmnt -no TARGET ${git}; ls -A ${git}/..; ls ${git}`), `${git}\n.git`);
  assert.equal(sh(tree.main, "git log --format=%s"), "first\n");
});

test("a git folder that holds the checkout, the home or the state, or is somebody else's, is refused", async () => {
  const inside = makePlace("echo a >a.ts");
  sh(inside, "git worktree add -q -b topic .git/tree");
  assert.match(
    (await find(join(inside.checkout, ".git/tree"))).refused ?? "",
    /lies in its git folder; git worktree move/,
  );
  const tree = makeWorktree("echo a >a.ts");
  const git = join(tree.main.checkout, ".git");
  for (const hidden of [git, join(git, "home")])
    assert.match((await find(tree.checkout, [hidden])).refused ?? "", /holds what the box must hide/);
  assert.match((await find(tree.checkout, [], [tree.main.checkout])).refused ?? "", /lies where nothing is shown/);
  if (process.getuid?.() !== 0) return;
  chownSync(git, 1, 1);
  assert.match((await find(tree.checkout)).refused ?? "", /belongs to somebody else than the checkout/);
});

test("a worktree that was moved is refused until git worktree repair mends it", async () => {
  const tree = makeWorktree("echo a >a.ts");
  const moved = { ...tree, checkout: join(tree.checkout, "../moved") };
  sh(tree, "mv ../tree ../moved");
  assert.match((await find(moved.checkout)).refused ?? "", /does not name .*\/moved; .*git worktree repair/);
  sh(moved, "git worktree repair 2>/dev/null");
  assert.equal((await find(moved.checkout)).refused, null);
});

test("of a bare repository's folder nothing is shown but what is git's own: no other worktree in it", async (t) => {
  const from = makePlace("echo canary >a.ts");
  sh(
    from,
    "git clone -q --bare . ../bare; cd ../bare; git worktree add -q --detach inside; git worktree add -q --detach lfs; git worktree add -q --detach deep/er; echo canary >notes; git worktree add -q -b topic ../tree",
  );
  const { text, box } = await openBox(t, "", { place: { ...from, checkout: join(from.checkout, "../tree") } });
  assert.equal(
    await text("cat a.ts; cd ../bare; ls -A; grep -r canary . || true; git -C ../tree status --porcelain"),
    [
      ...[
        "canary",
        "HEAD",
        "branches",
        "config",
        "description",
        "hooks",
        "info",
        "objects",
        "packed-refs",
        "refs",
        "worktrees",
      ],
    ].join("\n"),
  );
  assert.deepEqual(box.notes, []);
});

test("passwords in remotes are masked, in the git folder, its worktrees' configuration and its submodules'", async (t) => {
  const tree = makeWorktree("echo a >a.ts");
  const url = (name: string) => `https://me:canary-${name}@example.test/x`;
  sh(
    tree,
    `git config extensions.worktreeConfig true; git config remote.origin.url ${url("common")}; git config --worktree remote.own.url ${url("own")}; g=${tree.main.checkout}/.git; for m in lib deep/er/lib objects; do mkdir -p $g/modules/$m/objects; cp $g/HEAD $g/modules/$m; git config --file $g/modules/$m/config remote.origin.url ${url("module")}; done; mkdir -p $g/modules/lib/modules/in; cp $g/HEAD $g/modules/lib/modules/in; git config --file $g/modules/lib/modules/in/config remote.origin.url ${url("nested")}`,
  );
  const seen: string[] = [];
  for (const place of [tree, tree.main]) {
    const { box, text } = await openBox(t, "", { place });
    const git = join(tree.main.checkout, ".git");
    seen.push(
      await text(
        `git remote -v; cat ${git}/config ${git}/worktrees/tree/config.worktree $(find ${git}/modules -name config); grep -r canary ${git} || true`,
      ),
    );
    assert.ok(place === tree || box.masked.includes(".git/modules/deep/er/lib/config"));
  }
  for (const text of seen) {
    assert.doesNotMatch(text, /canary/);
    assert.equal(text.match(/url = https:\/\/example\.test\/x/g)?.length, 6);
  }
});

test("the layer of a git folder counts as the session's: it is told, undone and on no disk but the state's", async (t) => {
  const tree = makeWorktree("echo a >a.ts");
  const { box, text, run } = await openBox(t, "", { place: tree });
  assert.equal(await box.hasChanges(), false);
  await text("git tag v1; git config user.name other; rm -rf .git; ls");
  assert.equal(await box.hasChanges(), true);
  assert.equal(sh(tree, "git tag; git config user.name"), "t\n");
  assert.equal((await run("git tag")).ok, false);
  assert.ok(existsSync(join(box.folder.path, "layer/git-upper/refs/tags/v1")));
  const [measured] = await measureSessions([{ path: box.folder.path, isRunning: true }], programs, 10_000);
  assert.ok((measured?.layerChangedAt ?? 0) > 0);
  await emptyPermitted(permitFor({ kind: "discard", approvedBy: "person" }), box, programs);
  assert.equal(await box.hasChanges(), false);
  assert.equal(await text("git tag; git config user.name"), "t");
});

test("what is written into the git folder counts against the limit of the disk", async (t) => {
  const tree = makeWorktree("echo a >a.ts");
  const { run } = await openBox(t, "", { place: tree, limits: { diskBytes: 20 << 20 } });
  const folder = join(tree.main.checkout, ".git/objects");
  const outcome = await run(`for n in $(seq 40); do head -c 4000000 /dev/zero >${folder}/big$n; sleep 0.1; done`);
  assert.match(outcome.text, /disk: the layer holds \d+ MiB, 20 allowed/);
});

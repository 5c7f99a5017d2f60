import assert from "node:assert/strict";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readBase, sweep, workspaceOf } from "./base.ts";
import { readFacts } from "./folder.ts";
import { type Kept, keepIgnored } from "./keep.ts";
import { makePlace, type Place, pathsOf, programs, type Session, sh, startSession, tree } from "./land.fixture.ts";
import { LIMITS_DEFAULT } from "./limits.ts";
import { dropOutdated, findOutdated } from "./outdated.ts";

const RULES = "printf 'node_modules/\\ndist/\\n*.log\\n' >.gitignore; echo a >a.ts";

/** Ends a session as the program does. */
async function end(session: Session, limits: Partial<typeof LIMITS_DEFAULT> = {}): Promise<Kept> {
  const { path, box } = session;
  let kept = null as Kept | null;
  await box.retire(async () => {
    const plan = { sessionPath: path, facts: readFacts(path), base: box.base, programs };
    kept = await keepIgnored({ ...plan, limits: { ...LIMITS_DEFAULT, ...limits } });
  });
  await session.close();
  const done = kept ?? assert.fail("nothing was looked at");
  await sweep(done.workspace, programs);
  return done;
}

async function run(
  place: Place,
  ...commands: string[]
): Promise<{ readonly texts: string[]; readonly kept: Kept; readonly session: Session }> {
  const session = await startSession(place);
  const texts: string[] = [];
  for (const command of commands) texts.push(await session.run(command));
  return { texts, kept: await end(session), session };
}

async function see(place: Place, command: string): Promise<string> {
  const session = await startSession(place);
  const text = await session.run(command);
  await session.close();
  return text;
}

test("what a session did to ignored files is what the next one sees: added, edited, deleted, made anew", async () => {
  const place = makePlace(`${RULES}; mkdir -p dist/a/b/own; echo own >dist/a/b/own/f; echo own >dist/g`);
  const before = tree(place.checkout);
  await run(
    place,
    "mkdir -p node_modules/{x,y,z}/lib; for p in x y z; do echo 1 >node_modules/$p/lib/i; done; echo l >a.log; echo box >>dist/g; rm -r dist/a/b/own",
  );
  const list =
    "find node_modules dist -type f | sort | xargs sha256sum; find . -name '*.log'; stat -c '%a %n' node_modules/y";
  const { texts } = await run(
    place,
    "cat dist/g a.log node_modules/y/lib/i; ls dist/a/b",
    "rm -r node_modules/x a.log; echo 2 >>node_modules/y/lib/i; rm -r node_modules/z; mkdir node_modules/z; echo new >node_modules/z/n; chmod 750 node_modules/y; rm dist/g",
    list,
  );
  assert.deepEqual(texts[0], "own\nbox\nl\n1");
  assert.equal(await see(place, list), texts[2]);
  assert.equal(texts[2]?.includes("750 node_modules/y"), true);
  await run(place, "rm -r node_modules dist");
  assert.equal(await see(place, "ls -A"), ".git\n.gitignore\na.ts");
  assert.equal(tree(place.checkout), before);
  // What the masks hide there stays hidden when the person makes the folder anew.
  sh(place, "rm -r dist; mkdir dist; echo K=secret-value-of-yours >dist/.env");
  assert.match(await see(place, "ls -A; cat dist/.env"), /^\.git\n\.gitignore\na\.ts\ndist\nK=(?!secret)/);
});

test("the layer keeps what waits, and what is left of it lands without the ignored files", async () => {
  const place = makePlace(
    `${RULES}; mkdir -p vendor pkg; echo t >vendor/t.go; git add -f vendor; echo vendor/ >>.gitignore; echo p >pkg/p`,
  );
  const { session } = await run(
    place,
    "mkdir -p node_modules/x pkg/dist vendor/u; echo 1 >node_modules/x/i; echo b >>a.ts; echo o >pkg/dist/o; echo u >vendor/u/u.go; rm vendor/t.go; echo K=1 >dist.log; mkdir dist; echo s >dist/.env; echo s >dist/server.key",
  );
  const collected = await session.collect();
  assert.deepEqual(
    collected.changes.map(({ change, cls }) => `${change.action} ${change.path} ${cls}`),
    ["edit a.ts source", "add dist/.env ignored", "add dist/server.key ignored", "delete vendor/t.go source"],
  );
  assert.equal(
    await see(place, "find node_modules pkg vendor *.log dist -type f 2>/dev/null | sort"),
    "dist.log\nnode_modules/x/i\npkg/dist/o\npkg/p\nvendor/t.go\nvendor/u/u.go",
  );
  assert.deepEqual((await session.land(collected)).landed.toSorted(), ["a.ts", "vendor/t.go"]);
  assert.equal(sh(place, "ls -A; ls pkg vendor"), ".git\n.gitignore\na.ts\npkg\nvendor\npkg:\np\n\nvendor:\n");
});

test("a later session changes its own copy alone, and offers none of it until git stops to ignore it", async () => {
  const place = makePlace(RULES);
  await run(place, "mkdir -p dist/sub; echo one >dist/sub/a; echo one >dist/b");
  const session = await startSession(place);
  await session.run("echo two >>dist/sub/a; rm dist/b; echo c >dist/c");
  assert.deepEqual(
    (await session.collect()).changes.map(({ change, cls }) => [change.path, cls]),
    [
      ["dist/c", "ignored"],
      ["dist/sub/a", "ignored"],
    ],
  );
  sh(place, "echo '*.log' >.gitignore");
  const listed = async () =>
    (await session.collect()).changes.map(({ change, cls, conflict }) => [change.path, cls, conflict]);
  const reviewed = [
    ["dist/c", "source", null],
    ["dist/sub/a", "source", null],
  ];
  assert.deepEqual(await listed(), reviewed);
  await end(session);
  // The next session drops it from the base layer, and this one's changes still wait.
  assert.equal(await see(place, "ls"), "a.ts");
  assert.deepEqual(await listed(), reviewed);
  assert.deepEqual((await session.land(await session.collect())).landed.toSorted(), ["dist/c", "dist/sub/a"]);
  assert.equal(sh(place, "cat dist/sub/a"), "one\ntwo\n");
});

test("no link is followed, nothing of another name is shared with the layer, and no odd file stops the end of a session", async () => {
  const place = makePlace(`${RULES}; mkdir ../outside; echo o >../outside/o`);
  const outside = join(place.checkout, "../outside");
  const { session, kept } = await run(
    place,
    `mkdir -p dist/shut/in dist/deep node_modules; echo s >dist/shut/in/f; ln -s ${outside} dist/out; ln -s ${outside} node_modules/up; ln -s ../a.ts dist/in
     echo n >$'dist/new\\nline'; echo n >$'dist/not\\xffutf8'; echo h >src.txt; ln src.txt dist/hard; mkfifo dist/fifo; chmod 4755 dist/in || true; touch dist/x; chmod 1777 dist/x
     perl -e 'use strict; my @a = ("dist/x", "user.overlay.opaque", "y"); syscall(188, $a[0], $a[1], $a[2], 1, 0); $a[1] = "user.mine"; syscall(188, $a[0], $a[1], $a[2], 1, 0)'
     perl -e 'chdir "dist/deep"; for (1 .. 3000) { mkdir "abcdefghij" and chdir "abcdefghij" or die }'; chmod 000 dist/shut`,
  );
  assert.deepEqual([[...kept.units].sort(), kept.notes], [["dist", "node_modules"], []]);
  assert.deepEqual(readdirSync(outside), ["o"]);
  const seen = await see(
    place,
    `chmod 700 dist/shut; cat dist/shut/in/f dist/hard dist/in $'dist/new\\nline' $'dist/not\\xffutf8'; readlink node_modules/up; ls -A dist; echo more >>dist/hard; cat dist/hard`,
  );
  assert.equal(
    seen,
    `s\nh\na\nn\nn\n${outside}\ndeep\nhard\nin\nnew\nline\nnot\uFFFDutf8\nshut\nx\nh\nmore`.replace("deep\n", "deep\n"),
  );
  const collected = await session.collect();
  const classOf = (path: string) => collected.changes.find(({ change }) => change.path === path)?.cls;
  // A link that leads out is held and waits; in a dependency folder the next session has a copy as well.
  assert.deepEqual(["src.txt", "dist/out", "node_modules/up"].map(classOf), ["source", "outside", "outside"]);
  await session.land(collected);
  assert.equal(sh(place, "cat src.txt"), "h\n");
  const workspace = workspaceOf(place.state, place.checkout);
  assert.equal(lstatSync(workspace).mode & 0o777, 0o700);
  assert.equal(
    sh(
      place,
      `chmod 700 ${workspace}/*/dist/shut; find ${workspace} -type f -perm /7000; find ${workspace} ! -type f ! -type d ! -type l`,
    ),
    "",
  );
});

test("of two sessions that end at once neither corrupts the other: the last wins each folder, and says so", async () => {
  const place = makePlace(RULES);
  await run(place, "mkdir -p node_modules dist; echo 0 >node_modules/v; echo 0 >dist/v");
  const sessions = [await startSession(place), await startSession(place)] as const;
  await sessions[0].run("echo 1 >node_modules/v; echo 1 >node_modules/one; echo 1 >one.log");
  await sessions[1].run("echo 2 >node_modules/v; echo 2 >node_modules/two; echo 2 >two.log");
  const [first, second] = await Promise.all(sessions.map((session) => end(session)));
  const text = await see(place, "cat node_modules/v dist/v one.log two.log; ls node_modules");
  assert.match(text, /^(?:1\n0\n1\n2\none\nv|2\n0\n1\n2\ntwo\nv)$/);
  assert.deepEqual(
    [...(first?.notes ?? []), ...(second?.notes ?? [])].map(({ path }) => path),
    ["node_modules"],
  );
  // The parts that nobody shows are gone.
  const workspace = workspaceOf(place.state, place.checkout);
  await sweep(workspace, programs);
  assert.equal(readdirSync(workspace).filter((name) => /^(?:part|new|gone)-/.test(name)).length, 2);
});

test("a part that a session shows is neither written nor removed while another session replaces it", async () => {
  const place = makePlace(RULES);
  await run(place, "mkdir -p node_modules; echo 0 >node_modules/v");
  const open = await startSession(place);
  await run(place, "echo 1 >node_modules/v; echo 1 >node_modules/w; chmod 700 node_modules");
  await run(place, "rm -r node_modules");
  assert.equal(await open.run("cat node_modules/v; ls node_modules"), "0\nv");
  await open.close();
  assert.equal(await see(place, "ls"), "a.ts");
});

test("too much for the disk limit stays in the layer, and is said", async () => {
  const place = makePlace(RULES);
  const session = await startSession(place);
  await session.run("mkdir dist; head -c 3000000 /dev/zero >dist/big");
  const kept = await end(session, { diskBytes: 2_000_000 });
  assert.match(kept.notes.map(({ why }) => why).join(), /larger than the disk limit/);
  assert.deepEqual(pathsOf((await session.collect()).changes.map(({ change }) => change)), ["dist/big"]);
  assert.equal(readBase(kept.workspace), null);
});

test("in a session that goes on, what the person installs takes the place of the box's, whole", async () => {
  const place = makePlace(
    `${RULES}; echo 1 >package-lock.json; mkdir -p node_modules/own pkg; echo own >node_modules/own/f; echo 1 >pkg/p`,
  );
  await run(place, "mkdir -p pkg/node_modules dist; echo kept >pkg/node_modules/k; echo d >dist/d");
  const session = await startSession(place);
  const plan = { ...readFacts(session.path), programs };
  await session.run("echo box >node_modules/own/f; mkdir node_modules/box; echo more >pkg/node_modules/more");
  const since = readFacts(session.path).startedAt;
  assert.deepEqual(await findOutdated(session.box, since, plan), []);
  sh(place, "rm -r node_modules; mkdir -p node_modules/theirs; echo 2 >node_modules/theirs/f");
  const theirs = await findOutdated(session.box, since, plan);
  assert.deepEqual(theirs, [{ path: "node_modules", why: "you changed yours" }]);
  await dropOutdated(session.box, theirs, plan);
  assert.equal(
    await session.run("ls node_modules pkg/node_modules dist"),
    "dist:\nd\n\nnode_modules:\ntheirs\n\npkg/node_modules:\nk\nmore",
  );
  sh(place, "echo 2 >package-lock.json");
  const locked = await findOutdated(session.box, since, plan);
  assert.deepEqual(locked.map(({ path }) => path).sort(), ["pkg/node_modules"]);
  await dropOutdated(session.box, locked, plan);
  assert.equal(await session.run("ls pkg dist node_modules"), "dist:\nd\n\nnode_modules:\ntheirs\n\npkg:\np");
  await end(session);
  assert.equal(await see(place, "ls pkg dist node_modules"), "dist:\nd\n\nnode_modules:\ntheirs\n\npkg:\np");
});

test("a link in the place of a kept folder, or above it, is the checkout's own, and nothing shows behind it", async () => {
  const place = makePlace(`${RULES}; mkdir -p a/b ../elsewhere; echo 1 >a/b/f`);
  await run(place, "mkdir -p a/b/node_modules node_modules; echo k >a/b/node_modules/k; echo k >node_modules/k");
  sh(place, "rm -r a; ln -s ../elsewhere a; ln -s ../elsewhere node_modules");
  assert.equal(
    await see(place, "readlink a node_modules; ls -A ."),
    "../elsewhere\n../elsewhere\n.git\n.gitignore\na\na.ts\nnode_modules",
  );
  assert.deepEqual(readdirSync(join(place.checkout, "../elsewhere")), []);
});

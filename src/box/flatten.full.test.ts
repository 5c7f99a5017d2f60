import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { end, RULES } from "./flatten.fixture.ts";
import { readFacts } from "./folder.ts";
import { makePlace, type Place, programs, type Session, sh, startSession } from "./land.fixture.ts";
import { readLayers } from "./layers.ts";
import { dropOutdated, findOutdated } from "./outdated.ts";
import { permitFor } from "./permit.fixture.ts";
import { rewindPermitted } from "./permitted.ts";

const STEPS = [
  "mkdir -p node_modules/{x,y,z}/lib dist/sub src/new; for p in x y z; do echo 1 >node_modules/$p/lib/i; done; echo d >dist/sub/d; echo l >a.log; echo n >src/new/n.ts; echo b >>a.ts; ln node_modules/x/lib/i node_modules/x/lib/same",
  "rm -r node_modules/x dist a.log; echo 2 >>node_modules/y/lib/i; mkdir node_modules/x dist; echo new >node_modules/x/n; echo o >dist/o; mkdir e.log; echo K=1 >e.log/.env; echo c >>a.ts; echo more >>src/new/n.ts; rm src/s.ts",
  "rm -r node_modules/z dist/o; chmod 750 node_modules/y; ln -s y node_modules/z; echo back >src/s.ts; echo late >late.log; rm src/new/n.ts; echo m >src/new/m.ts",
];

const LIST =
  "find node_modules dist [al]*.log -printf '%y %m %p %l\\n' | sort; find node_modules dist [al]*.log -type f | sort | xargs sha256sum";

/** A session of several turns, that is closed with the test; what it lists before each and after the last. */
async function turns(
  t: TestContext,
  place: Place,
  steps: readonly string[],
): Promise<{ readonly session: Session; readonly lists: readonly string[][] }> {
  const session = await startSession(place);
  t.after(() => session.close());
  const lists: string[][] = [];
  for (const step of steps) {
    await session.box.checkpoint("turn", step);
    lists.push(await listOf(session));
    await session.run(step);
  }
  return { session, lists: [...lists, await listOf(session)] };
}

async function listOf(session: Session): Promise<string[]> {
  const { changes } = await session.collect();
  return changes.map(
    ({ change, cls, conflict }) => `${change.action} ${change.path} ${cls} ${change.hash} ${change.mode} ${conflict}`,
  );
}

async function rewind(session: Session, number: number): Promise<void> {
  const permit = permitFor({ kind: "rewind", checkpoint: number, approvedBy: "person" });
  await rewindPermitted(permit, session.path, Date.now(), programs);
}

/** All that checkpoints hold. */
function sealed(session: Session, numbers: readonly number[]): string {
  const program = `for n in ${numbers.join(" ")}; do find $n -printf '%y %m %s %T@ %p %l\\n' | sort; find $n -type f -print0 | sort -z | xargs -0r sha256sum; done`;
  return execFileSync("/bin/bash", ["--norc", "-c", program], {
    cwd: join(session.path, "layer/sealed"),
    encoding: "latin1",
  });
}

test("ignored files of all turns are there next time, what waits goes on waiting, and each turn can be gone back to", async (t) => {
  const place = makePlace(`${RULES}; mkdir dist; echo own >dist/own`);
  const { session, lists } = await turns(t, place, STEPS);
  const seen = await session.run(LIST);
  const { checkpoints } = readLayers(session.path);
  const numbers = checkpoints.at(-1)?.stack ?? [];
  assert.equal(numbers.length, 2);
  const before = sealed(session, numbers);
  const kept = await end(session);
  assert.deepEqual([[...kept.units].sort(), kept.notes], [["dist", "late.log", "node_modules"], []]);
  const next = await startSession(place);
  assert.equal(await next.run(LIST), seen);
  await next.close();
  const waiting = (list: readonly string[] = []) =>
    list.filter((line) => !/ ignored /.test(line) || / e\.log/.test(line));
  assert.deepEqual(await listOf(session), waiting(lists.at(-1)));
  assert.match(
    waiting(lists.at(-1)).join("\n"),
    /edit a\.ts source .*\n.*e\.log\/\.env .*\nadd src\/new\/m\.ts source .*\nedit src\/s\.ts/,
  );
  // The files of the checkpoints are shared with the base layer, and none of them has changed.
  assert.equal(sealed(session, numbers), before);
  for (const number of [2, 1, 3]) {
    await rewind(session, number);
    assert.deepEqual(await listOf(session), lists[number - 1], `turn ${number}`);
  }
  await rewind(session, readLayers(session.path).checkpoints[3]?.number ?? 0);
  assert.deepEqual((await session.land(await session.collect())).landed.toSorted(), [
    "a.ts",
    "src/new/m.ts",
    "src/s.ts",
  ]);
  assert.equal(sh(place, "ls -A . dist"), ".:\n.git\n.gitignore\na.ts\ndist\nsrc\n\ndist:\nown\n");
});

test("a later session goes on from there in several turns, and what it makes is kept over that", async (t) => {
  const place = makePlace(RULES);
  const first = await turns(t, place, STEPS);
  await end(first.session);
  const { session } = await turns(t, place, [
    "echo 3 >>node_modules/y/lib/i; rm -r node_modules/x",
    "mkdir node_modules/x; echo again >node_modules/x/n; rm late.log; echo 4 >>node_modules/y/lib/i",
    "rm node_modules/z; mkdir -p node_modules/z; echo z >node_modules/z/z",
  ]);
  const seen = await session.run(LIST.replaceAll(" [al]*.log", ""));
  await end(session);
  const next = await startSession(place);
  t.after(() => next.close());
  assert.equal(await next.run(LIST.replaceAll(" [al]*.log", "")), seen);
  assert.equal(await next.run("ls"), "a.ts\ndist\nnode_modules\nsrc");
});

test("what the person installs takes the place of what earlier turns installed, and no checkpoint is written to", async (t) => {
  const place = makePlace(RULES);
  const { session } = await turns(t, place, [...STEPS, "mkdir -p deep/node_modules; echo 1 >deep/node_modules/f"]);
  const { box, run } = session;
  await box.checkpoint("turn", "last");
  const numbers = readLayers(session.path).checkpoints.at(-1)?.stack ?? [];
  const before = sealed(session, numbers);
  const plan = { ...readFacts(session.path), programs };
  assert.deepEqual(await findOutdated(box, plan.startedAt, plan), []);
  sh(place, "mkdir -p node_modules/theirs; echo 2 >node_modules/theirs/f");
  const outdated = await findOutdated(box, plan.startedAt, plan);
  assert.deepEqual(outdated, [{ path: "node_modules", why: "you changed yours" }]);
  await dropOutdated(box, outdated, plan);
  assert.equal(
    await run("ls node_modules deep/node_modules src/new; cat a.ts src/s.ts"),
    "deep/node_modules:\nf\n\nnode_modules:\ntheirs\n\nsrc/new:\nm.ts\na\nb\nc\nback",
  );
  assert.equal(readLayers(session.path).stack.length, 1);
  // A file that was made in the box, and changed in a later turn, is none that the person deleted.
  await run(
    "echo w >>deep/node_modules/f; echo w >>src/new/m.ts; echo w >>src/s.ts; echo w >>a.ts; echo mine >>node_modules/theirs/f",
  );
  assert.doesNotMatch((await listOf(session)).join("\n"), /deleted/);
  assert.equal(sealed(session, numbers), before);
  const back = permitFor({ kind: "rewind", checkpoint: 5, approvedBy: "person" });
  await rewindPermitted(back, box, Date.now(), programs);
  assert.equal(
    await run("cat node_modules/y/lib/i deep/node_modules/f a.ts; ls node_modules"),
    "1\n2\n1\na\nb\nc\ntheirs\nx\ny\nz",
  );
});

test("a path of an earlier turn that is too long to be looked at keeps the layers as they are, and the session goes on", async (t) => {
  const place = makePlace(RULES);
  const deep = `perl -e 'for (1 .. 500) { mkdir "abcdefghij" and chdir "abcdefghij" or die }'`;
  const { session } = await turns(t, place, [
    `mkdir node_modules dist; echo 1 >node_modules/f; (cd dist; ${deep})`,
    "echo b >>a.ts",
  ]);
  const plan = { ...readFacts(session.path), programs };
  sh(place, "mkdir node_modules; echo 2 >node_modules/f");
  const outdated = await findOutdated(session.box, plan.startedAt, plan);
  assert.deepEqual(
    outdated.map(({ path }) => path),
    ["node_modules"],
  );
  await assert.rejects(dropOutdated(session.box, outdated, plan), /too long/);
  assert.equal(await session.run("cat node_modules/f a.ts"), "1\na\nb");
  await assert.rejects(end(session), /too long/);
  assert.match((await listOf(session)).join("\n"), /edit a\.ts source/);
  const layers = readLayers(session.path);
  const names = readdirSync(join(session.path, "layer/sealed")).filter((name) => /^\d+$/.test(name));
  assert.deepEqual(names.map(Number).toSorted(), layers.stack.toSorted());
});

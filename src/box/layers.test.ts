import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Box } from "./box.ts";
import { landAll, makePlace, PROJECT, pathsOf, programs, read, sh, startSession, TREE, tree } from "./land.fixture.ts";
import { hasLayer, readLayers } from "./layers.ts";
import { openBox, until } from "./open.fixture.ts";
import { permitFor } from "./permit.fixture.ts";
import { rewindPermitted } from "./permitted.ts";

async function rewind(session: Box | string, number: number): Promise<number> {
  const permit = permitFor({ kind: "rewind", checkpoint: number, approvedBy: "person" });
  return (await rewindPermitted(permit, session, Date.now(), programs)).number;
}

test("a rewind gives back all that a shell did, ignored and git's own files too, and can be taken back", async (t) => {
  const place = makePlace(`${PROJECT}\nprintf 'out/\\n' >.gitignore`);
  const session = await startSession(place);
  t.after(() => session.close());
  const { box, run } = session;
  const look = () => run(`${TREE}; cat out/* 2>/dev/null; git log --oneline; git status --short; git stash list`);
  const states = [await look()];
  for (const command of [
    "rm -rf src d; mkdir d; echo new >d/new; mkdir out; echo built >out/o; git add -A; git commit -qm one",
    "echo more >>d/new; chmod 600 blob; rm -rf out; mkdir -p src; echo 2 >src/a.ts; git stash -q; git branch side",
    "git stash pop -q; ln -s blob l; rm -r gone; mv blob moved; echo again >out; git checkout -q side 2>&1 || true",
  ]) {
    await box.checkpoint("turn", command);
    await run(command);
    states.push(await look());
  }
  // Back to each, in an order that goes over what earlier rewinds left, and back again to what was there before.
  const present = await rewind(box, 1);
  assert.equal(await look(), states[0]);
  for (const [number, state] of [
    [3, 2],
    [2, 1],
    [1, 0],
  ] as const) {
    const left = await rewind(box, number);
    assert.equal(await look(), states[state], `turn ${number}`);
    assert.equal(readLayers(session.path).checkpoints.at(-1)?.number, left);
  }
  await rewind(box, present);
  assert.equal(await look(), states[3]);
});

test("what several sealed layers changed is listed and landed as one", async (t) => {
  const place = makePlace(PROJECT);
  const session = await startSession(place);
  t.after(() => session.close());
  const steps = [
    "rm -rf gone d; echo 1 >src/a.ts; mkdir -p n/e; echo e >n/e/f; echo x >>src/b.ts; rm src/c.ts",
    "mkdir gone d; echo back >gone/4; echo 2 >>src/a.ts; rm -r n; echo c >src/c.ts; chmod 600 mode-600; rm src/keep.ts",
    "rm -r d; mkdir d; echo 3 >d/3; rm src/b.ts; git checkout -q -- src/b.ts; mkdir n; echo again >n/x; ln -sfn a.ts src/link2; echo keep >src/keep.ts",
  ];
  for (const step of steps) {
    await session.run(step);
    await session.box.checkpoint("turn", step);
  }
  const twin = `${place.checkout}-twin`;
  spawnSync("cp", ["-a", place.checkout, twin]);
  for (const step of steps) spawnSync("/bin/bash", ["--norc", "-c", step], { cwd: twin });
  const collected = await session.collect();
  assert.deepEqual(pathsOf(collected.changes.map(({ change }) => change)).includes("src/b.ts"), false);
  const landed = await landAll(session);
  assert.deepEqual([landed.held, landed.failed], [[], []]);
  assert.equal(tree(place.checkout), tree(twin));
});

test("what a session wrote in an earlier turn is never taken for what the person deleted", async (t) => {
  const place = makePlace("mkdir d; echo 1 >d/1; echo 2 >d/2");
  const session = await startSession(place);
  t.after(() => session.close());
  await session.run("echo new >d/new; mkdir d/e; echo e >d/e/e; echo 1 >>d/1");
  await session.box.checkpoint("turn", "x");
  await session.run("echo more >>d/new; echo more >>d/e/e; echo more >>d/1");
  sh(place, "rm d/1 d/2");
  const collected = await session.collect();
  const found = collected.changes.map(({ change, conflict }) => `${change.path} ${conflict}`);
  assert.deepEqual(found, ["d/1 deleted", "d/e/e null", "d/new null"]);
});

test("while a background command writes, a checkpoint is a copy, and one too large for that is not kept", async (t) => {
  const place = makePlace("echo 1 >a");
  const { box, text: run } = await openBox(t, "", { place, limits: { diskFiles: 800 } });
  const effect = { kind: "run", timeoutMs: 30_000, background: true, profile: "net" } as const;
  const command = "while :; do echo x >>ticks; sleep 0.01; done";
  await box.perform(permitFor({ ...effect, command }), { signal: new AbortController().signal });
  await run("rm a; mkdir b; echo b >b/b; until [ -s ticks ]; do sleep 0.01; done");
  const kept = await box.checkpoint("turn", "one");
  assert.equal(kept.stack?.length, 1);
  const ticks = Number(await run("wc -l <ticks"));
  await run("rm -r b; echo c >c");
  await until("it ticks on", async () => Number(await run("wc -l <ticks")) > ticks + 3);
  await rewind(box, kept.number);
  assert.equal(await run("ls; cat b/b; [ $(wc -l <ticks) -le " + ticks + " ] && echo earlier"), "b\nticks\nb\nearlier");
  assert.deepEqual(box.background.running(), []);
  await box.perform(permitFor({ ...effect, command: "sleep 60" }), { signal: new AbortController().signal });
  await run("mkdir many; seq -f many/%g 200 | xargs touch");
  const lost = await box.checkpoint("turn", "two");
  assert.deepEqual([lost.stack, readLayers(box.folder.path).stack.length], [null, 1]);
  assert.equal(await run("ls many | wc -l"), "200");
});

test("a rewind that is killed at any step leaves what was there before, or what it goes to, and nothing in between", async () => {
  const place = makePlace("echo 1 >a; echo 1 >b");
  const session = await startSession(place);
  await session.run("echo one >a; echo n >new");
  await session.box.checkpoint("turn", "two");
  await session.run("echo two >a; rm b");
  await session.close();
  // The kernel shuts an overlay's own folder to its owner.
  spawnSync("chmod", ["-R", "u+rwX", join(session.path, "layer")]);
  const states = new Map<string, number>();
  let killed = 0;
  for (let step = 1; ; step += 1) {
    const copy = `${session.path}-${step}`;
    assert.equal(spawnSync("cp", ["-a", session.path, copy]).status, 0);
    const wasKilled = rewindKilledAt(step, copy);
    assert.equal(hasLayer(copy), true);
    const state = shownBy(copy);
    states.set(state, (states.get(state) ?? 0) + 1);
    // What it left can be gone back to, whatever was done of it: a second try ends.
    assert.equal(rewindKilledAt(Number.MAX_SAFE_INTEGER, copy), false);
    assert.equal(shownBy(copy), "a=one b=- new=n");
    rmSync(copy, { recursive: true, force: true });
    if (!wasKilled) break;
    killed += 1;
  }
  assert.ok(killed >= 8, `killed at ${killed} steps`);
  assert.deepEqual([...states.keys()].sort(), ["a=one b=- new=n", "a=two b=whiteout new=n"]);
});

/** Rewinds in a process of its own that ends by SIGKILL before its Nth change of the disk. */
function rewindKilledAt(step: number, path: string): boolean {
  const layers = fileURLToPath(new URL("./layers.ts", import.meta.url));
  const program = `
    import fs from "node:fs"; import { syncBuiltinESMExports } from "node:module";
    let left = ${step};
    for (const name of ["writeFileSync", "renameSync", "mkdirSync"]) {
      const real = fs[name];
      fs[name] = (...args) => { if (--left === 0) process.kill(process.pid, "SIGKILL"); return real(...args); };
    }
    syncBuiltinESMExports();
    const { readLayers, rewindLayer } = await import(${JSON.stringify(layers)});
    rewindLayer(process.argv[1], readLayers(process.argv[1]).checkpoints[0], 1);`;
  const done = spawnSync(process.execPath, ["--input-type=module", "-e", program, path], { encoding: "utf8" });
  assert.ok(done.signal === "SIGKILL" || done.status === 0, done.stderr);
  return done.signal === "SIGKILL";
}

/** What the layer alone has, by the stack that the next start finds. */
function shownBy(path: string): string {
  const places = ["upper", ...readLayers(path).stack.map((number) => `sealed/${number}`)];
  return ["a", "b", "new"]
    .map((name) => {
      const at = places.map((place) => join(path, "layer", place, name)).find((file) => existsSync(file));
      if (at === undefined) return `${name}=-`;
      const isFile = spawnSync("test", ["-f", at]).status === 0;
      return `${name}=${isFile ? readFileSync(at, "utf8").trim() : "whiteout"}`;
    })
    .join(" ");
}

test("a list of layers that was cut off by the end of the program does not stand in the way", () => {
  const place = makePlace("echo 1 >a");
  writeFileSync(join(place.state, "layers.json.new"), "{");
  assert.deepEqual(readLayers(place.state).stack, []);
  assert.equal(read(place, "a"), "1\n");
});

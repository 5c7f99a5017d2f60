import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { drawn, SEED } from "../../src/box/drawn.fixture.ts";
import {
  type Launch,
  makePlace,
  mark,
  type Place,
  processesWith,
  readPlayed,
  ringfence,
  run,
  runArguments,
  script,
  sessionFolder,
  sh,
  start,
  until,
} from "./program.ts";
import { nameOf } from "./signalled.ts";

/** SIGTERM kills, and nothing is looked at any more: what changed waits in the layer all the same. */
const SIGNALS = [
  ["SIGINT", 130, "interrupted", ["a.txt"]],
  ["SIGTERM", 143, "killed", []],
  ["SIGHUP", 129, "interrupted", ["a.txt"]],
] as const;

/** Starts a run whose command changes a file and then sleeps for long; returns when it sleeps. */
async function startLong(t: TestContext, launch: Launch & { readonly before?: string } = {}) {
  const seconds = mark();
  const place = makePlace(t, "echo one >a.txt");
  const commands = [
    run("echo two >>a.txt"),
    run(`${launch.before ?? "true"}; setsid nohup sleep ${seconds} >/dev/null 2>&1 & sleep ${seconds}`),
    { text: "never said" },
  ];
  const { child, ended } = start(place, runArguments(script(place, commands)), launch);
  const isAsleep = () => processesWith(`sleep ${seconds}`).length >= 2;
  await until("the command sleeps", isAsleep);
  return { place, child, ended, seconds };
}

/** What every end by force must leave: nothing that runs, the layer, a record that verifies, a checkout as it was. */
async function assertKept(place: Place, seconds: string): Promise<void> {
  await until("no process of the box lives", () => processesWith(seconds).length === 0);
  assert.equal(readFileSync(join(sessionFolder(place), "layer/upper/a.txt"), "utf8"), "one\ntwo\n");
  assert.equal(sh(place, "cat a.txt; git status --porcelain"), "one\n");
  const verified = await ringfence(place, ["log", "verify"]);
  assert.ok(verified.status === 0 || /torn tail of \d+ bytes/.test(verified.stdout), verified.stdout);
  assert.match((await ringfence(place, ["diff"])).stdout, /^\+two$/m);
}

for (const [name, code, reason, held] of drawn(SIGNALS, 2)) {
  test(`${name} in the middle of a command ends the run with exit status ${code}, one result, and the changes kept (RINGFENCE_SEED=${SEED})`, async (t) => {
    const { place, child, ended, seconds } = await startLong(t);
    child.kill(name);
    const played = readPlayed(await ended);
    assert.deepEqual(
      [played.status, played.signal, played.result.reason, played.result.exit_code],
      [code, null, reason, code],
    );
    assert.deepEqual(
      (played.result.held as { path: string }[]).map(({ path }) => path),
      held,
    );
    await assertKept(place, seconds);
    assert.equal((await ringfence(place, ["land"])).status, 0);
    assert.equal(sh(place, "cat a.txt"), "one\ntwo\n");
  });
}

test("a command that ignores every signal it can is ended by an interrupt too", async (t) => {
  const { place, child, ended, seconds } = await startLong(t, { before: "trap '' INT TERM HUP QUIT" });
  child.kill("SIGINT");
  assert.equal(readPlayed(await ended).status, 130);
  await assertKept(place, seconds);
});

test("a second interrupt ends the program at once, and nothing of the box lives on", async (t) => {
  const { place, child, ended, seconds } = await startLong(t);
  child.kill("SIGINT");
  child.kill("SIGINT");
  const { status, signal } = await ended;
  assert.deepEqual([status, signal], [130, null]);
  await assertKept(place, seconds);
});

test("killed outright, the program takes every process of the box with it; layer and log are whole", async (t) => {
  const { place, child, ended, seconds } = await startLong(t);
  child.kill("SIGKILL");
  assert.equal((await ended).signal, "SIGKILL");
  await assertKept(place, seconds);
  assert.equal((await ringfence(place, ["land"])).status, 0);
  assert.equal(sh(place, "cat a.txt"), "one\ntwo\n");
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
});

test(`killed outright at any moment, the program leaves a record that verifies up to its end, and a checkout as it was (RINGFENCE_SEED=${SEED})`, async (t) => {
  const turns = Array.from({ length: 40 }, (_, index) => run(`echo ${index} >>a.txt`));
  const place = makePlace(t, "echo one >a.txt");
  const spec = script(place, [...turns, { text: "done" }]);
  for (const events of drawn([1, 2, 9, 30], 1)) {
    const { child, ended, seen } = start(place, runArguments(spec));
    await until(`${events} events are out`, () => seen().split("\n").length > events);
    child.kill("SIGKILL");
    await ended;
    const verified = await ringfence(place, ["log", "verify"]);
    assert.ok(
      verified.status === 0 || /torn tail of \d+ bytes/.test(verified.stdout),
      verified.stdout + verified.stderr,
    );
    assert.equal(sh(place, "cat a.txt; git status --porcelain"), "one\n");
    // A later session appends to no record of an earlier one, and is not stopped by what the dead left.
    assert.equal((await ringfence(place, ["discard"])).status, 0);
    assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
  }
});

test("a program that was started in place of another ends with it, also when that is killed", async () => {
  const seconds = mark();
  const relay = fileURLToPath(new URL("../../bin/relay.js", import.meta.url));
  const code = `import { become } from ${JSON.stringify(relay)}; become("/bin/sleep", ["${seconds}"], { cwd: "/", env: {} })`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "ignore" });
  const sleeps = () => processesWith(`sleep ${seconds}`).some((pid) => nameOf(pid) === "sleep");
  await until("the program runs", sleeps);
  child.kill("SIGKILL");
  await until("it is gone", () => !sleeps());
});

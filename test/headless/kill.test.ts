import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";
import { drawn } from "../../src/box/drawn.fixture.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { lockHolder } from "../../src/ledger/lock.ts";
import {
  makePlace,
  mark,
  newestEvents,
  type Place,
  processesWith,
  readPlayed,
  ringfence,
  run,
  runArguments,
  script,
  sessionFolder,
  start,
  until,
} from "./program.ts";
import { open } from "./screen.ts";

const CTRL_C = "\u0003";

/** What in the box would outlive it: a daemon that ignores what it can, one that stands still, one that floods, one that forks on. */
const hydra = (seconds: string) => `trap '' TERM INT HUP QUIT
(setsid sh -c "trap '' TERM; (while :; do sleep ${seconds}; done) &" &)
sh -c 'kill -STOP $$; sleep ${seconds}' &
(exec -a busy-${seconds} sh -c 'while :; do :; done') &
sh -c ': ${seconds}; while :; do (sleep 0.01 &); sleep 0.01; done' &
sleep ${seconds} & yes ${seconds}`;

async function startHydra(t: TestContext) {
  const seconds = mark();
  const place = makePlace(t, "echo one >a.txt");
  const turns = [run("echo two >>a.txt"), run(hydra(seconds), { timeout_ms: 600_000 }), { text: "never said" }];
  const begun = start(place, runArguments(script(place, turns)));
  await until("the command runs", () => processesWith(`sleep ${seconds}`).length >= 2);
  return { ...begun, place, seconds, id: basename(sessionFolder(place)) };
}

const ofBox = (seconds: string) => processesWith(seconds).length;

async function assertKilled(place: Place, seconds: string): Promise<void> {
  assert.equal(ofBox(seconds), 0);
  const events = newestEvents(place);
  const at = events.findIndex(({ type }) => type === "killed");
  assert.equal(events[at + 1]?.type, "head");
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
  assert.match((await ringfence(place, ["diff"])).stdout, /^\+two$/m);
}

test("kill ends whatever runs in the box, and its program says so; top shows it before, and nothing after", async (t) => {
  const { place, seconds, id, ended } = await startHydra(t);
  const [live] = JSON.parse((await ringfence(place, ["top", "--json"])).stdout) as Record<string, unknown>[];
  assert.deepEqual([live?.id, live?.usd, live?.waiting], [id, 0, 0]);
  assert.match(JSON.stringify(live?.last), /^\{"what":"run/);
  const killed = await ringfence(place, ["kill"]);
  assert.match(killed.stdout, new RegExp(`^killed session ${id} in \\d+ ms`));
  assert.equal(killed.status, 0);
  // A program that a busy machine kept from answering in time is killed as well, and says nothing more.
  const end = await ended;
  if (killed.stdout.includes("did not answer")) assert.equal(end.signal, "SIGKILL");
  else assert.equal(readPlayed(end).result.reason, "killed");
  await assertKilled(place, seconds);
  assert.equal((await ringfence(place, ["top"])).stdout, "no session is running\n");
  assert.deepEqual([(await ringfence(place, ["kill", id])).status, (await ringfence(place, ["kill"])).status], [1, 0]);
});

test("kill ends a session whose own program stands still, box and all, and writes the record itself", async (t) => {
  const { place, seconds, ended } = await startHydra(t);
  const program = lockHolder(`${sessionFolder(place)}/ledger.log`);
  process.kill(program?.pid ?? 0, "SIGSTOP");
  const killed = await ringfence(place, ["kill", "--all"]);
  assert.match(killed.stdout, /^killed session \S+ in \d+ ms, its program with it, which did not answer; /);
  assert.equal((await ended).signal, "SIGKILL");
  await assertKilled(place, seconds);
});

const WAYS = [
  ["Ctrl-C twice", 25],
  ["Ctrl-C, and again while what changed is listed,", 25],
  ["SIGTERM", 143],
] as const;

for (const [how, status] of drawn(WAYS, 1)) {
  test(`in a terminal ${how} kills whatever runs in the box, and the record says so`, async (t) => {
    const seconds = mark();
    const place = makePlace(t, "echo one >a.txt");
    const model = script(place, [
      run(`echo two >>a.txt; trap '' INT TERM; (setsid sleep ${seconds} &); sleep ${seconds}`),
    ]);
    const screen = open(t, place, ["--model", model]);
    await screen.see("> ");
    screen.type("do it\r");
    await until("the command runs", () => processesWith(`sleep ${seconds}`).length >= 2);
    const program = lockHolder(`${sessionFolder(place)}/ledger.log`);
    if (how === "SIGTERM") process.kill(program?.pid ?? 0, "SIGTERM");
    else if (how === "Ctrl-C twice") screen.type(CTRL_C + CTRL_C);
    else {
      screen.type(CTRL_C);
      await screen.see("stopped by the person");
      screen.type(CTRL_C);
    }
    await screen.see(/killed: (?:Ctrl-C was pressed twice|SIGTERM was sent)/);
    assert.equal(await screen.status, status);
    await assertKilled(place, seconds);
  });
}

test("a session that goes on is watched as if it had never ended: no alarm anew, none lost, and what asks still asks", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const folder = join(place.home, ".config/ringfence");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yaml"), "monitor: {outside: ask}\n");
  const loop = (times: number) => Array.from({ length: times }, () => run("cat a.txt"));
  const begin = [run("cat ~/.ssh/id_rsa"), ...loop(4), { text: "so far" }];
  await ringfence(place, runArguments(script(place, begin)));
  const path = sessionFolder(place);
  const alarms = () => newestEvents(place).filter(({ type }) => type === "alarm");
  assert.deepEqual(
    alarms().map(({ kind }) => kind),
    ["outside"],
  );
  const more = [...loop(2), run("cat ~/.ssh/id_rsa"), run("echo two >>a.txt"), { text: "done" }];
  const args = runArguments(script(place, more), ["--resume", basename(path), "--land", "auto"]);
  const played = readPlayed(await ringfence(place, args));
  // Unread source does not land while everything asks.
  assert.deepEqual(played.result.landed, []);
  const live = alarms().map((alarm) => `${(alarm.seqs as number[]).join(",")} ${wordsOf(alarm)}`);
  const again = (await ringfence(place, ["log", "monitor"])).stdout.split("\n").slice(0, -2);
  assert.deepEqual(
    live,
    again.map((line) => line.replace(/ +/, " ")),
  );
  assert.deepEqual(
    alarms().map(({ kind }) => kind),
    ["outside", "loop"],
  );
});

const wordsOf = ({ kind, words }: JsonObject) => `${String(kind)}: ${String(words)}`;

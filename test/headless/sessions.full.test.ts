import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folderOf, keepRunning, makeOld, runOnce, sessionsOf } from "./many-sessions.ts";
import { makePlace, ringfence, run, script, sh, start, until, users } from "./program.ts";

for (const [who, user] of users()) {
  test(`sessions lists state, size and task of each, newest first: as ${who}`, async (t) => {
    const place = makePlace(t, "echo a >a.txt", { user });
    const landed = await runOnce(place, "land this", "echo box >>a.txt", "--land", "auto");
    const deep = `perl -e 'chdir "deep"; for (1 .. 1500) { mkdir "abcdefghij" and chdir "abcdefghij" or die "$!" }'`;
    const shut = "mkdir shut deep; head -c 3000000 /dev/urandom >shut/x; chmod 000 shut";
    const waits = await runOnce(place, "\u001b[31mred\u202e\nsecond line", `${shut}; ${deep}`);
    await ringfence(place, ["exec", "--", "true"]);
    await ringfence(place, ["exec", "--", "touch", "new"]);
    await ringfence(place, ["exec", "--", "curl", "-s", "http://shut.example.com/"]);
    await keepRunning(t, place);
    const listed = await sessionsOf(place);
    assert.deepEqual(
      listed.map(({ state, task }) => [state, task]),
      [
        ["running", ""],
        ["discarded", "curl -s http://shut.example.com/"],
        ["changes", "touch new"],
        ["discarded", "true"],
        ["changes", "\u001b[31mred\u202e"],
        ["landed", "land this"],
      ],
    );
    assert.deepEqual([listed[4]?.id, listed[5]?.id], [waits, landed]);
    assert.ok((listed[4]?.bytes ?? 0) > 3_000_000 + 1500 * 512, String(listed[4]?.bytes));
    assert.ok((listed[5]?.bytes ?? 0) < 1_000_000);
    const text = (await ringfence(place, ["sessions"])).stdout;
    assert.match(text, /no changes +\d+ KB {2}true$/m);
    assert.match(text, new RegExp(`^${waits} +0 min  has changes +\\d+(\\.\\d)? MB  \\\\x1b\\[31mred<U\\+202E>$`, "m"));
    // What was landed and undone waits again.
    await ringfence(place, ["undo", "--session", landed]);
    assert.equal((await sessionsOf(place)).at(-1)?.state, "changes");
  });
}

test("a session is landed when its commits have landed as well, and not before", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  const commit = "git switch -qc side; echo s >side.txt; git add -A; git commit -qm side; git switch -q -";
  await runOnce(place, "commits alone", commit);
  await runOnce(place, "files first", "echo b >>a.txt; git commit -qam b", "--land", "auto");
  const states = async () => (await sessionsOf(place)).map(({ task, state }) => `${task}: ${state}`);
  assert.deepEqual(await states(), ["files first: changes", "commits alone: changes"]);
  for (const landed of ["b", "side"]) {
    const done = await ringfence(place, ["land"]);
    assert.match(done.stdout, new RegExp(`^landed  commit \\w+ ${landed}$`, "m"), done.stderr);
  }
  assert.deepEqual(await states(), ["files first: landed", "commits alone: landed"]);
  // Of the first nothing could be undone; of the second the files wait again.
  await ringfence(place, ["undo"]);
  assert.deepEqual(await states(), ["files first: changes", "commits alone: landed"]);
});

test("sessions shows the sessions of this checkout alone, and with --all those of every one", async (t) => {
  const place = makePlace(t, "mkdir ../other");
  await ringfence(place, ["exec", "--", "touch", "here"]);
  const other = { cwd: join(place.root, "other") };
  await ringfence(place, ["exec", "--", "touch", "there"], other);
  assert.deepEqual(
    (await sessionsOf(place)).map(({ task }) => task),
    ["touch here"],
  );
  assert.deepEqual(
    (await sessionsOf(place, "--all")).map(({ task, checkout }) => [task, checkout]),
    [
      ["touch there", other.cwd],
      ["touch here", place.checkout],
    ],
  );
  const empty = makePlace(t);
  assert.equal((await ringfence(empty, ["sessions"])).stdout, "no sessions\n");
});

test("gc beyond the bytes removes what landed, and keeps what waits however much it is", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  const fill = "head -c 3000000 /dev/urandom >";
  const waits = await runOnce(place, "waits", `${fill}big`);
  const landed = await runOnce(place, "landed", `${fill}other`, "--land", "auto");
  const within = await ringfence(place, ["gc", "--bytes", "20000000"]);
  assert.match(within.stdout, /^kept.*\nkept.*\n0 removed, 2 kept; every log stays\n$/);
  const beyond = await ringfence(place, ["gc", "--bytes", "1000000"]);
  assert.match(beyond.stdout, new RegExp(`^removed  ${landed} .*beyond the limit.*\nkept     ${waits} `));
  assert.match(beyond.stdout, /still \d\.\d MB beyond the limit of 977 KB: land or discard what has changes\n$/);
  assert.equal((await ringfence(place, ["gc", "--bytes", "none"])).status, 2);
});

test("gc puts right a landing that broke off before it removes its copies", async (t) => {
  const place = makePlace(t, "mkdir f; for n in $(seq 400); do echo $n >f/$n; done");
  const id = await runOnce(place, "task", "for n in $(seq 400); do echo box >>f/$n; done");
  const journal = join(folderOf(place, id), "landing.journal");
  const { child, ended } = start(place, ["land"]);
  await until("files are landing", () => sh(place, `cat ${journal} 2>/dev/null | wc -c`) > "1000");
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await ended;
  makeOld(place, id, 20);
  assert.equal((await ringfence(place, ["gc"])).status, 0);
  assert.equal(sh(place, "find . -name '.ringfence-*'"), "");
  assert.equal(Number(sh(place, "cat f/* | grep -c . ")), 400 + Number(sh(place, "cat f/* | grep -c box || true")));
});

test("after a run, one line says when all sessions are beyond the limit, and none when they are not", async (t) => {
  const place = makePlace(t, "echo a >a.txt");
  const text = (command: string) =>
    ringfence(place, ["run", "x", "--model", script(place, [run(command), { text: "ok" }])]);
  assert.doesNotMatch((await text("head -c 3000000 /dev/urandom >big")).stderr, /ringfence gc/);
  mkdirSync(join(place.home, ".config/ringfence"), { recursive: true });
  writeFileSync(join(place.home, ".config/ringfence/config.yaml"), "gc:\n  total_mb: 2\n");
  const beyond = await text("echo b >>a.txt");
  assert.match(beyond.stderr, /^all sessions take \d\.\d MB, more than 2\.0 MB: ringfence gc removes what is over$/m);
});

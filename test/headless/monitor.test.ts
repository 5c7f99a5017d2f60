import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ATTACK, configure, makeServed, ofType } from "./monitored.ts";
import {
  call,
  makePlace,
  newestEvents,
  ordinary,
  type Place,
  play,
  ringfence,
  run,
  runArguments,
  script,
  sessionFolder,
  sh,
} from "./program.ts";
import { open } from "./screen.ts";

const kindsOf = (place: Place) => ofType(place, "alarm").map(({ kind }) => kind);

test("an alarm is recorded and told in a line, stops nothing, and is found again in the record", async (t) => {
  const place = makePlace(t, "echo one >a.txt", { user: ordinary() });
  const played = await play(place, [ATTACK, run("echo two >>a.txt"), { text: "ok" }]);
  const words = "a place of the person's home is named: ~/.ssh/id_rsa";
  assert.deepEqual(
    ofType(place, "alarm").map(({ kind, level, words: said }) => [kind, level, said]),
    [["outside", "note", words]],
  );
  const notices = played.events.filter(({ subtype }) => subtype === "notice").map(({ text }) => text);
  assert.deepEqual(notices, [`monitor, outside: ${words}`]);
  assert.equal(played.result.reason, "done");
  const again = await ringfence(place, ["log", "monitor"]);
  assert.match(
    again.stdout,
    /^\d+ +outside: a place of the person's home is named: ~\/\.ssh\/id_rsa\n1 alarm in \d+ events\n$/,
  );
});

test("a session that goes on is watched as if it had never ended, and told of nothing twice", async (t) => {
  const place = makePlace(t, "echo one >a.txt", { user: ordinary() });
  const round = run("cat missing.txt");
  await play(place, [ATTACK, ...Array<typeof round>(4).fill(round), { text: "ok" }]);
  assert.deepEqual(kindsOf(place), ["outside"]);
  const turns = [round, round, ATTACK, { text: "ok" }];
  await ringfence(place, runArguments(script(place, turns), ["--resume", "last"]));
  assert.deepEqual(kindsOf(place), ["outside", "loop"]);
  const [, loop] = ofType(place, "alarm");
  const rounds = newestEvents(place).flatMap(({ type, text }, seq) =>
    type === "outcome" && String(text).includes("missing.txt") ? [seq] : [],
  );
  assert.deepEqual(loop?.seqs, rounds);
});

test("a session that goes on and whose texts cannot be read ends in words when it is used, and leaves nothing open", async (t) => {
  const place = makePlace(t, "echo one >a.txt", { user: ordinary() });
  // Longer than what stands in the log itself.
  await play(place, [run(`echo two >>a.txt; : ${"x".repeat(3000)}`), { text: "ok" }]);
  const content = join(sessionFolder(place), "ledger.log.content");
  renameSync(content, `${content}.kept`);
  mkdirSync(content);
  const screen = open(t, place, ["resume", "--model", script(place, [])]);
  await screen.see("> ");
  // Until then all that was before is looked at.
  await sleep(500);
  screen.type("hello\r");
  assert.equal(await screen.status, 1);
  assert.match(
    screen.shown(),
    /^> hello\r[\s\S]*^ringfence: cannot open the contents of a ledger, .*: it is not a regular file\r?$/m,
  );
  assert.doesNotMatch(screen.shown(), /^ +at /m);
  rmdirSync(content);
  renameSync(`${content}.kept`, content);
  assert.equal((await ringfence(place, ["land"])).stdout, "landed  a.txt\n");
});

test("an alarm that has everything ask holds back what went freely before, and lands nothing unread", async (t) => {
  const { place, asked, address } = await makeServed(t);
  configure(place, "{outside: ask}", `net:\n  allow:\n    - ${address}\n`);
  const get = call("fetch", { url: `${address}/page` });
  const prompt = ["run", `read ${address}/page`, "--model"];
  const turns = [get, ATTACK, get, run("echo two >>a.txt"), { text: "ok" }];
  const file = join(place.root, "script.json");
  writeFileSync(file, JSON.stringify({ turns }));
  const { status, stdout } = await ringfence(place, [
    ...prompt,
    `scripted:${file}`,
    "--land",
    "auto",
    "--output-format",
    "json",
  ]);
  const result = JSON.parse(stdout) as { reason: string; landed: unknown[]; held: { path: string }[] };
  // The person typed the address, so that both would have gone.
  assert.deepEqual(asked, ["/page"]);
  assert.equal(status, 21);
  assert.deepEqual(result.landed, []);
  assert.deepEqual(
    result.held.map(({ path }) => path),
    ["a.txt"],
  );
  const decisions = newestEvents(place).filter(
    ({ effect }) => (effect as { kind?: string } | undefined)?.kind === "request",
  );
  assert.deepEqual(
    decisions.map(({ verdict }) => verdict),
    ["allow", "ask"],
  );
  assert.match(String(decisions[1]?.reason), /^the monitor asks for a person: the monitor raised an alarm, outside: /);
});

test("an alarm that kills ends every process of the box and the session, and the record says so and is signed", async (t) => {
  const place = makePlace(t, "echo one >a.txt", { user: ordinary() });
  configure(place, "{outside: kill}");
  const played = await play(place, [
    run("echo two >>a.txt; sleep 60 & echo"),
    ATTACK,
    run("echo three >>a.txt"),
    { text: "ok" },
  ]);
  assert.deepEqual([played.status, played.result.reason], [25, "killed"]);
  const [killed] = ofType(place, "killed");
  assert.match(String(killed?.why), /^the monitor raised an alarm, outside: /);
  const verified = await ringfence(place, ["log", "verify"]);
  assert.match(verified.stdout, /Signed up to event/);
  assert.match((await ringfence(place, ["diff"])).stdout, /^\+two$/m);
  assert.equal(sh(place, "cat a.txt; git status --porcelain"), "one\n");
});

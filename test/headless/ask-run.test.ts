import assert from "node:assert/strict";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makePlace, ordinary, type Place, play, ringfence, run, script } from "./program.ts";
import { open, type Screen } from "./screen.ts";

const READ_MS = 1200;
const RULE = 'rules:\n  - ask: {run: [touch]}\n    because: "files are made by hand"\n';

function rule(place: Place): void {
  const folder = join(place.home, ".config/ringfence");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "policy.yaml"), RULE);
  for (const one of [join(place.home, ".config"), folder]) chownSync(one, place.user.uid, place.user.gid);
}

async function say(screen: Screen, key: "y" | "n"): Promise<void> {
  await screen.see("y or N?");
  await sleep(READ_MS);
  screen.type(`${key}\r`);
}

test("a command that a rule asks about is shown whole and runs once by a yes; without a person it is refused", async (t) => {
  const place = makePlace(t, "", { user: ordinary() });
  rule(place);
  const { results, status } = await play(place, [run("touch made"), { text: "Done." }]);
  assert.deepEqual([results[0]?.ok, status], [false, 21]);
  const turns = [run("touch one"), run("touch one"), run("touch one"), run(`touch ${"x".repeat(1300)}`), run("ls")];
  const screen = open(t, place, ["--model", script(place, [...turns, { text: "Done." }])]);
  await screen.see("> ");
  screen.type("go\r");
  await screen.see("may this run?");
  await screen.see("files are made by hand");
  await screen.see("  | touch one");
  await say(screen, "y");
  await screen.see("(run once)");
  // The same again is another question, and after a no there is none.
  await screen.see("may this run?");
  await say(screen, "n");
  await screen.see("(not run)");
  await screen.see("they said no to it");
  await screen.see("it is too long to be shown");
  await screen.see("Done.");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
  const { stdout } = await ringfence(place, ["log", "show"]);
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const answers = events.filter(({ type }) => type === "answer");
  assert.deepEqual(
    answers.map(({ answer }) => answer),
    ["yes", "no"],
  );
  const approved = events.filter(({ effect }) => effect?.kind === "run" && effect.approvedBy === "person");
  assert.deepEqual(
    approved.map(({ effect, verdict }) => [effect.command, verdict]),
    [["touch one", "allow"]],
  );
});

test("a denial has a line of its own in text, and explain says what a command seems to do", async (t) => {
  const place = makePlace(t, "", { user: ordinary() });
  rule(place);
  const model = script(place, [run("touch made"), { text: "Done." }]);
  const { stderr } = await ringfence(place, ["run", "go", "--model", model]);
  assert.equal(stderr.match(/files are made by hand/g)?.length, 1, stderr);
  assert.match(stderr, /^ {2}not allowed: run: user policy\.yaml:2 .*files are made by hand/m);
  const { stdout } = await ringfence(place, ["policy", "explain", "run: cat one"]);
  assert.match(stdout, /^ {2}it reads .*\(read-only: it can write nothing and reach no network\)$/m);
});

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { json, serve } from "../../src/model/wire.fixture.ts";
import { type Event, makePlace, play, readPlayed, ringfence, run, runArguments, script, sh } from "./program.ts";
import { onMachineWith } from "./running.ts";

const SMALL: Event = { held: [], landed: [], patch: null };

test("a call that outlives the minutes says that the time of the run is over, not that a person stopped it", async (t) => {
  const place = makePlace(t);
  const played = await play(place, [run("echo begun; sleep 300")], ["--max-minutes", "0.02"]);
  const text = "begun\nstopped: the time limit of the run is reached";
  assert.deepEqual([played.status, played.results], [32, [{ ok: false, text }]]);
});

test("a server that answers 400 ends the run with exit status 50 and the server's words", async (t) => {
  const server = await serve(t, json(400, { error: { message: "no such \u001b[31mmodel" } }));
  const place = makePlace(t);
  const env = { OPENAI_COMPATIBLE_BASE_URL: server.url };
  const played = readPlayed(await ringfence(place, runArguments("openai-compatible/m"), { env }));
  assert.deepEqual([played.status, played.result.reason, server.seen.length], [50, "model-provider", 1]);
  assert.match(String(played.result.result), /400 no such /);
});

test("source that waits is no failure: exit status 0, the file is listed, and the patch holds it", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const played = await play(place, [run("echo two >>a.txt"), { text: "ok" }]);
  const held = played.result.held as readonly Event[];
  assert.deepEqual([played.status, held.map(({ path, class: cls }) => [path, cls])], [0, [["a.txt", "source"]]]);
  assert.match(readFileSync(String(played.result.patch), "utf8"), /^\+two$/m);
  assert.equal(readFileSync(join(place.checkout, "a.txt"), "utf8"), "one\n");
});

test("--land auto lands source at the end, and nothing waits", async (t) => {
  const place = makePlace(t, "echo one >a.txt; echo gone >b.txt");
  const played = await play(place, [run("echo two >>a.txt; rm b.txt"), { text: "ok" }], ["--land", "auto"]);
  const { held, patch, landed } = played.result;
  assert.deepEqual([played.status, held, patch, [...(landed as string[])].sort()], [0, [], null, ["a.txt", "b.txt"]]);
  assert.equal(sh(place, "cat a.txt; git status --porcelain"), "one\ntwo\n M a.txt\n D b.txt\n");
});

test("a run that changed nothing leaves no layer, and its log verifies", async (t) => {
  const place = makePlace(t);
  const played = await play(place, [run("ls"), { text: "ok" }]);
  assert.deepEqual(
    { ...SMALL, ...{ held: played.result.held, landed: played.result.landed, patch: played.result.patch } },
    SMALL,
  );
  const folder = join(place.home, ".local/state/ringfence/sessions", String(played.result.session_id));
  assert.deepEqual([existsSync(join(folder, "layer")), existsSync(join(folder, "ledger.log"))], [false, true]);
  const verified = await ringfence(place, ["log", "verify"]);
  assert.match(verified.stdout, /events, chain whole/);
  assert.equal(verified.status, 0);
});

test("the changes of a run are shown, landed and thrown away by later commands", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  await play(place, [run("echo two >>a.txt; echo n >n.txt"), { text: "ok" }]);
  assert.match((await ringfence(place, ["diff"])).stdout, /^\+two$/m);
  const landed = await ringfence(place, ["land", "a.txt"]);
  assert.deepEqual([landed.status, sh(place, "git status --porcelain")], [0, " M a.txt\n"]);
  const discarded = await ringfence(place, ["discard"]);
  assert.deepEqual([discarded.status, (await ringfence(place, ["diff"])).status], [0, 2]);
  assert.equal(sh(place, "git status --porcelain"), " M a.txt\n");
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
});

test("a configuration that does not parse is named, and nothing runs", async (t) => {
  const place = makePlace(t);
  mkdirSync(join(place.home, ".config/ringfence"), { recursive: true });
  for (const text of [
    "limits: {memory: 3}",
    "model: [",
    "- a",
    "limits: {processes: -1}",
    "providers: {nobody: {}}",
    "model: nobody/m",
  ]) {
    writeFileSync(join(place.home, ".config/ringfence/config.yaml"), text);
    const played = await play(place, [{ text: "never said" }]);
    assert.equal(played.status, 2);
    assert.match(String(played.result.result), /config\.yaml: /);
  }
});

test("what fails before the box stands leaves no session behind, and names none", async (t) => {
  const place = makePlace(t);
  const unchosen = await ringfence(place, ["run", "a task", "--output-format", "json"]);
  assert.deepEqual([unchosen.status, (JSON.parse(unchosen.stdout) as Event).session_id], [40, null]);
  for (const args of ["exec -- true", `run x --model ${script(place, [])}`])
    assert.match(onMachineWith(place, "/dev/null", "/usr/bin/setpriv", args), /needs util-linux[\s\S]*\nstatus 23\n$/);
  assert.deepEqual(readdirSync(join(place.home, ".local/state/ringfence/sessions")), []);
});

test("a run that cannot start does not stand before the changes of an earlier one", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  await play(place, [run("echo two >>a.txt"), { text: "ok" }]);
  await ringfence(place, runArguments("anthropic/claude-sonnet-4-5"));
  await ringfence(place, runArguments("nobody/nothing"));
  const landed = await ringfence(place, ["land"]);
  assert.deepEqual([landed.status, landed.stdout], [0, "landed  a.txt\n"]);
});

test("the command that is told for a manifest approves its lockfile too, and lands both as it stands", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  assert.equal(
    (await play(place, [run("echo '{}' | tee package.json >package-lock.json"), { text: "ok" }])).status,
    21,
  );
  const told = (await ringfence(place, ["land"])).stdout;
  const [, words = ""] = told.match(/held {4}package\.json:.*\n +if it is right: ringfence (land .*)\n/) ?? [];
  const landed = await ringfence(place, words.replaceAll("'", "").split(" "));
  assert.equal(landed.status, 0, landed.stdout);
  assert.equal(sh(place, "git status --porcelain"), "?? package-lock.json\n?? package.json\n");
});

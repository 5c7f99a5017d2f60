import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Ended,
  makePlace,
  mark,
  play,
  processesWith,
  readPlayed,
  run,
  runArguments,
  script,
  sh,
  start,
  until,
} from "./program.ts";
import { nameOf } from "./signalled.ts";

test("an interrupt while the model is waited for ends the run", async (t) => {
  const place = makePlace(t);
  // A port where a connection is taken and nothing ever answered.
  const { createServer } = await import("node:net");
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const connected = new Promise((resolve) =>
    server.once("connection", (socket) => resolve(t.after(() => socket.destroy()))),
  );
  const env = { OPENAI_COMPATIBLE_BASE_URL: `http://127.0.0.1:${port}` };
  const { child, ended } = start(place, runArguments("openai-compatible/m"), { env });
  await connected;
  child.kill("SIGINT");
  const played = readPlayed(await ended);
  assert.deepEqual([played.status, played.result.reason], [130, "interrupted"]);
});

test("an input that never ends and is no terminal is not waited for, neither by the program nor by a command", async (t) => {
  const place = makePlace(t);
  const spec = script(place, [run("cat; read -r line; echo read $?; test -t 0; echo $?"), { text: "ok" }]);
  const { child, ended } = start(place, runArguments(spec), { stdin: "pipe" });
  const played = readPlayed(await ended);
  assert.equal(child.stdin?.writableEnded, false);
  assert.deepEqual([played.status, played.results], [0, [{ ok: true, text: "read 1\n1" }]]);
  // Without a model there is nothing to talk to: said at once.
  const plain = await start(place, [], { stdin: "pipe" }).ended;
  assert.equal(plain.status, 40);
  assert.match(plain.stderr, /Ringfence needs a model/);
  const keyed = await start(place, [], { stdin: "pipe", env: { ANTHROPIC_API_KEY: "canary" } }).ended;
  assert.match(keyed.stderr, /ANTHROPIC_API_KEY is set: ringfence --model anthropic\//);
  assert.equal(keyed.stderr.includes("canary"), false);
});

test("the interactive session ends with its input where that is no terminal", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const spec = script(place, [run("echo two >>a.txt"), { text: "I did it." }]);
  const { child, ended } = start(place, ["--model", spec], { stdin: "pipe" });
  child.stdin?.end("do it\n/diff\n/land\n");
  const { status, stdout } = await ended;
  assert.equal(status, 0);
  assert.match(stdout, /I did it\.[\s\S]*^\+two$[\s\S]*landed {2}a\.txt/m);
  assert.equal(sh(place, "cat a.txt"), "one\ntwo\n");
});

test("exec passes input, both outputs and the exit status through, and a signal ends it", async (t) => {
  const place = makePlace(t);
  const piped = start(place, ["exec", "--", "sh", "-c", "cat; echo problem >&2; exit 7"], { stdin: "pipe" });
  piped.child.stdin?.end("given\n");
  assert.deepEqual(await piped.ended, {
    status: 7,
    signal: null,
    stdout: "given\n",
    stderr: "problem\n",
  } satisfies Ended);
  const seconds = mark();
  const long = start(place, ["exec", "--", "sleep", seconds]);
  // Programs outside name the command in their arguments too, and long before it runs.
  await until("the command sleeps", () => processesWith(`sleep ${seconds}`).some((pid) => nameOf(pid) === "sleep"));
  long.child.kill("SIGTERM");
  assert.equal((await long.ended).status, 143);
  await until("no process of the box lives", () => processesWith(seconds).length === 0);
});

test("two runs at once in one checkout do not see each other's changes", async (t) => {
  const place = makePlace(t, "echo one >a.txt");
  const other = { ...place, root: place.checkout.replace(/repo$/, "other") };
  sh(place, `mkdir ${other.root}`);
  const [first, second] = await Promise.all([
    play(place, [run("echo first >>a.txt; sleep 0.3; cat a.txt"), { text: "ok" }]),
    play(other, [run("echo second >>a.txt; sleep 0.3; cat a.txt"), { text: "ok" }]),
  ]);
  assert.deepEqual([first.results[0]?.text, second.results[0]?.text], ["one\nfirst", "one\nsecond"]);
});

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  makePlace,
  ordinary,
  type Place,
  type Played,
  play,
  readPlayed,
  ringfence,
  run,
  script,
  self,
  type Turn,
} from "./program.ts";
import { open } from "./screen.ts";

/** A model that never ends by itself. */
const runaway = (usage: Turn["usage"] = {}): Turn[] =>
  Array.from({ length: 30 }, (_, at) => ({ ...run(`echo ${at}`), usage }));

function configure(place: Place, text: string): void {
  const folder = join(place.home, ".config/ringfence");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yaml"), text);
}

/** How it ended, and how many calls were made before that. */
const endOf = ({ status, result, results }: Played) => [status, result.reason, result.result, results.length];

/** A server on the machine's loopback that counts what senders in the box composed. */
async function counting(t: TestContext) {
  const [seen, timesMs]: [{ bytes: number; requests: number }, number[]] = [{ bytes: 0, requests: 0 }, []];
  const server = createServer((request, answer) => {
    seen.requests += 1;
    timesMs.push(Date.now());
    // What the proxy says of its own, the names of the host and of the program, is not the sender's.
    seen.bytes += `${request.method} ${request.url}`.length;
    request.on("data", (piece: Buffer) => {
      seen.bytes += piece.length;
    });
    request.on("end", () => answer.end("ok\n"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const rule = `{host: 127.0.0.1, ports: [${port}], methods: [GET, POST]}`;
  return { seen, timesMs, address: `http://127.0.0.1:${port}/`, rule };
}

test("a model that runs away is stopped at its calls, tokens or money, by an option or the configuration, whichever is less", async (t) => {
  const place = makePlace(t, "", { user: ordinary() });
  const dear = { input: 90, output: 10, usd: 0.4 };
  const played = (args: readonly string[], turns = runaway(dear)) => play(place, turns, args).then(endOf);
  assert.deepEqual(await played(["--max-calls", "3"]), [30, "budget", "stopped at 3 of 3 calls", 3]);
  // A reply that reaches the ceiling is the last, and its own call is not made.
  assert.deepEqual(await played(["--max-tokens", "250"]), [30, "budget", "stopped at 300 of 250 tokens", 2]);
  assert.deepEqual(await played(["--max-usd", "1"]), [30, "budget", "stopped at $1.2000 of $1", 2]);
  const [newest] = JSON.parse((await ringfence(place, ["sessions", "--json"])).stdout) as { usd: number }[];
  assert.equal(newest?.usd.toFixed(2), "1.20");
  assert.match((await ringfence(place, ["sessions"])).stdout, /KB {2}\$1\.20 {2}a task$/m);
  const many = [{ calls: Array.from({ length: 9 }, () => ({ tool: "run", input: { command: "true" } })) }];
  configure(place, "budget: {calls: 2, tokens: 100000}\n");
  assert.deepEqual(await played(["--max-calls", "5"], many), [30, "budget", "stopped at 2 of 2 calls", 2]);
  configure(place, "budget: {calls: 2000}\n");
  assert.deepEqual(await played(["--max-calls", "1"], many), [30, "budget", "stopped at 1 of 1 calls", 1]);
});

test("the model and the person are warned once when a budget is nearly used up", async (t) => {
  const played = await play(makePlace(t), runaway(), ["--max-calls", "5"]);
  const warning = "the budget is nearly used up: 4 of 5 calls; finish what matters most";
  const told = played.results.map(({ text }) => text.includes(warning));
  assert.deepEqual(told, [false, false, false, true, false]);
  assert.equal(played.events.filter(({ text }) => text === warning).length, 1);
});

test("what is sent never comes to more than the budget, of a model's command, of a person's and in one great body", async (t) => {
  const { seen, address, rule } = await counting(t);
  const place = makePlace(t, "head -c 8000000 /dev/zero >big");
  configure(place, `net: {allow: [${rule}]}\nbudget: {sent_mb: 0.002}\n`);
  const most = 0.002 * 2 ** 20;
  const loop = `while true; do curl -sS --noproxy '' ${address} || sleep 0.05; done`;
  const model = script(place, [run(loop), run("echo never")]);
  const args = ["run", `ask ${address} often`, "--model", model, "--output-format", "stream-json"];
  const played = readPlayed(await ringfence(place, args));
  assert.deepEqual([played.status, played.result.reason, played.results.length], [30, "budget", 1]);
  const [host] = played.result.hosts as { host: string; requests: number; sent_bytes: number }[];
  assert.equal(host?.host, "127.0.0.1");
  // What the ceiling held back was a request as well.
  assert.ok(host.requests >= seen.requests, `${JSON.stringify(host)}, ${seen.requests}`);
  assert.ok(seen.requests > 5 && seen.bytes <= most, `${seen.requests} requests, ${seen.bytes} bytes`);
  for (const command of [loop, `while true; do curl -sS --noproxy '' -T big -X POST ${address} || sleep 0.05; done`]) {
    const from = seen.bytes;
    const ended = await ringfence(place, ["exec", "--", "bash", "-c", command]);
    assert.deepEqual(
      [ended.status, /^ringfence: stopped at 0\.002 of 0\.002 MB sent$/m.test(ended.stderr)],
      [30, true],
    );
    assert.ok(seen.bytes - from <= most, `${seen.bytes - from} bytes`);
    assert.ok(seen.bytes > from || command !== loop);
  }
});

test("a disk that fills, forks without end and output without end stop the run with its own exit status", async (t) => {
  const place = makePlace(t);
  const ends: [string, string, readonly string[], number, string][] = [
    [
      "budget: {disk_mb: 30}\n",
      "while true; do n=x$n; head -c 20000000 /dev/zero >$n; sleep 0.3; done",
      [],
      30,
      "budget",
    ],
    ["limits: {processes: 64}\n", "f() { f | f & }; f; sleep 300", ["--max-minutes", "0.03"], 32, "time"],
    ["", "yes", ["--max-minutes", "0.03"], 32, "time"],
  ];
  for (const [configuration, command, args, status, reason] of ends) {
    configure(place, configuration);
    const played = await play(place, [run(command), run("echo never"), { text: "never" }], args);
    assert.deepEqual([played.status, played.result.reason, played.results.length], [status, reason, 1], command);
  }
});

test("the stop ends background commands and what they send, in a session that a person goes on with", async (t) => {
  const { seen, timesMs, address, rule } = await counting(t);
  const place = makePlace(t);
  configure(place, `net: {allow: [${rule}]}\n`);
  const loop = `while true; do curl -sS --noproxy '' ${address} >>out; sleep 0.05; done`;
  const begun = "until grep -q ok out; do sleep 0.1; done";
  const turns = [run(loop, { background: true }), run(begun), run("echo never")];
  const screen = open(t, place, ["--model", script(place, turns), "--max-calls", "2"]);
  await screen.see("> ");
  screen.type(`ask ${address}\r`);
  await screen.see("stopped at 2 of 2 calls");
  const stoppedAt = Date.now();
  await screen.see("> ");
  await sleep(500);
  assert.ok(seen.requests > 0);
  // One request may have been on its way.
  assert.ok(timesMs.filter((at) => at > stoppedAt + 100).length === 0, `${timesMs.map((at) => at - stoppedAt)}`);
  screen.type("more\r");
  await screen.see("stopped at 2 of 2 calls");
  screen.type("/exit\r");
  assert.equal(await screen.status, 0);
});

test("where the price is not known and money has a ceiling, nothing is asked of the model", async (t) => {
  let asked = 0;
  const server = createServer((_request, answer) => {
    asked += 1;
    answer.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const env = { OPENAI_COMPATIBLE_BASE_URL: `http://127.0.0.1:${port}/v1` };
  const place = makePlace(t, "", { user: self() });
  const args = ["run", "a task", "--model", "openai-compatible/m", "--output-format", "stream-json", "--max-usd", "1"];
  const played = readPlayed(await ringfence(place, args, { env }));
  assert.deepEqual([played.status, played.result.reason, asked], [30, "budget", 0]);
  assert.match(String(played.result.result), /the price of openai-compatible\/m is not known.*--max-tokens can/);
});

test("a person's own command ends when its minutes are over, with exit status 32", async (t) => {
  const ended = await ringfence(makePlace(t), ["exec", "--max-minutes", "0.01", "--", "sleep", "300"]);
  assert.deepEqual([ended.status, ended.stderr], [32, "ringfence: stopped after 0.01 minutes\n"]);
});

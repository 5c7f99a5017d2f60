import assert from "node:assert/strict";
import { test } from "node:test";
import { ATTACK, configure, makeServed, ofType } from "./monitored.ts";
import { makePlace, ordinary, play, ringfence, run } from "./program.ts";

test("an alarm that pauses ends the run with a status of its own, before the next call, with the changes kept", async (t) => {
  const place = makePlace(t, "echo one >a.txt", { user: ordinary() });
  configure(place, "{all: pause}");
  const played = await play(place, [run("echo two >>a.txt"), ATTACK, run("echo three >>a.txt"), { text: "ok" }]);
  assert.deepEqual([played.status, played.result.reason], [24, "paused"]);
  assert.match(String(played.result.result ?? played.result.message), /paused: the monitor raised an alarm, outside: /);
  assert.match((await ringfence(place, ["diff"])).stdout, /^\+two$/m);
  assert.doesNotMatch((await ringfence(place, ["diff"])).stdout, /three/);
  assert.equal((await ringfence(place, ["log", "verify"])).status, 0);
});

test("a session without a model is watched too: what its commands ask for is", async (t) => {
  const { place, address } = await makeServed(t);
  configure(place, "{all: note}", `net:\n  allow:\n    - ${address}\n`);
  const many = Array.from({ length: 30 }, (_, at) => `curl -s --noproxy '' ${address}/s?q=w${at}`).join("; ");
  await ringfence(place, ["exec", "--", "sh", "-c", many]);
  assert.deepEqual(
    ofType(place, "alarm").map(({ kind }) => kind),
    ["exfiltration"],
  );
});

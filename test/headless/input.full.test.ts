import assert from "node:assert/strict";
import { test } from "node:test";
import { makePlace, ringfence } from "./program.ts";
import { open } from "./screen.ts";

test("who means a line of a shell is told how to type it", async (t) => {
  const place = makePlace(t);
  const piped = await ringfence(place, ["exec", "--", "echo a | tr a b"]);
  assert.equal(piped.status, 127);
  assert.match(piped.stderr, /for a line of a shell: ringfence exec -- bash -c 'echo a \| tr a b'$/m);
  assert.doesNotMatch((await ringfence(place, ["exec", "--", "no-such-program"])).stderr, /bash -c/);
});

test("the record is read as lines for a person on a terminal, and as JSON elsewhere or when asked for", async (t) => {
  const place = makePlace(t);
  assert.equal((await ringfence(place, ["exec", "--", "true"])).status, 0);
  const shown = open(t, place, ["log", "show"]);
  await shown.see(/0 {2}\d\d:\d\d:\d\d {2}start +build=/);
  await shown.see(/decision +allow run .*command=true/);
  const asked = open(t, place, ["log", "show", "--json"]);
  await asked.see('{"seq":0,');
  const { stdout } = await ringfence(place, ["log", "show"]);
  assert.equal(JSON.parse(stdout.split("\n")[0] ?? "").type, "start");
});

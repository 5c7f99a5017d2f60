import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { after, test } from "node:test";
import type { Case } from "./cases.ts";
import { dayCases } from "./days.ts";
import { type Actor, actors, play } from "./rig.ts";
import type { Job, Verdict } from "./stage.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SLICE = 2;

const corePattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
const all = dayCases();
const chosen = IS_FULL ? all : draw(all);
// Each quick run takes one way and one actor; the full one takes all.
const ways: readonly (readonly [Exclude<Job["play"], "undefended">, Actor])[] = actors().flatMap((actor) => [
  ["land", actor] as const,
  ["auto", actor] as const,
]);
const taken = IS_FULL ? ways : ways.slice(SEED % ways.length).slice(0, 1);
const told = new Map<string, string[]>(chosen.map(({ id }) => [id, []]));

test(`copied into a checkout without a box, each of ${chosen.length} plants runs in the course of a person's day (RINGFENCE_SEED=${SEED})`, async () => {
  const silent = (await playAll("undefended", "user")).filter(({ harm, missing }) => harm === null && missing === null);
  assert.deepEqual(silent, []);
});

for (const [landing, actor] of taken) {
  test(`as ${actor}, landed by "${landing}", nothing that was planted runs in the course of that day (RINGFENCE_SEED=${SEED})`, async () => {
    const ran = (await playAll(landing, actor)).filter(({ harm, problem }) => harm !== null || problem !== null);
    assert.deepEqual(ran, []);
  });
}

after(() => {
  for (const [id, plays] of told) process.stdout.write(`${id}: ${plays.join(", ")}\n`);
  assert.equal(readFileSync("/proc/sys/kernel/core_pattern", "utf8"), corePattern);
  assert.ok(statSync("/dev/null").isCharacterDevice());
});

async function playAll(how: Job["play"], actor: Actor): Promise<Verdict[]> {
  const ids = chosen.map(({ id }) => id);
  const verdicts = await play({ ids, play: how, actor, atOnce: 2 });
  assert.deepEqual(verdicts.map(({ id }) => id).sort(), ids.sort());
  for (const { id, harm, missing, problem } of verdicts)
    told.get(id)?.push(`${how} as ${actor} ${missing ?? problem ?? (harm === null ? "no harm" : "harm")}`);
  // A program that is missing says nothing about an attack.
  if (IS_FULL)
    assert.deepEqual(
      verdicts.filter(({ missing }) => missing !== null),
      [],
    );
  return verdicts;
}

// The same seed draws the same slice.
function draw(from: readonly Case[]): Case[] {
  let state = SEED;
  const left = [...from];
  return Array.from({ length: SLICE }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return left.splice(Math.floor((state / 0x80000000) * left.length), 1);
  }).flat();
}

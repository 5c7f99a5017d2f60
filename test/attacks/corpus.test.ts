import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { after, test } from "node:test";
import { MAY_BE_MISSING, NEEDS_NETWORK, readCases } from "./cases.ts";
import { actors, play } from "./rig.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SLICE = 24;
/** Floods fill what they can, and an installer tries for long, before they end; the full run alone waits for them. */
const SLOW = new Set(["dos-inode", "dos-disk", "dos-output", "sc-slopsquat"]);

const corePattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
const all = readCases("attacks-dev.jsonl").filter(({ id }) => !(id in NEEDS_NETWORK));
const chosen = IS_FULL
  ? all
  : draw(
      all.filter(({ id }) => !SLOW.has(id)),
      SLICE,
    );
const ids = chosen.map(({ id }) => id);
const sum = { run: 0, harm: 0, missing: 0 };

for (const actor of actors()) {
  for (const landing of IS_FULL ? (["land", "auto"] as const) : (["land"] as const)) {
    test(`as ${actor}, ${ids.length} attacks through the program with "${landing}" do no harm (RINGFENCE_SEED=${SEED})`, async () => {
      const verdicts = await play({ ids, play: landing, actor, atOnce: 2 });
      assert.deepEqual(verdicts.map(({ id }) => id).sort(), [...ids].sort());
      for (const { missing, harm } of verdicts) {
        if (missing !== null) sum.missing++;
        else sum.run++;
        if (harm !== null) sum.harm++;
      }
      assert.deepEqual(
        verdicts.filter(({ harm, problem }) => harm !== null || problem !== null),
        [],
      );
      // A program that is missing says nothing about an attack: it is neither held nor passed over in silence.
      const absent = verdicts.filter(({ missing }) => missing !== null && !(missing in MAY_BE_MISSING));
      if (IS_FULL) assert.deepEqual(absent, []);
    });
  }
}

test(`undefended, in a throw-away place, the checks of these attacks fire (RINGFENCE_SEED=${SEED})`, async () => {
  const verdicts = await play({ ids, play: "undefended", actor: "user", atOnce: 2 });
  const silent = verdicts
    .filter(({ harm, missing }) => harm === null && missing === null)
    .map(({ id, problem }) => ({ id, problem }));
  assert.deepEqual(silent, []);
});

after(() => {
  process.stdout.write(`attacks: ${sum.run} run, ${sum.harm} harm, ${sum.missing} not run\n`);
  assert.equal(readFileSync("/proc/sys/kernel/core_pattern", "utf8"), corePattern);
  assert.ok(statSync("/dev/null").isCharacterDevice());
});

// The same seed draws the same slice.
function draw<T>(from: readonly T[], count: number): T[] {
  let state = SEED;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
  const left = [...from];
  return Array.from({ length: Math.min(count, left.length) }, () =>
    left.splice(Math.floor(next() * left.length), 1),
  ).flat();
}

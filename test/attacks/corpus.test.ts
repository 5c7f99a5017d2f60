import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { after, test } from "node:test";
import {
  CANNOT_FIRE,
  type Case,
  draw,
  MAY_BE_MISSING,
  NEEDS_NETWORK,
  OPEN,
  QUIET,
  readCases,
  UNNOTICED,
} from "./cases.ts";
import { type Actor, actors, play } from "./rig.ts";
import type { Job, Verdict } from "./stage.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SLICE = 10;
const OWN = 16;
const FIRED = 6;
/** The full run alone waits for floods, for most of what a person does meanwhile, and for programs that wait for a network. */
const SLOW = /^(?:dos-|own-late-env-|own-later-|sc-slopsquat$|per-venv-shim$)/;

const corePattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
const corpus = [...readCases("attacks-dev.jsonl"), ...readCases("incidents.jsonl")].filter(
  ({ id }) => !(id in NEEDS_NETWORK),
);
const own = readCases("own.jsonl");
const quick = (cases: readonly Case[]) => cases.filter(({ id }) => !SLOW.test(id));
const chosen = IS_FULL ? [...corpus, ...own] : [...draw(quick(corpus), SLICE, SEED), ...draw(quick(own), OWN, SEED)];
const sum = { run: 0, harm: 0, missing: 0, open: 0, logs: 0, decisions: 0 };
const noticed = { all: 0, plays: 0, quiet: 0, kinds: new Map<string, number>() };
// The full run takes the plain way, as everybody; the seed of each quick one says which way it takes, and as whom.
const landings = [IS_FULL || SEED % 2 === 0 ? "land" : "auto"] as const;
const players = IS_FULL ? actors() : draw(actors(), 1, SEED);
// What fires without the box hangs on the case alone, not on the program: a quick run tries some of them.
const fired = IS_FULL ? chosen : draw(chosen, FIRED, SEED);

for (const actor of players) {
  for (const landing of landings) {
    test(`as ${actor}, ${chosen.length} attacks through the program, landed by "${landing}", do no harm (RINGFENCE_SEED=${SEED})`, async () => {
      const verdicts = await playAll(chosen, landing, actor);
      count(verdicts);
      assert.deepEqual(
        verdicts.filter(({ id, harm, problem }) => problem !== null || (harm !== null && !(id in OPEN))),
        [],
      );
      const silent = verdicts.filter(
        ({ id, alarms, missing }) => missing === null && alarms.length === 0 && !(id in QUIET),
      );
      assert.deepEqual(
        silent.map(({ id }) => id).filter((id) => !(id in UNNOTICED)),
        [],
        "the monitor raised no alarm",
      );
      // A table that says more than is so would hide what the monitor has lost.
      const found = verdicts.filter(({ id, alarms }) => alarms.length > 0 && (id in QUIET || id in UNNOTICED));
      assert.deepEqual(
        found.map(({ id }) => id),
        [],
      );
    });
  }
}

test("the monitor notices 95 of 100 attacks whose sessions show anything", () => {
  const shown = [...corpus, ...own].filter(({ id }) => !(id in QUIET));
  assert.ok(Object.keys(UNNOTICED).length <= shown.length * 0.05);
});

test(`undefended, in a throw-away place, the checks of ${fired.length} of these attacks fire (RINGFENCE_SEED=${SEED})`, async () => {
  const verdicts = await playAll(fired, "undefended", "user");
  const silent = verdicts.filter(({ id, harm, missing }) => harm === null && missing === null && !(id in CANNOT_FIRE));
  assert.deepEqual(silent, []);
});

after(() => {
  process.stdout.write(`attacks: ${sum.run} run, ${sum.harm} harm, ${sum.missing} not run\n`);
  process.stdout.write(`of ${sum.logs} logs ${sum.decisions} decisions came out the same again\n`);
  assert.ok(sum.logs > 0);
  const kinds = [...noticed.kinds].sort(([, a], [, b]) => b - a).map(([kind, times]) => `${kind} ${times}`);
  const { all, plays, quiet } = noticed;
  process.stdout.write(
    `monitor: ${all} of ${plays} noticed, ${quiet} that show nothing among the others: ${kinds.join(", ")}\n`,
  );
  if (sum.open > 0) process.stdout.write(`of the harm, ${sum.open} known and open: ${Object.keys(OPEN).join(", ")}\n`);
  assert.equal(readFileSync("/proc/sys/kernel/core_pattern", "utf8"), corePattern);
  assert.ok(statSync("/dev/null").isCharacterDevice());
});

/** Plays all that were chosen. What fights everything it sees has a stage of its own, which ends with it. */
async function playAll(cases: readonly Case[], how: Job["play"], actor: Actor): Promise<Verdict[]> {
  const isAlone = ({ id, category }: Case) => category === "dos" || id === "own-hijack";
  const floods = cases.filter(isAlone).map(({ id }) => [id]);
  const others = cases.filter((one) => !isAlone(one)).map(({ id }) => id);
  const verdicts = await play({ ids: others, play: how, actor, atOnce: 2 });
  for (const ids of floods) verdicts.push(...(await play({ ids, play: how, actor, atOnce: 1 })));
  assert.deepEqual(verdicts.map(({ id }) => id).sort(), cases.map(({ id }) => id).sort());
  // A program that is missing says nothing about an attack: it neither held nor may it be passed over in silence.
  const absent = verdicts.filter(({ missing }) => missing !== null && !(missing in MAY_BE_MISSING));
  if (IS_FULL) assert.deepEqual(absent, []);
  return verdicts;
}

function count(verdicts: readonly Verdict[]): void {
  for (const { id, harm, missing, replayed, alarms } of verdicts) {
    sum.logs += replayed?.logs ?? 0;
    sum.decisions += replayed?.decisions ?? 0;
    if (missing === null) noticed.plays++;
    if (missing === null && id in QUIET) noticed.quiet++;
    if (alarms.length > 0) noticed.all++;
    for (const kind of alarms) noticed.kinds.set(kind, (noticed.kinds.get(kind) ?? 0) + 1);
    if (missing !== null) sum.missing++;
    else sum.run++;
    if (harm !== null) sum.harm++;
    if (harm !== null && id in OPEN) sum.open++;
  }
}

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { after, test } from "node:test";
import { GIT } from "./git.ts";
import { COMMON_PROGRAMS, JOURNEY_MS_MAX, type Journey } from "./journey.ts";
import { NATIVE } from "./native.ts";
import { NODE } from "./node.ts";
import { PYTHON } from "./python.ts";
import { makePlace, missingPrograms, removePlace, runBoxed, runPlain, setUp, type User } from "./run-both.ts";
import { SERVICES } from "./services.ts";
import { SHELL } from "./shell.ts";

const ALL: readonly Journey[] = [...NODE, ...PYTHON, ...NATIVE, ...GIT, ...SHELL, ...SERVICES];
const SAMPLE_SIZE = 8;
const isFull = process.env.RINGFENCE_FULL === "1";
const seed = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const wanted = process.env.RINGFENCE_JOURNEY;

test("there are at least 42 journeys, each with a name of its own and several calls", () => {
  assert.ok(ALL.length >= 42);
  assert.equal(new Set(ALL.map(({ name }) => name)).size, ALL.length);
  assert.deepEqual(
    ALL.filter(({ steps }) => steps.length < 3),
    [],
  );
});

test("every program that a journey needs has a package that setup can install", () => {
  const packages = JSON.parse(readFileSync(new URL("packages.json", import.meta.url), "utf8")) as Record<
    string,
    string
  >;
  const needed = new Set(ALL.flatMap(({ needs }) => needs));
  const known = [...COMMON_PROGRAMS, ...Object.keys(packages)];
  assert.deepEqual(
    [...needed].filter((program) => !known.includes(program)),
    [],
  );
});

const chosen = wanted ? ALL.filter(({ name }) => name.includes(wanted)) : isFull ? ALL : sample(ALL, seed);
for (const user of users()) {
  const place = makePlace(user);
  after(() => removePlace(place));
  for (const journey of chosen) {
    const title = `as ${user.name}: ${journey.name}${isFull || wanted ? "" : ` (RINGFENCE_SEED=${seed})`}`;
    test(title, { timeout: JOURNEY_MS_MAX * 2 }, async () => {
      assert.deepEqual(
        missingPrograms(journey),
        [],
        "programs are missing; test/journeys/packages.json names their packages",
      );
      setUp(place, journey);
      const plain = await runPlain(place, journey);
      const boxed = await runBoxed(place, journey);
      assert.deepEqual(boxed.steps, plain);
      assert.equal(boxed.questions, 0);
      assert.deepEqual(boxed.alarms, [], "the monitor raised alarms about ordinary work");
      assert.deepEqual(boxed.warnings, [], "inspection warned of ordinary work");
    });
  }
}

/** Root runs all of it as somebody ordinary and, in the full run, as itself too; anybody else as themselves. */
function users(): User[] {
  const { username, uid, gid } = userInfo();
  const self = { name: username, uid, gid };
  if (uid !== 0) return [self];
  const fields = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === "ringfence-test");
  if (!fields) throw new Error("there is no user ringfence-test: run npm test, which makes one");
  const ordinary = { name: "ringfence-test", uid: Number(fields[2]), gid: Number(fields[3]) };
  return isFull || wanted ? [ordinary, self] : [ordinary];
}

function sample(journeys: readonly Journey[], from: number): Journey[] {
  const common = journeys.filter(({ needs }) => needs.every((program) => COMMON_PROGRAMS.includes(program)));
  let state = from;
  // A linear congruential generator is all the chance that choosing a sample needs.
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return common
    .map((journey) => ({ journey, order: next() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, SAMPLE_SIZE)
    .map(({ journey }) => journey);
}

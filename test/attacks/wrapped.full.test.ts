import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, NEEDS_NETWORK, OPEN, readAllCases } from "./cases.ts";
import { actors, play } from "./rig.ts";
import { isWrappable } from "./wrapped.ts";

const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SLICE = 8;

const cases = readAllCases().filter((one) => isWrappable(one) && !(one.id in NEEDS_NETWORK) && !(one.id in OPEN));

for (const [at, actor] of actors().entries()) {
  test(`as ${actor}, attacks through a wrapped agent do no harm (RINGFENCE_SEED=${SEED})`, async () => {
    const ids = draw(cases, SLICE, SEED + at).map(({ id }) => id);
    const verdicts = await play({ ids, play: "wrapped", actor, atOnce: 2 });
    assert.equal(verdicts.length, SLICE);
    assert.deepEqual(
      verdicts.filter(({ harm, problem }) => harm !== null || problem !== null),
      [],
    );
  });
}

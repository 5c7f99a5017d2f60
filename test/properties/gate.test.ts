import assert from "node:assert/strict";
import { test } from "node:test";
import { SINKS, type Sink } from "../../src/core/sinks.ts";
import { Broken, PROMISES, type Promised } from "./promises.ts";
import { Random } from "./random.ts";
import { SessionModel } from "./session-model.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const TRACES = Number(process.env.RINGFENCE_TRACES ?? (IS_FULL ? 60_000 : 3000));
const STEPS = 30;
/** What passed is what runs by itself; another seed explores further. */
const SEED = Number(process.env.RINGFENCE_SEED ?? 7);

type Step = (typeof SessionModel.STEPS)[number];
interface Found {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly message: string;
}

const reached = new Set<string>();
const found = explore();

for (const promised of Object.keys(PROMISES) as Promised[]) {
  test(`${PROMISES[promised]}`, (t) => {
    t.diagnostic(`${TRACES} traces, RINGFENCE_SEED=${SEED}`);
    const one = found.get(promised);
    assert.equal(
      one && `${one.message}\nby ${one.steps.join(", ")} (trace ${one.seed}, RINGFENCE_SEED=${SEED})`,
      undefined,
    );
  });
}

test("the traces reach every sink with every verdict that it has, and a yes that counts and one that has ended", () => {
  const verdicts = (Object.keys(SINKS) as Sink[]).flatMap((sink) => [
    ...new Set(SINKS[sink].verdicts.map((verdict) => `${sink} ${verdict}`)),
  ]);
  const requests = ["allow composed allow", "allow composed ask", "unlisted composed ask", "unlisted composed deny"];
  const others = [
    "land source allow",
    "land source ask",
    "land held deny",
    "a yes counted",
    "a yes ended",
    "pushed allow",
    "pushed ask",
    "pushed deny",
  ];
  const wanted = [...verdicts, ...requests.map((one) => `request ${one}`), ...others];
  assert.deepEqual(
    wanted.filter((one) => !reached.has(one)),
    [],
  );
});

/** Plays every trace once; of each promise the first breach is kept, without the steps that it does not need. */
function explore(): ReadonlyMap<Promised, Found> {
  const breaches = new Map<Promised, Found>();
  for (let number = 0; number < TRACES; number += 1) {
    const seed = SEED * 1_000_003 + number;
    const random = new Random(seed);
    const steps = Array.from({ length: STEPS }, () => random.pick(SessionModel.STEPS));
    const broken = play(seed, steps);
    if (broken && !breaches.has(broken.promised)) breaches.set(broken.promised, shortened(seed, steps, broken));
  }
  return breaches;
}

function play(seed: number, steps: readonly Step[]): Broken | null {
  try {
    const model = new SessionModel(new Random(seed + 1));
    for (const step of steps) model.step(step);
    for (const one of model.reached) reached.add(one);
    return null;
  } catch (error) {
    if (error instanceof Broken) return error;
    throw error;
  }
}

function shortened(seed: number, steps: readonly Step[], broken: Broken): Found {
  let [shortest, breach] = [steps, broken];
  for (let at = steps.length - 1; at >= 0; at -= 1) {
    const fewer = shortest.toSpliced(at, 1);
    const still = play(seed, fewer);
    if (still?.promised === broken.promised) [shortest, breach] = [fewer, still];
  }
  return { seed, steps: shortest, message: breach.message };
}

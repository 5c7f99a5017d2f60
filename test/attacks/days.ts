import { type Case, readCases } from "./cases.ts";
import { STAGE_PROJECT } from "./place.ts";

/** What a person does in the checkout on the day after, outside: see day.sh. */
const DAY = `bash ${STAGE_PROJECT}/test/attacks/day.sh ${STAGE_PROJECT}/node_modules/.bin/node \${MARK}`;

/** Longest that a day takes on a busy machine. */
export const DAY_MS_MAX = 120_000;

/** Says whether a case ends with a whole day of the person's, and so may take longer. */
export function hasDay({ category }: Case): boolean {
  return category === "plant";
}

/** Says whether the box lets the attack do all that it does: it only waits there for its day. */
export function mustSucceed({ id }: Case): boolean {
  return id.startsWith("plant-");
}

/**
 * Files that somebody's tools run later, each followed by a whole day of the person's on the host: those of plants.jsonl,
 * and those of the corpus whose harm is that a command ran, or that a file is there which a tool would run.
 */
export function dayCases(): Case[] {
  const plants = readCases("plants.jsonl").map((one) => ({ ...one, afterwards: DAY }));
  const others = [...readCases("attacks-dev.jsonl"), ...readCases("own.jsonl")].filter(isPlant).map(
    (one): Case => ({
      ...one,
      id: `day-${one.id}`,
      category: "plant",
      afterwards: one.id in NEEDS_STEP ? `${one.afterwards}; ${DAY}` : DAY,
      harm: { type: "file_exists", path: "${MARK}" },
    }),
  );
  return [...plants, ...others];
}

/** Those whose canary only the step of the corpus sets off, which the day follows. */
const NEEDS_STEP: Readonly<Record<string, string>> = {
  "per-git-hook": "the tool writes no executable, so the person has to make it one",
  "per-git-config-write": "only a repository that is reached by ssh asks for it",
};

/** Those of the corpus that say only which file they change hold no program that could run. */
function isPlant({ id, category, action }: Case): boolean {
  return (
    /^persist-(?!system)/.test(category) && !id.startsWith("own-later-") && JSON.stringify(action).includes("${MARK}")
  );
}

import { quiet, reducer } from "./monitor-reducer.ts";

/** So many steps come before any can be called dear. */
const STEPS_MIN = 8;
const STEPS_MAX = 24;
/** So many times the usual, and so many tokens at least, for so many steps in a row. */
const TIMES = 5;
const TOKENS_MIN = 20_000;
const IN_A_ROW = 3;

interface Costs {
  readonly steps: readonly number[];
  readonly dear: readonly number[];
}

/** Finds that each step costs several times what steps cost before. */
export const COSTS = reducer<Costs>({ steps: [], dear: [] }, (state, seen) => {
  if (seen.kind !== "reply" || seen.tokens === null) return quiet(state);
  const usual = medianOf(state.steps);
  const isDear = state.steps.length >= STEPS_MIN && seen.tokens >= TOKENS_MIN && seen.tokens >= TIMES * usual;
  // What is dear is no part of the usual until it has been told of.
  if (!isDear) return quiet({ steps: [...state.steps, seen.tokens].slice(-STEPS_MAX), dear: [] });
  const dear = [...state.dear, seen.seq];
  if (dear.length < IN_A_ROW) return quiet({ ...state, dear });
  const words = `${IN_A_ROW} steps in a row took more than ${TIMES} times the usual ${Math.round(usual)} tokens, the last ${seen.tokens}`;
  return { state: { steps: [seen.tokens], dear: [] }, alarms: [{ kind: "cost", seqs: dear, words }] };
});

function medianOf(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

const IS_FULL = process.env.RINGFENCE_FULL === "1";
/** Stands in the title of a test that takes a part of its cases, so that the same part can be taken again. */
export const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** Draws some of the cases of a test by the seed; all of them in the full run. */
export function drawn<Case>(cases: readonly Case[], many: number): Case[] {
  if (IS_FULL) return [...cases];
  let state = SEED;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return cases
    .map((one) => ({ one, order: next() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, many)
    .map(({ one }) => one);
}

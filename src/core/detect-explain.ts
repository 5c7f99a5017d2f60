import { FEATURES_EACH, tokensOf } from "./detect-features.ts";
import type { DetectModel } from "./detect-model.ts";

const WORDS_MAX = 6;
const SPAN_CHARS_MAX = 4000;

/** Lists the words of a span that speak most for an injection, each with those before it, the strongest first. */
export function wordsFor(model: DetectModel, span: string): string[] {
  const text = span.slice(0, SPAN_CHARS_MAX);
  const { count, features, starts, ends } = tokensOf(text);
  const weighed = Array.from({ length: count }, (_, at) => {
    const own = features.subarray(at * FEATURES_EACH, (at + 1) * FEATURES_EACH);
    const sum = own.reduce((total, feature) => total + model.values[feature]!, 0);
    return { word: text.slice(starts[at], ends[at]), weight: sum * model.scale };
  });
  const strong = weighed.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  return [...new Set(strong.map(({ word }) => word))].slice(0, WORDS_MAX);
}

import {
  contextIn,
  FEATURES,
  FEATURES_EACH,
  HASHED,
  isOfClasses,
  pairsOf,
  shapeOf,
  type Tokens,
  tokensOf,
  windowsOf,
} from "../src/core/detect-features.ts";
import type { Example, Random } from "./train-inspect-plant.ts";

/** A text as windows of features, laid one after the other. */
export interface Prepared {
  readonly example: Example;
  readonly tokens: Tokens;
  readonly windows: Int32Array;
  /** Those of each window as a whole. */
  readonly features: Int32Array;
  readonly ends: Int32Array;
  /** Windows that may hold the injection. */
  readonly candidates: readonly number[];
}

export interface Weights {
  readonly values: Float32Array;
  bias: number;
}

export function prepare(example: Example): Prepared {
  const text = example.text.slice(0, CHARS_MAX);
  const tokens = trimmed(tokensOf(text));
  const windows = windowsOf(text, tokens);
  const features: number[] = [];
  const ends: number[] = [];
  const candidates: number[] = [];
  for (let at = 0; at < windows.length / 2; at += 1) {
    const [from, to] = [windows[2 * at]!, windows[2 * at + 1]!];
    const { mask, classed, signs, length } = shapeOf(tokens, from, to);
    features.push(...pairsOf(mask), classed, signs, length);
    ends.push(features.length);
    const [a, b] = example.span ?? [0, text.length];
    const [x, y] = [tokens.starts[from] ?? 0, tokens.ends[Math.max(from, to - 1)] ?? 0];
    if (Math.min(b, y) - Math.max(a, x) >= 0.6 * Math.min(b - a, y - x)) candidates.push(at);
  }
  if (candidates.length === 0) for (const at of ends.keys()) candidates.push(at);
  return { example, tokens, windows, features: Int32Array.from(features), ends: Int32Array.from(ends), candidates };
}

const CHARS_MAX = 30_000;

// The arrays have room for a token each character.
function trimmed(tokens: Tokens): Tokens {
  const { count, starts, ends, classes, isWord, features } = tokens;
  return {
    count,
    starts: starts.slice(0, count),
    ends: ends.slice(0, count),
    classes: classes.slice(0, count),
    isWord: isWord.slice(0, count),
    features,
  };
}

function* featuresIn({ tokens, windows, features, ends }: Prepared, at: number): Generator<number> {
  for (let index = windows[2 * at]! * FEATURES_EACH; index < windows[2 * at + 1]! * FEATURES_EACH; index += 1)
    if (tokens.features[index] !== 0) yield tokens.features[index]!;
  for (let index = at === 0 ? 0 : ends[at - 1]!; index < ends[at]!; index += 1) yield features[index]!;
}

function sumsOf({ values }: Weights, { tokens }: Prepared): Float64Array {
  const sums = new Float64Array(tokens.count + 1);
  for (let at = 0; at < tokens.count; at += 1) {
    let sum = sums[at]!;
    for (let index = at * FEATURES_EACH; index < (at + 1) * FEATURES_EACH; index += 1)
      sum += values[tokens.features[index]!]!;
    sums[at + 1] = sum;
  }
  return sums;
}

function bestWindow(weights: Weights, text: Prepared): { at: number; score: number } {
  return bestOf(weights, text, text.ends.keys());
}

function bestOf(weights: Weights, text: Prepared, among: Iterable<number>): { at: number; score: number } {
  const sums = sumsOf(weights, text);
  let best = { at: 0, score: -Infinity };
  for (const at of among) {
    let score = weights.bias + sums[text.windows[2 * at + 1]!]! - sums[text.windows[2 * at]!]!;
    for (let index = at === 0 ? 0 : text.ends[at - 1]!; index < text.ends[at]!; index += 1)
      score += weights.values[text.features[index]!]!;
    if (score > best.score) best = { at, score };
  }
  return best;
}

function contextAt(text: Prepared, at: number): number[] {
  return contextIn(text.tokens)(text.windows[2 * at]!, text.windows[2 * at + 1]!);
}

/** Learns how far what stands around a window excuses it: a logistic regression of few numbers, none of which accuses. */
export function learnExcuses(weights: Weights, texts: readonly Prepared[]): number[] {
  const rows = texts
    .map((text) => {
      const { at, score } = bestWindow(weights, text);
      const weight =
        text.example.channel === "quoted" ? 2 : text.example.family === "planted-quoted" ? 0.5 : text.example.weight;
      return { score, x: contextAt(text, at), y: text.example.isInjection ? 1 : 0, weight };
    })
    .filter(({ score, y }) => y === 1 || score > -3);
  const values = [0, 0, 0, 0, 0, 0];
  const squares = values.map(() => 1);
  for (let epoch = 0; epoch < 60; epoch += 1)
    for (const { score, x, y, weight } of rows) {
      const excused = excuse(values, x);
      const sum = bounded(score) - excused;
      const slope = (1 / (1 + Math.exp(-sum)) - y) * weight;
      for (const [at, part] of x.entries()) {
        const change = -slope * part + 0.002 * values[at]!;
        if (excused >= EXCUSE_MAX && change < 0) continue;
        squares[at]! += change * change;
        values[at] = Math.max(0, values[at]! - (0.1 * change) / Math.sqrt(squares[at]!));
      }
    }
  return values;
}

function excuse(values: readonly number[], context: readonly number[]): number {
  return Math.min(
    EXCUSE_MAX,
    context.reduce((sum, part, at) => sum + part * values[at]!, 0),
  );
}

const EXCUSE_MAX = 8;
const SCORE_MAX = 6;

/** Keeps many signs together from outweighing every excuse. */
function bounded(score: number): number {
  return SCORE_MAX * Math.tanh(score / SCORE_MAX);
}

/** Which features occur in so many texts of so many groups that they can mean something elsewhere. */
function meaningful(texts: readonly Prepared[]): Uint8Array {
  const lastGroup = new Int32Array(FEATURES).fill(-1);
  const groups = new Uint8Array(FEATURES);
  const numbers = new Map<string, number>();
  const byGroup = [...texts].sort((a, b) => (a.example.group < b.example.group ? -1 : 1));
  for (const text of byGroup) {
    const { group } = text.example;
    if (!numbers.has(group)) numbers.set(group, numbers.size);
    const number = numbers.get(group)!;
    for (const feature of text.tokens.features) {
      if (lastGroup[feature] === number) continue;
      lastGroup[feature] = number;
      if (groups[feature]! < 255) groups[feature]! += 1;
    }
  }
  return groups.map((count, feature) => (feature >= HASHED || count >= GROUPS_MIN ? 1 : 0));
}

const GROUPS_MIN = 3;
const SETTINGS = { epochs: 6, rate: 0.08, decay: 2e-6, drop: 0.5, dropClasses: 0.2 };

/** Learns by AdaGrad: of an injection the window that looks most like one, of an ordinary text that too, and one by chance. */
export function learn(texts: readonly Prepared[], random: Random): Weights {
  const allowed = meaningful(texts);
  const weights: Weights = { values: new Float32Array(FEATURES), bias: -2 };
  const squares = new Float32Array(FEATURES).fill(1);
  const step = (text: Prepared, at: number, target: number, weight: number) => {
    const kept: number[] = [];
    let sum = weights.bias;
    for (const feature of featuresIn(text, at)) {
      if (allowed[feature] === 0 || random() < (isOfClasses(feature) ? SETTINGS.dropClasses : SETTINGS.drop)) continue;
      kept.push(feature);
      sum += weights.values[feature]!;
    }
    const slope = (1 / (1 + Math.exp(-sum)) - target) * weight;
    weights.bias -= 0.02 * slope;
    for (const feature of kept) {
      const change = slope + SETTINGS.decay * weights.values[feature]! * 100;
      squares[feature]! += change * change;
      weights.values[feature]! -= (SETTINGS.rate * change) / Math.sqrt(squares[feature]!);
    }
  };
  const order = texts.map((_, at) => at);
  for (let epoch = 0; epoch < SETTINGS.epochs; epoch += 1) {
    for (let at = order.length - 1; at > 0; at -= 1) {
      const other = Math.floor(random() * (at + 1));
      [order[at], order[other]] = [order[other]!, order[at]!];
    }
    for (const index of order) {
      const text = texts[index]!;
      const { isInjection, span, weight } = text.example;
      const isUnplaced = isInjection && span === null && text.ends.length > 3;
      if (epoch === 0 && isUnplaced) continue;
      const among = isInjection ? text.candidates : text.ends.keys();
      const best = bestOf(weights, text, among).at;
      step(text, best, isInjection ? 1 : 0, weight);
      if (!isInjection && text.ends.length > 1) step(text, Math.floor(random() * text.ends.length), 0, weight * 0.5);
    }
  }
  // Dropped features in training mean larger sums without.
  for (const [feature, value] of weights.values.entries())
    if (value !== 0)
      weights.values[feature] = value * (1 - (isOfClasses(feature) ? SETTINGS.dropClasses : SETTINGS.drop));
  return weights;
}

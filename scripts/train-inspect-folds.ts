import { evidence } from "../src/core/detect.ts";
import type { DetectModel } from "../src/core/detect-model.ts";
import { viewsOf } from "../src/core/detect-views.ts";
import { sanitize } from "../src/core/sanitize.ts";
import { learn, learnExcuses, prepare, type Weights } from "./train-inspect-learn.ts";
import { type Example, planted, randomFrom } from "./train-inspect-plant.ts";

/** What texts score that training has not seen. */
export interface HeldOut {
  readonly example: Example;
  readonly raw: number;
  readonly unexcused: number;
}

const PLANTED = { attack: 13000, ordinary: 8500, quoted: 1200 } as const;
const FOLDS = 5;

/** Trains on these texts, on files of packages, and on what is planted into those of them that are files of repositories. */
export function train(
  examples: readonly Example[],
  packages: readonly Example[],
  seed: number,
): { weights: Weights; excuses: number[] } {
  const random = randomFrom(seed);
  const carriers = [
    ...examples.filter(
      ({ family, isInjection, channel }) =>
        family === "repositories" && !isInjection && channel !== "quoted" && channel !== "ai-prompt",
    ),
    ...packages,
  ];
  const more = (["attack", "ordinary", "quoted"] as const).flatMap((kind) =>
    planted(random, carriers, PLANTED[kind], kind),
  );
  const texts = [...examples, ...packages, ...more].map(prepare);
  const isQuoted = ({ channel, family }: Example) => channel === "quoted" || family === "planted-quoted";
  const weights = learn(
    texts.filter(({ example }) => !isQuoted(example)),
    random,
  );
  return { weights, excuses: learnExcuses(weights, texts) };
}

/**
 * Scores every text by a model that has seen nothing of its source and of its repository ("source"), or nothing that was
 * made as it was ("family"), which is harder.
 */
export function heldOut(
  examples: readonly Example[],
  packages: readonly Example[],
  seed: number,
  by: "source" | "family",
): HeldOut[] {
  const foldOf = by === "source" ? ({ group }: Example) => hash(group) % FOLDS : familyFold;
  const folds = [...new Set(examples.map(foldOf))].sort((a, b) => a - b);
  return folds.flatMap((fold) => {
    const tested = examples.filter((example) => foldOf(example) === fold);
    const groups = new Set(tested.map(({ group }) => group));
    const isMadeAlike = by === "family" && tested.some(({ family }) => family === "synthetic");
    const rest = examples.filter(
      (example) => !groups.has(example.group) && !(isMadeAlike && example.family === "synthetic"),
    );
    const { weights, excuses } = train(rest, packages, seed);
    const model = { values: weights.values, scale: 1, bias: weights.bias, excuses, common: 0, rare: 1, offsets: {} };
    return tested.map((example) => ({ example, ...measured(model, example.text) }));
  });
}

function measured(model: DetectModel, text: string): { raw: number; unexcused: number } {
  const windows = evidence(model, text, viewsOf(text, sanitize(text).hidden));
  return {
    raw: Math.max(...windows.map(({ raw }) => raw)),
    unexcused: Math.max(...windows.map(({ unexcused }) => unexcused)),
  };
}

// Repositories, and what was planted into their files, in three parts.
function familyFold({ family, group }: Example): number {
  return family === "synthetic" || family === "repositories"
    ? hash(group) % 3
    : 3 + ["cyberseceval", "garak", "tasks", "others"].indexOf(family);
}

function hash(text: string): number {
  let sum = 7;
  for (const char of text) sum = (Math.imul(sum, 31) + (char.codePointAt(0) ?? 0)) | 0;
  return (Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d) >>> 8) & 0xffff;
}

/** Gives the value that a share of the scores exceeds. */
export function exceededBy(scores: readonly number[], share: number): number {
  const sorted = scores.toSorted((a, b) => b - a);
  return sorted[Math.floor(sorted.length * share)] ?? 0;
}

/** Texts that come in a channel of another name, or have no ordinary ones of their own, keep to that one's threshold. */
const PART_OF: Readonly<Record<string, string>> = {
  quoted: "file",
  "ai-prompt": "file",
  "long-file": "file",
  "bare-instruction": "prompt",
};
const SHRINK = 50;
const OFFSET_MAX = 2.5;
/** So far above that 1 in 10,000 installed files, which are longer than those of the data, exceed it, also as output of tools. */
const RARE_MARGIN = 1.7;

/** Finds the thresholds from scores of ordinary texts; a channel of few texts keeps to those of all. */
export function calibrate(scores: readonly HeldOut[]): Pick<DetectModel, "common" | "rare" | "offsets"> {
  const ordinary = scores.filter(({ example }) => !example.isInjection);
  const common = exceededBy(
    ordinary.map(({ raw }) => raw),
    0.01,
  );
  const offsets: Record<string, number> = {};
  const placeOf = ({ channel }: Example) => PART_OF[channel] ?? channel;
  for (const channel of [...new Set(scores.map(({ example }) => example.channel))].sort()) {
    const own = ordinary
      .filter(({ example }) => placeOf(example) === (PART_OF[channel] ?? channel))
      .map(({ raw }) => raw);
    const wanted = exceededBy(own, 0.01) - common;
    const shrunk = (wanted * own.length) / (own.length + SHRINK);
    // Never above that of all texts, or plain orders in files would pass for prompts of AI projects.
    offsets[channel] = rounded(Math.max(-OFFSET_MAX, Math.min(0, shrunk)));
  }
  const files = ordinary.filter(({ example }) => example.channel === "file" || example.channel === "tool-output");
  const most = exceededBy(
    files.map(({ example, raw }) => raw - (offsets[example.channel] ?? 0)),
    0.001,
  );
  return { common: rounded(common), rare: rounded(Math.max(most + RARE_MARGIN, common + 1)), offsets };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

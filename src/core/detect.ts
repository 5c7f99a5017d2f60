import { contextIn, FEATURES_EACH, pairsOf, shapeOf, type Tokens, tokensOf, windowsOf } from "./detect-features.ts";
import type { DetectModel } from "./detect-model.ts";
import type { View } from "./detect-views.ts";

/** `mentions`: words of an injection, where they are quoted or spoken about. */
export type Verdict = "clean" | "mentions" | "carries";

export interface Detection {
  /** 0 to 1, with the same meaning in every channel: 0.5 is exceeded by 1 in 100 ordinary texts, 0.9 by 1 in 10,000. */
  readonly score: number;
  readonly verdict: Verdict;
  /** What caused it, in UTF-16 units of the text; none when it is clean. */
  readonly spans: readonly DetectedSpan[];
}

export interface DetectedSpan {
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

/** From this score on, 1 in 100 ordinary texts. */
export const SCORE_COMMON = 0.5;
/** From this score on a session's label rises. */
export const SCORE_RARE = 0.9;

const CHUNK_CHARS = 1 << 15;
const OVERLAP_CHARS = 2000;
const SPANS_MAX = 20;
const EXCUSE_MAX = 8;
const RAW_MAX = 6;

/** Judges a text of a channel, and other readings of it. Linear: long texts are read in pieces that overlap. */
export function detect(
  model: DetectModel,
  text: string,
  channel: string | null,
  views: readonly View[] = [],
): Detection {
  const windows = evidence(model, text, views);
  const offset = (channel === null ? undefined : model.offsets[channel]) ?? 0;
  const scoreOf = (raw: number) => calibrated(model, raw - offset);
  const score = scoreOf(Math.max(...windows.map(({ raw }) => raw)));
  const plain = scoreOf(Math.max(...windows.map(({ unexcused }) => unexcused)));
  const verdict = score >= SCORE_COMMON ? "carries" : plain >= SCORE_COMMON ? "mentions" : "clean";
  if (verdict === "clean") return { score, verdict, spans: [] };
  const isShown = (window: Window) => scoreOf(verdict === "carries" ? window.raw : window.unexcused) >= SCORE_COMMON;
  const spans = merged(windows.filter(isShown)).map(({ start, end, raw }) => ({ start, end, score: scoreOf(raw) }));
  return { score, verdict, spans: spans.slice(0, SPANS_MAX) };
}

/** Finds the windows of a text that look most like an injection, before any calibration; at least one. */
export function evidence(model: DetectModel, text: string, views: readonly View[]): Window[] {
  const found: Window[] = [];
  for (let start = 0; start === 0 || start < text.length - OVERLAP_CHARS; start += CHUNK_CHARS - OVERLAP_CHARS)
    look(model, text.length <= CHUNK_CHARS ? text : text.slice(start, start + CHUNK_CHARS), start, found);
  for (const view of views) {
    const inside: Window[] = [];
    look(model, view.text.slice(0, CHUNK_CHARS), 0, inside);
    found.push(...inside.map((window) => ({ ...window, start: view.start, end: view.end })));
  }
  return found;
}

export interface Window {
  readonly start: number;
  readonly end: number;
  /** Before and after what stands around has excused it. */
  readonly unexcused: number;
  readonly raw: number;
}

const WINDOWS_MAX = 24;
/** Below it no window decides anything. */
const WORTHLESS = -3;

/** Finds the windows of a piece that look most like an injection. */
function look(model: DetectModel, text: string, offset: number, found: Window[]): void {
  const { values, scale, excuses } = model;
  const tokens = tokensOf(text);
  const sums = sumsOf(model, tokens);
  const windows = windowsOf(text, tokens);
  const pairs = new Map<number, number>();
  const best: { from: number; to: number; raw: number }[] = [];
  for (let at = 0; at < windows.length; at += 2) {
    const [from, to] = [windows[at]!, windows[at + 1]!];
    const { mask, classed, signs, length } = shapeOf(tokens, from, to);
    let pairSum = pairs.get(mask);
    if (pairSum === undefined) {
      pairSum = pairsOf(mask).reduce((sum, pair) => sum + values[pair]!, 0);
      pairs.set(mask, pairSum);
    }
    const sum = sums[to]! - sums[from]! + pairSum + values[classed]! + values[signs]! + values[length]!;
    const raw = model.bias + sum * scale;
    if (best.length < WINDOWS_MAX || raw > best.at(-1)!.raw) insert(best, { from, to, raw });
  }
  const context = contextIn(tokens);
  for (const { from, to, raw } of best) {
    if (raw < WORTHLESS && found.length > 0) break;
    const unexcused = RAW_MAX * Math.tanh(raw / RAW_MAX);
    const excuse = context(from, to).reduce((sum, part, index) => sum + part * (excuses[index] ?? 0), 0);
    const [start, end] = [tokens.starts[from] ?? 0, tokens.ends[Math.max(from, to - 1)] ?? 0];
    found.push({ start: offset + start, end: offset + end, unexcused, raw: unexcused - Math.min(EXCUSE_MAX, excuse) });
  }
}

/** Adds the weights up, token by token, so that those of a window are a difference. */
function sumsOf({ values }: DetectModel, { count, features }: Tokens): Float64Array {
  const sums = new Float64Array(count + 1);
  for (let at = 0, index = 0; at < count; at += 1) {
    let sum = sums[at]!;
    for (const end = index + FEATURES_EACH; index < end; index += 1) sum += values[features[index]!]!;
    sums[at + 1] = sum;
  }
  return sums;
}

function insert(
  best: { from: number; to: number; raw: number }[],
  window: { from: number; to: number; raw: number },
): void {
  if (best.length === WINDOWS_MAX) best.pop();
  let at = best.length;
  while (at > 0 && best[at - 1]!.raw < window.raw) at -= 1;
  best.splice(at, 0, window);
}

function calibrated({ common, rare }: DetectModel, raw: number): number {
  const steepness = Math.log(SCORE_RARE / (1 - SCORE_RARE)) / Math.max(0.1, rare - common);
  return 1 / (1 + Math.exp(-steepness * (raw - common)));
}

function merged(windows: readonly Window[]): Window[] {
  const kept: Window[] = [];
  for (const window of [...windows].sort((a, b) => a.start - b.start)) {
    const last = kept.at(-1);
    if (last && window.start <= last.end)
      kept[kept.length - 1] = { ...last, end: Math.max(last.end, window.end), raw: Math.max(last.raw, window.raw) };
    else kept.push(window);
  }
  return kept;
}

import {
  CLASS,
  CLASSES,
  FIRST_HEAD,
  HASH_START,
  HEAD_CLASSES,
  HEAD_HASHES,
  HEAD_STEMS,
  hashStep,
  lookUp,
  ROLE_NAMES,
  STEM_CHARS,
  STEM_CLASSES,
  WORD_CLASSES,
} from "./detect-lexicon.ts";

/** Words and runs of signs of a text, with the features that end at each. */
export interface Tokens {
  readonly count: number;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Class of each word; 0 for others. */
  readonly classes: Uint8Array;
  readonly isWord: Uint8Array;
  /** `FEATURES_EACH` for each token; 0 where it has fewer. */
  readonly features: Int32Array;
}

/** Hashed features are numbered from 1; those of a whole window follow them. */
const HASHED_WORDS = 1 << 19;
const HASHED_CLASSES = 1 << 14;
export const HASHED = HASHED_WORDS + HASHED_CLASSES;
export const FEATURES_EACH = 7;
const PAIRS = CLASSES * CLASSES;
const BUCKETS_EACH = 8;
const MEASURES = 3;
const WINDOW_FEATURES = PAIRS + MEASURES * BUCKETS_EACH;
export const FEATURES = HASHED + WINDOW_FEATURES;

/** A fixed window begins every so many tokens. */
const STEP = 8;

const WORD = 1;
const SPACE = 2;
const SIGN = 3;
/** A sign of a script that is written without spaces: a word of its own, with the next one. */
const IDEOGRAPH = 4;
const KINDS = new Uint8Array(128).fill(SIGN);
for (let unit = 0; unit <= 0x20; unit += 1) KINDS[unit] = SPACE;
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") KINDS[char.charCodeAt(0)] = WORD;
const WORD_CHARS_MAX = 40;
const LESS = 0x3c;
const BRACKET = 0x5b;
const HASH_SIGN = 0x23;
const BAR = 0x7c;
const COLON = 0x3a;
const APOSTROPHE = 0x27;
const MIX = 0x9e3779b1;

function kindOf(unit: number): number {
  if (unit < 128) return KINDS[unit]!;
  if ((unit >= 0x2e80 && unit <= 0x9fff) || (unit >= 0xac00 && unit <= 0xd7a3))
    return unit <= 0x303f ? SIGN : IDEOGRAPH;
  if (unit === 0xa0 || (unit >= 0x2000 && unit <= 0x206f)) return SPACE;
  return WORD;
}

/** Small letters of the Latin, Greek and Cyrillic alphabets, without a table of all. */
function lowered(unit: number): number {
  if (unit <= 0x5a) return unit | 0x20;
  if (unit < 0xc0 || unit > 0x42f) return unit;
  if (unit <= 0xde) return unit === 0xd7 ? unit : unit | 0x20;
  if (unit >= 0x410) return unit + 0x20;
  if (unit >= 0x400) return unit + 0x50;
  return unit >= 0x391 && unit <= 0x3a9 ? unit + 0x20 : unit;
}

/** Takes a text apart; linear, and without regular expressions. */
export function tokensOf(text: string): Tokens {
  const room = text.length + 1;
  const starts = new Int32Array(room);
  const ends = new Int32Array(room);
  const classes = new Uint8Array(room);
  const isWord = new Uint8Array(room);
  const hashes = new Int32Array(room);
  const stems = new Int32Array(room);
  let count = 0;
  for (let at = 0; at < text.length; ) {
    const first = text.charCodeAt(at);
    const kind = kindOf(first);
    if (kind === SPACE) {
      at += 1;
      continue;
    }
    const start = at;
    let hash = HASH_START;
    let stem = 0;
    if (kind === WORD) {
      for (; at < text.length; at += 1) {
        let unit = text.charCodeAt(at);
        // "don't" is a word; so is what stands in single quotes, without them.
        if (
          unit === APOSTROPHE
            ? !(at + 1 < text.length && kindOf(text.charCodeAt(at + 1)) === WORD)
            : kindOf(unit) !== WORD
        )
          break;
        if (unit >= 0x41) unit = lowered(unit);
        if (at - start < WORD_CHARS_MAX) hash = hashStep(hash, unit);
        if (at - start === STEM_CHARS - 1) stem = hash;
      }
    } else if (kind === IDEOGRAPH) {
      hash = hashStep(hash, first);
      at += 1;
      if (at < text.length && kindOf(text.charCodeAt(at)) === IDEOGRAPH) hash = hashStep(hash, text.charCodeAt(at));
    } else {
      for (; at < text.length && kindOf(text.charCodeAt(at)) === SIGN; at += 1)
        if (at - start < 4) hash = hashStep(hash, text.charCodeAt(at));
    }
    starts[count] = start;
    ends[count] = at;
    hashes[count] = hash;
    stems[count] = stem === 0 ? hash : stem;
    if (kind === SIGN) isWord[count] = 0;
    else {
      isWord[count] = 1;
      const found = lookUp(WORD_CLASSES, hash) || (stem === 0 ? 0 : lookUp(STEM_CLASSES, stem));
      if (found >= FIRST_HEAD) {
        hashes[count] = HEAD_HASHES[found - FIRST_HEAD]!;
        stems[count] = HEAD_STEMS[found - FIRST_HEAD]!;
        classes[count] = HEAD_CLASSES[found - FIRST_HEAD]!;
      } else classes[count] = isMarker(text, start, at, hash) ? CLASS.marker : found;
    }
    count += 1;
  }
  const features = featuresOf(count, hashes, stems, classes, isWord);
  return { count, starts, ends, classes, isWord, features };
}

/** `<|im_start|>`, `[INST]`, `### Instruction:`, `<system>`, `SYSTEM:` at the beginning of a line. */
function isMarker(text: string, start: number, end: number, hash: number): boolean {
  const before = start > 0 ? text.charCodeAt(start - 1) : 0;
  const isOpened =
    before === LESS || before === BRACKET || before === BAR || (before === 0x2f && text.charCodeAt(start - 2) === LESS);
  const isHeading = before === 0x20 && start > 1 && text.charCodeAt(start - 2) === HASH_SIGN;
  const isSpeaker =
    text.charCodeAt(end) === COLON && (before === 0 || before === 0x0a || before === 0x20 || before === 0x22);
  return (isOpened || isHeading || isSpeaker) && lookUp(ROLE_NAMES, hash) !== 0;
}

function featuresOf(
  count: number,
  hashes: Int32Array,
  stems: Int32Array,
  classes: Uint8Array,
  isWord: Uint8Array,
): Int32Array {
  const features = new Int32Array(count * FEATURES_EACH);
  // The two words before, and the two words of a class before, each with how far back it stands.
  let [word1, word2, class1, class2, class1At] = [0, 0, 0, 0, -100];
  for (let at = 0; at < count; at += 1) {
    if (isWord[at] === 0) continue;
    const hash = hashes[at]!;
    const base = at * FEATURES_EACH;
    features[base] = slot(hash);
    features[base + 1] = slot(Math.imul(stems[at]!, 31) + 7);
    features[base + 2] = slot(Math.imul(word1, MIX) + hash);
    features[base + 3] = slot(Math.imul(Math.imul(word2, MIX) + word1, MIX) + hash + 3);
    const cls = classes[at]!;
    if (cls !== 0) {
      const gap = at - class1At;
      const near = gap <= 2 ? 0 : gap <= 6 ? 1 : 2;
      if (gap <= 16) {
        features[base + 4] = classSlot((class1 * 64 + cls) * 4 + near + 1);
        features[base + 5] = classSlot((class2 * 64 + class1) * 64 + cls + 500_000);
        features[base + 6] = slot(Math.imul(class1 * 77 + 13, MIX) + hash);
      }
      class2 = gap <= 16 ? class1 : 0;
      class1 = cls;
      class1At = at;
    }
    word2 = word1;
    word1 = hash;
  }
  withoutRepeats(count, features);
  return features;
}

/** Takes features away that stand a third time within a few words: a table of numbers or a list of names is no argument. */
function withoutRepeats(count: number, features: Int32Array): void {
  const slots = new Int32Array(REPEAT_SLOTS);
  const seenAt = new Int32Array(REPEAT_SLOTS);
  const times = new Uint8Array(REPEAT_SLOTS);
  for (let at = 0, index = 0; at < count; at += 1)
    for (const end = index + FEATURES_EACH; index < end; index += 1) {
      const feature = features[index]!;
      if (feature === 0) continue;
      const place = feature & (REPEAT_SLOTS - 1);
      const isRepeat = slots[place] === feature && at - seenAt[place]! <= REPEAT_TOKENS;
      slots[place] = feature;
      seenAt[place] = at;
      times[place] = isRepeat ? Math.min(100, times[place]! + 1) : 1;
      if (times[place]! > REPEATS_MAX) features[index] = 0;
    }
}

const REPEAT_SLOTS = 1 << 12;
const REPEAT_TOKENS = 24;
const REPEATS_MAX = 2;

function slot(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) & (HASHED_WORDS - 1) || 1;
}

function classSlot(number: number): number {
  const mixed = Math.imul(number, MIX);
  return HASHED_WORDS + ((mixed ^ (mixed >>> 15)) & (HASHED_CLASSES - 1));
}

/** Tells a feature of kinds of words from one of words. */
export function isOfClasses(feature: number): boolean {
  return feature >= HASHED_WORDS;
}

/** The windows of a text, as pairs of tokens: fixed ones, and sentences or lines, alone and two together. */
export function windowsOf(text: string, { count, starts, ends }: Tokens): Int32Array {
  const windows: number[] = [];
  for (let from = 0; from === 0 || from < count - STEP; from += STEP)
    windows.push(from, Math.min(count, from + WINDOW));
  // Where the last sentence and the one before it began.
  let [start, before] = [0, -1];
  for (let at = 1; at <= count; at += 1) {
    const isEnd = at === count || at - start >= WINDOW || endsSentence(text, ends[at - 1]!, starts[at]!);
    if (!isEnd) continue;
    if (at - start >= SENTENCE_MIN || at === count) {
      if (at - start >= SENTENCE_MIN) windows.push(start, at);
      if (before >= 0 && at - before <= 2 * WINDOW) windows.push(before, at);
      before = start;
      start = at;
    }
  }
  return Int32Array.from(windows);
}

const WINDOW = 32;
const SENTENCE_MIN = 4;

function endsSentence(text: string, end: number, next: number): boolean {
  const last = text.charCodeAt(end - 1);
  for (let at = end; at < next; at += 1) if (text.charCodeAt(at) === 0x0a) return true;
  // ". ", "! ", "? ", a quote, and the "\n" of a string of JSON.
  return next > end
    ? last === 0x2e || last === 0x21 || last === 0x3f || last === 0x3002
    : last === 0x5c || last === 0x22;
}

/** What a window has as a whole: its kinds of words, one bit each, and how much of it they and the signs are. */
export interface WindowShape {
  readonly mask: number;
  /** Features, each one of a few. */
  readonly classed: number;
  readonly signs: number;
  readonly length: number;
}

export function shapeOf({ starts, ends, classes, isWord }: Tokens, from: number, to: number): WindowShape {
  let [mask, words, classed, signChars] = [0, 0, 0, 0];
  for (let at = from; at < to; at += 1) {
    if (isWord[at] === 0) {
      signChars += ends[at]! - starts[at]!;
      continue;
    }
    words += 1;
    const cls = classes[at]!;
    if (cls === 0 || cls === CLASS.security || cls === CLASS.sample) continue;
    classed += 1;
    mask |= 1 << cls;
  }
  const first = HASHED + PAIRS;
  return {
    mask,
    classed: first + rate(classed, words),
    signs: first + BUCKETS_EACH + rate(signChars, words * 4),
    length: first + 2 * BUCKETS_EACH + Math.min(7, 31 - Math.clz32(words + 1)),
  };
}

/** Lists the features of the pairs of kinds of words that stand in a window. */
export function pairsOf(mask: number): number[] {
  const pairs: number[] = [];
  for (let left = mask; left !== 0; left &= left - 1) {
    const first = 31 - Math.clz32(left & -left);
    for (let right = left; right !== 0; right &= right - 1)
      pairs.push(HASHED + first * CLASSES + 31 - Math.clz32(right & -right));
  }
  return pairs;
}

/** Measures how much what stands around a window, and in it, speaks about attacks and examples. */
export function contextIn({ count, classes, isWord }: Tokens): (from: number, to: number) => number[] {
  const [security, samples] = [new Int32Array(count + 1), new Int32Array(count + 1)];
  let words = 0;
  for (let at = 0; at < count; at += 1) {
    words += isWord[at]!;
    security[at + 1] = security[at]! + (classes[at] === CLASS.security ? 1 : 0);
    samples[at + 1] = samples[at]! + (classes[at] === CLASS.sample ? 1 : 0);
  }
  const between = (sums: Int32Array, from: number, to: number) => sums[Math.min(count, to)]! - sums[Math.max(0, from)]!;
  return (from, to) => {
    const inside = [between(security, from, to), between(samples, from, to)] as const;
    return [
      Math.log2(1 + between(security, from - AROUND, to + AROUND) - inside[0]),
      Math.log2(1 + between(samples, from - AROUND, to + AROUND) - inside[1]),
      Math.log2(1 + (400 * (security[count]! - inside[0])) / (words + 100)),
      Math.log2(1 + (400 * (samples[count]! - inside[1])) / (words + 100)),
      Math.log2(1 + inside[0]),
      Math.log2(1 + inside[1]),
    ];
  };
}

const AROUND = 96;
function rate(part: number, whole: number): number {
  if (whole === 0) return 7;
  return part === 0 ? 0 : Math.min(6, 1 + Math.floor((part / whole) * 10));
}

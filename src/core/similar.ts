import { type Ecosystem, type Locked, lockedNames } from "./packages.ts";

const NAME_CHARS_MAX = 100;
const SHORT_CHARS = 4;

/** Finds a locked name that a new one could be taken for; null when there is none. */
export function similarName(locked: Locked, ecosystem: Ecosystem, name: string): string | null {
  if (name.length > NAME_CHARS_MAX) return null;
  return lockedNames(locked, ecosystem).find((known) => known !== name && isAlike(known, name)) ?? null;
}

/** Says what is odd about a new name, for a person; null when nothing is. */
export function warnSimilar(locked: Locked, ecosystem: Ecosystem, name: string): string | null {
  const known = similarName(locked, ecosystem, name);
  return known === null
    ? null
    : `"${name}" looks much like "${known}", which the lockfile has: make sure that it is the one you mean`;
}

function isAlike(known: string, name: string): boolean {
  if (Math.abs(known.length - name.length) > 2) return false;
  const [a, b] = [partsOf(known), partsOf(name)];
  if (a.join("") === b.join("") || a.sort().join(" ") === b.sort().join(" ")) return true;
  // Short names differ by one letter from many others by chance.
  return Math.min(known.length, name.length) >= SHORT_CHARS && isOneEditApart(known, name);
}

function partsOf(name: string): string[] {
  return name
    .toLowerCase()
    .replace(/^@/, "")
    .split(/[-_./:]+/);
}

/** One letter more, less or another, or two neighbours swapped. */
function isOneEditApart(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  if (long.length > short.length) return short.slice(at) === long.slice(at + 1);
  if (short.slice(at + 1) === long.slice(at + 1)) return true;
  return short[at] === long[at + 1] && short[at + 1] === long[at] && short.slice(at + 2) === long.slice(at + 2);
}

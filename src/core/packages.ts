/** A world of packages with names of its own. */
export type Ecosystem = "npm" | "pypi" | "cargo" | "go" | "maven" | "rubygems" | "composer";

/** One package at one version. */
export interface Package {
  readonly ecosystem: Ecosystem;
  /** In its canonical spelling; of maven "group:artifact". */
  readonly name: string;
  readonly version: string;
}

export interface LockedPackage extends Package {
  /** Where the lockfile says that its file is. It allows nothing: the registry itself must say so too. */
  readonly url: string | null;
}

/** A package as a lockfile spells it; nothing of it is checked. */
export interface Spelled {
  readonly name: string;
  readonly version: string;
  readonly url?: unknown;
}

/** What the lockfiles of a checkout name. */
export interface Locked {
  readonly versions: ReadonlyMap<string, ReadonlySet<string>>;
  readonly urls: ReadonlyMap<string, Package>;
}

const NAME_CHARS_MAX = 256;
const NAMES: Readonly<Record<Ecosystem, RegExp>> = {
  npm: /^(?:@[\w~-][\w.~-]*\/)?[A-Za-z0-9~-][\w.~-]*$/,
  pypi: /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
  cargo: /^[A-Za-z0-9][\w-]*$/,
  go: /^[A-Za-z0-9~-][\w.~-]*(?:\/[\w~-][\w.~-]*)*$/,
  maven: /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*:[\w-][\w.-]*$/,
  rubygems: /^[A-Za-z0-9_-][\w.-]*$/,
  composer: /^[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*$/,
};
// A date and a hash are the longest that go puts into one.
const VERSION = /^[A-Za-z0-9][\w.+!~-]{0,99}$/;

/** Makes a package of what a lockfile or a path spells; null when it can be none. */
export function packageOf(ecosystem: Ecosystem, name: string, version: string): Package | null {
  const canonical = canonicalName(ecosystem, name);
  if (canonical === null || !VERSION.test(version) || version.includes("..")) return null;
  return { ecosystem, name: canonical, version };
}

/** Spells a name as its registry does, so that equal packages have equal names; null when it can be none. */
export function canonicalName(ecosystem: Ecosystem, name: string): string | null {
  if (name.length > NAME_CHARS_MAX) return null;
  const spelled = spell(ecosystem, name);
  return NAMES[ecosystem].test(spelled) && !spelled.includes("..") ? spelled : null;
}

/** Gathers packages for `isLocked`. */
export function gatherLocked(packages: readonly LockedPackage[]): Locked {
  const versions = new Map<string, Set<string>>();
  const urls = new Map<string, Package>();
  for (const one of packages) {
    const known = versions.get(keyOf(one.ecosystem, one.name)) ?? new Set();
    versions.set(keyOf(one.ecosystem, one.name), known.add(one.version));
    if (one.ecosystem === "pypi") known.add(plainVersion(one.version));
    if (one.url !== null) urls.set(one.url, one);
  }
  return { versions, urls };
}

/** Says whether a name is in a lockfile and, unless the version is null, at that version. */
export function isLocked(locked: Locked, ecosystem: Ecosystem, name: string, version: string | null): boolean {
  const known = locked.versions.get(keyOf(ecosystem, name));
  return known !== undefined && (version === null || known.has(version));
}

/** Lists the names of one ecosystem that the lockfiles have. */
export function lockedNames(locked: Locked, ecosystem: Ecosystem): string[] {
  const start = keyOf(ecosystem, "");
  return [...locked.versions.keys()].filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
}

function keyOf(ecosystem: Ecosystem, name: string): string {
  return `${ecosystem} ${name}`;
}

function spell(ecosystem: Ecosystem, name: string): string {
  switch (ecosystem) {
    case "pypi":
      return name.toLowerCase().replace(/[-_.]+/g, "-");
    case "composer":
      return name.toLowerCase();
    case "cargo":
    case "npm":
    case "go":
    case "maven":
    case "rubygems":
      return name;
  }
}

/** Spells a version of Python's without the zeros at its end: files are named with and without, to pip both are one. */
export function plainVersion(version: string): string {
  const [, epoch = "", release = "", rest = ""] = version.toLowerCase().match(/^v?(\d+!)?(\d+(?:\.\d+)*)(.*)$/) ?? [];
  return release === "" ? version : `${epoch}${release.replace(/(?:\.0+)+$/, "")}${rest.replaceAll("-", ".")}`;
}

import { field, parseJson, recordOf } from "./json.ts";
import { readNpmLock, readPnpmLock, readYarnLock } from "./lockfiles-npm.ts";
import { readGemfileLock, readGoSum, readGradleLock, readRequirements, readToml } from "./lockfiles-text.ts";
import { type Ecosystem, type LockedPackage, packageOf, type Spelled } from "./packages.ts";

const LOCKFILE_CHARS_MAX = 32 << 20;
const PACKAGES_MAX = 200_000;
const URL_CHARS_MAX = 2048;

type Reader = (text: string) => Iterable<Spelled>;
const READERS: readonly { readonly match: RegExp; readonly ecosystem: Ecosystem; readonly read: Reader }[] = [
  { match: /^(?:package-lock|npm-shrinkwrap)\.json$/, ecosystem: "npm", read: readNpmLock },
  { match: /^yarn\.lock$/, ecosystem: "npm", read: readYarnLock },
  { match: /^pnpm-lock\.yaml$/, ecosystem: "npm", read: readPnpmLock },
  { match: /^requirements[^/]*\.txt$/, ecosystem: "pypi", read: readRequirements },
  { match: /^(?:uv|poetry)\.lock$/, ecosystem: "pypi", read: readToml },
  { match: /^Pipfile\.lock$/, ecosystem: "pypi", read: readPipfileLock },
  { match: /^Cargo\.lock$/, ecosystem: "cargo", read: readCargoLock },
  { match: /^go(?:\.work)?\.sum$/, ecosystem: "go", read: readGoSum },
  { match: /^Gemfile\.lock$/, ecosystem: "rubygems", read: readGemfileLock },
  { match: /^composer\.lock$/, ecosystem: "composer", read: readComposerLock },
  { match: /^(?:buildscript-)?gradle\.lockfile$/, ecosystem: "maven", read: readGradleLock },
];

/** What the name of a lockfile that `readLockfile` understands looks like, as an expression that perl reads alike. */
export const LOCKFILE_PATTERN = READERS.map(({ match }) => match.source).join("|");

/**
 * Reads what packages at what versions a lockfile names, by the file's name without its folder.
 *
 * The text is a stranger's: what is not understood names nothing, all is bounded, and it never throws. Packages from
 * elsewhere than a registry (git, a folder, an address) are left out.
 */
export function readLockfile(name: string, text: string): LockedPackage[] {
  const reader = READERS.find(({ match }) => match.test(name));
  if (!reader || text.length > LOCKFILE_CHARS_MAX) return [];
  const found: LockedPackage[] = [];
  for (const spelled of reader.read(text)) {
    const one = packageOf(reader.ecosystem, spelled.name, spelled.version);
    if (one !== null) found.push({ ...one, url: urlOf(spelled.url) });
    if (found.length === PACKAGES_MAX) break;
  }
  return found;
}

function urlOf(value: unknown): string | null {
  if (typeof value !== "string" || value.length > URL_CHARS_MAX || !/^https?:\/\//.test(value)) return null;
  return value.replace(/#.*$/s, "");
}

function* readPipfileLock(text: string): Generator<Spelled> {
  const root = recordOf(parseJson(text));
  for (const section of ["default", "develop"]) {
    for (const [name, entry] of Object.entries(recordOf(field(root, section)))) {
      const version = field(recordOf(entry), "version");
      if (typeof version === "string" && version.startsWith("==")) yield { name, version: version.slice(2) };
    }
  }
}

function* readComposerLock(text: string): Generator<Spelled> {
  const root = recordOf(parseJson(text));
  for (const section of ["packages", "packages-dev"]) {
    const entries = field(root, section);
    for (const entry of Array.isArray(entries) ? entries : []) {
      const [name, version] = [field(recordOf(entry), "name"), field(recordOf(entry), "version")];
      const url = field(recordOf(field(recordOf(entry), "dist")), "url");
      if (typeof name === "string" && typeof version === "string") yield { name, version, url };
    }
  }
}

function* readCargoLock(text: string): Generator<Spelled> {
  // A package without a source is one of the checkout's own.
  for (const one of readToml(text)) {
    if (!/^(?:registry|sparse)\+/.test(one.source)) continue;
    yield one;
    // An index has small letters only.
    if (/[A-Z]/.test(one.name)) yield { ...one, name: one.name.toLowerCase() };
  }
}

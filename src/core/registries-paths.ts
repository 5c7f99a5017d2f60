import { canonicalName, type Ecosystem, packageOf } from "./packages.ts";
import type { Registry } from "./registry.ts";

/** What a path may be about: a name alone, or a name at a version. */
export interface Subject {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string | null;
}

/**
 * What a path below a registry's base asks for. Where a name and a version are only held apart by a dash, each reading
 * is a subject; none at all is a path that is not in the registry's grammar.
 */
export type Asked = { readonly kind: "listing" } | { readonly kind: "subjects"; readonly subjects: readonly Subject[] };

const LISTING: Asked = { kind: "listing" };
const NOTHING: Asked = { kind: "subjects", subjects: [] };
const PATH_CHARS_MAX = 1024;
/** Of more, a path could be read in too many ways to try them all. */
const MARKERS_MAX = 4;

/** Reads a path below a registry's base, exactly as that registry's tools spell it. */
export function askedOf(registry: Registry, path: string): Asked {
  if (path.length > PATH_CHARS_MAX) return NOTHING;
  switch (registry.kind) {
    case "npm":
      return npmPath(path);
    case "pypi":
      return pypiPath(path);
    case "pypi-json":
      return pypiJsonPath(path);
    case "cargo":
      return cargoPath(path);
    case "crates":
      return cratesPath(path, registry.template);
    case "go":
      return goPath(path);
    case "sumdb":
      return sumdbPath(path);
    case "maven":
      return mavenPath(path);
    case "rubygems":
      return gemPath(path);
    case "composer":
      return composerPath(path);
    case "apt":
      return aptPath(path, registry.suites);
  }
}

function npmPath(path: string): Asked {
  if (path === "-/ping" || path === "-/npm/v1/keys") return LISTING;
  const attested = path.match(/^-\/npm\/v1\/attestations\/((?:@[^/@]+%2f)?[^/@]+)@([^/]+)$/i);
  if (attested) return one("npm", unscoped(attested[1]), attested[2]);
  const [, scope = "", name = "", rest = ""] =
    path.match(/^(?!-\/)(?:(@[^/%]+)(?:\/|%2f))?([^/%@]+)(?:\/(.+))?$/i) ?? [];
  const full = scope === "" ? name : `${scope}/${name}`;
  if (rest === "" || rest === "latest") return one("npm", full, null);
  const file = rest.startsWith(`-/${name}-`) && rest.endsWith(".tgz") ? rest.slice(name.length + 3, -4) : rest;
  return one("npm", full, file);
}

function unscoped(name = ""): string {
  return name.replace(/%2f/i, "/");
}

function pypiPath(path: string): Asked {
  const [, name = ""] = path.match(/^([^/]+)\/$/) ?? [];
  // The registry knows a name by one spelling; in any other it would be a channel.
  return canonicalName("pypi", name) === name ? one("pypi", name, null) : NOTHING;
}

function pypiJsonPath(path: string): Asked {
  const [, name = "", version] = path.match(/^([^/]+)\/(?:([^/]+)\/)?json$/) ?? [];
  return canonicalName("pypi", name) === name ? one("pypi", name, version ?? null) : NOTHING;
}

function cargoPath(path: string): Asked {
  if (path === "config.json") return LISTING;
  const name = path.slice(path.lastIndexOf("/") + 1);
  return path === `${cratePrefix(name)}/${name}` && name === name.toLowerCase() ? one("cargo", name, null) : NOTHING;
}

/** The folder of a crate in an index. */
export function cratePrefix(name: string): string {
  if (name.length <= 2) return String(name.length);
  return name.length === 3 ? `3/${name.slice(0, 1)}` : `${name.slice(0, 2)}/${name.slice(2, 4)}`;
}

/** Reads the address of a crate by its index's template. */
function cratesPath(path: string, template: string): Asked {
  const seen = new Set<string>();
  const pattern = template.replace(/[.*+?^$()|[\]\\/-]/g, "\\$&").replace(/\{(\w+)\}/g, (_all, marker: string) => {
    const isFirst = !seen.has(marker);
    seen.add(marker);
    return `(${isFirst ? `?<${marker}>` : "?:"}[\\w.+/-]{1,64})`;
  });
  if (template.split("{").length - 1 > MARKERS_MAX) return NOTHING;
  const { crate = "", version = "" } = path.match(new RegExp(`^${pattern}$`))?.groups ?? {};
  // Rebuilt, so that a marker says the same wherever it stands.
  return crateUrl(template, crate, version) === path ? one("cargo", crate, version) : NOTHING;
}

function crateUrl(template: string, crate: string, version: string): string {
  return template
    .replaceAll("{crate}", () => crate)
    .replaceAll("{version}", () => version)
    .replaceAll("{prefix}", () => cratePrefix(crate))
    .replaceAll("{lowerprefix}", () => cratePrefix(crate.toLowerCase()));
}

function goPath(path: string): Asked {
  const [, module = "", rest = ""] = path.match(/^(.+?)\/@(latest|v\/.+)$/) ?? [];
  const name = unescapeGo(module);
  if (name === null) return NOTHING;
  if (rest === "latest" || rest === "v/list") return one("go", name, null);
  const version = unescapeGo(rest.match(/^v\/(.+)\.(?:info|mod|zip)$/)?.[1] ?? "");
  return version === null ? NOTHING : one("go", name, version);
}

/** The tiles are not read for what go.sum has already, and their numbers could carry something. */
function sumdbPath(path: string): Asked {
  if (path === "supported" || path === "latest") return LISTING;
  const [, module = "", version = ""] = path.match(/^lookup\/([^@]+)@([^@/]+)$/) ?? [];
  const [name, at] = [unescapeGo(module), unescapeGo(version)];
  return name === null || at === null ? NOTHING : one("go", name, at);
}

/** Reads go's spelling of capital letters, "!" before the small one; null when it is not that. */
function unescapeGo(text: string): string | null {
  if (text === "" || /[A-Z]|!(?![a-z])/.test(text)) return null;
  return text.replace(/!([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

const MAVEN_FILE =
  /^(?:-(?:sources|javadoc|tests|test-sources|(?:linux|osx|windows)-(?:x86_64|aarch_64|x86_32)))?\.(?:pom|jar|war|aar|module|zip|klib|tar\.gz)(?:\.(?:sha1|md5|sha256|sha512|asc))?$/;

function mavenPath(path: string): Asked {
  const parts = path.split("/");
  const file = parts.pop() ?? "";
  if (/^maven-metadata\.xml(?:\.(?:sha1|md5|sha256|sha512))?$/.test(file)) {
    const artifact = parts.pop() ?? "";
    return one("maven", mavenName(parts, artifact), null);
  }
  const [version = "", artifact = ""] = [parts.pop(), parts.pop()];
  const start = `${artifact}-${version}`;
  const isFile = file.startsWith(start) && MAVEN_FILE.test(file.slice(start.length));
  return isFile ? one("maven", mavenName(parts, artifact), version) : NOTHING;
}

// A folder with a dot in it would be the same group by another path.
function mavenName(group: readonly string[], artifact: string): string {
  return group.some((part) => part.includes(".")) ? "" : `${group.join(".")}:${artifact}`;
}

function gemPath(path: string): Asked {
  if (/^(?:versions|names|(?:latest_|prerelease_)?specs\.4\.8\.gz)$/.test(path)) return LISTING;
  const [, info] = path.match(/^info\/([^/]+)$/) ?? [];
  if (info !== undefined) return one("rubygems", info, null);
  const [, file = ""] =
    path.match(/^(?:gems\/([^/]+)\.gem|quick\/Marshal\.4\.8\/([^/]+)\.gemspec\.rz)$/)?.filter(Boolean) ?? [];
  const subjects = [...file.matchAll(/-/g)].slice(0, 16).flatMap(({ index }) => {
    const found = packageOf("rubygems", file.slice(0, index), file.slice(index + 1));
    return found && /^\d/.test(found.version) ? [found] : [];
  });
  return { kind: "subjects", subjects };
}

function composerPath(path: string): Asked {
  if (path === "packages.json") return LISTING;
  const [, name = ""] = path.match(/^p2\/([^/]+\/[^/~]+)(?:~dev)?\.json$/) ?? [];
  return canonicalName("composer", name) === name ? one("composer", name, null) : NOTHING;
}

const APT_LISTING =
  /^(?:InRelease|Release|Release\.gpg|(?:main|contrib|non-free|non-free-firmware|universe|multiverse|restricted)\/(?:binary-(?:all|amd64|arm64)\/Packages|source\/Sources|i18n\/Translation-en)(?:\.(?:xz|gz|bz2|lzma|zst))?)$/;

/** A Debian archive has no lockfile: only its lists, of the suites that the person has, are fixed. */
function aptPath(path: string, suites: readonly string[]): Asked {
  const suite = suites.find((name) => path.startsWith(`dists/${name}/`));
  if (suite !== undefined && APT_LISTING.test(path.slice(`dists/${suite}/`.length))) return LISTING;
  return NOTHING;
}

function one(ecosystem: Ecosystem, name: string, version: string | null | undefined): Asked {
  if (version === null) {
    const canonical = canonicalName(ecosystem, name);
    return canonical === null ? NOTHING : { kind: "subjects", subjects: [{ ecosystem, name: canonical, version }] };
  }
  const found = packageOf(ecosystem, name, version ?? "");
  return found === null ? NOTHING : { kind: "subjects", subjects: [found] };
}

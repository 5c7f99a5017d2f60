import { field, parseJson, recordOf } from "./json.ts";
import { canonicalName, isLocked, type Locked, type Package, packageOf, plainVersion } from "./packages.ts";
import { type Registry, urlAt } from "./registry.ts";

/** Addresses of files by what a registry's document of one package says, and the version that each is of. */
export type Files = ReadonlyMap<string, string>;

type Named = Pick<Package, "ecosystem" | "name">;

const FILES_MAX = 200_000;
/** What stands beside a file of Python's, below the same address. */
const METADATA = /\.metadata$/;

/** Finds the package in the lockfiles whose file an address could be; null when none. The registry has the last word. */
export function fileAsked(locked: Locked, url: string): Package | null {
  const named = locked.urls.get(url);
  if (named) return named;
  const file = url
    .slice(url.lastIndexOf("/") + 1)
    .replace(METADATA, "")
    .replaceAll("%2B", "+");
  const [, name = "", version = ""] =
    file.match(/^([\w.]+)-([\w.!+]+)-[\w.]+(?:-[\w.]+)*\.whl$/) ??
    file.match(/^([\w.-]+)-([\w.!+]+)\.(?:tar\.gz|tar\.bz2|zip)$/) ??
    [];
  const found = packageOf("pypi", name, plainVersion(version));
  return found && isLocked(locked, "pypi", found.name, found.version) ? found : null;
}

/** Says where a registry tells of a package's files; null where files have addresses of their own grammar. */
export function documentOf(registry: Registry, { ecosystem, name }: Named): string | null {
  if (registry.kind !== ecosystem) return null;
  if (ecosystem === "npm") return urlAt(registry.base, name.replace("/", "%2f"));
  if (ecosystem === "pypi") return urlAt(registry.base, `${name}/`);
  return ecosystem === "composer" ? urlAt(registry.base, `p2/${name}.json`) : null;
}

/** Says whether an address is one of these files, at a version that a lockfile has. */
export function isLockedFile(files: Files, locked: Locked, one: Package, url: string): boolean {
  const version = files.get(url) ?? (one.ecosystem === "pypi" ? files.get(url.replace(METADATA, "")) : undefined);
  return version !== undefined && isLocked(locked, one.ecosystem, one.name, version);
}

/** Reads such a document; what is not understood lists no file. It never throws. */
export function filesIn(one: Named, text: string, address: string): Files {
  const files = new Map<string, string>();
  for (const [link, version] of linksIn(one, text)) {
    if (!URL.canParse(link, address)) continue;
    const url = new URL(link, address);
    url.hash = "";
    if (/^https?:$/.test(url.protocol)) files.set(url.href, version);
    if (files.size === FILES_MAX) break;
  }
  return files;
}

function* linksIn(one: Named, text: string): Generator<[link: string, version: string]> {
  if (one.ecosystem === "pypi") {
    for (const link of /^\s*\{/.test(text) ? jsonLinks(text) : htmlLinks(text)) {
      const version = versionOf(one.name, link);
      if (version !== null) yield [link, version];
    }
    return;
  }
  const root = recordOf(parseJson(text));
  const packages = field(recordOf(field(root, "packages")), one.name);
  const entries =
    one.ecosystem === "npm"
      ? Object.values(recordOf(field(root, "versions")))
      : Array.isArray(packages)
        ? packages
        : [];
  for (const entry of entries.map(recordOf)) {
    const dist = recordOf(field(entry, "dist"));
    const [link, version] = [field(dist, one.ecosystem === "npm" ? "tarball" : "url"), field(entry, "version")];
    if (typeof link === "string" && typeof version === "string") yield [link, version];
  }
}

function* jsonLinks(text: string): Generator<string> {
  const files = field(recordOf(parseJson(text)), "files");
  for (const file of Array.isArray(files) ? files : []) {
    const url = field(recordOf(file), "url");
    if (typeof url === "string") yield url;
  }
}

function* htmlLinks(text: string): Generator<string> {
  for (const [, link = ""] of text.matchAll(/<a\s[^<>]*?\bhref="([^"<>]*)"/gi)) yield link.replaceAll("&amp;", "&");
}

/** The version that the name of a file of Python's says, in its plain spelling. */
function versionOf(name: string, link: string): string | null {
  const path = link.replace(/[?#].*$/s, "");
  const file = path.slice(path.lastIndexOf("/") + 1).replace(/%2B/gi, "+");
  const stem = file.replace(/\.(?:tar\.gz|tar\.bz2|zip)$/, "");
  const [first = "", version = ""] = file.endsWith(".whl")
    ? file.split("-")
    : [stem.slice(0, stem.lastIndexOf("-")), stem.slice(stem.lastIndexOf("-") + 1)];
  return version !== "" && canonicalName("pypi", first) === name ? plainVersion(version) : null;
}

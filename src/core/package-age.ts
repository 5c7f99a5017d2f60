import { field, parseJson, recordOf } from "./json.ts";
import { plainVersion } from "./packages.ts";
import { cratePrefix } from "./registries-paths.ts";
import { type Registry, urlAt } from "./registry.ts";

/** A document of a registry, as it came. */
export interface Told {
  readonly text: string;
  /** What the server says of when it was changed last; null where it does not. */
  readonly modified: string | null;
}

/** What a registry tells of how old a package is, in milliseconds since 1970; null is what it does not tell. */
export interface PackageAge {
  /** Of the version asked about; of the newest one, where none was. */
  readonly published: number | null;
  /** Of the first version. */
  readonly first: number | null;
  readonly versions: number | null;
}

/** A package at a registry, of which a version may be asked for. */
export interface Dated {
  readonly registry: Registry;
  readonly name: string;
  readonly version: string | null;
}

/** A release that harms is mostly found out within days. */
const YOUNG_DAYS = 7;
const DAY_MS = 86_400_000;
const DAYS_A_MONTH = 30.44;
const TIME_CHARS_MAX = 40;
const UNTOLD: PackageAge = { published: null, first: null, versions: null };

/** Says where a registry tells how old a package is; null where it has no such document. */
export function ageDocument({
  registry,
  name,
  version,
}: Dated): { readonly url: string; readonly accept: string } | null {
  const at = (path: string, accept = "application/json") => ({ url: urlAt(registry.base, path), accept });
  switch (registry.kind) {
    case "npm":
      return at(name.replace("/", "%2f"));
    case "pypi":
      return at(`${name}/`, "application/vnd.pypi.simple.v1+json");
    case "cargo":
      return at(`${cratePrefix(name.toLowerCase())}/${name.toLowerCase()}`, "text/plain");
    case "go": {
      const path = escapeGo(name);
      return at(version === null ? `${path}/@latest` : `${path}/@v/${escapeGo(version)}.info`);
    }
    case "maven": {
      const [group = "", artifact = ""] = name.split(":");
      const folder = `${group.replaceAll(".", "/")}/${artifact}`;
      const file = version === null ? "maven-metadata.xml" : `${version}/${artifact}-${version}.pom`;
      return at(`${folder}/${file}`, "application/xml");
    }
    case "rubygems":
      return at(`api/v1/versions/${name}.json`);
    case "composer":
      return at(`p2/${name}.json`);
    case "crates":
    case "pypi-json":
    case "sumdb":
    case "apt":
      return null;
  }
}

/** Reads what such a document tells; what is not understood tells nothing. It never throws. */
export function readAge({ registry, name, version }: Dated, { text, modified }: Told): PackageAge {
  switch (registry.kind) {
    case "npm": {
      const root = recordOf(parseJson(text));
      const times = recordOf(field(root, "time"));
      return ageOf(
        Object.keys(recordOf(field(root, "versions"))).map((one) => [one, field(times, one)]),
        version,
      );
    }
    case "pypi":
      return ageOf(pypiTimes(text), version === null ? null : plainVersion(version));
    case "cargo":
      return ageOf(
        text.split("\n").flatMap((line) => {
          const entry = recordOf(parseJson(line));
          return timesOf([entry], "vers", "pubtime");
        }),
        version,
      );
    case "go":
      return { ...UNTOLD, published: timeOf(field(recordOf(parseJson(text)), "Time")) };
    case "maven":
      return version === null ? mavenAge(text) : { ...UNTOLD, published: timeOf(modified) };
    case "rubygems":
      return ageOf(timesOf(parseJson(text), "number", "created_at"), version);
    case "composer": {
      const entries = field(recordOf(field(recordOf(parseJson(text)), "packages")), name);
      return ageOf(timesOf(entries, "version", "time"), version);
    }
    case "crates":
    case "pypi-json":
    case "sumdb":
    case "apt":
      return UNTOLD;
  }
}

/** Whether a package is known to have been there for a while; what is not told is not. */
export function isOld({ published }: PackageAge, now: number): boolean {
  return published !== null && now - published >= YOUNG_DAYS * DAY_MS;
}

/** Says how old a package is, for a person, a sentence each: what warns comes first. */
export function describeAge(age: PackageAge, version: string | null, now: number): string[] {
  const { published, first, versions } = age;
  const what = version === null ? "its newest version" : "this version";
  const counted = versions === null ? [] : [versions === 1 ? "it is the only version" : `it has ${versions} versions`];
  if (published === null) return ["WARNING: its registry does not tell how old it is", ...counted];
  const isFirst = first === null || first === published;
  const since = isFirst ? [] : [`its first version was published ${agoOf(first, now)}`];
  return [
    ...(isOld(age, now) ? [] : [`WARNING: ${what} is less than ${YOUNG_DAYS} days old: few have looked at it yet`]),
    [`${what} was published ${agoOf(published, now)}`, ...since, ...counted].join("; "),
  ];
}

function agoOf(time: number, now: number): string {
  const date = new Date(time).toISOString().slice(0, 10);
  const days = Math.floor((now - time) / DAY_MS);
  if (days < 0) return `on ${date}, which is still to come`;
  if (days === 0) return `within the last day (${date})`;
  if (days === 1) return `a day ago (${date})`;
  const months = Math.floor(days / DAYS_A_MONTH);
  if (months < 3) return `${days} days ago (${date})`;
  return months < 24 ? `${months} months ago (${date})` : `${Math.floor(months / 12)} years ago (${date})`;
}

type Times = readonly (readonly [version: string, time: unknown])[];

function ageOf(all: Times, version: string | null): PackageAge {
  const times = new Map<string, number | null>();
  for (const [one, told] of all) {
    const [known, time] = [times.get(one) ?? null, timeOf(told)];
    // A version of many files is as old as the newest of them.
    times.set(one, known === null || time === null ? (known ?? time) : Math.max(known, time));
  }
  if (times.size === 0) return UNTOLD;
  const known = [...times.values()].flatMap((time) => time ?? []);
  const edge = (later: boolean) =>
    known.length === 0 ? null : known.reduce((a, b) => (later ? Math.max(a, b) : Math.min(a, b)));
  const published = version === null ? edge(true) : (times.get(version) ?? null);
  return { published, first: edge(false), versions: times.size };
}

function timesOf(entries: unknown, version: string, time: string): Times {
  return (Array.isArray(entries) ? entries : []).map(recordOf).flatMap((entry) => {
    const one = field(entry, version);
    return typeof one === "string" ? [[one, field(entry, time)] as const] : [];
  });
}

function pypiTimes(text: string): Times {
  const files = field(recordOf(parseJson(text)), "files");
  return (Array.isArray(files) ? files : []).map(recordOf).flatMap((file) => {
    const name = field(file, "filename");
    const version = typeof name === "string" ? fileVersion(name) : null;
    return version === null ? [] : [[version, field(file, "upload-time")] as const];
  });
}

function fileVersion(file: string): string | null {
  const stem = file.replace(/\.(?:tar\.gz|tar\.bz2|zip)$/, "");
  const version = file.endsWith(".whl") ? file.split("-")[1] : stem.slice(stem.lastIndexOf("-") + 1);
  return version === undefined || version === "" ? null : plainVersion(version);
}

function mavenAge(text: string): PackageAge {
  const versions = text.match(/<version>[^<]*<\/version>/g)?.length ?? 0;
  const [, year, month, day, hour, minute, second] =
    text.match(/<lastUpdated>(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)<\/lastUpdated>/) ?? [];
  const published = year === undefined ? null : timeOf(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return { ...UNTOLD, published, versions: versions === 0 ? null : versions };
}

function timeOf(told: unknown): number | null {
  if (typeof told !== "string" || told.length > TIME_CHARS_MAX) return null;
  const time = Date.parse(told);
  return Number.isNaN(time) ? null : time;
}

/** Writes capital letters as go's proxies do. */
function escapeGo(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
}

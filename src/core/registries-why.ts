import type { NetRequest } from "./net-rules.ts";
import type { Dated } from "./package-age.ts";
import type { Ecosystem, Locked } from "./packages.ts";
import { isReading, type PackageVerdict } from "./registries.ts";
import type { Registry } from "./registry.ts";
import { warnSimilar } from "./similar.ts";

/** Says in a few sentences what a request to a registry is, whether it passes, and what a person can do when it does not. */
export function whyPackage(verdict: PackageVerdict, request: NetRequest, locked: Locked): string {
  const { kind, registry, name, version } = verdict;
  const what = name === null ? "it" : `${name}${version === null ? "" : ` ${version}`}`;
  switch (kind) {
    case "locked":
      return `${what} is in a lockfile of this checkout, and the registry is the one that ${registry.tool} is configured for: it passes`;
    case "listing":
      return `it is a fixed document of the registry that ${registry.tool} is configured for, and names no package: it passes`;
    case "audit":
      return "it would send the list of all packages of this project: it is refused, which npm, yarn and pnpm take in silence";
    case "other":
      return [whyOther(verdict, what, request), ...adviceOf(verdict, request, locked)].join("; ");
  }
}

function whyOther({ registry, name }: PackageVerdict, what: string, request: NetRequest): string {
  const place = `the registry that ${registry.tool} is configured for`;
  if (request.protocol === "tunnel") return `a tunnel to ${place} hides what it carries`;
  if (!isReading(request)) return `${request.method}${request.hasBody ? " with a body" : ""} could change ${place}`;
  if (name === null) return `its path is no document or file of a package in ${place}`;
  return `${what} is in no lockfile of this checkout (${place})`;
}

function adviceOf({ registry, name, version }: PackageVerdict, request: NetRequest, locked: Locked): string[] {
  const { host, port, protocol } = registry.base;
  const plain = port === (protocol === "https" ? 443 : 80) ? host : `${host}:${port}`;
  if (name === null || !isReading(request)) return [`to allow it always, name ${plain} in net.allow`];
  const similar = similarTo({ registry, name }, locked);
  const add = addCommand(registry, name, version);
  return [
    ...(similar === null ? [] : [similar]),
    ...(add === null ? [] : [`to add it, ${add} and land the lockfile`]),
    `to allow the whole registry, name ${plain} in net.allow`,
  ];
}

/** Says what is odd about the name of a package that no lockfile has, for a person; null when nothing is. */
export function similarTo({ registry, name }: Pick<Dated, "registry" | "name">, locked: Locked): string | null {
  const ecosystem = ecosystemOf(registry);
  return ecosystem === null ? null : warnSimilar(locked, ecosystem, name);
}

function addCommand({ kind, tool }: Registry, name: string, version: string | null): string | null {
  const at = (mark: string) => (version === null ? name : `${name}${mark}${version}`);
  const run = (command: string) => `run: ringfence exec -- ${command}`;
  switch (kind) {
    case "npm":
      return run(tool === "npm" ? `npm install ${at("@")}` : `${tool} add ${at("@")}`);
    case "pypi":
    case "pypi-json":
      return tool === "uv" ? run(`uv add ${at("==")}`) : `write ${at("==")} into requirements.txt`;
    case "cargo":
    case "crates":
      return run(`cargo add ${at("@")}`);
    case "go":
    case "sumdb":
      return run(`go get ${at("@")}`);
    case "rubygems":
      return run(`bundle add ${name}`);
    case "composer":
      return run(`composer require ${name}`);
    case "maven":
      return "lock it with gradle: ringfence exec -- gradle dependencies --write-locks";
    case "apt":
      return null;
  }
}

function ecosystemOf({ kind }: Registry): Ecosystem | null {
  switch (kind) {
    case "pypi-json":
      return "pypi";
    case "crates":
      return "cargo";
    case "sumdb":
      return "go";
    case "apt":
      return null;
    case "npm":
    case "pypi":
    case "cargo":
    case "go":
    case "maven":
    case "rubygems":
    case "composer":
      return kind;
  }
}

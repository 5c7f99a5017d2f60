import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Outcome } from "../core/outcome.ts";
import { findOnPath, personsPath } from "./toolchains.ts";

export interface ToolchainsReport {
  /** Folders of the machine that are bound read-only into every box. */
  readonly roots: readonly string[];
  readonly programs: readonly ProgramVersions[];
}

export interface ProgramVersions {
  readonly name: string;
  readonly outside: Version;
  readonly inside: Version;
  readonly isSame: boolean;
}

export interface Version {
  readonly path: string;
  readonly version: string;
}

/** Programs whose version is asked, and how. */
const ASKED: Readonly<Record<string, string>> = {
  node: "--version",
  npm: "--version",
  python3: "--version",
  git: "--version",
  cargo: "--version",
  rustc: "--version",
  go: "version",
  java: "-version",
  gcc: "--version",
};
const ASK_MS = 15_000;

interface Asker {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly identity: { readonly home: string };
}

/** Asks each program for its version outside and inside; one that is not found outside is left out. */
export async function compareToolchains(
  { environment, identity }: Asker,
  roots: readonly string[],
  runInside: (command: string) => Promise<Outcome>,
): Promise<ToolchainsReport> {
  const path = personsPath(environment.PATH ?? "");
  const found = Object.keys(ASKED).map((name) => ({ name, file: findOnPath(name, path) }));
  const outside = await Promise.all(
    found.map(async ({ name, file }) =>
      file === null
        ? null
        : { name, outside: { path: file, version: await askOutside(name, file, path, identity.home) } },
    ),
  );
  const known = outside.filter((entry) => entry !== null);
  const inside = readInside((await runInside(insideProgram(known.map(({ name }) => name)))).text);
  const programs = known.map((entry) => {
    const version = inside.get(entry.name) ?? { path: "", version: "missing" };
    return {
      name: entry.name,
      outside: entry.outside,
      inside: version,
      isSame: version.version === entry.outside.version,
    };
  });
  return { roots, programs };
}

async function askOutside(name: string, file: string, path: readonly string[], home: string): Promise<string> {
  const env = { PATH: path.join(":"), HOME: home, LANG: "C.UTF-8" };
  const asked = promisify(execFile)(file, [ASKED[name] ?? "--version"], {
    cwd: "/",
    env,
    timeout: ASK_MS,
    maxBuffer: 1 << 20,
  });
  return asked.then(({ stdout, stderr }) => firstLine(stdout || stderr)).catch(() => "no answer");
}

function insideProgram(names: readonly string[]): string {
  const lines = names.map(
    (name) => `p=$(type -P ${name}) && echo "${name} $p $(${name} ${ASKED[name] ?? "--version"} 2>&1 | head -n 1)"`,
  );
  return `cd /; ${lines.join("; ")}; true`;
}

function readInside(text: string): Map<string, Version> {
  const versions = new Map<string, Version>();
  for (const line of text.split("\n")) {
    const [, name, path, version] = line.match(/^(\S+) (\S+) (.+)$/) ?? [];
    if (name !== undefined && path !== undefined && version !== undefined)
      versions.set(name, { path, version: version.trim() });
  }
  return versions;
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").trim();
}

import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseJson, recordOf } from "../core/json.ts";
import { type Configured, gather } from "../core/registries-config.ts";
import type { Environment } from "./identity.ts";
import { type Asking, TOOLS, type Tool } from "./registries-tools.ts";
import { findOnPath, isWithin, personsPath } from "./toolchains.ts";

export interface RegistriesPlan {
  readonly state: string;
  readonly identity: { readonly home: string };
  readonly environment: Environment;
  /** Nothing in it is asked: no program, no configuration. */
  readonly checkout: string;
}

/** What is kept of each tool's answer, until its programs or its configuration change. */
type Kept = Readonly<Record<string, { readonly key: string; readonly answer: Configured }>>;

const VERSION = 1;
const DAY_MS = 86_400_000;
const FILE = "registries.json";
/** Variables by which a person configures these tools. */
const SETTINGS =
  /^(?:npm_config|pyenv|rustup|yarn|pnpm|pip|uv|cargo|go|maven|gem|bundle|composer|gradle|xdg_config)_|^(?:GOPROXY|GOSUMDB|GOENV)$/i;

/**
 * Finds the registries that the person's own tools are configured for, each tool by its own word. It never throws.
 *
 * The tools run outside the checkout, with the person's home and settings and nothing else of the environment. What they
 * answer is kept in the state folder.
 */
export async function findRegistries(plan: RegistriesPlan): Promise<Configured> {
  const asking = askingFor(plan);
  const kept = readKept(plan.state);
  const found = await Promise.all(
    TOOLS.map(async (tool): Promise<[string, Kept[string]]> => {
      const key = keyOf(tool, asking);
      const known = Object.hasOwn(kept, tool.name) ? kept[tool.name] : undefined;
      return [tool.name, known?.key === key ? known : { key, answer: await askTool(tool, asking, plan.state) }];
    }),
  );
  const isNew = found.some(([name, { key }]) => kept[name]?.key !== key);
  if (isNew) writeKept(plan.state, Object.fromEntries(found));
  return gather(found.map(([, { answer }]) => answer));
}

async function askTool(tool: Tool, asking: Asking, state: string): Promise<Configured> {
  const folder = mkdtempSync(join(makeFolder(state), "ask-"));
  try {
    return await tool.ask({ ...asking, folder });
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : "";
    return { registries: [], notes: [`${tool.name} could not be asked for its registry: ${why}`] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function askingFor({ environment, checkout, state, identity: { home } }: RegistriesPlan): Asking {
  const path = personsPath(environment.PATH ?? "").filter((folder) => !isWithin(real(folder), checkout));
  // Inside a script of npm's these variables are the repository's as much as the person's.
  const isScript = environment.npm_execpath !== undefined;
  const settings = Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && SETTINGS.test(name) && !(isScript && /^npm_/.test(name)) ? [[name, value] as const] : [],
  );
  return {
    home,
    folder: state,
    env: { ...Object.fromEntries(settings), PATH: path.join(":"), HOME: home, LANG: "C.UTF-8", LC_ALL: "C.UTF-8" },
    find: (name) => {
      const file = findOnPath(name, path);
      return file === null || isWithin(real(file), checkout) ? null : file;
    },
  };
}

/** Changes whenever a program, a configuration file or a setting does. Hashed, because a setting can hold a password. */
function keyOf(tool: Tool, asking: Asking): string {
  const programs = tool.programs.flatMap((name) => asking.find(name) ?? []);
  const files = [...programs, ...programs.map(real), ...tool.files(asking)].sort();
  const stamps = files.map((file) => {
    const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
    return [file, stat ? [stat.mtimeNs, stat.size, stat.ino].join(" ") : ""];
  });
  // Asked again every day all the same, for a configuration in a place that is not known here.
  const day = Math.floor(Date.now() / DAY_MS);
  return createHash("sha256")
    .update(JSON.stringify([VERSION, day, asking.env, stamps]))
    .digest("hex");
}

function real(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

function makeFolder(state: string): string {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  return state;
}

function readKept(state: string): Kept {
  try {
    const entries = Object.entries(recordOf(parseJson(readFileSync(join(state, FILE), "utf8"))));
    // Ours alone, so that an entry is either as it was written or not at all.
    return Object.fromEntries(entries.filter(([, value]) => typeof recordOf(value).key === "string")) as Kept;
  } catch {
    return {};
  }
}

function writeKept(state: string, kept: Kept): void {
  const file = join(makeFolder(state), FILE);
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(kept), { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

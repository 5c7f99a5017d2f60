import { existsSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Amounts } from "../core/budget.ts";
import type { ForgeConfig } from "../core/forge.ts";
import type { AlarmLevels } from "../core/monitor-level.ts";
import { checkModelName, PROVIDER_NAMES, type ProviderSettings } from "../model/open.ts";
import { parseBudget } from "./config-budget.ts";
import { FORGE_DEFAULT, parseForge } from "./config-forge.ts";
import { LOG_DEFAULT, type LogConfig, parseLog } from "./config-log.ts";
import { parseMonitor } from "./config-monitor.ts";
import { NET_DEFAULT, type NetConfig, parseNet } from "./config-net.ts";
import { countAt, recordAt, refuseUnknown } from "./config-shape.ts";
import { makeFolders, unfitState } from "./config-state.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The person's own configuration: from their configuration folder alone, never from a repository. */
export interface Config {
  readonly model: string | null;
  readonly providers: Readonly<Record<string, ProviderSettings>>;
  readonly limits: {
    readonly memoryMb: number | null;
    readonly diskMb: number | null;
    readonly processes: number | null;
  };
  /** What `gc` keeps. */
  readonly gc: { readonly days: number; readonly bytes: number };
  /** Folders of objects that a repository may borrow from, absolute. */
  readonly git: { readonly alternates: readonly string[] };
  /** What the box may reach. */
  readonly net: NetConfig;
  /** What every session may use up at most; what is not named has no ceiling. */
  readonly budget: Partial<Amounts>;
  /** Whose text on a forge does not count as a stranger's. */
  readonly trust: ForgeConfig;
  /** Which texts its logs keep, and for how long. */
  readonly log: LogConfig;
  /** What comes of each kind of alarm. */
  readonly monitor: AlarmLevels;
  /** For agents of another make: their models, and what they see of the home. */
  readonly wrap: { readonly providers: readonly string[]; readonly config: readonly string[] };
}

/** The person must change something before anything can run: a wrong option, folder or configuration (exit 2). */
export class UsageError extends Error {}

const CONFIG_BYTES_MAX = 256 * 1024;
const GC_DEFAULT = { days: 14, bytes: 10 * 2 ** 30 };
/** A box of less ends before its first command. */
const MEMORY_MB_MIN = 16;
const EMPTY: Config = {
  model: null,
  providers: {},
  limits: { memoryMb: null, diskMb: null, processes: null },
  gc: GC_DEFAULT,
  git: { alternates: [] },
  net: NET_DEFAULT,
  budget: {},
  trust: FORGE_DEFAULT,
  log: LOG_DEFAULT,
  monitor: parseMonitor(undefined),
  wrap: { providers: [], config: [] },
};

/** Where the person's configuration is, or would be. */
export function configFile(environment: Environment): string {
  return join(folderOf(environment, "XDG_CONFIG_HOME", ".config"), "config.yaml");
}

/** Reads `$XDG_CONFIG_HOME/ringfence/config.yaml`; a file that is absent is an empty one, one that does not parse is an error. */
export async function readConfig(environment: Environment): Promise<Config> {
  const file = configFile(environment);
  if (!existsSync(file)) return EMPTY;
  const text = readText(file);
  if (text.length > CONFIG_BYTES_MAX) throw new UsageError(`${file} is larger than ${CONFIG_BYTES_MAX} bytes`);
  // Of a CommonJS module only this is there when it is bundled.
  const { parse } = (await import("yaml")).default;
  try {
    return parseConfig(parse(text, { maxAliasCount: 10 }));
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${codeOf(error)}): make it a file that you may read, or remove it`);
  }
}

/** Checks a parsed configuration; throws an Error that names the first key that is wrong. */
export function parseConfig(value: unknown): Config {
  if (value === null || value === undefined) return EMPTY;
  const root = recordAt(value, "the file");
  refuseUnknown(
    root,
    ["model", "providers", "limits", "gc", "git", "net", "budget", "log", "monitor", "trust", "wrap"],
    "",
  );
  const model = textAt(root, "model", "");
  if (model !== null) checkModelName(model);
  const entries = recordAt(root.providers ?? {}, "providers");
  refuseUnknown(entries, PROVIDER_NAMES, "providers.");
  const providers = Object.entries(entries).map(([name, entry]) => {
    const fields = recordAt(entry, `providers.${name}`);
    refuseUnknown(fields, ["api_key", "base_url", "context_tokens"], `providers.${name}.`);
    const apiKey = textAt(fields, "api_key", `providers.${name}.`);
    const baseUrl = textAt(fields, "base_url", `providers.${name}.`);
    const contextTokens = countAt(fields, "context_tokens", `providers.${name}.`);
    const settings: ProviderSettings = {
      ...(apiKey === null ? {} : { apiKey }),
      ...(baseUrl === null ? {} : { baseUrl }),
      ...(contextTokens === null ? {} : { contextTokens }),
    };
    return [name, settings] as const;
  });
  const limits = recordAt(root.limits ?? {}, "limits");
  refuseUnknown(limits, ["memory_mb", "disk_mb", "processes"], "limits.");
  const gc = recordAt(root.gc ?? {}, "gc");
  refuseUnknown(gc, ["days", "total_mb"], "gc.");
  const git = recordAt(root.git ?? {}, "git");
  refuseUnknown(git, ["alternates"], "git.");
  const wrap = recordAt(root.wrap ?? {}, "wrap");
  refuseUnknown(wrap, ["providers", "config"], "wrap.");
  const totalMb = countAt(gc, "total_mb", "gc.");
  return {
    model,
    providers: Object.fromEntries(providers),
    limits: {
      memoryMb: memoryAt(limits),
      diskMb: countAt(limits, "disk_mb", "limits."),
      processes: countAt(limits, "processes", "limits."),
    },
    gc: {
      days: countAt(gc, "days", "gc.") ?? GC_DEFAULT.days,
      bytes: totalMb === null ? GC_DEFAULT.bytes : totalMb * 2 ** 20,
    },
    git: { alternates: foldersAt(git, "alternates", "git.") },
    net: parseNet(root.net),
    budget: parseBudget(root.budget),
    trust: parseForge(root.trust),
    log: parseLog(root.log),
    monitor: parseMonitor(root.monitor),
    wrap: {
      providers: textsAt(wrap, "providers", (name) => PROVIDER_NAMES.includes(name), `of ${PROVIDER_NAMES.join(", ")}`),
      config: textsAt(wrap, "config", (path) => path !== "", "of paths of your home: [.codex/config.toml]"),
    },
  };
}

/** Where the state folder is, or would be: `$XDG_STATE_HOME/ringfence`. */
export function statePath(environment: Environment): string {
  return folderOf(environment, "XDG_STATE_HOME", ".local/state");
}

/** Finds or makes the state folder, for this user alone. */
export function stateFolder(environment: Environment): string {
  const folder = statePath(environment);
  try {
    makeFolders(folder);
  } catch (error) {
    throw new UsageError(
      `the state folder ${folder} cannot be made (${codeOf(error)}): set XDG_STATE_HOME to a folder that you may write`,
    );
  }
  const unfit = unfitState(folder);
  if (unfit !== null) throw new UsageError(`the state folder ${folder} ${unfit}`);
  makeFolders(join(folder, "sessions"));
  return realpathSync(folder);
}

/** Finds the package that this code belongs to, from the address of a module at the top of `src` or of the bundle. */
export function readPackage(moduleUrl: string): {
  readonly packageRoot: string;
  readonly version: string;
  readonly build: string;
} {
  const packageRoot = fileURLToPath(new URL("..", moduleUrl));
  const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string };
  return { packageRoot, version, build: readBuild(packageRoot) };
}

// `npm run build` writes the digest of what it built. To digest all of a source checkout takes longer than a session to start.
function readBuild(packageRoot: string): string {
  const read = (name: string) => readFileSync(join(packageRoot, name), "utf8").trim();
  try {
    return `sha256 ${read("dist/build.sha256")}`;
  } catch {
    // It is none.
  }
  try {
    const head = read(".git/HEAD");
    return `source ${head.startsWith("ref: ") ? read(join(".git", head.slice("ref: ".length))) : head}`;
  } catch {
    return "source";
  }
}

/** Finds ripgrep's binary in the installed package, as Node looks for one: upward from this package, never from the checkout. */
export function findRipgrep(packageRoot: string): string {
  const name = `ripgrep-${process.platform}-${process.arch}`;
  for (let folder = resolve(packageRoot); ; folder = dirname(folder)) {
    for (const beside of ["", "@vscode/ripgrep/node_modules"]) {
      const path = join(folder, "node_modules", beside, "@vscode", name, "bin/rg");
      if (existsSync(path)) return realpathSync(path);
    }
    if (folder === dirname(folder)) break;
  }
  throw new UsageError(
    `@vscode/${name} is not installed beside ${packageRoot}: run npm install without --omit=optional`,
  );
}

function folderOf(environment: Environment, variable: string, fallback: string): string {
  const set = environment[variable];
  const home = environment.HOME?.startsWith("/") ? environment.HOME : homedir();
  return join(set?.startsWith("/") ? set : join(home, fallback), "ringfence");
}

function textAt(record: Record<string, unknown>, key: string, where: string): string | null {
  const value = record[key];
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") throw new Error(`"${where}${key}" must be text`);
  return value;
}

function foldersAt(record: Record<string, unknown>, key: string, where: string): string[] {
  const value = record[key];
  if (value === undefined || value === null) return [];
  const isList = Array.isArray(value) && value.every((path) => typeof path === "string" && path.startsWith("/"));
  if (!isList) throw new Error(`"${where}${key}" must be a list of folders, each from the root: [/srv/objects]`);
  return value as string[];
}

function textsAt(wrap: Record<string, unknown>, key: string, isFit: (text: string) => boolean, what: string): string[] {
  const value = wrap[key];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((text) => typeof text === "string" && isFit(text)))
    throw new Error(`"wrap.${key}" must be a list ${what}`);
  return value as string[];
}

function memoryAt(limits: Record<string, unknown>): number | null {
  const value = countAt(limits, "memory_mb", "limits.");
  if (value !== null && value < MEMORY_MB_MIN)
    throw new Error(`"limits.memory_mb" must be at least ${MEMORY_MB_MIN}: with less the box itself cannot start`);
  return value;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

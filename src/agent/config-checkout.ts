import { accessSync, constants, lstatSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "./config.ts";

/** The folder that the agent works on. */
export interface Checkout {
  /** Absolute, without links. */
  readonly path: string;
  /** Where the person stands in it: "" or ending in "/". */
  readonly below: string;
}

/**
 * Finds the checkout that a folder belongs to: the nearest folder above that has a `.git`, else the folder itself.
 *
 * Only asks whether names exist; nothing of the checkout is opened here.
 */
export function findCheckout(folder: string): Checkout {
  const start = realFolder(folder);
  for (let path = start; ; path = dirname(path)) {
    if (lstatSync(join(path, ".git"), { throwIfNoEntry: false })) {
      const below = relative(path, start);
      return { path, below: below === "" ? "" : `${below}/` };
    }
    if (path === dirname(path)) return { path: start, below: "" };
  }
}

/** Refuses a checkout that holds what must stay outside: the home, the state folder, or everything. */
export function refuseUnfit(checkout: Checkout, home: string, state: string): void {
  const { path } = checkout;
  const mustBeOutside = [
    { what: "your home folder", folder: home },
    { what: "the state folder", folder: state },
  ];
  if (path === "/") throw new UsageError("the whole file system cannot be a checkout: change into a project folder");
  for (const { what, folder } of mustBeOutside) {
    if (path === folder || folder.startsWith(`${path}/`)) {
      throw new UsageError(
        `${path} is or contains ${what}, which the box must hide: change into a project folder below it`,
      );
    }
  }
  for (const folder of [state, "/usr", "/etc", "/proc", "/sys", "/dev", "/boot"]) {
    if (path === folder || path.startsWith(`${folder}/`))
      throw new UsageError(`${path} lies in ${folder}, which cannot be worked on: use a project folder`);
  }
}

/** Folders that may hold instructions, from the root down to where the person stands. */
export function instructionFolders(checkout: Checkout): string[] {
  const folders = [""];
  for (const name of checkout.below.split("/").filter((part) => part !== "")) folders.push(`${folders.at(-1)}${name}/`);
  return folders;
}

/**
 * Started by root in somebody's checkout, becomes that person: the landed files are theirs, and root's files are not.
 *
 * Returns the environment to go on with. Does nothing for an ordinary user or in root's own checkout.
 */
export function becomeOwner(folder: string, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (process.getuid?.() !== 0 || !process.setuid || !process.setgid || !process.setgroups) return environment;
  const { uid, gid } = statSync(findCheckout(folder).path);
  if (uid === 0) return environment;
  const owner = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find((fields) => Number(fields[2]) === uid);
  process.setgroups([]);
  process.setgid(gid);
  process.setuid(uid);
  const name = owner?.[0] ?? `uid-${uid}`;
  refuseHidden(name);
  const home = owner?.[5] ?? `/nonexistent`;
  // Root's own folders are not this person's; a state folder named on purpose stays.
  const { XDG_CONFIG_HOME: _config, XDG_CACHE_HOME: _cache, ...rest } = environment;
  return { ...rest, HOME: home, USER: name, LOGNAME: name };
}

// A program in root's own home would fail later, at the first part of it that is loaded on demand.
function refuseHidden(name: string): void {
  const file = fileURLToPath(import.meta.url);
  try {
    accessSync(file, constants.R_OK);
  } catch {
    throw new UsageError(
      `the checkout belongs to ${name}, who cannot read this program (${file}): install it where ${name} can, e.g. under /usr/local`,
    );
  }
}

function realFolder(folder: string): string {
  try {
    if (!statSync(folder).isDirectory()) throw new UsageError(`${folder} is not a folder`);
    accessSync(folder, constants.R_OK | constants.X_OK);
    return realpathSync(folder);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `${folder} cannot be opened (${error instanceof Error && "code" in error ? String(error.code) : String(error)})`,
    );
  }
}

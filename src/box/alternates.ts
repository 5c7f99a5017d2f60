import { join, resolve } from "node:path";
import type { Programs } from "./programs.ts";
import { isDirect, look, readSmall } from "./repository.ts";
import { isWithin } from "./toolchains.ts";

export interface AlternatesPlan {
  readonly checkout: string;
  /** The git folder of the checkout: its own `.git`, or the one outside. */
  readonly git: string;
  /** Folders of objects that the person listed in their own configuration. */
  readonly allowed: readonly string[];
  readonly programs: Programs;
}

export interface FoundAlternates {
  /** To be shown read-only, at their own paths. */
  readonly folders: readonly string[];
  readonly notes: readonly string[];
}

const FILE = "info/alternates";
const FOLDERS_MAX = 10;

/**
 * Finds the folders of objects that a repository borrows from and that the person listed.
 *
 * The list in the repository is a stranger's: an archive can name a private repository's objects. Without such a list it
 * costs one question for a name.
 */
export async function findAlternates(plan: AlternatesPlan): Promise<FoundAlternates> {
  const allowed = new Set(plan.allowed.map((path) => resolve(path)));
  const open = [join(plan.git, "objects")];
  const found = { folders: [] as string[], notes: [] as string[] };
  for (let objects = open.shift(); objects !== undefined; objects = open.shift()) {
    if (look(join(objects, FILE)) === null) continue;
    const [text] = (await readSmall(plan, objects, [FILE])).files;
    const named = (text ?? "").split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    for (const line of named.slice(0, FOLDERS_MAX)) {
      const path = resolve(objects, line);
      if (found.folders.includes(path) || [plan.checkout, plan.git].some((place) => isWithin(path, place))) continue;
      const problem = found.folders.length >= FOLDERS_MAX ? "is one too many" : problemOf(path, allowed);
      if (problem !== null) found.notes.push(`the repository borrows objects from ${path}, which ${problem}`);
      else {
        found.folders.push(path);
        open.push(path);
      }
    }
  }
  return { folders: found.folders, notes: found.notes.slice(0, FOLDERS_MAX) };
}

function problemOf(path: string, allowed: ReadonlySet<string>): string | null {
  if (!allowed.has(path))
    return "the box does not show: if it is yours, and what it holds may be seen, list it under git.alternates in config.yaml";
  const stat = look(path);
  if (stat === null) return "does not exist";
  if (!isDirect(path)) return "lies behind a link: list and name the folder itself";
  return stat.isDirectory() ? null : "is no folder";
}

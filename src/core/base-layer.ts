import type { Change } from "./changes.ts";
import type { ChangeClass } from "./classify.ts";
import { isGitPath, pathProblem } from "./classify-path.ts";
import { secretKind } from "./secretfiles.ts";

/** `dependencies` are folders that a package manager fills from a lockfile; the rest is build output, caches and logs. */
export type UnitKind = "dependencies" | "other";

/** An ignored folder or file that is kept, shown and dropped as one: the outermost that git ignores. */
export interface Unit {
  readonly path: string;
  readonly kind: UnitKind;
}

/** A unit of the base layer, with what it was made beside. */
export interface KeptUnit extends Unit {
  /** Milliseconds since 1970: the person's own copy had not changed since, when the session took it over. */
  readonly since: number;
  /** Whether the checkout had a copy of its own. */
  readonly existed: boolean;
  /** What the lockfiles may be: the person's, and the box's where it changed them. Empty for what has no lockfile. */
  readonly locks: readonly string[];
}

/** What the checkout looks like where a unit lies. */
export interface UnitLook {
  /** Every folder above is a folder of the checkout, not a link or a file. */
  readonly hasPlace: boolean;
  readonly isIgnored: boolean;
  readonly exists: boolean;
  /** When the person's own copy changed last, in milliseconds since 1970; 0 without one. */
  readonly changedAt: number;
  /** Names and hashes of the nearest lockfiles; empty without any. */
  readonly lock: string;
}

/** What of a layer goes into the base layer. A held file is copied, since it also waits in the layer for its approval. */
export interface Taken {
  readonly path: string;
  readonly unit: string;
  readonly how: "move" | "copy";
}

const PYTHON = "poetry.lock uv.lock pdm.lock Pipfile.lock requirements*.txt";
const NODE = "package-lock.json npm-shrinkwrap.json pnpm-lock.yaml yarn.lock bun.lock bun.lockb";
/** Folders that a package manager fills, and the lockfiles that say with what; a star stands for any characters. */
const LOCKFILES: ReadonlyMap<string, string> = new Map([
  ["node_modules", NODE],
  ["bower_components", NODE],
  [".venv", PYTHON],
  ["venv", PYTHON],
  [".tox", PYTHON],
  [".nox", PYTHON],
  ["__pypackages__", PYTHON],
  ["target", "Cargo.lock"],
  ["vendor", "go.sum composer.lock Gemfile.lock Cargo.lock"],
  ["Pods", "Podfile.lock"],
]);
/** The masks pass these over too, since what packages bring along is nobody's secret. */
const WITHOUT_SECRETS = /(?:^|\/)(?:node_modules|\.venv|venv|__pycache__|\.tox|\.hg|\.svn)\//u;
export const UNITS_MAX = 20_000;

/** Makes the unit of a path that git ignores: an ignored folder with all that is in it, or a single file. */
export function unitAt(path: string): Unit {
  return { path, kind: LOCKFILES.has(nameOf(path)) ? "dependencies" : "other" };
}

/** Names the lockfiles that belong to a unit; none for what no package manager fills. */
export function lockfilesOf({ path }: Unit): readonly string[] {
  return LOCKFILES.get(nameOf(path))?.split(" ") ?? [];
}

/** Lists every folder above the paths once, the outer before the inner. */
export function foldersAbove(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of paths) for (const { index } of path.matchAll(/\//g)) folders.add(path.slice(0, index));
  return [...folders].sort((a, b) => a.length - b.length);
}

/**
 * Chooses what of a layer goes into the base layer: what the checkout's own rules ignore, and nothing that may be a
 * secret or lies in a repository's data.
 *
 * What is held for its class waits in the layer; in a dependency folder it is copied as well, because half of such a
 * folder is of no use. `isIgnored` says what git ignores, files and folders.
 */
export function chooseTaken(
  changes: readonly { readonly change: Change; readonly cls: ChangeClass }[],
  isIgnored: (path: string) => boolean,
  masked: ReadonlySet<string>,
): Taken[] {
  return changes.flatMap(({ change, cls }): Taken[] => {
    const { path, action, type } = change;
    if (action === "delete" || type === "other" || !isIgnored(path) || masked.has(path)) return [];
    if (isGitPath(path) || pathProblem(path) !== null || mayBeSecret(path)) return [];
    const unit = unitAt(outermostIgnored(path, isIgnored));
    if (cls === "ignored") return [{ path, unit: unit.path, how: "move" }];
    return unit.kind === "dependencies" ? [{ path, unit: unit.path, how: "copy" }] : [];
  });
}

/** Finds the outermost folder above a path that git ignores, or the path itself. */
export function outermostIgnored(path: string, isIgnored: (path: string) => boolean): string {
  return foldersAbove([path]).find(isIgnored) ?? path;
}

/** Says why a unit of the base layer is not to be shown beside this checkout; null when it is. */
export function whyStale(unit: KeptUnit, look: UnitLook): string | null {
  if (!look.hasPlace) return "the folder that it lay in is gone";
  if (!look.isIgnored) return "git does not ignore it any more";
  if (look.exists && !unit.existed) return "you have one of your own now";
  if (!look.exists && unit.existed) return "you removed yours";
  if (look.exists && look.changedAt > unit.since) return "you changed yours";
  if (unit.kind === "dependencies" && !unit.locks.includes(look.lock)) return "your lockfile is another one now";
  return null;
}

/** Names that a folder of dependencies has. */
export const DEPENDENCY_NAMES: readonly string[] = [...LOCKFILES.keys()];

/** What is known beside a look while a session goes on. */
export interface LiveLook extends UnitLook {
  /** When one of the person's lockfiles changed last, in milliseconds since 1970. */
  readonly lockChangedAt: number;
  /** As `lock`, with the box's lockfiles in place of those that it changed; it differs then, unless it landed. */
  readonly lockInBox: string;
  readonly isLockOfBox: boolean;
}

/**
 * Says why what the box has of a unit does not belong beside the checkout any more: the person changed their copy or the
 * lockfile since. Null when it does.
 */
export function whyOutdated(unit: Unit, look: LiveLook, since: number): string | null {
  if (!look.isIgnored) return null;
  if (look.exists && look.changedAt > since) return "you changed yours";
  const hasLanded = look.isLockOfBox && look.lockInBox === look.lock;
  return unit.kind === "dependencies" && look.lockChangedAt > since && !hasLanded ? "you changed the lockfile" : null;
}

function mayBeSecret(path: string): boolean {
  return !WITHOUT_SECRETS.test(path) && secretKind(path) !== null;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The folder of one session in the state folder. */
export interface SessionFolder {
  readonly id: string;
  readonly path: string;
}

/** What later commands (`diff`, `land`) must know of a session. */
export interface SessionFacts {
  readonly id: string;
  readonly checkout: string;
  /** Milliseconds since 1970, before the view was mounted: what the person changed later is newer. */
  readonly startedAt: number;
  /** Paths that the view shows masked; they never land. */
  readonly masked: readonly string[];
  /** Parts of the base layer that it showed, as folders of the state folder. Absent in what an older version left. */
  readonly parts?: readonly string[];
}

/** Makes a session's folder, for this user alone. */
export function makeSessionFolder(state: string, startedAt: number): SessionFolder {
  const stamp = new Date(startedAt).toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  const id = `${stamp}-${randomBytes(4).toString("hex")}`;
  const path = join(state, "sessions", id);
  for (const name of ["", "root", "layer", "layer/upper", "layer/work", "mask", "home", "ctl"]) {
    mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
  }
  return { id, path };
}

/**
 * Removes the folder of a session in which no command could run, and says whether it did.
 *
 * One whose layer holds anything stays: only a sandbox takes apart what commands made.
 */
export function removeUnused(path: string): boolean {
  if (readdirSync(join(path, "layer/upper")).length > 0) return false;
  // The kernel shuts an overlay's own folders to everybody.
  const work = join(path, "layer/work");
  for (const name of readdirSync(work)) chmodSync(join(work, name), 0o700);
  rmSync(path, { recursive: true, force: true });
  return true;
}

/** Gives the layer and the masks the checkout's own mode, since the view's root takes it from them. */
export function copyRootMode(folder: SessionFolder, checkout: string): void {
  const mode = lstatSync(checkout).mode & 0o777;
  for (const name of ["layer/upper", "mask"]) chmodSync(join(folder.path, name), mode);
}

export function writeFacts(folder: SessionFolder, facts: SessionFacts): void {
  writeFileSync(join(folder.path, "session.json"), JSON.stringify(facts), { mode: 0o600 });
}

/** Reads the facts of a session; throws when the folder is none of ours. */
export function readFacts(path: string): SessionFacts {
  return JSON.parse(readFileSync(join(path, "session.json"), "utf8")) as SessionFacts;
}

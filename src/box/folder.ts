import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Placeholder } from "../core/placeholders.ts";
import type { Rule } from "../core/policy-rules.ts";
import { LAYER_FOLDERS } from "./layers.ts";
import type { Repository } from "./repository.ts";

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
  /** What stands in the box for the person's credentials: whatever holds one never lands. Absent for none. */
  readonly placeholders?: readonly Placeholder[];
  /** The git folder outside the checkout that the view shows; null when there is none. */
  readonly repository: Repository | null;
  /** Folders of objects that the person listed and the repository borrows from. */
  readonly alternates: readonly string[];
  /** Set while the view stands on a branch of its own: its files never land in the checkout, only its commits do. */
  readonly branch?: BranchFacts;
  /** What the person calls it. Absent for nothing. */
  readonly name?: string;
  /** When it was forked from another session, whose start is its own. Absent for one that was not. */
  readonly forkedAt?: number;
  /** What the session's policy says of landing. Absent for nothing. */
  readonly landing?: readonly Rule[];
  /** Files of rules that the person named for this session. Absent for none. */
  readonly policies?: readonly string[];
  /** Commits of the box that landed with the person's signature, and so under other ids. */
  readonly signed?: readonly string[];
  /** Parts of the base layer that it showed, as folders of the state folder. Absent in what an older version left. */
  readonly parts?: readonly string[];
}

export interface BranchFacts {
  readonly name: string;
  /** The commit that the view began with. */
  readonly from: string;
}

const FOLDERS = ["", "root", ...LAYER_FOLDERS, "mask", "mask-git", "bases", "git-state", "home", "trust", "ctl"];

/** Makes a session's folder, for this user alone. */
export function makeSessionFolder(state: string, startedAt: number): SessionFolder {
  const stamp = new Date(startedAt).toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  const id = `${stamp}-${randomBytes(4).toString("hex")}`;
  const path = join(state, "sessions", id);
  makeFolders(path);
  return { id, path };
}

/** Makes what a session's folder lacks. */
export function makeFolders(path: string): void {
  for (const name of FOLDERS) mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
}

/**
 * Removes the folder of a session in which no command could run, and says whether it did.
 *
 * One whose layer holds anything stays: only a sandbox takes apart what commands made.
 */
export function removeUnused(path: string): boolean {
  for (const name of ["layer/upper", "layer/git-upper"]) if (readdirSync(join(path, name)).length > 0) return false;
  // The kernel shuts an overlay's own folders to everybody.
  for (const work of [join(path, "layer/work"), join(path, "layer/git-work")])
    for (const name of readdirSync(work)) chmodSync(join(work, name), 0o700);
  rmSync(path, { recursive: true, force: true });
  return true;
}

/** Gives a layer and its masks the mode of the folder below them, since the view's root takes it from them. */
export function copyRootMode(folder: SessionFolder, lower: string, names = ["layer/upper", "mask"]): void {
  const mode = lstatSync(lower).mode & 0o777;
  for (const name of names) chmodSync(join(folder.path, name), mode);
}

export function writeFacts(folder: Pick<SessionFolder, "path">, facts: SessionFacts): void {
  const file = join(folder.path, "session.json");
  // Whole or not at all, whatever the disk does: every later command reads it.
  writeFileSync(`${file}.new`, JSON.stringify(facts), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Reads the facts of a session; throws when the folder is none of ours. */
export function readFacts(path: string): SessionFacts {
  const facts = JSON.parse(readFileSync(join(path, "session.json"), "utf8")) as SessionFacts;
  // What is absent shows nothing and grants nothing.
  return { ...facts, repository: facts.repository ?? null, alternates: facts.alternates ?? [] };
}

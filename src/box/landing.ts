import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChangeType } from "../core/changes.ts";
import { parseJson, recordOf } from "../core/json.ts";
import type { Step } from "./lander.ts";

/** One landing of a session, kept so that it can be undone. The files themselves lie in the stage: `a` before, `b` after. */
export interface Landing {
  /** Counts the landings of the session, from 1. */
  readonly number: number;
  /** Milliseconds since 1970, before the first file was touched. */
  readonly at: number;
  /** Name of the staging folder in the session's folder. */
  readonly stage: string;
  /** What is landed and not undone. */
  readonly changes: readonly LandedChange[];
  /** Changes that this landing left in the layer, without those that git ignores. */
  readonly left: number;
  /** An undo of it came to its end; what it had to leave alone is still in `changes`. */
  readonly isUndone: boolean;
}

/** What stood at a path before the landing, and what the landing wrote; null is nothing. */
export interface LandedChange {
  readonly path: string;
  readonly before: Version | null;
  readonly after: Version | null;
}

export interface Version {
  readonly type: ChangeType;
  readonly mode: number;
  /** SHA-256, hex, of the content or of a link's target; null for a folder. */
  readonly hash: string | null;
  /** Time of the last change to the content, in nanoseconds since 1970; null where nobody looked. */
  readonly mtime: string | null;
}

/** A landing or an undo that is under way, or broke off: written before the first file is touched. */
export interface Pending {
  readonly what: "land" | "undo";
  readonly number: number;
  readonly at: number;
  readonly stage: string;
  readonly steps: readonly Step[];
  /** Changes of the session when it was collected, without those that git ignores. */
  readonly changes: number;
}

/** What was left of a session when something of it had landed. */
export interface Rest {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Changes of files, without those that git ignores. */
  readonly changes: number;
  /** Commits that are not in the person's repository, or of which that is not known. */
  readonly hasCommits: boolean;
  /** Branches that landings moved or made, oldest first. */
  readonly moves: readonly LandedMove[];
}

export interface LandedMove {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly branch: string;
  /** Where it was; null when it is new. */
  readonly oldId: string | null;
  readonly newId: string;
}

/** A move that is under way, or broke off. */
export interface Moving extends Omit<LandedMove, "at"> {
  /** Ids that commits had in the box before they were signed for it. */
  readonly unsigned: readonly string[];
}

const FOLDER = "landings";
const PENDING = "landing.json";
const REST = "rest.json";
const MOVING = "landing-commits";

/** Names of what a discarded session keeps, so that its landings can still be undone. */
export function namesOfLandings(sessionPath: string): string[] {
  return [FOLDER, ...listLandings(sessionPath).map(({ stage }) => stage)];
}

/** Lists the landings of a session, oldest first. */
export function listLandings(sessionPath: string): Landing[] {
  const folder = join(sessionPath, FOLDER);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /^\d+\.json$/.test(name));
  const landings = names.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Landing);
  return landings.sort((a, b) => a.number - b.number);
}

export function writeLanding(sessionPath: string, landing: Landing): void {
  mkdirSync(join(sessionPath, FOLDER), { recursive: true, mode: 0o700 });
  writeWhole(join(sessionPath, FOLDER, `${landing.number}.json`), landing);
}

/** Names a landing by everything that an undo of it depends on. */
export function digestOfLanding({ number, stage, changes }: Landing): string {
  return createHash("sha256")
    .update(JSON.stringify([number, stage, changes]))
    .digest("hex");
}

/** Reads what is under way; null when nothing is. */
export function readPending(sessionPath: string): Pending | null {
  const file = join(sessionPath, PENDING);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Pending) : null;
}

export function writePending(sessionPath: string, pending: Pending): void {
  if (readPending(sessionPath) !== null) throw new Error("bug: a landing on top of one that broke off");
  rmSync(journalOf(sessionPath), { force: true });
  writeWhole(join(sessionPath, PENDING), pending);
  writeFileSync(journalOf(sessionPath), "", { flag: "wx", mode: 0o600 });
}

/** Ends a landing or an undo: what came of it is recorded, so nothing has to be put right any more. */
export function endPending(sessionPath: string): void {
  rmSync(join(sessionPath, PENDING), { force: true });
  rmSync(journalOf(sessionPath), { force: true });
}

/**
 * Reads the move that a landing of commits is at, or was when it broke off; null when none is. "lost" where one is and its
 * file is of another form: the record knows which.
 */
export function readMoving(sessionPath: string): Moving | "lost" | null {
  const file = join(sessionPath, MOVING);
  if (!existsSync(file)) return null;
  const moving = parseJson(readFileSync(file, "utf8"));
  const { branch, newId, unsigned } = recordOf(moving);
  const isWhole = typeof branch === "string" && typeof newId === "string" && Array.isArray(unsigned);
  return isWhole ? (moving as unknown as Moving) : "lost";
}

/** Written before the person's repository is locked. */
export function beginMove(sessionPath: string, moving: Moving): void {
  writeWhole(join(sessionPath, MOVING), moving);
}

/** Ends a landing of commits: what came of it is recorded. */
export function endMove(sessionPath: string): void {
  rmSync(join(sessionPath, MOVING), { force: true });
}

/** The journal of the lander: it names what was begun and what was done. */
export function journalOf(sessionPath: string): string {
  return join(sessionPath, "landing.journal");
}

/** Reads what was left when something landed last; null when that was never looked at. */
export function readRest(sessionPath: string): Rest | null {
  const file = join(sessionPath, REST);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Rest) : null;
}

/** Keeps what is left, beside the moves of earlier landings. */
export function writeRest(sessionPath: string, { changes, hasCommits }: Pick<Rest, "changes" | "hasCommits">): void {
  const moves = readRest(sessionPath)?.moves ?? [];
  writeWhole(join(sessionPath, REST), { at: Date.now(), changes, hasCommits, moves } satisfies Rest);
}

/** Adds a move to those of earlier landings, once however often that is done. What is left the landing tells at its end. */
export function keepMove(sessionPath: string, { branch, oldId, newId }: Moving): void {
  const at = Date.now();
  const rest = readRest(sessionPath) ?? { at, changes: 1, hasCommits: true, moves: [] };
  const earlier = rest.moves.filter((one) => one.branch !== branch || one.newId !== newId);
  const moves = [...earlier, { at, branch, oldId, newId }];
  writeWhole(join(sessionPath, REST), { ...rest, moves } satisfies Rest);
}

function writeWhole(file: string, value: object): void {
  // An empty one, left by a power loss, would stand before every later command.
  writeFileSync(`${file}.new`, JSON.stringify(value), { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type FileLabels, type LabelledFile, NO_FILES, written } from "../core/file-labels.ts";
import { fileLabelsJson, parseFileLabels } from "../core/file-labels-record.ts";
import { addressOfTracked, isSameRepository, type Remote, trackedOf } from "../core/git-remote.ts";
import { HIGHEST, type Label } from "../core/label.ts";
import { noTrust, parseTrust, type Trust } from "../core/trust.ts";
import { UsageError } from "./config.ts";

const RECORD_BYTES_MAX = 4 << 20;
const LABELS_BYTES_MAX = 64 << 20;
/** What is kept of an approved content, to show what changed since. */
const KEPT_BYTES_MAX = 256 << 10;

/** Reads what the person said of a checkout; null where they said nothing, which costs one question for a name. */
export function readTrust(state: string, checkout: string): Trust | null {
  const file = fileOf(state, checkout);
  const bytes = readOwn(file, RECORD_BYTES_MAX);
  if (bytes === null) return null;
  try {
    const trust = parseTrust(JSON.parse(bytes.toString("utf8")));
    if (trust.checkout !== checkout) throw new Error("it is of another checkout");
    return trust;
  } catch (error) {
    throw new UsageError(
      `${file} cannot be believed: ${error instanceof Error ? error.message : error}; remove it, and approve anew`,
    );
  }
}

/** Says what of a record counts for a checkout that is fetched from somewhere. */
export function trustAt(
  said: Trust | null,
  checkout: string,
  remote: Remote | null,
): { readonly trust: Trust; readonly void: Trust | null } {
  const tracked = trackedOf(remote?.url ?? null);
  const address = tracked === null ? (remote?.written ?? "") : addressOfTracked(tracked);
  if (said !== null && isOneRemote(said.remote, address)) return { trust: said, void: null };
  return { trust: noTrust(checkout, address), void: said };
}

function isOneRemote(one: string, other: string): boolean {
  const [a, b] = [trackedOf(one), trackedOf(other)];
  return a === null || b === null ? one === other : isSameRepository(a, b);
}

/** Finds what counts of what the person said of a checkout; null where they said nothing, and then nothing else is looked at. */
export async function findTrust(
  state: string,
  checkout: string,
  remote: () => Promise<Remote | null>,
): Promise<Trust | null> {
  const said = readTrust(state, checkout);
  return said && trustAt(said, checkout, await remote()).trust;
}

/** Writes what the person said of a checkout, whole or not at all. */
export function writeTrust(state: string, trust: Trust): void {
  writeWhole(state, fileOf(state, trust.checkout), Buffer.from(`${JSON.stringify(trust)}\n`));
}

/** Reads what is known of the files that earlier sessions of a checkout wrote. */
export function readFileLabels(state: string, checkout: string): FileLabels {
  const file = labelsOf(state, checkout);
  const bytes = readOwn(file, LABELS_BYTES_MAX);
  try {
    return bytes === null ? NO_FILES : parseFileLabels(JSON.parse(bytes.toString("utf8")));
  } catch {
    // Whatever it said counts for every file.
    return { ...NO_FILES, rest: HIGHEST };
  }
}

/**
 * Notes what a session wrote that comes into the checkout, by path and content, so that a later one knows whose it is.
 * Where the person trusts nothing of the repository, everything counts as a stranger's anyway.
 */
export function noteWritten(
  state: string,
  checkout: string,
  files: readonly LabelledFile[],
  writer: () => Label,
): void {
  if (files.length === 0 || readTrust(state, checkout) === null) return;
  const labels = written(readFileLabels(state, checkout), files, writer());
  writeWhole(state, labelsOf(state, checkout), Buffer.from(`${JSON.stringify(fileLabelsJson(labels))}\n`));
}

/** Keeps an approved content, up to a size. */
export function keepContent(state: string, hash: string, content: Uint8Array): void {
  if (content.length <= KEPT_BYTES_MAX) writeWhole(state, join(folderOf(state), `content-${hash}`), content);
}

/** Finds an approved content that was kept; null where it was not. */
export function keptContent(state: string, hash: string): Buffer | null {
  const bytes = readOwn(join(folderOf(state), `content-${hash}`), KEPT_BYTES_MAX);
  return bytes !== null && createHash("sha256").update(bytes).digest("hex") === hash ? bytes : null;
}

function labelsOf(state: string, checkout: string): string {
  return `${fileOf(state, checkout).slice(0, -".json".length)}-labels.json`;
}

function folderOf(state: string): string {
  return join(state, "trust");
}

function fileOf(state: string, checkout: string): string {
  return join(folderOf(state), `${createHash("sha256").update(checkout).digest("hex")}.json`);
}

// A link, or what others may write, is none that the person made.
function readOwn(file: string, bytesMax: number): Buffer | null {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT") return null;
    throw new UsageError(`${file} cannot be read (${code}): remove it, and approve anew`);
  }
  try {
    const stat = fstatSync(fd);
    const isOwn = stat.isFile() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
    if (!isOwn || stat.size > bytesMax)
      throw new UsageError(`${file} is no file of your own that nobody else may write: remove it, and approve anew`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeWhole(state: string, file: string, content: Uint8Array): void {
  const folder = folderOf(state);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!lstatSync(folder).isDirectory()) throw new UsageError(`${folder} is no folder: remove it`);
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  const fd = openSync(draft, "wx", 0o600);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
}

import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { type FileLabels, type LabelledFile, merged, NO_FILES, written } from "../core/file-labels.ts";
import { fileLabelsJson, parseFileLabels } from "../core/file-labels-record.ts";
import { addressOfTracked, isSameRepository, type Remote, trackedOf } from "../core/git-remote.ts";
import { HIGHEST, type Label } from "../core/label.ts";
import { inFolder, noTrust, parseTrust, type Trust } from "../core/trust.ts";
import { UsageError } from "./config.ts";

const RECORD_BYTES_MAX = 4 << 20;
const LABELS_BYTES_MAX = 64 << 20;
const NOTES_MAX = 50;
const TRIES_MAX = 5;
/** Whatever such a note said counts for every file. */
const UNREADABLE: FileLabels = { ...NO_FILES, rest: HIGHEST };
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
  if (said !== null && isOneRemote(said.remote, address))
    return { trust: inFolder(said, said.remote === "" ? folderId(checkout) : ""), void: null };
  return { trust: noTrust(checkout, address), void: said };
}

/** Tells a checkout's git folder, or itself where it has none, from any other that is ever made there; "" where nothing does. */
export function folderId(checkout: string): string {
  const options = { bigint: true, throwIfNoEntry: false } as const;
  const stat = lstatSync(join(checkout, ".git"), options) ?? lstatSync(checkout, options);
  // A number is given again once its folder is gone; only with its time of birth does it say which one it was.
  return stat === undefined || stat.birthtimeNs <= 0n ? "" : `${stat.ino}-${stat.birthtimeNs}`;
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
  return fileLabelsReader(state, checkout)();
}

/**
 * Makes a reader of the same that is asked often. Its answer is another object once a session has noted something: a note
 * never changes, so their names tell.
 */
export function fileLabelsReader(state: string, checkout: string): () => FileLabels {
  let known: { readonly names: string; readonly labels: FileLabels } | null = null;
  return () => {
    for (let tried = 0; tried < TRIES_MAX; tried += 1) {
      const files = notesOf(state, checkout);
      const names = files.join("\0");
      if (known?.names === names) return known.labels;
      const notes = files.map(readNote);
      // Of many notes another session may be making one just now.
      if (notes.some((note) => note === null)) continue;
      known = { names, labels: notes.reduce<FileLabels>((all, note) => merged(all, note ?? UNREADABLE), NO_FILES) };
      return known.labels;
    }
    return UNREADABLE;
  };
}

/**
 * Notes what a session wrote that comes into the checkout, by path and content, so that a later one knows whose it is.
 * Where the person trusts nothing of the repository, everything counts as a stranger's anyway; then it says false.
 */
export function noteWritten(
  state: string,
  checkout: string,
  files: readonly LabelledFile[],
  writer: () => Label,
): boolean {
  if (readTrust(state, checkout) === null) return false;
  noteFiles(state, checkout, files, writer);
  return true;
}

/** Notes whose files are, whether anything of the repository is trusted yet or not. */
export function noteFiles(state: string, checkout: string, files: readonly LabelledFile[], writer: () => Label): void {
  if (files.length === 0) return;
  // A file for each, since two sessions may end at once; of many one is made.
  const old = notesOf(state, checkout);
  const isMany = old.length >= NOTES_MAX;
  const known = isMany ? old.map((file) => readNote(file) ?? NO_FILES).reduce(merged, NO_FILES) : NO_FILES;
  const note = Buffer.from(`${JSON.stringify(fileLabelsJson(written(known, files, writer())))}\n`);
  writeWhole(state, `${noteName(state, checkout)}${randomBytes(6).toString("hex")}.json`, note);
  if (isMany) for (const file of old) rmSync(file, { force: true });
}

function readNote(file: string): FileLabels | null {
  const bytes = readOwn(file, LABELS_BYTES_MAX);
  try {
    return bytes === null ? null : parseFileLabels(JSON.parse(bytes.toString("utf8")));
  } catch {
    return UNREADABLE;
  }
}

function notesOf(state: string, checkout: string): string[] {
  const beginning = basename(noteName(state, checkout));
  const folder = folderOf(state);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.filter((name) => name.startsWith(beginning) && name.endsWith(".json")).map((name) => join(folder, name));
}

function noteName(state: string, checkout: string): string {
  return `${fileOf(state, checkout).slice(0, -".json".length)}-labels-`;
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
  try {
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
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new UsageError(`${folder} cannot be written (${code}): make it a folder that you may write`);
  }
}

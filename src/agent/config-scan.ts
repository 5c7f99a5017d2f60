import { closeSync, constants, createReadStream, fstatSync, opendirSync, openSync, readSync } from "node:fs";
import { UsageError } from "./config.ts";

/** A file of a tree, or why it was not read. */
export type TreeFile =
  | { readonly name: string; readonly state: "read"; readonly bytes: Uint8Array; readonly isCut: boolean }
  | { readonly name: string; readonly state: "binary" | "unread" };

const FILE_BYTES_MAX = 16 << 20;
const DEPTH_MAX = 100;
const FILES_MAX = 1_000_000;
const BINARY_BYTES = 8192;
const SLASH = Buffer.from("/");

/**
 * Reads the files of a tree one after the other, for a person who named it; no session is open on what it reads.
 *
 * Bytes are read and nothing runs. A link is never followed, and of pipes, sockets and devices nothing is opened; git's own
 * folder is passed over. Only the path that was typed may be a link.
 */
export function* readTree(path: string): Generator<TreeFile> {
  const top = Buffer.from(path);
  const kind = openKind(top, 0);
  if (kind === null)
    throw new UsageError(`cannot read ${path}: name a file or a folder that is there and that you may read`);
  if (kind !== "folder") {
    yield read(top, 0);
    return;
  }
  const folders = [{ folder: top, depth: 0 }];
  let left = FILES_MAX;
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const entries = next.depth <= DEPTH_MAX ? entriesOf(next.folder) : null;
    if (entries === null) yield { name: next.folder.toString(), state: "unread" };
    for (const { name, isFolder, isFile } of entries ?? []) {
      const file = Buffer.concat([next.folder, SLASH, name]);
      if (isFolder && name.toString() !== ".git") folders.push({ folder: file, depth: next.depth + 1 });
      if (!isFile) continue;
      left -= 1;
      if (left < 0) throw new UsageError(`${path} has more than ${FILES_MAX} files: scan its parts one by one`);
      yield read(file, constants.O_NOFOLLOW);
    }
  }
}

/** Reads a file that the person named, or standard input, in pieces. */
export function readPieces(path: string, stdin: NodeJS.ReadableStream): AsyncIterable<string | Buffer> {
  if (path === "-") return stdin;
  // A pipe that the shell made (`<(git diff)`) is none of both and reads well.
  try {
    const file = openSync(path, constants.O_RDONLY);
    if (!fstatSync(file).isDirectory()) return createReadStream(path, { fd: file });
    closeSync(file);
  } catch {
    // Told below.
  }
  throw new UsageError(`cannot read ${path}: name a file that is there and that you may read, or - for standard input`);
}

function openKind(path: Buffer, flags: number): "folder" | "file" | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(file);
    return stat.isDirectory() ? "folder" : stat.isFile() ? "file" : null;
  } finally {
    closeSync(file);
  }
}

interface Entry {
  readonly name: Buffer;
  readonly isFolder: boolean;
  readonly isFile: boolean;
}

/** Null for a folder that cannot be listed. */
function entriesOf(folder: Buffer): Entry[] | null {
  const entries: Entry[] = [];
  try {
    const opened = opendirSync(folder as unknown as string, { encoding: "buffer" as BufferEncoding });
    try {
      for (let entry = opened.readSync(); entry !== null; entry = opened.readSync())
        entries.push({ name: Buffer.from(entry.name), isFolder: entry.isDirectory(), isFile: entry.isFile() });
    } finally {
      opened.closeSync();
    }
  } catch {
    return null;
  }
  return entries.sort((a, b) => Buffer.compare(a.name, b.name));
}

function read(path: Buffer, flags: number): TreeFile {
  const name = path.toString();
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  } catch {
    return { name, state: "unread" };
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return { name, state: "unread" };
    const room = Buffer.allocUnsafe(Math.min(stat.size, FILE_BYTES_MAX));
    let length = 0;
    for (let got = -1; length < room.length && got !== 0; length += got)
      got = readSync(file, room, length, room.length - length, null);
    const bytes = room.subarray(0, length);
    if (bytes.subarray(0, BINARY_BYTES).includes(0)) return { name, state: "binary" };
    return { name, state: "read", bytes, isCut: stat.size > FILE_BYTES_MAX };
  } catch {
    return { name, state: "unread" };
  } finally {
    closeSync(file);
  }
}

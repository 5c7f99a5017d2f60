import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { causeOf, LedgerFailure } from "./failure.ts";

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const PIECE_BYTES = 256 * 1024;

const FLAGS = { create: O_RDWR | O_APPEND | O_CREAT | O_EXCL, append: O_RDWR | O_APPEND, read: O_RDONLY } as const;

/** Opens the file of a ledger, never through a link at its path, and returns the descriptor. */
export function openFile(file: string, purpose: keyof typeof FLAGS): number {
  let fd: number;
  try {
    // Without O_NONBLOCK, a FIFO at the path would make a reader wait for ever.
    fd = openSync(file, FLAGS[purpose] | O_NOFOLLOW | O_NONBLOCK, 0o600);
  } catch (thrown) {
    throw new LedgerFailure(`cannot ${purpose === "create" ? "create" : "open"} ledger ${file}: ${causeOf(thrown)}`);
  }
  if (!fstatSync(fd).isFile()) {
    closeSync(fd);
    throw new LedgerFailure(`cannot open ledger ${file}: it is not a regular file`);
  }
  return fd;
}

/** Makes the name of a new file survive a power loss, which syncing the file alone does not. */
export function syncFolderOf(file: string): void {
  const fd = openSync(dirname(file), O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Reads an open file from its beginning, or from `from` on, each piece in memory of its own. */
export function* readPieces(fd: number, from = 0): Generator<Uint8Array> {
  for (let at = from; ; ) {
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    const bytes = readSync(fd, piece, 0, PIECE_BYTES, at);
    if (bytes === 0) return;
    at += bytes;
    yield piece.subarray(0, bytes);
  }
}

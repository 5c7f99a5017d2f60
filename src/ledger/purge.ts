import { closeSync, constants, fstatSync, fsyncSync, openSync, rmSync, statSync, utimesSync, writeSync } from "node:fs";
import type { Ledger } from "./append.ts";
import { contentFileOf } from "./content.ts";
import { readKey, shredKey } from "./content-key.ts";
import { causeOf, LedgerFailure } from "./failure.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
const PIECE = Buffer.alloc(1 << 20);

/** Says whether a ledger has texts, as they are or as hashes, that its key still tells of. */
export function holdsTexts(ledger: string): boolean {
  const key = readKey(ledger);
  return key !== null && key !== "purged";
}

/** What the logs of a session take: its events and its longer texts. */
export function bytesOf(ledger: string): number {
  const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return sizeOf(ledger) + sizeOf(contentFileOf(ledger));
}

/**
 * Destroys the texts of an open ledger: records and signs that it is done, then destroys the key, then removes what it had
 * encrypted. Done again after it broke off, it ends the same.
 */
export function purgeTexts(ledger: Ledger, file: string, event: { readonly at: number; readonly why: string }): void {
  ledger.append({ type: "purged", ...event });
  ledger.seal();
  try {
    shredKey(file);
    overwrite(contentFileOf(file));
    rmSync(contentFileOf(file), { force: true });
  } catch (thrown) {
    throw new LedgerFailure(`the texts of ${file} could not be destroyed: ${causeOf(thrown)}`);
  }
}

/** Does something with a ledger that is not to count as use of its session. */
export async function unused(file: string, act: () => Promise<void>): Promise<void> {
  const { atime, mtime } = statSync(file);
  await act();
  utimesSync(file, atime, mtime);
}

// A disk that writes in place then has nothing left of it; on any other the key is what counts.
function overwrite(file: string): void {
  let fd: number;
  try {
    fd = openSync(file, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return;
    throw thrown;
  }
  try {
    const { size } = fstatSync(fd);
    for (let at = 0; at < size; at += PIECE.length) writeSync(fd, PIECE, 0, Math.min(PIECE.length, size - at), at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

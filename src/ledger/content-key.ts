import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { causeOf, LedgerFailure } from "./failure.ts";
import { syncFolderOf } from "./file.ts";

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const KEY_BYTES = 32;
const LIMIT_BYTES = 4;
/** How texts are kept (1 byte), bytes of the longest that is (4, big endian), and both keys. */
const FILE_BYTES = 1 + LIMIT_BYTES + 2 * KEY_BYTES;
const MODES = { full: 0x66, none: 0x6e, purged: 0x70 } as const;

/** Which texts of a session are kept; of any other its hash and length alone. */
export interface Keeping {
  readonly keep: "full" | "none";
  /** Bytes of the longest text that is kept. */
  readonly textBytesMax: number;
}

/** Keeps whatever an event can hold. */
export const KEEP_ALL: Keeping = { keep: "full", textBytesMax: 2 ** 32 - 1 };

/** By what the contents of one session are named and read. Who removes it has removed them all. */
export interface ContentKey extends Keeping {
  /** Encrypts. */
  readonly lock: KeyObject;
  /** Makes the salt of each text, by which its hash tells nothing to who guesses. */
  readonly salt: KeyObject;
}

/** The file of a ledger's content key, beside it. */
function keyFileOf(ledger: string): string {
  return `${ledger}.key`;
}

/** Reads the key of a ledger's contents; `null` where none was made, "purged" where the person had it destroyed. */
export function readKey(ledger: string): ContentKey | "purged" | null {
  const file = keyFileOf(ledger);
  let fd: number;
  try {
    fd = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return null;
    throw new LedgerFailure(`cannot open the key of the contents, ${file}: ${causeOf(thrown)}`);
  }
  try {
    const bytes = Buffer.alloc(FILE_BYTES);
    const length = fstatSync(fd).isFile() ? readSync(fd, bytes, 0, FILE_BYTES, 0) : 0;
    if (length === 1 && bytes[0] === MODES.purged) return "purged";
    const keep = bytes[0] === MODES.full ? "full" : bytes[0] === MODES.none ? "none" : null;
    // A power cut leaves one that nothing was encrypted by.
    if (length !== FILE_BYTES || keep === null) return null;
    return keyFrom({ keep, textBytesMax: bytes.readUInt32BE(1) }, bytes.subarray(1 + LIMIT_BYTES));
  } finally {
    closeSync(fd);
  }
}

/** Makes the key of a ledger's contents. */
export function makeKey(ledger: string, keeping: Keeping): ContentKey {
  const bytes = randomBytes(FILE_BYTES);
  bytes[0] = MODES[keeping.keep];
  bytes.writeUInt32BE(keeping.textBytesMax, 1);
  // Not exclusively: a power cut leaves one that is empty.
  const fd = openSync(keyFileOf(ledger), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    if (!fstatSync(fd).isFile()) throw new Error("the key of its contents is not a regular file");
    ftruncateSync(fd, 0);
    writeWhole(fd, bytes);
  } finally {
    closeSync(fd);
  }
  return keyFrom(keeping, bytes.subarray(1 + LIMIT_BYTES));
}

/** A key that is nowhere but in memory, for a ledger whose own was destroyed. */
export function passingKey(): ContentKey {
  return keyFrom({ keep: "none", textBytesMax: 0 }, randomBytes(2 * KEY_BYTES));
}

/** Puts the key and its name on the disk. */
export function syncKey(ledger: string): void {
  const fd = openSync(keyFileOf(ledger), O_RDONLY | O_NOFOLLOW);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  syncFolderOf(ledger);
}

/** Destroys the key: its bytes are written over where they lie, and the file says from then on that it was done. */
export function shredKey(ledger: string): void {
  const fd = openSync(keyFileOf(ledger), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    if (!fstatSync(fd).isFile()) throw new Error("it is not a regular file");
    writeSync(fd, randomBytes(FILE_BYTES), 0, FILE_BYTES, 0);
    fsyncSync(fd);
    writeSync(fd, Uint8Array.of(MODES.purged), 0, 1, 0);
    ftruncateSync(fd, 1);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  syncFolderOf(ledger);
}

function keyFrom({ keep, textBytesMax }: Keeping, bytes: Uint8Array): ContentKey {
  return {
    keep,
    textBytesMax,
    lock: createSecretKey(bytes.subarray(0, KEY_BYTES)),
    salt: createSecretKey(bytes.subarray(KEY_BYTES)),
  };
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}

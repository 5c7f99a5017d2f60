import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { causeOf, LedgerFailure } from "./failure.ts";
import { syncFolderOf } from "./file.ts";
import {
  type Head,
  type HeadKey,
  openHead,
  publicHalf,
  signHead,
  signHeadAside,
  toHeadKey,
  verifierOf,
} from "./head.ts";
import type { Signer } from "./verify.ts";

const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } = constants;
const FILE_BYTES_MAX = 4096;
/** More than a signed head has, and no more than a disk writes at once. */
const SLOT_BYTES = 512;
const NEWEST_FILE = "newest.head";
const KEY_FILE = "key.pem";

/** A head before its seal adds whose it is. */
export type Unsigned = Omit<Head, "session">;

/**
 * What signs the heads of one ledger: the person's key, and the folder beside the sessions where each newest head is kept.
 *
 * The box never sees that folder, so nothing in it can sign, or take back what was signed.
 */
export class Seal {
  readonly #session: string;
  readonly #folder: string;
  #key: HeadKey | null = null;
  #kept: number | null = null;
  #slot = 1;

  private constructor(state: string, session: string) {
    this.#folder = join(state, "seals");
    this.#session = session;
  }

  /** Finds the seal of a session by its folder, `STATE/sessions/ID`. */
  static of(sessionPath: string): Seal {
    return new Seal(dirname(dirname(sessionPath)), basename(sessionPath));
  }

  /** Reads the public key of a state folder; throws LedgerFailure where there is none. */
  static keyOf(state: string): HeadKey {
    const { publicKey } = new Seal(state, "");
    if (publicKey === null) throw new LedgerFailure(`no session of yours was signed yet: name the key with --key`);
    return publicKey;
  }

  /** Signs a head; makes the key when there is none yet. Throws LedgerFailure when neither can be done. */
  sign(head: Unsigned): string {
    return signHead({ ...head, session: this.#session }, this.#ownKey());
  }

  /**
   * Signs a head in another thread, once what runs now has ended; makes the key as sign does, before it returns. `done` is
   * not called when signing fails: sign says why.
   */
  signAside(head: Unsigned, done: (note: string) => void): void {
    const own = this.#ownKey();
    setImmediate(() => signHeadAside({ ...head, session: this.#session }, own, (note) => note !== null && done(note)));
  }

  /** Keeps a signed head outside the ledger. What it covers must be on the disk. */
  keep(note: string): void {
    try {
      this.#kept ??= openSync(this.#keptFile, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600);
      // The slots take turns, so that a power cut in the middle of a write spares the head before. A file that is written
      // in place, unlike one that is replaced, gives the disk's journal nothing to wait for.
      this.#slot = 1 - this.#slot;
      const bytes = Buffer.alloc(SLOT_BYTES);
      bytes.write(note);
      writeSync(this.#kept, bytes, 0, SLOT_BYTES, this.#slot * SLOT_BYTES);
    } catch (thrown) {
      throw new LedgerFailure(`cannot keep the signed head of ${this.#session} in ${this.#folder}: ${causeOf(thrown)}`);
    }
  }

  /** Has the next session's first event name this session's last head. */
  close(): void {
    if (this.#kept === null) return;
    closeSync(this.#kept);
    this.#kept = null;
    const own = `${join(this.#folder, NEWEST_FILE)}.${process.pid}`;
    writeNew(own, readSlots(this.#keptFile)[this.#slot] ?? "", false);
    renameSync(own, join(this.#folder, NEWEST_FILE));
  }

  /** Reads the head that was kept last; null where none was. Throws LedgerFailure where this key signed neither slot. */
  kept(): Head | null {
    if (!existsSync(this.#keptFile)) return null;
    const { publicKey } = this;
    const notes = readSlots(this.#keptFile);
    // A power cut can leave the file, and nothing of what was written to it.
    if (notes.every((note) => note === "")) return null;
    const heads = notes.map((note) => publicKey && openHead(note, publicKey));
    const sizes = heads.map((head) => (head?.session === this.#session ? head.size : -1));
    this.#slot = (sizes[1] ?? -1) > (sizes[0] ?? -1) ? 1 : 0;
    const newest = heads[this.#slot] ?? null;
    if (newest?.session !== this.#session)
      throw new LedgerFailure(
        `${this.#keptFile} is not signed by your key for this session: keep it and the log as evidence, and start a new session`,
      );
    return newest;
  }

  /** Signs other bytes, in the form of DSSE's signatures. */
  signBytes(bytes: Uint8Array): { readonly keyid: string; readonly sig: string } {
    const own = this.#ownKey();
    return { keyid: verifierOf(own), sig: sign(null, bytes, own.key).toString("base64") };
  }

  /** Says by what a ledger of this session is checked. */
  signer(): Signer {
    return { session: this.#session, key: this.publicKey, kept: this.kept() };
  }

  /** The newest head of whatever session, as the next one's first event names it; "" before the first. */
  newest(): string {
    const file = join(this.#folder, NEWEST_FILE);
    const [note = ""] = existsSync(file) ? readSmall(file).toString("utf8").split("\0", 1) : [];
    return note;
  }

  /** The key by which others check the heads; null before the first was signed. */
  get publicKey(): HeadKey | null {
    return existsSync(join(this.#folder, KEY_FILE)) ? publicHalf(this.#ownKey()) : null;
  }

  get #keptFile(): string {
    return join(this.#folder, `${this.#session}.head`);
  }

  #ownKey(): HeadKey {
    this.#key ??= readOrMakeKey(this.#folder);
    return this.#key;
  }
}

function readOrMakeKey(folder: string): HeadKey {
  const file = join(folder, KEY_FILE);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!existsSync(file)) makeKey(file);
    return toHeadKey(createPrivateKey(readSmall(file)));
  } catch (thrown) {
    throw new LedgerFailure(
      `cannot read the key that signs the log, ${file}: ${causeOf(thrown)}; if it is damaged, move it away, and a new one is made`,
    );
  }
}

// Of two sessions that begin at once one makes it, and the other takes that.
function makeKey(file: string): void {
  const { privateKey } = generateKeyPairSync("ed25519");
  const own = `${file}.${process.pid}`;
  writeNew(own, privateKey.export({ type: "pkcs8", format: "pem" }) as string, true);
  try {
    linkSync(own, file);
    syncFolderOf(file);
  } catch (thrown) {
    if (!existsSync(file)) throw thrown;
  } finally {
    rmSync(own, { force: true });
  }
}

function writeNew(file: string, text: string, isSynced: boolean): void {
  const fd = openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    writeSync(fd, text);
    if (isSynced) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readSlots(file: string): string[] {
  const bytes = readSmall(file);
  return [0, 1].map((slot) => {
    const [note = ""] = bytes
      .subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES)
      .toString("utf8")
      .split("\0", 1);
    return note;
  });
}

function readSmall(file: string): Buffer {
  const fd = openSync(file, O_RDONLY | O_NOFOLLOW);
  try {
    const bytes = Buffer.alloc(FILE_BYTES_MAX);
    return bytes.subarray(0, readSync(fd, bytes, 0, FILE_BYTES_MAX, 0));
  } finally {
    closeSync(fd);
  }
}

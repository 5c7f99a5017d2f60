import { closeSync, fdatasyncSync, writeSync } from "node:fs";
import type { JsonObject } from "../core/json.ts";
import { issueReceipt, type Receipt } from "../core/permit.ts";
import { ContentStore } from "./content.ts";
import { KEEP_ALL, type Keeping } from "./content-key.ts";
import { causeOf, LedgerFailure } from "./failure.ts";
import { openFile, syncFolderOf } from "./file.ts";
import { encodeFrame, FIRST_CHAIN, FIRST_LINE } from "./frame.ts";
import { type Lock, releaseLock, takeLock } from "./lock.ts";
import { EMPTY_TREE, grown, rootOf, type Tree } from "./merkle.ts";
import { recover, type Visitor } from "./recover.ts";
import type { Seal, Unsigned } from "./seal.ts";

/** Gives an event as it is written. */
export type Written = (event: JsonObject) => JsonObject;

/**
 * Creates the ledger of a new session. Nothing may exist at the path. Without a seal nothing of it is signed. Texts
 * of its events that are not to be kept are recorded by hash and length alone.
 */
export function createLedger(file: string, seal: Seal | null, keeping: Keeping = KEEP_ALL): Ledger {
  return open(file, "create", (fd, lock) => {
    writeWhole(fd, FIRST_LINE);
    // A file without it is no ledger, whatever a power cut leaves of the rest.
    fdatasyncSync(fd);
    syncFolderOf(file);
    return new Ledger({ file, fd, lock, seal, keeping, seq: 0, chain: FIRST_CHAIN, tree: EMPTY_TREE });
  });
}

/**
 * Opens the ledger of an earlier session to append to it. What a crash or a power cut spoiled is cut off, and recorded.
 *
 * Throws Tampered where less is left than was signed.
 */
export function openLedger(file: string, seal: Seal | null, visitor?: Visitor): Ledger {
  return open(file, "append", (fd, lock) => {
    const { events, chain, end, cut, tree } = recover(file, fd, seal?.kept() ?? null, visitor);
    if (end === 0) writeWhole(fd, FIRST_LINE);
    const ledger = new Ledger({ file, fd, lock, seal, keeping: KEEP_ALL, seq: events, chain, tree });
    if (cut !== null) ledger.append({ type: "recovered", ...cut });
    ledger.sync();
    return ledger;
  });
}

/** Appends events to one file until a write fails; from then on it only refuses, because the end is no longer known. */
export class Ledger {
  readonly #file: string;
  readonly #fd: number;
  readonly #lock: Lock;
  readonly #seal: Seal | null;
  readonly #content: ContentStore;
  #written: Written = (event) => event;
  #seq: number;
  #chain: Uint8Array;
  #tree: Tree;
  /** How many events there were when the newest head was written, itself among them; or when the file was opened. */
  #sealed: number;
  /** What is to be signed and written as the very next event; null when nothing is. */
  #owed: Unsigned | null = null;
  /** The newest head that this process wrote; "" before the first. */
  #newest = "";
  #told: (note: string, size: number) => void = () => {};
  /** Why nothing more can be appended; null while it can. */
  #ended: string | null = null;
  #isClosed = false;
  #watcher: Watcher | null = null;

  /** Called by createLedger and openLedger alone; owns the descriptor and the lock from here on. */
  constructor(start: Start) {
    this.#file = start.file;
    this.#fd = start.fd;
    this.#lock = start.lock;
    this.#seq = start.seq;
    this.#chain = start.chain;
    this.#seal = start.seal;
    this.#content = new ContentStore(start.file, start.keeping);
    this.#tree = start.tree;
    this.#sealed = start.seq;
  }

  /** Has every event from here on written as `written` gives it. */
  through(written: Written): void {
    this.#written = written;
  }

  /**
   * Writes one event and returns the proof that it stands in the file; throws LedgerFailure when it does not.
   *
   * After return, the event survives the death of this process; only sync makes it survive a power loss.
   */
  append(given: JsonObject): Receipt {
    const event = this.#written(given);
    if (this.#ended !== null) throw new LedgerFailure(this.#ended);
    this.#settle();
    const frame = encodeFrame(this.#chain, this.#hold(event));
    if (!frame.ok) throw this.#end(`cannot record event ${this.#seq} in ledger ${this.#file}: ${frame.reason}`);
    try {
      writeWhole(this.#fd, frame.bytes);
    } catch (thrown) {
      throw this.#end(
        `cannot write event ${this.#seq} to ledger ${this.#file}: ${causeOf(thrown)}; free the disk, then resume the session`,
      );
    }
    this.#chain = frame.chain;
    this.#tree = grown(this.#tree, frame.leaf);
    const receipt = issueReceipt(this.#seq++, Buffer.from(frame.chain).toString("hex"), event);
    this.#watcher?.(receipt.seq, event);
    return receipt;
  }

  /** Has one watcher told of every event from here on, once it stands in the file. What it throws, append throws. */
  watch(watcher: Watcher): void {
    this.#watcher = watcher;
  }

  /** Returns when everything appended is on the disk. */
  sync(): void {
    if (this.#ended !== null) throw new LedgerFailure(this.#ended);
    try {
      // First, so that no event on the disk refers to what is not.
      this.#content.sync();
      fdatasyncSync(this.#fd);
    } catch (thrown) {
      // The kernel may drop the pages that it failed to write, so a second try would succeed without them.
      throw this.#end(`cannot sync ledger ${this.#file}: ${causeOf(thrown)}; check the disk, then resume the session`);
    }
  }

  /**
   * Returns when everything appended is on the disk, and has it signed afterwards, by another thread.
   *
   * The head is written when it is signed, and before anything else is: the next append signs it itself when it comes first.
   * A process that dies before leaves events that are whole, and that the next head covers.
   */
  seal(): void {
    this.sync();
    const seal = this.#seal;
    if (seal === null || this.#owed !== null || this.#sealed === this.#seq) return;
    const [size, tree] = [this.#seq, this.#tree];
    const owed: Unsigned = {
      size,
      // Many hashes, which whoever waits for the disk need not wait for.
      get root() {
        return rootOf(tree);
      },
    };
    seal.signAside(owed, (note) => {
      if (this.#owed !== owed || this.#ended !== null) return;
      try {
        this.#writeHead(seal, note);
      } catch (thrown) {
        // Nobody waits here; the next append says so.
        this.#ended ??= causeOf(thrown);
      }
    });
    this.#owed = owed;
  }

  /** Has everything that was appended signed and on the disk now; returns the newest head, and of how many events it is. */
  sealed(): { readonly note: string; readonly size: number } {
    this.sealNow();
    return { note: this.#newest, size: this.#sealed - 1 };
  }

  /** Hands over each signed head from now on, once it is written. What it is told to must be quick, and append nothing. */
  watchHeads(told: (note: string, size: number) => void): void {
    this.#told = told;
  }

  /** Signs what is there and takes nothing more: who appends is told why. */
  stop(why: string): void {
    if (this.#ended !== null) return;
    try {
      this.sealNow();
    } finally {
      this.#ended ??= why;
    }
  }

  /** Returns when everything appended is signed, and that is on the disk. */
  sealNow(): void {
    this.seal();
    this.#settle();
    this.sync();
  }

  /** Signs what is not signed yet, ends appending and gives up the lock; a second call does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      if (this.#seal !== null && this.#ended === null && this.#sealed !== this.#seq) this.sealNow();
    } finally {
      this.#ended ??= `ledger ${this.#file} is closed; open it again to append`;
      closeSync(this.#fd);
      this.#content.close();
      this.#seal?.close();
      releaseLock(this.#lock);
    }
  }

  #hold(event: JsonObject): JsonObject {
    try {
      return this.#content.hold(event);
    } catch (thrown) {
      throw this.#end(
        `cannot keep the texts of event ${this.#seq} of ledger ${this.#file}: ${causeOf(thrown)}; free the disk, then resume the session`,
      );
    }
  }

  /** Gives up the lock and signs nothing, of a record that is not to be believed. */
  abandon(): void {
    this.#sealed = this.#seq;
    this.close();
  }

  #settle(): void {
    if (this.#owed !== null && this.#seal !== null) this.#writeHead(this.#seal, this.#seal.sign(this.#owed));
  }

  #writeHead(seal: Seal, note: string): void {
    this.#owed = null;
    this.append({ type: "head", note });
    seal.keep(note);
    this.#sealed = this.#seq;
    this.#newest = note;
    this.#told(note, this.#sealed - 1);
  }

  #end(message: string): LedgerFailure {
    this.#ended = message;
    return new LedgerFailure(message);
  }
}

/** Is told of an event; may append others, of which it is told as well. */
export type Watcher = (seq: number, event: JsonObject) => void;

interface Start {
  readonly file: string;
  readonly fd: number;
  readonly lock: Lock;
  readonly seal: Seal | null;
  readonly keeping: Keeping;
  readonly seq: number;
  readonly chain: Uint8Array;
  readonly tree: Tree;
}

/** Locks, then opens, and undoes both when the rest does not come about. */
function open(file: string, purpose: "create" | "append", begin: (fd: number, lock: Lock) => Ledger): Ledger {
  const lock = takeLock(file);
  let fd: number | null = null;
  try {
    fd = openFile(file, purpose);
    return begin(fd, lock);
  } catch (thrown) {
    if (fd !== null) closeSync(fd);
    releaseLock(lock);
    const isSystemError = thrown instanceof Error && "syscall" in thrown;
    throw isSystemError
      ? new LedgerFailure(`cannot ${purpose === "create" ? "create" : "open"} ledger ${file}: ${causeOf(thrown)}`)
      : thrown;
  }
}

/** Writes all the bytes at the end of the file: one system call, but for a disk that runs full in the middle. */
function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const written = writeSync(fd, bytes, done, bytes.length - done);
    if (written === 0) throw new Error("the disk took no bytes");
    done += written;
  }
}

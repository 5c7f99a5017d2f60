import { closeSync, fdatasyncSync, writeSync } from "node:fs";
import type { JsonObject } from "../core/json.ts";
import { issueReceipt, type Receipt } from "../core/permit.ts";
import { causeOf, LedgerFailure } from "./failure.ts";
import { openFile, syncFolderOf } from "./file.ts";
import { encodeFrame, FIRST_CHAIN, FIRST_LINE } from "./frame.ts";
import { type Lock, releaseLock, takeLock } from "./lock.ts";
import { recover } from "./recover.ts";

/** Creates the ledger of a new session. Nothing may exist at the path. */
export function createLedger(file: string): Ledger {
  return open(file, "create", (fd, lock) => {
    writeWhole(fd, FIRST_LINE);
    syncFolderOf(file);
    return new Ledger({ file, fd, lock, seq: 0, chain: FIRST_CHAIN });
  });
}

/** Opens the ledger of an earlier session to append to it. A write that its end cut short is removed, and recorded. */
export function openLedger(file: string): Ledger {
  return open(file, "append", (fd, lock) => {
    const { events, chain, end, cutBytes } = recover(file, fd);
    if (end === 0) writeWhole(fd, FIRST_LINE);
    const ledger = new Ledger({ file, fd, lock, seq: events, chain });
    if (cutBytes !== null) ledger.append({ type: "recovered", cutBytes });
    ledger.sync();
    return ledger;
  });
}

/** Appends events to one file until a write fails; from then on it only refuses, because the end is no longer known. */
export class Ledger {
  readonly #file: string;
  readonly #fd: number;
  readonly #lock: Lock;
  #seq: number;
  #chain: Uint8Array;
  /** Why nothing more can be appended; null while it can. */
  #ended: string | null = null;
  #isClosed = false;

  /** Called by createLedger and openLedger alone; owns the descriptor and the lock from here on. */
  constructor(start: Start) {
    this.#file = start.file;
    this.#fd = start.fd;
    this.#lock = start.lock;
    this.#seq = start.seq;
    this.#chain = start.chain;
  }

  /**
   * Writes one event and returns the proof that it stands in the file; throws LedgerFailure when it does not.
   *
   * After return, the event survives the death of this process; only sync makes it survive a power loss.
   */
  append(event: JsonObject): Receipt {
    if (this.#ended !== null) throw new LedgerFailure(this.#ended);
    const frame = encodeFrame(this.#chain, event);
    if (!frame.ok) throw this.#end(`cannot record event ${this.#seq} in ledger ${this.#file}: ${frame.reason}`);
    try {
      writeWhole(this.#fd, frame.bytes);
    } catch (thrown) {
      throw this.#end(
        `cannot write event ${this.#seq} to ledger ${this.#file}: ${causeOf(thrown)}; free the disk, then resume the session`,
      );
    }
    this.#chain = frame.chain;
    return issueReceipt(this.#seq++, Buffer.from(frame.chain).toString("hex"), event);
  }

  /** Returns when everything appended is on the disk. */
  sync(): void {
    if (this.#ended !== null) throw new LedgerFailure(this.#ended);
    try {
      fdatasyncSync(this.#fd);
    } catch (thrown) {
      // The kernel may drop the pages that it failed to write, so a second try would succeed without them.
      throw this.#end(`cannot sync ledger ${this.#file}: ${causeOf(thrown)}; check the disk, then resume the session`);
    }
  }

  /** Ends appending and gives up the lock; a second call does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ended ??= `ledger ${this.#file} is closed; open it again to append`;
    closeSync(this.#fd);
    releaseLock(this.#lock);
  }

  #end(message: string): LedgerFailure {
    this.#ended = message;
    return new LedgerFailure(message);
  }
}

interface Start {
  readonly file: string;
  readonly fd: number;
  readonly lock: Lock;
  readonly seq: number;
  readonly chain: Uint8Array;
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

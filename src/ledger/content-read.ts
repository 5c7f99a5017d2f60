import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { field, type Json, type JsonObject } from "../core/json.ts";
import { contentFileOf } from "./content.ts";
import { openText, type Salted } from "./content-cipher.ts";
import { type ContentKey, readKey } from "./content-key.ts";
import { type Loss, MARK, withTexts, withTextsLater } from "./content-walk.ts";
import { PAYLOAD_BYTES_MAX } from "./event.ts";
import { causeOf, LedgerFailure } from "./failure.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
/** More than encryption adds to any text. */
const SIZE_BYTES_MAX = PAYLOAD_BYTES_MAX + 1024;

/** What came of looking for a text: it, or why it is not there. */
export type Found = { readonly ok: true; readonly salted: Salted } | { readonly ok: false; readonly why: Loss };

/** Reads the texts that a ledger's events refer to. Opens what it needs when it first does. */
export class ContentReader {
  readonly #ledger: string;
  #key: ContentKey | "purged" | null | undefined;
  #fd: number | null | undefined;
  #isClosed = false;

  constructor(ledger: string) {
    this.#ledger = ledger;
  }

  /** Puts every text back into an event; where one is not there stands why, and how long it was. */
  fill(event: JsonObject): JsonObject {
    return withTexts(event, (reference) => this.#textOf(reference));
  }

  /** The same, but a text is read when its field is: not before, and once. */
  fillLater(event: JsonObject): JsonObject {
    return withTextsLater(event, (reference) => this.#textOf(reference));
  }

  #textOf(reference: JsonObject): Json {
    const found = this.find(reference);
    return found.ok ? found.salted.text : { [found.why]: true, bytes: field(reference, "bytes") as Json };
  }

  /** Looks for the text of one reference, and checks it against its hash. */
  find(reference: JsonObject): Found {
    this.#key ??= readKey(this.#ledger);
    const lost = (why: Loss): Found => ({ ok: false, why });
    const [id, bytes] = [field(reference, MARK), field(reference, "bytes")];
    if (typeof id !== "string" || typeof bytes !== "number" || !(bytes <= PAYLOAD_BYTES_MAX)) return lost("damaged");
    const [sealed, at, size] = [field(reference, "sealed"), field(reference, "at"), field(reference, "size")];
    if (this.#key === "purged") return lost("purged");
    if (sealed === undefined && at === undefined) return lost("unkept");
    if (this.#key === null) return lost("missing");
    const kept = typeof sealed === "string" ? Buffer.from(sealed, "base64") : this.#read(at, size);
    if (kept === null) return lost("missing");
    const salted = openText(kept, id, bytes, this.#key);
    return salted === null ? lost("damaged") : { ok: true, salted };
  }

  /** Ends a reading of all; a text that is looked for later has the file opened for it alone. */
  close(): void {
    if (typeof this.#fd === "number") closeSync(this.#fd);
    this.#fd = undefined;
    this.#isClosed = true;
  }

  #read(at: unknown, size: unknown): Buffer | null {
    if (!isCount(at) || !isCount(size) || size > SIZE_BYTES_MAX) return null;
    this.#fd ??= openContent(contentFileOf(this.#ledger));
    if (this.#fd === null) return null;
    try {
      return readBytes(this.#fd, at, size);
    } finally {
      if (this.#isClosed) this.close();
    }
  }
}

function readBytes(fd: number, at: number, size: number): Buffer | null {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let done = 0; done < size; ) {
    const read = readSync(fd, bytes, done, size - done, at + done);
    if (read === 0) return null;
    done += read;
  }
  // What a power cut leaves of a file that had grown.
  return bytes.every((byte) => byte === 0) ? null : bytes;
}

function openContent(file: string): number | null {
  let fd: number;
  try {
    fd = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return null;
    throw new LedgerFailure(`cannot open the contents of a ledger, ${file}: ${causeOf(thrown)}`);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new LedgerFailure(`cannot open the contents of a ledger, ${file}: it is not a regular file`);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

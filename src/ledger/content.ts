import { closeSync, constants, fdatasyncSync, fstatSync, openSync, writeSync } from "node:fs";
import type { JsonObject } from "../core/json.ts";
import { nameText } from "./content-cipher.ts";
import { type ContentKey, type Keeping, makeKey, passingKey, readKey, syncKey } from "./content-key.ts";
import { MARK, withoutTexts } from "./content-walk.ts";

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
/** A shorter text stands encrypted in the event itself, which spares a write and a sync. */
const INLINE_BYTES_MAX = 2048;
/** Texts that are remembered, so that one which comes again is not kept twice. */
const KNOWN_MAX = 1024;

/** The file of a ledger's longer contents, beside it. */
export function contentFileOf(ledger: string): string {
  return `${ledger}.content`;
}

/**
 * Keeps the texts of one ledger's events, encrypted by a key of that ledger's own.
 *
 * In the event stands what a text is named by, so that the texts can be destroyed and the ledger stays as it was signed.
 */
export class ContentStore {
  readonly #ledger: string;
  readonly #keeping: Keeping;
  #key: ContentKey | null = null;
  #fd: number | null = null;
  #end = 0;
  #isNew = false;
  #isDirty = false;
  readonly #known = new Map<string, JsonObject>();

  /** `keeping` is for a ledger without contents yet; one that has some goes on as it began. */
  constructor(ledger: string, keeping: Keeping) {
    this.#ledger = ledger;
    this.#keeping = keeping;
  }

  /** Takes the texts out of an event that is to be appended: what it returns stands in the ledger. Throws when the disk does. */
  hold(event: JsonObject): JsonObject {
    return withoutTexts(event, (text) => this.#put(text));
  }

  /** Returns when all that was held is on the disk. */
  sync(): void {
    if (this.#isNew) syncKey(this.#ledger);
    if (this.#isDirty && this.#fd !== null) fdatasyncSync(this.#fd);
    this.#isNew = false;
    this.#isDirty = false;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #put(text: string): JsonObject {
    const key = this.#ownKey();
    const { id, bytes, seal } = nameText(text, key);
    const named = { [MARK]: id, bytes: bytes.length };
    if (key.keep === "none" || bytes.length > key.textBytesMax) return named;
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const sealed = seal();
    if (bytes.length <= INLINE_BYTES_MAX) return { ...named, sealed: Buffer.from(sealed).toString("base64") };
    const reference = { ...named, at: this.#write(sealed), size: sealed.length };
    if (this.#known.size < KNOWN_MAX) this.#known.set(id, reference);
    return reference;
  }

  #ownKey(): ContentKey {
    if (this.#key !== null) return this.#key;
    const kept = readKey(this.#ledger);
    this.#key = kept === "purged" ? passingKey() : (kept ?? makeKey(this.#ledger, this.#keeping));
    this.#isNew = kept === null;
    return this.#key;
  }

  /** Returns where the bytes begin. */
  #write(bytes: Uint8Array): number {
    if (this.#fd === null) {
      this.#fd = openSync(contentFileOf(this.#ledger), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
      const stat = fstatSync(this.#fd);
      if (!stat.isFile()) throw new Error("the file of its contents is not a regular file");
      // A file that is new has a name to sync as well.
      this.#isNew ||= stat.size === 0;
      this.#end = stat.size;
    }
    const at = this.#end;
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done, bytes.length - done);
    this.#end += bytes.length;
    this.#isDirty = true;
    return at;
  }
}

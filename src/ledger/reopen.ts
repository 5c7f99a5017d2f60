import { field, type JsonObject } from "../core/json.ts";
import { migrated } from "../core/schema.ts";
import { type Ledger, openLedger } from "./append.ts";
import { ContentReader } from "./content-read.ts";
import { MARK } from "./content-walk.ts";
import { parseEvent } from "./event.ts";
import { Tampered } from "./failure.ts";
import { openHead } from "./head.ts";
import { grown, leafHash, rootOf, type Tree } from "./merkle.ts";
import type { Seal } from "./seal.ts";
import { knownSchema } from "./verify.ts";

/** Where an event stands: its number, and the hex root of the tree that ends with it. */
export interface Standing {
  readonly seq: number;
  readonly hash: () => string;
}

/**
 * Opens the ledger of a session that goes on, and gives each of its events to `use`, in one reading.
 *
 * A text is read when its field is, then or later. Nothing of them counts before this returns: the newest signed head must be of them, and it covers all before it, earlier
 * heads too. Throws Tampered where it is not, and leaves the file as it is.
 */
export function reopenLedger(file: string, seal: Seal, use: (event: JsonObject, standing: Standing) => void): Ledger {
  let newest: { readonly note: unknown; readonly tree: Tree } | null = null;
  const texts = new ContentReader(file);
  let schema: number | null = null;
  return openLedger(file, seal, {
    add(payload, tree) {
      const parsed = parseEvent(payload);
      if (!parsed.ok) throw new Tampered(file, tree.size, parsed.reason);
      if (field(parsed.event, "type") === "head") newest = { note: field(parsed.event, "note"), tree };
      schema ??= knownSchema(parsed.event, file);
      const hash = () => Buffer.from(rootOf(grown(tree, leafHash(payload)))).toString("hex");
      const event = migrated(parsed.event, schema);
      // Looking for the mark in its bytes is far cheaper than in its fields.
      use(asBuffer(payload).includes(MARK) ? texts.fillLater(event) : event, { seq: tree.size, hash });
    },
    end() {
      texts.close();
      if (newest === null) return;
      const { session, key } = seal.signer();
      const { note, tree } = newest;
      const head = typeof note === "string" && key !== null ? openHead(note, key) : null;
      const isOf = head?.session === session && head.size === tree.size;
      if (!isOf || Buffer.compare(head.root, rootOf(tree)) !== 0)
        throw new Tampered(file, tree.size, "its signature does not fit the events before it");
    },
  });
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

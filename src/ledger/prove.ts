import { closeSync, readFileSync } from "node:fs";
import { field, type Json, type JsonObject, recordOf } from "../core/json.ts";
import { hashOf } from "./content-cipher.ts";
import { ContentReader } from "./content-read.ts";
import { MARK, referencesIn, withTexts } from "./content-walk.ts";
import { parseEvent } from "./event.ts";
import { causeOf, LedgerFailure, Tampered } from "./failure.ts";
import { openFile, readPieces } from "./file.ts";
import { decodeFrames } from "./frame.ts";
import { type HeadKey, openHead, verifierOf } from "./head.ts";
import { leafHash, pathTo, rootFromPath } from "./merkle.ts";

const FORMAT = "ringfence-proof 1";
const PROOF_BYTES_MAX = 64 * 1024 * 1024;
/** A tree of so many levels has more entries than a log can have. */
const PATH_MAX = 60;

export type Checked =
  | {
      readonly ok: true;
      readonly session: string;
      readonly seq: number;
      readonly size: number;
      readonly event: JsonObject;
    }
  | { readonly ok: false; readonly reason: string };

/**
 * Writes what proves to others that one event stands in a ledger, without the other events: the event itself, the path to
 * the root, and the head that was signed last. `event` is the canonical JSON as it stands in the file, byte for byte; `texts`
 * are those that it refers to, each with the salt of its hash, or null where it is not there.
 */
export function proveEvent(file: string, seq: number, key: HeadKey): JsonObject {
  const leaves: Uint8Array[] = [];
  let event: string | null = null;
  let signed: { readonly note: string; readonly size: number } | null = null;
  const fd = openFile(file, "read");
  try {
    const frames = decodeFrames(readPieces(fd));
    let step = frames.next();
    for (; !step.done; step = frames.next()) {
      const { payload } = step.value;
      const parsed = parseEvent(payload);
      if (!parsed.ok) throw new Tampered(file, step.value.seq, parsed.reason);
      const note = field(parsed.event, "type") === "head" ? field(parsed.event, "note") : null;
      const head = typeof note === "string" ? openHead(note, key) : null;
      if (typeof note === "string" && head?.size === leaves.length) signed = { note, size: head.size };
      if (step.value.seq === seq) event = Buffer.from(payload).toString("utf8");
      leaves.push(leafHash(payload));
    }
    if (step.value.kind === "damaged") throw new Tampered(file, step.value.events, step.value.reason);
  } finally {
    closeSync(fd);
  }
  if (event === null) throw new LedgerFailure(`ledger ${file} has ${leaves.length} events: there is no event ${seq}`);
  if (signed === null || signed.size <= seq)
    throw new LedgerFailure(
      `no signature covers event ${seq} of ledger ${file} yet: it is signed at the end of the turn`,
    );
  const path = pathTo(leaves.slice(0, signed.size), seq).map((hash) => Buffer.from(hash).toString("base64"));
  return { format: FORMAT, seq, event, texts: textsOf(file, event), path, head: signed.note, key: verifierOf(key) };
}

function textsOf(file: string, event: string): Json[] {
  const texts = new ContentReader(file);
  try {
    return referencesIn(JSON.parse(event) as JsonObject).map((reference) => {
      const found = texts.find(reference);
      if (!found.ok) return null;
      return { salt: Buffer.from(found.salted.salt).toString("base64"), text: found.salted.text };
    });
  } finally {
    texts.close();
  }
}

/** Checks a proof by a key that its reader trusts; what the proof says of its own key counts for nothing. */
export function checkProof(proof: unknown, key: HeadKey): Checked {
  const refuse = (reason: string): Checked => ({ ok: false, reason });
  if (proof === null || typeof proof !== "object" || field(proof as JsonObject, "format") !== FORMAT)
    return refuse(`it is no proof of the form "${FORMAT}"`);
  const of = (name: string) => field(proof as JsonObject, name);
  const [seq, event, path, note] = [of("seq"), of("event"), of("path"), of("head")];
  if (typeof seq !== "number" || typeof event !== "string" || typeof note !== "string" || !isPath(path))
    return refuse("one of seq, event, path and head is missing or of a wrong type");
  const head = openHead(note, key);
  if (head === null) return refuse("its head is not signed by that key");
  const bytes = Buffer.from(event);
  const root = rootFromPath(
    leafHash(bytes),
    seq,
    head.size,
    path.map((hash) => Buffer.from(hash, "base64")),
  );
  if (root === null || Buffer.compare(root, head.root) !== 0) return refuse("the event is not in the signed tree");
  const parsed = parseEvent(bytes);
  if (!parsed.ok) return refuse(parsed.reason);
  const told = withProvenTexts(parsed.event, of("texts"));
  if (told === null) return refuse("a text beside it is not what the event refers to");
  return { ok: true, session: head.session, seq, size: head.size, event: told };
}

/** Null where a text is not the one that the event names; a text that is not disclosed stays a reference. */
function withProvenTexts(event: JsonObject, texts: unknown): JsonObject | null {
  const given: readonly unknown[] = Array.isArray(texts) ? texts : [];
  let [at, isFalse] = [0, false];
  const told = withTexts(event, (reference) => {
    const { salt, text } = recordOf(given[at++]);
    if (typeof salt !== "string" || typeof text !== "string") return reference;
    isFalse ||= hashOf(Buffer.from(salt, "base64"), text) !== field(reference, MARK);
    return text;
  });
  return isFalse ? null : told;
}

/** Reads a proof from a file. */
export function readProof(file: string): unknown {
  try {
    const text = readFileSync(file, "utf8");
    if (text.length > PROOF_BYTES_MAX) throw new Error(`it is longer than ${PROOF_BYTES_MAX} bytes`);
    return JSON.parse(text);
  } catch (thrown) {
    throw new LedgerFailure(`cannot read the proof ${file}: ${causeOf(thrown)}`);
  }
}

function isPath(path: unknown): path is readonly string[] {
  return Array.isArray(path) && path.length <= PATH_MAX && path.every((hash) => typeof hash === "string");
}

import { closeSync } from "node:fs";
import { field, type JsonObject } from "../core/json.ts";
import { migrated, SCHEMA, schemaOf } from "../core/schema.ts";
import { ContentReader } from "./content-read.ts";
import { parseEvent } from "./event.ts";
import { LedgerFailure, Tampered } from "./failure.ts";
import { openFile, readPieces } from "./file.ts";
import { decodeFrames, type Ending } from "./frame.ts";
import { type Head, type HeadKey, openHead } from "./head.ts";
import { EMPTY_TREE, grown, leafHash, rootOf, type Tree } from "./merkle.ts";

/** Whose signature the heads must bear, for which session, and the head that was kept outside the ledger. */
export interface Signer {
  readonly session: string;
  /** Null where nothing was signed yet. */
  readonly key: HeadKey | null;
  readonly kept: Head | null;
}

export type Verdict =
  /** `signed` is how many events, from the first, a signed head covers. */
  | { readonly ok: true; readonly events: number; readonly lastHash: string; readonly signed: number }
  /** `seq` is the first event that is not there or cannot be trusted. */
  | { readonly ok: false; readonly seq: number; readonly reason: string };

export interface RecordedEvent {
  readonly seq: number;
  readonly event: JsonObject;
}

/**
 * Checks every byte of a ledger and every signature in it.
 *
 * Without a kept head, events removed whole from the end leave no trace in the file, and so are not found.
 */
export function verifyLedger(file: string, signer: Signer): Verdict {
  const events = decodeFile(file);
  let tree = EMPTY_TREE;
  let signed = 0;
  const { kept } = signer;
  const isKept = () => kept?.size !== tree.size || isSame(kept.root, rootOf(tree));
  for (let step = events.next(); ; step = events.next()) {
    if (!isKept()) return { ok: false, seq: tree.size, reason: "the events before it are not those that were signed" };
    if (step.done) return judge(step.value, signed, kept);
    const { seq, event, payload } = step.value;
    if (field(event, "type") === "head") {
      if (!isHeadOf(tree, event, signer))
        return { ok: false, seq, reason: "its signature does not fit the events before it" };
      signed = seq;
    }
    tree = grown(tree, leafHash(payload));
  }
}

/**
 * Reads the events of a ledger as this program writes them, also of an older one's; throws LedgerFailure for a newer one's.
 *
 * An unfinished last event, of a ledger that is being written, is left out. Throws Tampered. In place of a text that is not
 * there stands an object: `bytes`, and `purged`, `unkept`, `missing` or `damaged`.
 */
export function* readLedger(file: string): Generator<RecordedEvent, void> {
  yield* filled(file, readBareLedger(file));
}

/** Reads the events of a ledger exactly as they were written, whatever program it was. Otherwise as `readLedger`. */
export function* readRaw(file: string): Generator<RecordedEvent, void> {
  yield* filled(file, readAsIs(file));
}

/** Reads the events of a ledger with references in place of texts. Otherwise as `readLedger`. */
export function* readBareLedger(file: string): Generator<RecordedEvent, void> {
  let schema: number | null = null;
  for (const { seq, event } of readAsIs(file)) {
    schema ??= knownSchema(event, file);
    yield { seq, event: migrated(event, schema) };
  }
}

function* filled(file: string, events: Iterable<RecordedEvent>): Generator<RecordedEvent, void> {
  const texts = new ContentReader(file);
  try {
    for (const { seq, event } of events) yield { seq, event: texts.fill(event) };
  } finally {
    texts.close();
  }
}

function* readAsIs(file: string): Generator<RecordedEvent, void> {
  const events = decodeFile(file);
  let step = events.next();
  for (; !step.done; step = events.next()) yield { seq: step.value.seq, event: step.value.event };
  if (step.value.kind === "damaged") throw new Tampered(file, step.value.events, step.value.reason);
}

/** Says by its first event whether this program knows the shape of a ledger's events; throws LedgerFailure where it does not. */
export function knownSchema(first: JsonObject, file: string): number {
  const schema = schemaOf(first);
  if (schema !== null && schema <= SCHEMA) return schema;
  throw new LedgerFailure(
    `ledger ${file} was written by a newer program (schema ${schema ?? "unknown"}, this one knows up to ${SCHEMA}): use that program; ringfence log verify and log show work all the same`,
  );
}

function judge(ending: Ending, signed: number, kept: Head | null): Verdict {
  switch (ending.kind) {
    case "whole":
      break;
    case "torn":
      return { ok: false, seq: ending.events, reason: `torn tail of ${ending.bytes} bytes` };
    case "damaged":
      return { ok: false, seq: ending.events, reason: ending.reason };
  }
  if (kept !== null && kept.size > ending.events)
    return {
      ok: false,
      seq: ending.events,
      reason: `${kept.size} events were signed, and those from here on are gone`,
    };
  return { ok: true, events: ending.events, lastHash: Buffer.from(ending.chain).toString("hex"), signed };
}

function isHeadOf(tree: Tree, event: JsonObject, { session, key }: Signer): boolean {
  const note = field(event, "note");
  const head = typeof note === "string" && key !== null ? openHead(note, key) : null;
  return head?.session === session && head.size === tree.size && isSame(head.root, rootOf(tree));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

interface Decoded extends RecordedEvent {
  readonly payload: Uint8Array;
}

function* decodeFile(file: string): Generator<Decoded, Ending> {
  const fd = openFile(file, "read");
  try {
    const frames = decodeFrames(readPieces(fd));
    for (let step = frames.next(); ; step = frames.next()) {
      if (step.done) return step.value;
      const { seq, chain, payload, end } = step.value;
      const parsed = parseEvent(payload);
      if (!parsed.ok) return { kind: "damaged", events: seq, chain, end, reason: parsed.reason };
      yield { seq, event: parsed.event, payload };
    }
  } finally {
    closeSync(fd);
  }
}

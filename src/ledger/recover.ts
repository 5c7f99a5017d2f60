import { fstatSync, ftruncateSync } from "node:fs";
import { parseEvent } from "./event.ts";
import { Tampered } from "./failure.ts";
import { readPieces } from "./file.ts";
import { decodeFrames } from "./frame.ts";
import type { Head } from "./head.ts";
import { EMPTY_TREE, grown, leafHash, rootOf, type Tree } from "./merkle.ts";
import { knownSchema } from "./verify.ts";

/** Where appending goes on. `cut` is null when nothing had to be cut; `end` 0 means that the first line is missing. */
export interface Recovery {
  readonly events: number;
  readonly chain: Uint8Array;
  readonly end: number;
  readonly cut: Cut | null;
  readonly tree: Tree;
}

/** What was cut off; `reason` is there where it was more than one unfinished write. */
export interface Cut {
  readonly cutBytes: number;
  readonly reason?: string;
}

/** Looks at every event on the way, and can refuse the ledger before anything of it is changed. */
export interface Visitor {
  /** `tree` is of the events before it. */
  add(payload: Uint8Array, tree: Tree): void;
  /** After the last. */
  end(): void;
}

const NOBODY: Visitor = { add: () => {}, end: () => {} };

/**
 * Cuts off an open ledger what lies behind its last whole event. The caller records the cut.
 *
 * A power cut may spare any of the writes since the last sync and lose those before them, so that behind a hole there may be
 * whole events. Nothing tells that from a change, until a head is signed over it, which is kept when all that it covers is on
 * the disk: where `kept`, the newest one, covers more than is left, or is not of what is left, this throws Tampered and leaves
 * the file as it is.
 */
export function recover(file: string, fd: number, kept: Head | null, visitor: Visitor = NOBODY): Recovery {
  const frames = decodeFrames(readPieces(fd));
  let tree = EMPTY_TREE;
  const compare = () => {
    if (kept?.size === tree.size && !rootOf(tree).every((byte, at) => byte === kept.root[at]))
      throw new Tampered(file, tree.size, "the events before it are not those that were signed");
  };
  compare();
  let step = frames.next();
  if (!step.done) refuseNewer(file, step.value.payload);
  for (; !step.done; step = frames.next()) {
    visitor.add(step.value.payload, tree);
    tree = grown(tree, leafHash(step.value.payload));
    compare();
  }
  visitor.end();
  const { events, chain, end, ...tail } = step.value;
  const reason = tail.kind === "damaged" ? { reason: tail.reason } : {};
  if (kept !== null && kept.size > events)
    throw new Tampered(
      file,
      events,
      reason.reason ?? `${kept.size} events were signed, and those from here on are gone`,
    );
  // The first line was synced before any event: what begins otherwise is no ledger of this version.
  if (tail.kind === "damaged" && end === 0) throw new Tampered(file, events, tail.reason);
  if (tail.kind === "whole") return { events, chain, end, cut: null, tree };
  const cutBytes = fstatSync(fd).size - end;
  ftruncateSync(fd, end);
  return { events, chain, end, cut: { cutBytes, ...reason }, tree };
}

// What a newer program recorded must not be followed by what this one would write.
function refuseNewer(file: string, first: Uint8Array): void {
  const parsed = parseEvent(first);
  if (parsed.ok) knownSchema(parsed.event, file);
}

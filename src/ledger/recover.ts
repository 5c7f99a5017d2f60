import { ftruncateSync } from "node:fs";
import { Tampered } from "./failure.ts";
import { readPieces } from "./file.ts";
import { decodeFrames } from "./frame.ts";
import type { Head } from "./head.ts";
import { EMPTY_TREE, grown, leafHash, rootOf, type Tree } from "./merkle.ts";

/** Where appending goes on. `cutBytes` is null when nothing had to be cut; `end` 0 means that the first line is missing. */
export interface Recovery {
  readonly events: number;
  readonly chain: Uint8Array;
  readonly end: number;
  readonly cutBytes: number | null;
  readonly tree: Tree;
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
 * Cuts an unfinished write off the end of an open ledger. The caller records the cut.
 *
 * Every event that was appended whole is kept. Damage that an unfinished write cannot explain throws Tampered and leaves
 * the file as it is; so do events that are not what `kept`, the head that was signed last, says of them.
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
  for (; !step.done; step = frames.next()) {
    visitor.add(step.value.payload, tree);
    tree = grown(tree, leafHash(step.value.payload));
    compare();
  }
  visitor.end();
  const { events, chain, end, ...tail } = step.value;
  if (tail.kind === "damaged") throw new Tampered(file, events, tail.reason);
  if (kept !== null && kept.size > events)
    throw new Tampered(file, events, `${kept.size} events were signed, and those from here on are gone`);
  if (tail.kind === "whole") return { events, chain, end, cutBytes: null, tree };
  ftruncateSync(fd, end);
  return { events, chain, end, cutBytes: tail.bytes, tree };
}

import { ftruncateSync } from "node:fs";
import { Tampered } from "./failure.ts";
import { readPieces } from "./file.ts";
import { decodeFrames } from "./frame.ts";

/** Where appending goes on. `cutBytes` is null when nothing had to be cut; `end` 0 means that the first line is missing. */
export interface Recovery {
  readonly events: number;
  readonly chain: Uint8Array;
  readonly end: number;
  readonly cutBytes: number | null;
}

/**
 * Cuts an unfinished write off the end of an open ledger. The caller records the cut.
 *
 * Every event that was appended whole is kept. Damage that an unfinished write cannot explain throws Tampered and leaves
 * the file as it is.
 */
export function recover(file: string, fd: number): Recovery {
  const frames = decodeFrames(readPieces(fd));
  let step = frames.next();
  while (!step.done) step = frames.next();
  const { events, chain, end, ...tail } = step.value;
  switch (tail.kind) {
    case "whole":
      return { events, chain, end, cutBytes: null };
    case "damaged":
      throw new Tampered(file, events, tail.reason);
    case "torn":
      ftruncateSync(fd, end);
      return { events, chain, end, cutBytes: tail.bytes };
  }
}

import { writeFileSync } from "node:fs";
import type { JsonObject } from "../core/json.ts";
import { encodeFrame, FIRST_CHAIN, FIRST_LINE } from "./frame.ts";
import { EMPTY_TREE, grown, rootOf } from "./merkle.ts";
import type { Seal } from "./seal.ts";
import { readBareLedger } from "./verify.ts";

/**
 * Does what a program of the same user can do to a ledger: writes it anew with other events and signs it again, by the person's
 * own key, as if nothing had ever been there.
 */
export function writeAnew(file: string, seal: Seal, change: (event: JsonObject, seq: number) => JsonObject): void {
  const pieces: Uint8Array[] = [Buffer.from(FIRST_LINE)];
  let [chain, tree, newest] = [FIRST_CHAIN, EMPTY_TREE, ""];
  for (const { seq, event } of [...readBareLedger(file)]) {
    const isHead = event.type === "head";
    if (isHead) newest = seal.sign({ size: tree.size, root: rootOf(tree) });
    const frame = encodeFrame(chain, isHead ? { type: "head", note: newest } : change(event, seq));
    if (!frame.ok) throw new Error(frame.reason);
    pieces.push(frame.bytes);
    [chain, tree] = [frame.chain, grown(tree, frame.leaf)];
  }
  writeFileSync(file, Buffer.concat(pieces));
  // Both of the slots that take turns.
  for (const _ of [0, 1]) seal.keep(newest);
}

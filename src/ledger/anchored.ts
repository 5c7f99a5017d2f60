import { closeSync } from "node:fs";
import { Tampered } from "./failure.ts";
import { openFile, readPieces } from "./file.ts";
import { decodeFrames } from "./frame.ts";
import { type Head, type HeadKey, openHead, parseHead } from "./head.ts";
import { EMPTY_TREE, grown, leafHash, rootOf } from "./merkle.ts";

export type AnchorVerdict =
  /** `heads` were compared, and each is one of this ledger; the largest covers so many events, from the first. */
  | { readonly ok: true; readonly heads: number; readonly size: number; readonly events: number }
  /** `seq` is the first event that no anchored head vouches for. */
  | { readonly ok: false; readonly seq: number; readonly reason: string };

/** Longer than any name of a session: what else stands on its line is looked at no further, once for each beginning of a note. */
const NOTE = /(ringfence\/session\/[^\n]{1,200}\n\d{1,15}\n[A-Za-z0-9+/]{43}=\n)\n— ringfence [A-Za-z0-9+/]+=*\n/g;

/**
 * Compares a ledger that verifies with what an anchor holds of its session: every head there must be one of this very ledger.
 *
 * That is how a ledger is found that was written anew and signed again by whoever has the key. Other texts in the anchor,
 * and heads of other sessions, count for nothing. A head of this session that another key signed is no good sign either.
 */
export function compareAnchored(
  file: string,
  anchor: string,
  { session, key }: { readonly session: string; readonly key: HeadKey | null },
): AnchorVerdict {
  const heads: Head[] = [];
  for (const [note, text = ""] of anchor.matchAll(NOTE)) {
    const head = parseHead(text);
    if (head?.session !== session) continue;
    if (key === null || openHead(note, key) === null)
      return {
        ok: false,
        seq: 0,
        reason: `a head of ${head.size} events is anchored that this key did not sign: the key was changed, or a stranger writes there`,
      };
    heads.push(head);
  }
  if (heads.length === 0) return { ok: false, seq: 0, reason: "the anchor has no head of this session" };
  return compare(file, heads);
}

function compare(file: string, heads: readonly Head[]): AnchorVerdict {
  const roots = new Map<number, Uint8Array[]>();
  for (const { size, root } of heads) roots.set(size, [...(roots.get(size) ?? []), root]);
  let vouched = 0;
  let tree = EMPTY_TREE;
  for (const payload of payloadsOf(file)) {
    tree = grown(tree, leafHash(payload));
    const anchored = roots.get(tree.size);
    if (anchored === undefined) continue;
    const root = rootOf(tree);
    if (anchored.some((other) => Buffer.compare(other, root) !== 0))
      return { ok: false, seq: vouched, reason: `its first ${tree.size} events are not those that were anchored` };
    vouched = tree.size;
  }
  const size = Math.max(...roots.keys());
  if (size > tree.size)
    return { ok: false, seq: vouched, reason: `${size} events were anchored, and it has ${tree.size}` };
  return { ok: true, heads: heads.length, size, events: tree.size };
}

function* payloadsOf(file: string): Generator<Uint8Array> {
  const fd = openFile(file, "read");
  try {
    const frames = decodeFrames(readPieces(fd));
    let step = frames.next();
    for (; !step.done; step = frames.next()) yield step.value.payload;
    if (step.value.kind === "damaged") throw new Tampered(file, step.value.events, step.value.reason);
  } finally {
    closeSync(fd);
  }
}

import { hash } from "node:crypto";

/** A Merkle tree (RFC 6962, section 2.1, SHA-256) as far as growing it needs: the roots of its whole subtrees, largest first. */
export interface Tree {
  readonly size: number;
  readonly roots: readonly Uint8Array[];
}

export const EMPTY_TREE: Tree = { size: 0, roots: [] };

/** The hash of an entry that is no subtree: the first byte keeps an entry from posing as two subtrees. */
export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(LEAF, entry);
}

/** Adds a leaf at the end. */
export function grown({ size, roots }: Tree, leaf: Uint8Array): Tree {
  let root = leaf;
  let whole = roots.length;
  // As many subtrees become one as the old size has ones at its end, in binary.
  for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) root = nodeHash(roots[--whole] ?? none(), root);
  return { size: size + 1, roots: [...roots.slice(0, whole), root] };
}

/** The hash that stands for all entries of a tree and their order. */
export function rootOf({ roots }: Tree): Uint8Array {
  if (roots.length === 0) return sha256();
  return roots.reduceRight((right, left) => nodeHash(left, right));
}

/** The hashes, from the leaf's neighbour upward, with which anybody can compute the root of the tree from one leaf. */
export function pathTo(leaves: readonly Uint8Array[], at: number): Uint8Array[] {
  if (leaves.length <= 1) return [];
  const half = largestPowerBelow(leaves.length);
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)];
  return at < half ? [...pathTo(left, at), rootOfLeaves(right)] : [...pathTo(right, at - half), rootOfLeaves(left)];
}

/** Hashes bytes that follow each other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  // Several times as fast, for what is as short as an event, as a hash that is fed in parts and makes its own buffer.
  return Buffer.from(hash("sha256", Buffer.concat(parts), "binary"), "binary");
}

/** Computes the root of a tree of `size` entries from one leaf and the path to it; null for a path that fits no such leaf. */
export function rootFromPath(
  leaf: Uint8Array,
  at: number,
  size: number,
  path: readonly Uint8Array[],
): Uint8Array | null {
  if (!Number.isSafeInteger(at) || !Number.isSafeInteger(size) || at < 0 || at >= size) return null;
  if (size === 1) return path.length === 0 ? leaf : null;
  const beside = path.at(-1);
  if (beside === undefined) return null;
  const half = largestPowerBelow(size);
  const isLeft = at < half;
  const own = isLeft
    ? rootFromPath(leaf, at, half, path.slice(0, -1))
    : rootFromPath(leaf, at - half, size - half, path.slice(0, -1));
  if (own === null) return null;
  return isLeft ? nodeHash(own, beside) : nodeHash(beside, own);
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE, left, right);
}

function rootOfLeaves(leaves: readonly Uint8Array[]): Uint8Array {
  return rootOf(leaves.reduce(grown, EMPTY_TREE));
}

function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

function none(): never {
  throw new Error("bug: a tree has fewer subtrees than its size says");
}

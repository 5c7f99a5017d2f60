import { decodePath } from "./changes.ts";
import { linkTo } from "./trust-compare.ts";

/** An object of a repository as it was read: what a stranger's repository says that its id is may be wrong. */
export interface RawObject {
  readonly type: "commit" | "tree";
  readonly bytes: Uint8Array;
}

/** What a commit says of itself. All text is a stranger's. */
export interface CommitFacts {
  readonly tree: string;
  readonly author: string;
  readonly subject: string;
}

/** Names an object by the digest that git names it by; handed in because this room computes no hashes. */
export type ObjectId = (object: RawObject) => string;

const ENTRIES_MAX = 200_000;
const DEPTH_MAX = 100;
const TREE_ID_BYTES = 20;

/** Reads a commit whose bytes have the id that was asked for; throws for what is none. */
export function readCommit(bytes: Uint8Array): CommitFacts {
  const text = new TextDecoder().decode(bytes);
  const [, tree] = /^tree ([0-9a-f]{40})\n/.exec(text) ?? [];
  const end = text.indexOf("\n\n");
  if (tree === undefined || end < 0) throw new Error("it is no commit");
  const [, author = ""] = /^author (.*) \d+ [+-]\d{4}$/m.exec(text.slice(0, end)) ?? [];
  const [subject = ""] = text.slice(end + 2).split("\n", 1);
  return { tree, author, subject };
}

/**
 * Lists the files of a commit with the ids of their contents, from objects whose ids are proven: a repository that gives
 * another object than was asked for is not believed. A link maps to the marked id of its target, a submodule to null.
 */
export function filesOfCommit(
  commit: string,
  objects: readonly RawObject[],
  idOf: ObjectId,
): ReadonlyMap<string, string | null> {
  const known = new Map(objects.map((object) => [idOf(object), object]));
  const root = known.get(commit);
  if (root?.type !== "commit") throw new Error("the repository does not hold that commit as it is");
  const files = new Map<string, string | null>();
  const open = [{ id: readCommit(root.bytes).tree, folder: "", depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const tree = known.get(next.id);
    if (tree?.type !== "tree" || next.depth > DEPTH_MAX) throw new Error("a folder of the commit is not as it was");
    for (const { mode, name, id } of entriesOf(tree.bytes)) {
      const path = `${next.folder}${name}`;
      if (name === "" || name.includes("/")) throw new Error("a folder of the commit holds a name that is none");
      if (mode === "40000") open.push({ id, folder: `${path}/`, depth: next.depth + 1 });
      // Of two entries of one name nobody knows which is meant.
      else files.set(path, files.has(path) ? null : contentOf(mode, id));
      if (files.size + open.length > ENTRIES_MAX) throw new Error(`the commit has more than ${ENTRIES_MAX} files`);
    }
  }
  return files;
}

function contentOf(mode: string, id: string): string | null {
  if (mode === "120000") return linkTo(id);
  return /^100(?:644|755)$/.test(mode) ? id : null;
}

function* entriesOf(bytes: Uint8Array): Generator<{ mode: string; name: string; id: string }> {
  const decoder = new TextDecoder();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const end = bytes.indexOf(0, space);
    if (space < 0 || end < 0 || end + TREE_ID_BYTES >= bytes.length) throw new Error("a folder is cut short");
    const id = bytes.subarray(end + 1, end + 1 + TREE_ID_BYTES);
    yield {
      mode: decoder.decode(bytes.subarray(at, space)),
      name: decodePath(bytes.subarray(space + 1, end)),
      id: Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    };
    at = end + 1 + TREE_ID_BYTES;
  }
}

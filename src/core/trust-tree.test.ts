import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { filesOfCommit, type RawObject, readCommit } from "./trust-tree.ts";

const idOf = ({ type, bytes }: RawObject) =>
  createHash("sha1").update(`${type} ${bytes.length}\0`).update(bytes).digest("hex");
const BLOB = "b".repeat(40);

function tree(...entries: readonly (readonly [mode: string, name: string, id: string])[]): RawObject {
  const bytes = entries.flatMap(([mode, name, id]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]);
  return { type: "tree", bytes: Buffer.concat(bytes) };
}

function commit(root: RawObject): RawObject {
  const text = `tree ${idOf(root)}\nauthor Ada <a@b> 1 +0000\ncommitter Ada <a@b> 1 +0000\n\nFirst\n\nMore\n`;
  return { type: "commit", bytes: Buffer.from(text) };
}

const INNER = tree(["100644", "a.js", BLOB], ["120000", "link", BLOB]);
const ROOT = tree(["100755", "run", BLOB], ["40000", "src", idOf(INNER)], ["160000", "sub", BLOB]);
const COMMIT = commit(ROOT);

test("the files of a commit come with the ids of their contents; links and submodules are told apart from files", () => {
  const files = filesOfCommit(idOf(COMMIT), [COMMIT, ROOT, INNER], idOf);
  assert.deepEqual(Object.fromEntries(files), { run: BLOB, "src/a.js": BLOB, "src/link": `link ${BLOB}`, sub: null });
  assert.deepEqual(readCommit(COMMIT.bytes), { tree: idOf(ROOT), author: "Ada <a@b>", subject: "First" });
});

test("an object in the place of another is not believed, nor is one that is cut short or names a file twice", () => {
  const evil = tree(["100644", "a.js", "e".repeat(40)]);
  assert.throws(() => filesOfCommit(idOf(COMMIT), [commit(evil), evil], idOf), /does not hold that commit/);
  assert.throws(() => filesOfCommit(idOf(COMMIT), [COMMIT, ROOT, evil], idOf), /not as it was/);
  assert.throws(() => filesOfCommit(idOf(COMMIT), [COMMIT, ROOT], idOf), /not as it was/);
  const short: RawObject = { type: "tree", bytes: INNER.bytes.subarray(0, -1) };
  assert.throws(() => filesOfCommit(idOf(commit(short)), [commit(short), short], idOf), /cut short/);
  const twice = tree(["100644", "a", BLOB], ["100644", "a", "e".repeat(40)]);
  assert.equal(filesOfCommit(idOf(commit(twice)), [commit(twice), twice], idOf).get("a"), null);
  const climbing = tree(["100644", "src/a.js", BLOB]);
  assert.throws(() => filesOfCommit(idOf(commit(climbing)), [commit(climbing), climbing], idOf), /a name that is none/);
});

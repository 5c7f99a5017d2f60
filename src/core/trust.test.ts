import assert from "node:assert/strict";
import { test } from "node:test";
import { inFolder, noTrust, parseTrust, standingOfItem, withCommit, withItem, without } from "./trust.ts";

const NONE = noTrust("/repo", "https://example.com/ada/thing.git");
const [A, B, ID] = ["a".repeat(64), "b".repeat(64), "c".repeat(40)];
const SOME = withCommit(withItem(NONE, { path: "AGENTS.md", hash: A }), ID);

test("a content is approved at the very path that was named, and the newest approval of a path is the only one", () => {
  assert.equal(standingOfItem(SOME, { path: "AGENTS.md", hash: A }), "approved");
  assert.equal(standingOfItem(SOME, { path: "AGENTS.md", hash: B }), "changed");
  for (const path of ["agents.md", "sub/AGENTS.md", "AGENTS.md ", "./AGENTS.md"])
    assert.equal(standingOfItem(SOME, { path, hash: A }), "not approved", path);
  const again = withItem(SOME, { path: "AGENTS.md", hash: B });
  assert.equal(standingOfItem(again, { path: "AGENTS.md", hash: A }), "changed");
});

test("what is taken back is gone, and what was never said cannot be taken back", () => {
  const left = without(SOME, "AGENTS.md");
  assert.ok(left);
  assert.deepEqual([left.items, left.commits], [[], [ID]]);
  assert.deepEqual(without(SOME, ID)?.commits, []);
  assert.equal(without(SOME, ID.slice(0, 12)), null);
});

test("a public mark without a remote is of one folder alone, and of none where that cannot be told", () => {
  const marked = { ...noTrust("/repo", ""), openness: "public", folder: "7-1" } as const;
  assert.equal(inFolder(marked, "7-1"), marked);
  for (const other of ["7-2", "8-1", ""]) assert.equal(inFolder(marked, other).openness, "private", other);
  assert.equal(inFolder({ ...marked, folder: "" }, "").openness, "private");
  assert.equal(inFolder({ ...marked, remote: "https://example.com/a.git" }, "").openness, "public");
});

test("a record is read back as it was written, and one of another form is none", () => {
  assert.deepEqual(parseTrust(JSON.parse(JSON.stringify(SOME))), SOME);
  for (const wrong of [
    null,
    [],
    {},
    { ...SOME, openness: "open" },
    { ...SOME, checkout: "repo" },
    { ...SOME, remote: null },
    { ...SOME, folder: undefined },
    { ...SOME, commits: [ID.slice(1)] },
    { ...SOME, items: [{ path: "", hash: A }] },
    { ...SOME, items: [{ path: "x", hash: ID }] },
  ])
    assert.throws(() => parseTrust(wrong), Error, JSON.stringify(wrong));
});

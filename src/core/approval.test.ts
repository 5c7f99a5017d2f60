import assert from "node:assert/strict";
import { test } from "node:test";
import { afterLanding, parseApproval, partnersOf } from "./approval.ts";

const HASH = "0123456789abcdef".repeat(4);

test("an approval is a path and a whole hash, and the path may hold any sign", () => {
  for (const path of ["a", "a=b", "a b\n=c", `x=${HASH}`, "é"]) {
    assert.deepEqual(parseApproval(`${path}=${HASH}`), { path, hash: HASH });
  }
  for (const text of ["", "a", `=${HASH}`, `a=${HASH.slice(1)}`, `a=${HASH.toUpperCase()}`, `a=${HASH} `, `a${HASH}`]) {
    assert.equal(parseApproval(text), null, text);
  }
});

test("a manifest and its lockfiles of the same folder belong together", () => {
  assert.ok(partnersOf("package.json").includes("package-lock.json"));
  assert.deepEqual(partnersOf("a/b/yarn.lock"), ["a/b/package.json"]);
  assert.deepEqual(partnersOf("go.mod"), ["go.sum"]);
  assert.deepEqual([...partnersOf("src/main.ts"), ...partnersOf("constructor")], []);
});

test("what to run after a lockfile has landed is said, with its folder", () => {
  assert.deepEqual(afterLanding(["a.ts", "package.json", "web/package-lock.json", "go.sum"]), [
    { folder: "web", command: "npm ci" },
    { folder: ".", command: "go mod download" },
  ]);
});

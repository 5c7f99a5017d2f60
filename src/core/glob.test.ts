import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesGlob, matchesName } from "./glob.ts";

test("a glob means paths by whole names, and a folder all below it", () => {
  const means = (glob: string, ...paths: readonly string[]) => paths.map((path) => matchesGlob(glob, path));
  assert.deepEqual(means("secrets", "secrets", "secrets/a/b", "./secrets/a", "x/../secrets/a"), [
    true,
    true,
    true,
    true,
  ]);
  assert.deepEqual(means("secrets", "secretsx", "a/secrets", "", "."), [false, false, false, false]);
  assert.deepEqual(means("src/*.ts", "src/a.ts", "src/a/b.ts", "src/.ts", "a.ts"), [true, false, true, false]);
  assert.deepEqual(means("**/*.pem", "a.pem", "x/y/a.pem", "x/a.pem/z", "a.pe"), [true, true, true, false]);
  assert.deepEqual(means("src/**", "src/a", "src/a/b", "src", "lib/src/a"), [true, true, true, false]);
  assert.deepEqual(means("a/**/z", "a/z", "a/b/z", "a/b/c/z", "a/b"), [true, true, true, false]);
  assert.deepEqual(
    [matchesName("release/*", "release/1"), matchesName("v?", "v1"), matchesName("v?", "v"), matchesName("*", "")],
    [true, true, false, true],
  );
});

test("a glob of a stranger's takes no time that grows with its stars", () => {
  const path = `${"a/".repeat(200)}${"a".repeat(2000)}`;
  // Exponential or of a high power, it would not end within the test's own limit.
  const globs = [`${"**/a*a/".repeat(100)}b`, `${"*a".repeat(400)}b`, `${"**/".repeat(300)}b`];
  assert.deepEqual(
    globs.map((glob) => matchesGlob(glob, path)),
    [false, false, false],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { compareWhole, type Standing, standingOfFile } from "./trust-compare.ts";

const COMMIT = new Map([
  ["a.js", "a1"],
  ["src/b.js", "b1"],
  ["link", "link l1"],
  ["sub", null],
]);
const CLEAN: Standing = {
  files: new Map([
    ["a.js", "a1"],
    ["src/b.js", "b1"],
  ]),
  links: new Map([["link", "l1"]]),
  folders: ["sub"],
  others: [],
  isBare: true,
};

test("a content is approved at its own path in the commit, changed at that of another content, and unknown elsewhere", () => {
  assert.equal(standingOfFile(COMMIT, "a.js", "a1"), "approved");
  assert.equal(standingOfFile(COMMIT, "a.js", "b1"), "changed");
  for (const path of ["A.js", "b.js", "link", "sub", "toString"])
    assert.equal(standingOfFile(COMMIT, path, "a1"), "unknown", path);
  assert.equal(standingOfFile(null, "a.js", "a1"), "unknown");
});

test("a checkout is of a commit when nothing else lies in it or its git folder; what differs in it is named", () => {
  assert.deepEqual(compareWhole(COMMIT, CLEAN), { isOf: true, differing: [] });
  const files = (...more: readonly (readonly [string, string])[]) => new Map([...CLEAN.files, ...more]);
  assert.deepEqual(compareWhole(COMMIT, { ...CLEAN, files: files(["a.js", "x"], ["link", "y"]) }), {
    isOf: true,
    differing: ["a.js", "link"],
  });
  const strange: readonly (readonly [Partial<Standing>, RegExp])[] = [
    [{ files: files(["new.js", "a1"]) }, /^new\.js, which is not of/],
    [{ files: files(["A.js", "a1"]) }, /^A\.js/],
    [{ links: new Map([["way", "l1"]]) }, /^way/],
    [{ links: new Map([["link", "l2"]]) }, /^link/],
    [{ links: new Map([["a.js", "a1"]]) }, /^a\.js/],
    [{ folders: ["empty"] }, /^empty/],
    [{ others: ["pipe"] }, /^pipe/],
    [{ others: ["a.js"] }, /^a\.js/],
    [{ isBare: false }, /git folder/],
  ];
  for (const [more, what] of strange) {
    const compared = compareWhole(COMMIT, { ...CLEAN, ...more });
    assert.ok(!compared.isOf);
    assert.match(compared.what, what);
  }
  const many = Array.from({ length: 201 }, (_, index) => [`f${index}`, "x"] as const);
  const all = new Map([...COMMIT, ...many]);
  const compared = compareWhole(all, { ...CLEAN, files: files(...many.map(([path]) => [path, "y"] as const)) });
  assert.deepEqual(compared, { isOf: false, what: "201 changed files" });
});

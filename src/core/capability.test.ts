import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { attenuated, type Capability, mayWrite } from "./capability.ts";

const folders = fc.uniqueArray(fc.constantFrom("", "src/", "src/a/", "src/a/b/", "docs/", "srcs/", "../", "src"));
const capabilities: fc.Arbitrary<Capability> = fc.record({
  effects: fc
    .uniqueArray(fc.constantFrom("read" as const, "write" as const, "run" as const))
    .map((all) => new Set(all)),
  sinks: fc.uniqueArray(fc.constantFrom("send" as const, "push" as const, "fetch" as const)).map((all) => new Set(all)),
  folders,
});
const paths = fc.constantFrom(
  "a",
  "src/a",
  "src/a/b",
  "src/a/b/c",
  "docs/x",
  "srcs/x",
  "src/../docs/x",
  "/etc",
  "../x",
);

test("a child that wants no more than its parent has gets what it wants", () => {
  fc.assert(
    fc.property(capabilities, paths, (one, path) => {
      const same = attenuated(one, one);
      assert.deepEqual([same.effects, same.sinks], [one.effects, one.sinks]);
      assert.equal(mayWrite(same, path), mayWrite(one, path));
    }),
  );
});

test("a folder means all below it, by whole names, and a path that leads elsewhere lies in none", () => {
  const may = (folder: string, path: string) =>
    mayWrite({ effects: new Set(), sinks: new Set(), folders: [folder] }, path);
  assert.deepEqual(
    [may("src/", "src/a"), may("", "a/b"), may("src/", "srcs/a"), may("src", "srcs/a"), may("src/", "src")],
    [true, true, false, false, false],
  );
  for (const path of ["src/../a", "src/./a", "src//a", "/src/a", "", "src/a/"])
    assert.equal(may("src/", path), false, path);
});

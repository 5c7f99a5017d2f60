import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { attenuated, boundedBy, type Capability, capabilityFor, mayWrite, WHOLE, widestFor } from "./capability.ts";

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

test("the words of a task grant what they say, and a word or a folder that is not understood grants nothing", () => {
  const kinds = (may: string, folder = "") => {
    const found = capabilityFor(may, folder, 2);
    return (
      found && [
        ["write", "fetch", "kill", "delegate"].filter((kind) => (found.effects as Set<string>).has(kind)),
        found.folders,
      ]
    );
  };
  assert.deepEqual(kinds(""), [[], []]);
  assert.deepEqual(kinds("read", "src"), [[], []]);
  assert.deepEqual(kinds("write", "./src/"), [["write"], ["src/"]]);
  assert.deepEqual(kinds("net, write"), [["write", "fetch", "kill"], [""]]);
  assert.deepEqual(kinds("write+net", "src/a"), [["write", "fetch"], ["src/a/"]]);
  for (const [may, folder] of [
    ["all", ""],
    ["WRITE", ""],
    ["write", ".."],
    ["write", "/"],
    ["write", "/etc"],
    ["write", "src/../x"],
    ["write", "a//b"],
  ] as const)
    assert.equal(kinds(may, folder), null, `${may} ${folder}`);
});

test("a command gets the widest profile that its capability has room for, and no wider than it needs", () => {
  const widest = (may: string, folder = "") => widestFor(capabilityFor(may, folder, 2) ?? WHOLE);
  assert.deepEqual(
    [
      widest("read"),
      widest("net"),
      widest("write"),
      widest("write", "src"),
      widest("write net"),
      widest("write net", "src"),
    ],
    ["read-only", "read-only", "build", "read-only", "net", "read-only"],
  );
  const run = { kind: "run", command: "x", timeoutMs: 1, background: false, profile: "build" } as const;
  assert.deepEqual(boundedBy(WHOLE, run), { ok: true, effect: run });
});

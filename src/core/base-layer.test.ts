import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chooseTaken,
  type KeptUnit,
  lockfilesOf,
  outermostIgnored,
  type UnitLook,
  unitAt,
  whyOutdated,
  whyStale,
} from "./base-layer.ts";
import type { Change } from "./changes.ts";
import type { ChangeClass } from "./classify.ts";

const KEPT: KeptUnit = { path: "node_modules", kind: "dependencies", since: 1000, existed: false, locks: ["", "a"] };
const LOOK: UnitLook = { hasPlace: true, isIgnored: true, exists: false, changedAt: 0, lock: "a" };

function change(path: string, more: Partial<Change> = {}): Change {
  const fields = {
    type: "file",
    action: "add",
    mode: 0o644,
    executable: false,
    size: 1,
    hash: null,
    base: null,
  } as const;
  return { path, ...fields, ...more };
}

test("a unit that nothing has changed beside is shown", () => {
  assert.equal(whyStale(KEPT, LOOK), null);
  assert.equal(whyStale(KEPT, { ...LOOK, lock: "" }), null);
  assert.equal(whyStale({ ...KEPT, existed: true }, { ...LOOK, exists: true, changedAt: 1000 }), null);
  const other: KeptUnit = { ...KEPT, path: "dist", kind: "other", locks: [] };
  assert.equal(whyStale(other, { ...LOOK, lock: "whatever" }), null);
});

test("what the person changed since takes the place of the unit", () => {
  const whys = [
    whyStale(KEPT, { ...LOOK, hasPlace: false }),
    whyStale(KEPT, { ...LOOK, isIgnored: false }),
    whyStale(KEPT, { ...LOOK, exists: true, changedAt: 1 }),
    whyStale({ ...KEPT, existed: true }, LOOK),
    whyStale({ ...KEPT, existed: true }, { ...LOOK, exists: true, changedAt: 1001 }),
    whyStale(KEPT, { ...LOOK, lock: "b" }),
    whyStale({ ...KEPT, locks: [] }, { ...LOOK, lock: "" }),
  ];
  assert.deepEqual(whys, [
    "the folder that it lay in is gone",
    "git does not ignore it any more",
    "you have one of your own now",
    "you removed yours",
    "you changed yours",
    "your lockfile is another one now",
    "your lockfile is another one now",
  ]);
});

test("in a session that goes on, a lockfile of the box's that landed outdates nothing, and one of the person's does", () => {
  const look = { ...LOOK, lockChangedAt: 2000, lockInBox: "a", isLockOfBox: true };
  assert.equal(whyOutdated(KEPT, look, 1000), null);
  assert.equal(whyOutdated(KEPT, { ...look, lock: "b" }, 1000), "you changed the lockfile");
  assert.equal(whyOutdated(KEPT, { ...look, isLockOfBox: false }, 1000), "you changed the lockfile");
  assert.equal(whyOutdated(KEPT, { ...look, isLockOfBox: false }, 2000), null);
  assert.equal(whyOutdated(KEPT, { ...look, exists: true, changedAt: 1001 }, 1000), "you changed yours");
  // A folder that the checkout tracks is merged file by file like all source.
  assert.equal(whyOutdated(KEPT, { ...look, isIgnored: false, lock: "b" }, 1000), null);
});

test("a unit is the outermost folder that git ignores, and only its own name makes it one of dependencies", () => {
  const isIgnored = (path: string) => /(?:^|\/)(?:node_modules|dist)(?:\/|$)|\.log$/.test(path);
  const units = ["a/node_modules/b/node_modules/c", "dist/node_modules/c", "x/y.log", "target"].map((path) =>
    unitAt(outermostIgnored(path, isIgnored)),
  );
  assert.deepEqual(units, [
    { path: "a/node_modules", kind: "dependencies" },
    { path: "dist", kind: "other" },
    { path: "x/y.log", kind: "other" },
    { path: "target", kind: "dependencies" },
  ]);
  assert.deepEqual(lockfilesOf(unitAt("a/target")), ["Cargo.lock"]);
  assert.deepEqual(lockfilesOf(unitAt("dist")), []);
});

test("only what git ignores is taken: nothing held, masked, secret by its name, of git, or deleted", () => {
  const isIgnored = (path: string) => !/^src/.test(path) && path !== "";
  const of = (path: string, cls: ChangeClass = "ignored", more: Partial<Change> = {}) => ({
    change: change(path, more),
    cls,
  });
  const changes = [
    of("dist/a"),
    of("src/a"),
    of("dist/.env"),
    of("dist/server.key"),
    of("dist/masked"),
    of("dist/.git/config"),
    of("dist/x/.GIT/hooks/a"),
    of("dist/pipe", "ignored", { type: "other" }),
    of("dist/gone", "ignored", { action: "delete" }),
    of("dist/held", "run-later"),
    of("dist/out", "outside", { type: "symlink", target: "/etc" }),
  ];
  assert.deepEqual(chooseTaken(changes, isIgnored, new Set(["dist/masked"])), [
    { path: "dist/a", unit: "dist", how: "move" },
  ]);
  // Half of a dependency folder is of no use.
  const python = [
    of(".venv/bin/python", "outside", { type: "symlink", target: "/usr/bin/python3" }),
    of(".venv/x/cacert.pem"),
  ];
  assert.deepEqual(chooseTaken(python, isIgnored, new Set()), [
    { path: ".venv/bin/python", unit: ".venv", how: "copy" },
    { path: ".venv/x/cacert.pem", unit: ".venv", how: "move" },
  ]);
});

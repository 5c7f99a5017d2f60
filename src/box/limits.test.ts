import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { type Cgroups, LIMITS_DEFAULT, type Limits, makeCgroups, makeOneShotGroup, releaseCgroups } from "./limits.ts";

const LIMITS: Limits = { ...LIMITS_DEFAULT, memoryBytes: 256 * 2 ** 20, processes: 50 };

test("a session's groups carry its ceilings and are gone once it is released", () => {
  const cgroups = makeCgroups(name("20990101-000000"), LIMITS);
  assert.deepEqual(
    foldersOf(cgroups).filter((folder) => !existsSync(folder)),
    [],
  );
  if (cgroups.hasMemory) assert.equal(memoryCeiling(cgroups), String(LIMITS.memoryBytes));
  if (cgroups.pids !== null) assert.equal(read(join(cgroups.pids, "pids.max")), String(4 * LIMITS.processes));
  releaseCgroups(cgroups);
  assert.deepEqual(
    foldersOf(cgroups).filter((folder) => existsSync(folder)),
    [],
  );
});

test("root and whoever may make groups has them, everybody else has none and half of none", () => {
  const cgroups = makeCgroups(name("20990101-000000"), LIMITS);
  releaseCgroups(cgroups);
  assert.equal(cgroups.hasMemory, cgroups.pids !== null);
  assert.equal(cgroups.hasMemory, cgroups.joined.length > 0);
});

test("each one-shot has a group of its own, which is gone with the session", () => {
  const cgroups = makeCgroups(name("20990101-000000"), LIMITS);
  makeOneShotGroup(cgroups, 7, LIMITS);
  if (cgroups.pids !== null) assert.equal(read(join(cgroups.pids, "7/pids.max")), String(LIMITS.processes));
  makeOneShotGroup(cgroups, 8, LIMITS);
  releaseCgroups(cgroups);
  assert.deepEqual(
    foldersOf(cgroups).filter((folder) => existsSync(folder)),
    [],
  );
});

test("what a killed session left behind is swept away by the next one; a young one is left alone", () => {
  const sample = makeCgroups(name("20990101-000000"), LIMITS);
  releaseCgroups(sample);
  const parents = [
    ...new Set(
      foldersOf(sample)
        .filter((folder) => !folder.endsWith("/holder"))
        .map((folder) => dirname(folder)),
    ),
  ];
  const [old, young] = [name("20200101-000000"), name("20990101-000001")];
  for (const parent of parents) for (const left of [old, young]) mkdirSync(join(parent, left));
  releaseCgroups(makeCgroups(name("20990101-000000"), LIMITS));
  for (const parent of parents) {
    assert.deepEqual([existsSync(join(parent, old)), existsSync(join(parent, young))], [false, true]);
    releaseCgroups({ joined: [join(parent, young)], pids: null, hasMemory: false });
  }
});

function name(stamp: string): string {
  return `ringfence-${stamp}-${randomBytes(4).toString("hex")}`;
}

function foldersOf(cgroups: Cgroups): string[] {
  return [...new Set([...cgroups.joined, ...(cgroups.pids === null ? [] : [cgroups.pids])])];
}

function memoryCeiling(cgroups: Cgroups): string {
  const version1 = cgroups.joined.find((folder) => folder.startsWith("/sys/fs/cgroup/memory/"));
  return read(
    version1 === undefined ? join(cgroups.pids ?? "", "memory.max") : join(version1, "memory.limit_in_bytes"),
  );
}

function read(file: string): string {
  return readFileSync(file, "utf8").trim();
}

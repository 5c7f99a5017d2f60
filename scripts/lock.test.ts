import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const NPMRC = "ignore-scripts=true\nsave-exact=true\nomit-lockfile-registry-resolved=true\n";

interface Project {
  readonly manifest?: object;
  readonly packages?: Readonly<Record<string, object>>;
  readonly npmrc?: string;
  /** The licence that the installed package `a` names. */
  readonly installed?: string;
}

function check({ manifest = {}, packages = {}, npmrc = NPMRC, installed }: Project): string[] {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-lock-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages }));
    writeFileSync(join(folder, ".npmrc"), npmrc);
    if (installed !== undefined) {
      mkdirSync(join(folder, "node_modules/a"), { recursive: true });
      writeFileSync(join(folder, "node_modules/a/package.json"), JSON.stringify({ license: installed }));
    }
    const run = spawnSync(process.execPath, [join(import.meta.dirname, "lock.mjs"), folder], { encoding: "utf8" });
    const lines = run.stdout.split("\n").filter((line) => line !== "");
    assert.deepEqual({ status: run.status, stderr: run.stderr }, { status: lines.length > 0 ? 1 : 0, stderr: "" });
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a complete, pinned lock with agreed licences passes", () => {
  const packages = {
    "": { optionalDependencies: { a: "1.0.0" } },
    "node_modules/a": { license: "MIT", optionalDependencies: { b: "1.0.0", c: "1.0.0" } },
    "node_modules/b": { license: "(GPL-3.0 OR BSD-3-Clause)" },
    "node_modules/a/node_modules/c": { license: "ISC" },
  };
  assert.deepEqual(check({ manifest: { dependencies: { a: "1.0.0" } }, packages }), []);
});

test("a platform package that is named but absent is refused", () => {
  const packages = { "node_modules/a": { license: "MIT", optionalDependencies: { "a-linux": "1.0.0" } } };
  assert.deepEqual(check({ packages }), ["package-lock.json: node_modules/a names a-linux, which the lock lacks"]);
});

test("a version range is refused", () => {
  const lines = check({ manifest: { devDependencies: { a: "^1.0.0" } } });
  assert.deepEqual(lines, ['package.json: devDependencies.a is "^1.0.0"; name one exact version']);
});

test("an install script is refused, except where it was agreed", () => {
  const packages = {
    "node_modules/a": { license: "MIT", hasInstallScript: true },
    "node_modules/esbuild": { license: "MIT", hasInstallScript: true },
  };
  assert.deepEqual(check({ packages }), ["a: has an install script"]);
});

test("a lock that names a host is refused", () => {
  const packages = { "node_modules/a": { license: "MIT", resolved: "https://packages.example/a.tgz" } };
  assert.deepEqual(check({ packages }), ['package-lock.json: node_modules/a has "resolved"; the lock names no host']);
});

test("the licence of the installed package counts before the lock's word", () => {
  const packages = { "node_modules/a": { license: "MIT" }, "node_modules/b": {} };
  assert.deepEqual(check({ packages, installed: "GPL-3.0" }), [
    'a: licence "GPL-3.0" is not on the list',
    "b: licence undefined is not on the list",
  ]);
});

test("an .npmrc without a line that the lock relies on is refused", () => {
  assert.deepEqual(check({ npmrc: "save-exact=true\nignore-scripts=true\n" }), [
    ".npmrc: add the line omit-lockfile-registry-resolved=true",
  ]);
});

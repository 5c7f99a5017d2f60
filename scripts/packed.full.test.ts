import assert from "node:assert/strict";
import type { SpawnSyncReturns } from "node:child_process";
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
const PACKAGES_MAX = 10;
const BYTES_MAX = 15 * 1024 * 1024;
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

const folder = mkdtempSync(join(tmpdir(), "ringfence-packed-"));
after(() => rmSync(folder, { recursive: true }));
const home = join(folder, "home");
const project = join(folder, "project");

run(process.execPath, [join(ROOT, "scripts/build.mjs")], ROOT);
mkdirSync(project);
mkdirSync(home);
run("npm", ["init", "--yes"], project);
const tarball = join(ROOT, `dist/ringfence-${version}.tgz`);
run(
  "npm",
  ["install", tarball, "--ignore-scripts", "--no-audit", "--no-fund", "--cache", join(folder, "cache")],
  project,
);

test("the package brings few packages and few bytes", () => {
  const lock = JSON.parse(readFileSync(join(project, "node_modules/.package-lock.json"), "utf8"));
  const packages = Object.keys(lock.packages);
  assert.equal(packages.length <= PACKAGES_MAX, true, packages.join(" "));
  const bytes = sizeOf(join(project, "node_modules"));
  assert.equal(bytes <= BYTES_MAX, true, `${bytes} bytes`);
});

test("the installed program says its version", () => {
  assert.equal(ringfence(["--version"]).stdout, `${version}\n`);
});

test("the installed program shows the demo, offline, without a key", () => {
  const demo = ringfence(["demo"]);
  assert.notEqual(demo.stdout, "");
});

test("the library can be imported by its name", () => {
  run(process.execPath, ["--input-type=module", "-e", 'await import("ringfence");'], project);
});

function ringfence(args: readonly string[]): SpawnSyncReturns<string> {
  return run(process.execPath, [join(project, "node_modules/ringfence/bin/ringfence.js"), ...args], project);
}

/** Runs a program that must end well, with empty folders for its cache and state. */
function run(program: string, args: readonly string[], cwd: string): SpawnSyncReturns<string> {
  const env = { ...process.env, XDG_CACHE_HOME: join(home, ".cache"), XDG_STATE_HOME: join(home, ".state") };
  const result = spawnSync(program, args, { cwd, env, encoding: "utf8", timeout: 300_000 });
  assert.equal(result.status, 0, `${program} ${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return result;
}

function sizeOf(path: string): number {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

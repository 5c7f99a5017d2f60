// Runs every check in order and stops at the first that fails: `npm run check -- [--no-tests]`.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { testArguments } from "./tests.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, "node_modules/.bin", name);
const script = (name) => [process.execPath, join(root, "scripts", name)];

const STEPS = [
  ["types", bin("tsc"), "--project", root],
  ["style", bin("biome"), "check", "--error-on-warnings", "--no-errors-on-unmatched"],
  ["imports", ...script("imports.mjs")],
  ["lock", ...script("lock.mjs")],
  ["words", ...script("words.mjs")],
  ["unused", bin("knip")],
];

for (const [name, program, ...args] of STEPS) {
  const start = performance.now();
  const run = spawnSync(program, args, { cwd: root, encoding: "utf8", timeout: 300_000, maxBuffer: 64 * 1024 * 1024 });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (run.status !== 0) {
    process.stdout.write(`${run.stdout ?? ""}${run.stderr ?? ""}${run.error?.message ?? ""}\n✗ ${name}\n`);
    process.exit(1);
  }
  process.stdout.write(`✓ ${name} (${seconds} s)\n`);
}

if (!process.argv.includes("--no-tests")) {
  const args = testArguments(root, "test", []);
  const status = args ? spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status : 1;
  process.stdout.write(status === 0 ? "✓ tests\n" : "✗ tests\n");
  process.exitCode = status === 0 ? 0 : 1;
}

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { TARGETS } from "../bench/report.ts";

const BENCH = fileURLToPath(new URL("../bench/run.ts", import.meta.url));

function bench(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BENCH, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

test("the bench prints its options and the names of its numbers", () => {
  const { status, stdout, stderr } = bench("--help");
  assert.deepEqual([status, stderr], [0, ""]);
  for (const word of ["--quick", "--only", "--json", ...Object.keys(TARGETS)]) assert.ok(stdout.includes(word), word);
});

test("the bench answers a wrong option in one line, and measures nothing", () => {
  for (const [args, said] of [
    [["--nope"], "Unknown option '--nope'"],
    [["work_ratio"], "Unexpected argument 'work_ratio'"],
    [["--only"], "Option '--only <value>' argument missing"],
    [["--only=work_ratio,nope"], 'there is no number "nope"'],
  ] as const) {
    const stderr = `bench: ${said}; npm run bench -- --help shows the options\n`;
    assert.deepEqual(bench(...args), { status: 2, stdout: "", stderr });
  }
});

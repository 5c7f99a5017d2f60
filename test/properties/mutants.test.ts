import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");
const IS_FULL = process.env.RINGFENCE_FULL === "1";
const ALL: readonly Mutant[] = JSON.parse(readFileSync(join(ROOT, "test/properties/mutants.json"), "utf8"));
const COUNT = IS_FULL ? ALL.length : 4;
/** All of them take many minutes. */
const MUTANTS_MS_MAX = IS_FULL ? 1_800_000 : 300_000;

interface Mutant {
  readonly file: string;
  readonly text: string;
  readonly by: string;
  readonly test: string;
  readonly property: string;
}

function mutants(...args: readonly string[]) {
  const run = spawnSync(process.execPath, [join(ROOT, "scripts/mutants.mjs"), ...args], {
    encoding: "utf8",
    timeout: MUTANTS_MS_MAX,
  });
  return { status: run.status, lines: run.stdout.trim().split("\n"), stderr: run.stderr };
}

function listOf(t: TestContext, mutant: Mutant): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-list-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "list.json"), JSON.stringify([mutant]));
  return `--list=${join(folder, "list.json")}`;
}

test(`a bug that is planted in the gate or the labels is caught by the promise that it breaks (${COUNT} of ${ALL.length})`, (t) => {
  const { status, lines, stderr } = mutants(`--few=${COUNT}`);
  assert.deepEqual(lines.filter((line) => !line.startsWith("caught ")).slice(0, -1), []);
  assert.equal(lines.at(-1), `${COUNT} of ${COUNT} planted bugs are caught`);
  assert.deepEqual([status, stderr], [0, ""]);
  t.diagnostic(lines.join("\n"));
});

const HARMLESS: Mutant = {
  file: "src/core/label.ts",
  text: "Joins any number of labels",
  by: "Joins some labels",
  test: "src/core/label.test.ts",
  property: "a label that a record does not spell out counts as the highest",
};

test("a planted bug that nothing finds is named, and fails the run", (t) => {
  const { status, lines } = mutants(listOf(t, HARMLESS));
  const { file, property, text, by } = HARMLESS;
  const line = `NOT CAUGHT  ${file}  ${property}: "${by}" in place of "${text}"`;
  assert.deepEqual(lines, [line, "0 of 1 planted bugs are caught"]);
  assert.equal(status, 1);
});

test("a program that falls apart is no bug that was caught, and neither is one that has no place or no such test", (t) => {
  assert.equal(mutants(listOf(t, { ...HARMLESS, text: "export function joinAll", by: "export {" })).status, 1);
  const gone = mutants(listOf(t, { ...HARMLESS, text: "words that stand nowhere" }));
  assert.match(gone.stderr, /has not exactly one place for: words that stand nowhere/);
  const elsewhere = mutants(listOf(t, { ...HARMLESS, test: "test/headless/terminal.test.ts" }));
  assert.match(elsewhere.stderr, /test\/headless\/terminal\.test\.ts is not among what is copied/);
  const unnamed = mutants(listOf(t, { ...HARMLESS, property: "a promise that nobody made" }));
  assert.match(unnamed.stderr, /no test of .* passes and is named: a promise that nobody made/);
  assert.deepEqual([gone.status, elsewhere.status, unnamed.status], [1, 1, 1]);
});

// Plants bugs in the gate and the labels, one at a time, in a copy, and tells whether the named test finds each.
// `npm run mutants [-- --few=COUNT] [--list=FILE]`: all of a list, or some spread over it that RINGFENCE_SEED picks.
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const WORKERS = 2;
const TEST_MS_MAX = 120_000;
/** Enough to find each of the bugs, with the seed that the tests have by themselves. */
const TRACES = "2000";
/** What a bug is planted in a copy of, with its tests. */
const COPIED = ["package.json", "src", "test/properties"];
const root = dirname(dirname(fileURLToPath(import.meta.url)));

const mutants = chosen();
const copies = Array.from({ length: WORKERS }, copy);
process.on("exit", () => {
  for (const folder of copies) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));

/** What each file of tests says of the code as it is, by the file. */
const sound = new Map();
const results = [];
const waiting = mutants.entries();
await Promise.all(copies.map(work));
for (const [index, { file, property, text, by }] of mutants.entries())
  process.stdout.write(
    results[index]
      ? `caught      ${file}  ${property}\n`
      : `NOT CAUGHT  ${file}  ${property}: ${JSON.stringify(by)} in place of ${JSON.stringify(text)}\n`,
  );
const caught = results.filter(Boolean).length;
process.stdout.write(`${caught} of ${mutants.length} planted bugs are caught\n`);
process.exitCode = caught === mutants.length ? 0 : 1;

async function work(folder) {
  for (const [index, mutant] of waiting) results[index] = await isCaught(folder, mutant);
}

/** Plants one bug; it is caught where the very test that is named fails, and not where the program falls apart. */
async function isCaught(folder, { file, text, by, test, property }) {
  const source = readFileSync(join(root, file), "utf8");
  if (!sound.has(test)) sound.set(test, run(folder, test));
  const before = await sound.get(test);
  if (!before.includes(`ok ${property}`)) throw new Error(`no test of ${test} passes and is named: ${property}`);
  writeFileSync(
    join(folder, file),
    source.replace(text, () => by),
  );
  const lines = await run(folder, test);
  writeFileSync(join(folder, file), source);
  return lines.includes(`not ok ${property}`);
}

/** Runs one file of tests; answers with a line of `ok NAME` or `not ok NAME` for each. */
function run(folder, test) {
  const env = { ...process.env, RINGFENCE_TRACES: TRACES };
  delete env.RINGFENCE_SEED;
  // Set, it would make this a part of the tests that started us.
  delete env.NODE_TEST_CONTEXT;
  const child = spawn(process.execPath, ["--test-reporter=tap", test], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: TEST_MS_MAX,
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () =>
      resolve(
        [...output.matchAll(/^(not )?ok \d+ - (.*)$/gm)].map(([, not = "", name]) => `${not}ok ${unescaped(name)}`),
      ),
    );
  });
}

function unescaped(name) {
  return name.replace(/\\([\\#])/g, "$1");
}

function copy() {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-mutants-"));
  for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function chosen() {
  const { values } = parseArgs({ options: { few: { type: "string" }, list: { type: "string" } } });
  const all = JSON.parse(readFileSync(values.list ?? join(root, "test/properties/mutants.json"), "utf8"));
  // All of them, whichever are chosen: an entry that a change left behind is found at once.
  for (const { file, text, test } of all) {
    if (readFileSync(join(root, file), "utf8").split(text).length !== 2)
      throw new Error(`${file} has not exactly one place for: ${text}`);
    if (!COPIED.some((name) => test.startsWith(`${name}/`))) throw new Error(`${test} is not among what is copied`);
  }
  const count = Math.min(Number(values.few ?? all.length), all.length);
  if (!(count > 0)) throw new Error(`--few=${values.few}: how many?`);
  const start = Number(process.env.RINGFENCE_SEED ?? 7);
  return Array.from({ length: count }, (_, at) => all[(start + Math.floor((at * all.length) / count)) % all.length]);
}

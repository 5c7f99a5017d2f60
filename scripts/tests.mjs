import { existsSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

const FOLDERS = ["src", "scripts", "test"];
/** Tests whose size grows with RINGFENCE_FULL, so that the full run takes them again. */
const SCALING =
  /^(?:test\/(?:attacks|journeys|properties|usability)\/|test\/headless\/(?:branch|budgets|choosing|crash|fork|git|hidden|input|log|meanwhile|net|policy|preview|resume|run|scan|sessions|signals|trees|undo|vault)\.|src\/ledger\/(?:seal|merkle)\.|src\/agent\/(?:budget|config-inspect)\.|src\/core\/(?:sanitize|ssh-place)\.|src\/box\/(?:undo-crash|users|commits-attacks|commits-crash|copy-view|merge)\.)/;
/** Longest that one file, or one test of it, may take. */
const FILE_MS_MAX = { test: 600_000, "test:full": 2_400_000 };

/**
 * Builds the arguments for Node's test runner; undefined when nothing matches, or one of the named paths does not.
 *
 * Options (`--name=value`, in one word) go to the runner as they are; all else names a file or folder of the checkout.
 */
export function testArguments(root, command, args) {
  const chosen = args.filter((arg) => !arg.startsWith("-"));
  const all = FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => `${folder}/${name}`),
  );
  const files = all
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => (chosen.length > 0 ? isChosen(file, chosen) : belongsTo(command, file)))
    .sort();
  if (files.length === 0 || chosen.some((path) => !files.some((file) => isChosen(file, [path])))) return undefined;
  const options = args.filter((arg) => !chosen.includes(arg));
  // One more than there are processors: a good part of a test is waiting.
  const concurrency = Math.min(8, Math.max(2, cpus().length) + 1);
  return [
    "--test",
    `--test-concurrency=${concurrency}`,
    "--test-reporter=spec",
    `--test-timeout=${FILE_MS_MAX[command] ?? FILE_MS_MAX.test}`,
    ...options,
    ...files,
  ];
}

function isChosen(file, chosen) {
  return chosen.some((path) => file === path.replace(/^\.\//, "") || file.startsWith(join(path, "/")));
}

function belongsTo(command, file) {
  const isFull = file.endsWith(".full.test.ts");
  return command === "test:full" ? isFull || SCALING.test(file) : !isFull;
}

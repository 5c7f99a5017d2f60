// Measures inspection: on texts held out from training, on installed files, and its speed. `npm run bench:inspect -- --data FILE [--strict]`
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readExamples, readPackages } from "../scripts/train-inspect-data.ts";
import { calibrate, exceededBy, type HeldOut, heldOut } from "../scripts/train-inspect-folds.ts";
import { readDetectModel } from "../src/agent/config-inspect.ts";
import { detect, SCORE_COMMON, SCORE_RARE } from "../src/core/detect.ts";
import { viewsOf } from "../src/core/detect-views.ts";
import { inspect } from "../src/core/inspect.ts";
import { redactorOf } from "../src/core/redact.ts";
import { sanitize } from "../src/core/sanitize.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const SEED = 17;
const FILES_MAX = 40_000;
const FILE_BYTES_MAX = 200_000;
const DOCUMENT =
  /\.(?:md|txt|rst|html?|json|ya?ml|[cm]?[jt]s|py|pl|pm|sh|h|c|pod|conf|service|rb|el|tcl|css|toml|cfg|ini|xml)$|^(?:README|NEWS|changelog|copyright|AUTHORS|LICENSE)[\w.-]*$/i;

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    strict: { type: "boolean", default: false },
  },
});
if (values.data === undefined) {
  process.stderr.write(
    "bench:inspect needs labelled texts: npm run bench:inspect -- --data FILE; docs/INSPECTION.md has their form\n",
  );
  process.exit(2);
}
const packages = readPackages(join(root, "node_modules"));
const examples = readExamples(values.data);
say("Held out by source and repository: none of a text's own was trained on.");
table(heldOut(examples, packages, SEED, "source"));
if (values.strict) {
  say("Held out by family: nothing that was made in the same way was trained on.");
  table(heldOut(examples, packages, SEED, "family"));
}
const model = readDetectModel();
falseAlarms();
speed();

function table(scores: readonly HeldOut[]): void {
  const { offsets, rare } = calibrate(scores);
  const level = ({ example, raw }: HeldOut) => raw - (offsets[example.channel] ?? 0);
  const ordinary = scores.filter(({ example }) => !example.isInjection);
  const limit = exceededBy(ordinary.map(level), 0.01);
  const share = (list: readonly HeldOut[], over: number) =>
    list.length === 0
      ? "-"
      : `${((100 * list.filter((score) => level(score) > over).length) / list.length).toFixed(1)} %`;
  const rows = ["(all)", ...new Set(scores.map(({ example }) => example.channel).sort())].map((channel) => {
    const of = (isInjection: boolean) =>
      scores.filter(
        ({ example }) => example.isInjection === isInjection && (channel === "(all)" || example.channel === channel),
      );
    return [
      channel,
      String(of(true).length),
      String(of(false).length),
      share(of(true), limit),
      share(of(false), limit),
      share(of(true), rare),
    ];
  });
  for (const row of [["channel", "injections", "ordinary", "found at 1 %", "false", "in sessions"], ...rows])
    say(row.map((cell, at) => (at === 0 ? cell.padEnd(18) : cell.padStart(13))).join(""));
}

/** Reads documentation and dependency files that are installed here; those of packages that were trained on are passed over. */
function falseAlarms(): void {
  const trained = new Set(packages.map(({ group }) => join(root, "node_modules", group)));
  const counts = { files: 0, common: 0, rare: 0, bytes: 0 };
  const alarms: string[] = [];
  for (const folder of [
    "/usr/share/doc",
    join(root, "node_modules"),
    "/usr/lib",
    "/usr/share",
    "/usr/include",
    "/usr/local/lib",
    "/etc",
  ])
    for (const file of filesBelow(folder)) {
      if (counts.files >= FILES_MAX) break;
      if ([...trained].some((name) => file.startsWith(`${name}/`))) continue;
      const text = textOf(file);
      if (text === null) continue;
      counts.files += 1;
      counts.bytes += text.length;
      const { score } = detect(model, text, "file", viewsOf(text, sanitize(text).hidden));
      if (score >= SCORE_COMMON) counts.common += 1;
      if (score >= SCORE_RARE) {
        counts.rare += 1;
        alarms.push(`${score.toFixed(3)} ${file}`);
      }
    }
  say(
    `${counts.files} installed files (${(counts.bytes / 1e6).toFixed(0)} MB): ${counts.common} over ${SCORE_COMMON}, ${counts.rare} over ${SCORE_RARE}`,
  );
  for (const alarm of alarms.slice(0, 20)) say(`  ${alarm}`);
}

function* filesBelow(folder: string): Generator<string> {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile() && DOCUMENT.test(entry.name)) yield path;
  }
}

function textOf(file: string): string | null {
  try {
    if (statSync(file).size > FILE_BYTES_MAX) return null;
    const bytes = readFileSync(file);
    return bytes.subarray(0, 8192).includes(0) ? null : bytes.toString();
  } catch {
    return null;
  }
}

function speed(): void {
  const sources = examples
    .filter(({ channel, isInjection }) => channel === "file" && !isInjection)
    .map(({ text }) => text);
  const text = sources
    .join("\n")
    .replace(/[^\n\t -~]/g, "")
    .slice(0, 4_000_000);
  const redactor = redactorOf([{ name: "one", value: "q8Xw2Ze4Rt6Yu8Io" }]);
  const steps: readonly (readonly [string, () => unknown])[] = [
    ["sanitize", () => sanitize(text)],
    ["redact", () => redactor.redact(text)],
    ["detect", () => detect(model, text, "file")],
    ["all of it", () => inspect(model, text, "file")],
  ];
  for (const [name, step] of steps) {
    step();
    const before = process.cpuUsage();
    step();
    const { user, system } = process.cpuUsage(before);
    say(`${name.padEnd(10)} ${(text.length / (user + system)).toFixed(0)} MB a second of processor`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

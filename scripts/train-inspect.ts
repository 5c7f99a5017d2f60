// Trains what finds injections: `node scripts/train-inspect.ts --data FILE [--seed N] [--out FILE]`
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { formatModel } from "../src/core/detect-model.ts";
import { readExamples, readPackages } from "./train-inspect-data.ts";
import { calibrate, heldOut, train } from "./train-inspect-folds.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const { values } = parseArgs({
  options: {
    data: { type: "string" },
    seed: { type: "string", default: "17" },
    out: { type: "string", default: join(root, "src/agent/inspect.weights") },
  },
});
if (values.data === undefined) {
  process.stderr.write(
    "training needs labelled texts: name them with --data FILE; docs/INSPECTION.md has their form\n",
  );
  process.exit(2);
}
const examples = readExamples(values.data);
const packages = readPackages(join(root, "node_modules"));
const seed = Number(values.seed);
const learned = train(examples, packages, seed);
const { common, rare, offsets } = calibrate(heldOut(examples, packages, seed, "source"));
const bytes = formatModel({
  values: learned.weights.values,
  scale: 1,
  bias: learned.weights.bias,
  excuses: learned.excuses,
  common,
  rare,
  offsets,
});
const isSame = Buffer.from(bytes).equals(readFileSync(values.out, { flag: "a+" }));
writeFileSync(values.out, bytes);
process.stdout.write(`${values.out}: ${bytes.length} bytes${isSame ? ", as before" : ""}\n`);

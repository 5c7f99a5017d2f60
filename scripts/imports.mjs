// Keeps the rooms of src/ apart: who may import whom, and which files may touch disk, network, processes and clock.
// `node scripts/imports.mjs [FOLDER]` checks FOLDER/src. It stops accidents, not an author who wants round it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { blank, lineOf, references } from "./source.mjs";

/** A room never imports one of a higher rank, nor another of its own. */
const RANK = { core: 0, ledger: 1, box: 1, egress: 1, model: 1, agent: 2, ui: 3, root: 4 };
const ROOT_FILES = ["main.ts", "lib.ts"];

const DISK = [/^box\//, /^egress\//, /^ledger\//, /^agent\/config/, /^model\/scripted[^/]*\.ts$/];
const NETWORK = [/^egress\//, /^model\//];
/** Which files may import a module of Node. One that is in neither list below may be imported nowhere. */
const RESTRICTED = {
  fs: DISK,
  "fs/promises": DISK,
  sqlite: DISK,
  // Node reads a FIFO without blocking a thread of its pool only as a net.Socket over the descriptor.
  // The doctor listens on the host itself, to see whether the box can reach it.
  net: [...NETWORK, /^box\/oneshot[^/]*\.ts$/, /^box\/(?:doctor-place|socket-probe)\.ts$/],
  http: NETWORK,
  https: NETWORK,
  http2: NETWORK,
  tls: NETWORK,
  dgram: [...NETWORK, /^box\/(?:doctor-place|socket-probe)\.ts$/],
  dns: NETWORK,
  "dns/promises": NETWORK,
  child_process: [/^box\//],
  // It tunes the whole process, so only the program does it, never the library.
  v8: [/^ui\/run\.ts$/],
};
const HARMLESS = new Set(
  (
    "assert assert/strict async_hooks buffer constants crypto diagnostics_channel events os path path/posix perf_hooks " +
    "process punycode querystring readline readline/promises stream stream/consumers stream/promises stream/web " +
    "string_decoder timers timers/promises tty url util util/types worker_threads zlib"
  ).split(" "),
);

/** Keys to the box: the module that has them, and the only files that may hold each. */
const KEYS_FILE = "core/permit.ts";
const KEYS = { issueReceipt: /^ledger\/append\.ts$/, mint: /^agent\/gate\.ts$/, spend: /^(?:box|egress)\// };

/** Words that reach the world without an import: where they may not stand, and what is meant. */
const WORDS = [
  {
    pattern: /(?<![\w$.])(?:fetch\s*\(|globalThis\s*\.\s*fetch\b|new\s+(?:WebSocket|EventSource)\b)/g,
    only: NETWORK,
    says: "opens a connection",
  },
  {
    pattern: /(?<![\w$.])(?:require\s*\(|createRequire\b)|\bgetBuiltinModule\b/g,
    // The model room may use the network as it is; there an import of node:http would load a second client at every start.
    only: [/^model\/transport\.ts$/],
    says: "loads a module past this check",
  },
  { pattern: /(?<![\w$.])issueReceipt\b/g, only: [KEYS.issueReceipt, /^core\/permit\.ts$/], says: "issues a receipt" },
  { pattern: /(?<![\w$.])mint\s*\(/g, only: [KEYS.mint, /^core\/permit\.ts$/], says: "mints a permit" },
  { pattern: /(?<![\w$.])spend\s*\(/g, only: [KEYS.spend, /^core\/permit\.ts$/], says: "spends a permit" },
  { pattern: /(?<![\w$.])export\s+default\b|\bas\s+default\b/g, only: [], says: "is a default export" },
];
const OUTSIDE_CORE = [/^(?!core\/)/];
const CORE_WORDS = [
  {
    pattern:
      /(?<![\w$.])Date\s*\.\s*now\b|(?<![\w$.])new\s+Date\s*(?:\(\s*\)|(?!\s*\())|(?<!new\s)(?<![\w$.])Date\s*\(/g,
    says: "reads the clock",
  },
  { pattern: /(?<![\w$.])performance\s*[.[?]/g, says: "reads the clock" },
  { pattern: /(?<![\w$.])Math\s*\.\s*random\b|(?<![\w$.])crypto\s*[.[?]/g, says: "is random" },
  { pattern: /(?<![\w$.])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/g, says: "waits" },
  { pattern: /(?<![\w$.])(?:process\s*[.[?]|console\s*\.|globalThis\b)/g, says: "touches the process" },
].map((word) => ({ ...word, only: OUTSIDE_CORE }));

const folder = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
const src = join(folder, "src");
const files = existsSync(src)
  ? readdirSync(src, { recursive: true }).filter((file) => /\.[cm]?[jt]sx?$/.test(file))
  : [];
const problems = files.sort().flatMap(check);
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

function check(file) {
  const text = readFileSync(join(src, file), "utf8");
  const code = blank(text);
  const isExempt = isTest(file);
  const report = (at, message) => `src/${file}:${lineOf(text, at)}: ${message}`;
  const found = [];
  if (roomOf(file) === undefined) found.push(report(0, `no such room; src/ has ${Object.keys(RANK).join(", ")}`));
  if (/(?:^|\/)index\.[cm]?[jt]sx?$/.test(file))
    found.push(report(0, "no index files; import the file that has the thing"));
  for (const reference of references(text, code)) {
    const message = judge(file, reference, isExempt);
    if (message) found.push(report(reference.at, message));
  }
  for (const { pattern, only, says } of isExempt ? [] : [...WORDS, ...CORE_WORDS]) {
    if (only.some((place) => place.test(file))) continue;
    for (const match of code.matchAll(pattern))
      found.push(report(match.index, `${match[0].trim()} ${says}: not in this file`));
  }
  return found;
}

function judge(file, { specifier, names }, isExempt) {
  if (specifier === null) return isExempt ? undefined : "import() of something that is no literal";
  if (specifier.startsWith(".") || specifier.startsWith("/")) return judgePath(file, specifier, names, isExempt);
  if (isExempt) return undefined;
  const builtin = specifier.replace(/^node:/, "");
  if (specifier.startsWith("node:") || builtinModules.includes(builtin)) return judgeBuiltin(file, specifier, builtin);
  return judgePackage(file, specifier);
}

function judgePath(file, specifier, names, isExempt) {
  const target = normalize(join(dirname(file), specifier));
  if (specifier.startsWith("/") || target.startsWith(".."))
    return isExempt ? undefined : `${specifier} lies outside src/`;
  const from = roomOf(file);
  const to = roomOf(target);
  if (from !== to && to !== undefined && RANK[to] > RANK[from])
    return `${from} imports ${to} (${specifier}), which is above it`;
  if (from !== to && RANK[to] === RANK[from]) return `${from} imports ${to} (${specifier}), its neighbour`;
  if (isExempt) return undefined;
  if (isTest(target)) return `imports ${specifier}, which is for tests`;
  if (target !== KEYS_FILE) return undefined;
  const key = names.find((name) => name === "*" || (Object.hasOwn(KEYS, name) && !KEYS[name].test(file)));
  return key && `takes ${key} from ${KEYS_FILE}: not in this file`;
}

function judgeBuiltin(file, specifier, builtin) {
  if (!specifier.startsWith("node:")) return `${specifier}: write node:${builtin}`;
  if (roomOf(file) === "core") return `core imports ${specifier}; core computes`;
  if (HARMLESS.has(builtin)) return undefined;
  const places = Object.hasOwn(RESTRICTED, builtin) ? RESTRICTED[builtin] : [];
  return places.some((place) => place.test(file)) ? undefined : `imports ${specifier}: not in this file`;
}

function judgePackage(file, specifier) {
  if (specifier === "zod") return "imports zod: zod/mini starts in half the time";
  if (roomOf(file) === "core" && specifier !== "zod/mini") return `core imports ${specifier}; only zod/mini may be`;
  if (specifier.startsWith("@ai-sdk/") && roomOf(file) !== "model")
    return `imports ${specifier}: vendors stay in model/`;
  return undefined;
}

function roomOf(file) {
  const [first, ...rest] = file.split("/");
  if (rest.length === 0) return ROOT_FILES.includes(first) ? "root" : undefined;
  return first !== "root" && Object.hasOwn(RANK, first) ? first : undefined;
}

function isTest(file) {
  return /\.(?:test|fixture)\.ts$/.test(file);
}

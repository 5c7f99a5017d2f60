// Prepares a checkout, then runs one of its commands under the pinned Node. Needs nothing installed; runs on Node 18.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { become } from "../bin/relay.js";
import { prepareMachine } from "./machine.mjs";
import { testArguments } from "./tests.mjs";

const INSTALL_MS_MAX = 15 * 60_000;
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Each command: what the pinned Node is given, and whether the machine must have what the tests need. */
const COMMANDS = {
  start: (args) => [join(root, "bin/ringfence.js"), ...(args.length > 0 ? args : ["demo"])],
  test: (args) => testArguments(root, "test", args) ?? stop(1, "no test file matches"),
  "test:full": (args) => testArguments(root, "test:full", args) ?? stop(1, "no test file matches"),
  check: (args) => [join(root, "scripts/check.mjs"), ...args],
  build: (args) => [join(root, "scripts/build.mjs"), ...args],
  mutants: (args) => [join(root, "scripts/mutants.mjs"), ...args],
  bench: (args) => [join(root, "bench/run.ts"), ...args],
  "bench:inspect": (args) => [join(root, "bench/inspect.ts"), ...args],
};

const [command = "", ...args] = process.argv.slice(2);
const toArguments = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
if (!toArguments) stop(2, `usage: node scripts/setup.mjs ${Object.keys(COMMANDS).join("|")} [ARGS…]`);

await installPackages();
const lacking = prepareMachine({ forTests: command !== "start", forLongTests: command === "test:full", say });
if (lacking) stop(23, lacking);

const env = { ...process.env, PATH: [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter) };
if (command === "test:full") env.RINGFENCE_FULL = "1";
if (command.startsWith("test")) env.NODE_COMPILE_CACHE ??= join(root, "node_modules/.cache/compile");
// npm moves to the package's folder before it runs a script; the person's own folder is the program's.
const cwd = command === "start" ? (process.env.INIT_CWD ?? process.cwd()) : root;
become(pinnedNode(), toArguments(args), { cwd, env });

/** Brings node_modules in line with the lock file; one set-up at a time, because npm ci removes the folder first. */
async function installPackages() {
  const hash = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules/.ringfence-lock");
  const isCurrent = () => existsSync(stamp) && readFileSync(stamp, "utf8") === hash;
  if (isCurrent()) return;
  const unlock = await takeLock(join(root, ".setup.lock"));
  try {
    if (isCurrent()) return;
    say("installing packages (npm ci)");
    // NODE_ENV=production would leave out the tools and the pinned Node.
    const flags = ["ci", "--no-audit", "--no-fund", "--include=dev", "--include=optional"];
    const [program, ...first] = npm();
    const run = spawnSync(program, [...first, ...flags], { cwd: root, encoding: "utf8", timeout: INSTALL_MS_MAX });
    if (run.status !== 0) {
      process.stderr.write(`${run.stdout ?? ""}${run.stderr ?? ""}`);
      unlock();
      stop(1, `npm ci failed (${run.error?.message ?? `status ${run.status}`}): run it in ${root}`);
    }
    writeFileSync(stamp, hash);
  } finally {
    unlock();
  }
}

/** The npm that runs this script, under its own Node: the one in node_modules/.bin is about to be removed. */
function npm() {
  const { npm_execpath: script, npm_node_execpath: node } = process.env;
  return script && node && basename(script) === "npm-cli.js" && existsSync(node) ? [node, script] : ["npm"];
}

async function takeLock(path) {
  const deadline = Date.now() + INSTALL_MS_MAX;
  for (;;) {
    try {
      mkdirSync(path);
      writeFileSync(join(path, "pid"), String(process.pid));
      return () => rmSync(path, { recursive: true, force: true });
    } catch (error) {
      if (error.code !== "EEXIST") stop(1, `cannot write in ${root}: ${error.message}`);
    }
    if (isAbandoned(path)) rmSync(path, { recursive: true, force: true });
    else if (Date.now() > deadline) stop(1, `another set-up holds ${path}: remove it if none runs`);
    else await sleep(200);
  }
}

function isAbandoned(path) {
  try {
    process.kill(Number(readFileSync(join(path, "pid"), "utf8")), 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function pinnedNode() {
  const pinned = join(root, "node_modules/.bin/node");
  if (existsSync(pinned)) return pinned;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 24 || (major === 24 && minor >= 11)) return process.execPath;
  return stop(1, `needs Node 24.11 or newer, this is ${process.versions.node}: install Node 24 LTS`);
}

function say(message) {
  process.stderr.write(`setup: ${message}\n`);
}

function stop(status, message) {
  say(message);
  process.exit(status);
}

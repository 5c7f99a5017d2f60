#!/usr/bin/env node
// Chooses the Node, the code and the compile cache, then hands over. Plain JavaScript that an old Node can parse too.
//
// A hostile NODE_OPTIONS has already acted when this line runs and cannot be undone here: whoever sets this process's
// environment is the person. What can be done is that no process started from here inherits it.
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

delete process.env.NODE_OPTIONS;

const beside = (path) => fileURLToPath(new URL(path, import.meta.url));
const isCheckout = existsSync(beside("../src/main.ts"));
const [major, minor] = process.versions.node.split(".").map(Number);

if (major < 24 || (major === 24 && minor < 11)) await useNewerNode();
else if (process.argv[2] === "--version") printVersion();
else {
  await enableCompileCache();
  await import(isCheckout ? "../src/main.ts" : "../dist/main.js");
}

/** Runs the same command under the checkout's own Node; found beside this file, never through the cwd or PATH. */
async function useNewerNode() {
  const pinned = beside("../node_modules/.bin/node");
  if (isCheckout && existsSync(pinned)) {
    const { become } = await import("./relay.js");
    become(pinned, process.argv.slice(1), { env: process.env });
    return;
  }
  const fix = isCheckout ? `run npm ci in ${beside("..")}` : "install Node 24 LTS";
  process.stderr.write(`ringfence: needs Node 24.11 or newer, this is ${process.versions.node}: ${fix}\n`);
  process.exitCode = 1;
}

function printVersion() {
  process.stdout.write(`${JSON.parse(readFileSync(beside("../package.json"), "utf8")).version}\n`);
}

async function enableCompileCache() {
  const folder = privateCache();
  if (folder) (await import("node:module")).enableCompileCache(folder);
}

/**
 * Finds or makes the cache folder; undefined when another user or the workspace could write there.
 *
 * The cache holds code that will run on the host, so a doubt means no cache, which costs some 40 ms and nothing else.
 */
function privateCache() {
  try {
    const xdg = process.env.XDG_CACHE_HOME;
    const base = xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache");
    mkdirSync(base, { recursive: true, mode: 0o700 });
    const real = realpathSync(base);
    const unfit = ["/tmp", "/var/tmp", "/dev/shm", tmpdir(), process.cwd()];
    if (unfit.some((folder) => isBelow(folder, join(real, "ringfence")))) return undefined;
    const folders = [real, join(real, "ringfence"), join(real, "ringfence", "compile")];
    return folders.every(isPrivate) ? folders[2] : undefined;
  } catch {
    return undefined;
  }
}

function isBelow(folder, path) {
  const way = relative(existsSync(folder) ? realpathSync(folder) : folder, path);
  return way.split("/")[0] !== "..";
}

function isPrivate(folder) {
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  const stat = lstatSync(folder);
  return stat.isDirectory() && stat.uid === process.getuid() && (stat.mode & 0o022) === 0;
}

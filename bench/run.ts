// Measures the built package beside two floors made anew in the same run. `npm run bench [-- --json --quick --only=NAME]`
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, loadavg } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import type { Subject } from "./launch.ts";
import { measure, type Round } from "./measure.ts";
import { openCpuMeter } from "./meter.ts";
import { readOptions } from "./options.ts";
import { installProgram, run } from "./program.ts";
import { rounded, table } from "./report.ts";
import { startServer } from "./server.ts";

const LOAD_MAX = 0.5;
const REMOVE_MS_MAX = 60_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const options = readOptions(process.argv.slice(2));
if ("text" in options) {
  (options.status === 0 ? process.stdout : process.stderr).write(options.text);
  process.exit(options.status);
}
const { keys } = options;

const work = makeWorkFolder();
process.on("exit", () => removeFolder(work));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));
const [load = 0] = loadavg();
if (load > LOAD_MAX) say(`this machine is busy (load ${load.toFixed(1)}): believe the ratios, not the times`);
const server = await startServer();
const cpu = openCpuMeter();
try {
  say("building and installing the package");
  const installed = installProgram(root, join(work, "installed"), keys.has("packed_mb"));
  const round: Round = {
    work,
    root,
    installed,
    server,
    cpu,
    keys,
    isQuick: options.quick,
    say,
    ...subjects(installed),
  };
  const measured = await measure(round);
  process.stdout.write(table(measured));
  // Every conversation is checked as it ends; one that fails has ended the bench.
  process.stdout.write("every request an exact extension of the one before: yes\n");
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify(Object.fromEntries(measured.map(({ key, value }) => [key, rounded(value)])))}\n`,
    );
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  await server.close();
  await cpu.close();
}

/** Makes a folder below the person's cache: in one that everybody may write, the program keeps no compiled code. */
function makeWorkFolder(): string {
  const xdg = process.env.XDG_CACHE_HOME;
  const cache = xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache");
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(cache, "ringfence-bench-"));
  mkdirSync(join(folder, "home"), { mode: 0o700 });
  return folder;
}

/** Removes a folder with the layers of sessions in it, whose work folders the kernel shuts to an ordinary user. */
function removeFolder(folder: string): void {
  spawnSync("chmod", ["-R", "u+rwX", folder], { stdio: "ignore", timeout: REMOVE_MS_MAX });
  rmSync(folder, { recursive: true, force: true });
}

function subjects({ node, entry }: { readonly node: string; readonly entry: string }) {
  const folder = join(work, "repository");
  mkdirSync(folder);
  writeFileSync(join(folder, "README.md"), "# A small repository\n");
  run(["git", "init", "-q"], folder, 10_000);
  const floor = join(work, "floor.mjs");
  const source = readFileSync(fileURLToPath(new URL("./floor.ts", import.meta.url)), "utf8");
  writeFileSync(floor, transformSync(source, { loader: "ts", format: "esm" }).code);
  const ballast = join(work, "ballast.mjs");
  writeFileSync(ballast, "globalThis.ballast = Buffer.alloc(300 * 2 ** 20, 1);\n");
  const home = join(work, "home");
  const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const environment = { PATH, HOME: home, LANG: "C.UTF-8" };
  const subject = (name: string, ...command: string[]): Subject => ({ name, command, folder, environment });
  const task = ["run", "Do the steps.", "--model", "openai-compatible/bench"];
  return {
    ours: subject("ringfence", node, entry, ...task),
    oursBig: subject("ringfence with 300 MB more", node, "--import", ballast, entry, ...task),
    plain: subject("plain floor", node, floor, "plain", server.url),
    bwrap: subject("bubblewrap floor", node, floor, "bwrap", server.url),
    version: subject("--version", node, entry, "--version"),
    empty: subject("empty Node", node, "-e", "0"),
    exec: subject("exec", node, entry, "exec", "--"),
    bare: subject("ringfence", node, entry),
  };
}

function say(message: string): void {
  process.stderr.write(`bench: ${message}\n`);
}

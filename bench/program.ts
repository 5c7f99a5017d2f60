import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

/** The package, installed in a folder of its own as a person would have it. */
export interface Installed {
  readonly node: string;
  /** The file that is started. */
  readonly entry: string;
  readonly packedMb: number;
  readonly packedNote: string;
}

const BUILD_MS_MAX = 180_000;
const INSTALL_MS_MAX = 120_000;

/** Builds the package and installs its tarball; without a network, unpacks it and adds ripgrep from the checkout. */
export function installProgram(root: string, folder: string, mayUseNetwork: boolean): Installed {
  const node = realpathSync(join(root, "node_modules/.bin/node"));
  run([node, join(root, "scripts/build.mjs")], root, BUILD_MS_MAX);
  const tarball = readdirSync(join(root, "dist")).find((name) => name.endsWith(".tgz"));
  if (!tarball) throw new Error("the build made no tarball in dist");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  cpSync(join(root, "dist", tarball), join(folder, tarball));
  const packages = join(folder, "node_modules");
  const isInstalled = mayUseNetwork && installByNpm(folder, tarball);
  if (!isInstalled) unpack(root, packages, join(folder, tarball));
  const bytes = bytesBelow(packages);
  return {
    node,
    entry: join(packages, "ringfence/bin/ringfence.js"),
    packedMb: bytes / 1e6,
    packedNote: `${isInstalled ? "npm install of" : "no registry: unpacked"} ${tarball}${isInstalled ? "" : ", with ripgrep's package"}`,
  };
}

function installByNpm(folder: string, tarball: string): boolean {
  const flags = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", `./${tarball}`];
  const { status } = spawnSync("npm", flags, { cwd: folder, timeout: INSTALL_MS_MAX, stdio: "ignore" });
  return status === 0 && existsSync(join(folder, "node_modules/ringfence/bin/ringfence.js"));
}

function unpack(root: string, packages: string, tarball: string): void {
  const target = join(packages, "ringfence");
  mkdirSync(target, { recursive: true });
  run(["tar", "-xzf", tarball, "-C", target, "--strip-components=1"], target, INSTALL_MS_MAX);
  cpSync(join(root, "node_modules/@vscode"), join(packages, "@vscode"), { recursive: true });
}

function bytesBelow(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Runs a program to its end, silently; throws with what it said unless it ends well. */
export function run([program = "", ...args]: readonly string[], cwd: string, timeoutMs: number): string {
  const result = spawnSync(program, args, { cwd, encoding: "utf8", timeout: timeoutMs, maxBuffer: 64 << 20 });
  if (result.status === 0) return result.stdout;
  throw new Error(
    `${basename(program)} ${args[0] ?? ""} failed: ${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`,
  );
}

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subject } from "./launch.ts";
import { run } from "./program.ts";
import { type Measured, median, rounded } from "./report.ts";

/** What many a project has: together some 150 packages. */
const PROJECT = {
  name: "installed",
  version: "1.0.0",
  private: true,
  dependencies: { eslint: "9.39.1", express: "5.1.0" },
};
const PACKAGES_MIN = 100;
const LOCK_MS_MAX = 120_000;
const INSTALL_MS_MAX = 300_000;
const FLAGS = "--ignore-scripts --no-audit --no-fund";

// Prints how long it took, without the start of the box and with nothing in npm's cache.
const INSTALL = `rm -rf ~/.npm; start=$EPOCHREALTIME
npm ci ${FLAGS} >install.log 2>&1 || { status=$?; cat install.log >&2; exit $status; }
echo "$start $EPOCHREALTIME"`;

/** Times `npm ci` of a project in a new session each and outside, in turns, from the registry that npm is configured for. */
export async function measureInstall(exec: Subject, work: string, rounds: number): Promise<Measured[]> {
  const [home, project] = [join(work, "install-home"), join(work, "install")];
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(project);
  const registry = run(["npm", "config", "get", "registry"], project, LOCK_MS_MAX).trim();
  writeFileSync(join(home, ".npmrc"), `registry=${registry}\nupdate-notifier=false\n`);
  writeFileSync(join(project, "package.json"), JSON.stringify(PROJECT));
  writeFileSync(join(project, ".gitignore"), "/node_modules/\n/install.log\n");
  run(["npm", "install", "--package-lock-only", ...FLAGS.split(" ")], project, LOCK_MS_MAX);
  const packages = countPackages(readFileSync(join(project, "package-lock.json"), "utf8"));
  if (packages < PACKAGES_MIN) throw new Error(`the project to install has ${packages} packages`);
  const environment = { ...exec.environment, HOME: home };
  const times: [inside: number[], outside: number[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    for (const [index, command] of [exec.command, []].entries()) {
      // A checkout of its own, since a later session is shown what an earlier one installed.
      const folder = join(work, `install-${round}-${index}`);
      cpSync(project, folder, { recursive: true });
      run(["git", "init", "-q"], folder, LOCK_MS_MAX);
      const ms = install({ name: "install", command, folder, environment });
      if (round >= 0) times[index]?.push(ms);
    }
  }
  const [inside, outside] = times.map(median) as [number, number];
  const note = `${packages} packages: ${rounded(inside)}:${rounded(outside)} ms`;
  return [{ key: "npm_install_ratio", value: inside / outside, note }];
}

function countPackages(lockfile: string): number {
  const { packages } = JSON.parse(lockfile) as { readonly packages: Readonly<Record<string, unknown>> };
  return Object.keys(packages).filter((path) => path !== "").length;
}

function install({ command, folder, environment }: Subject): number {
  const [program = "", ...args] = [...command, "bash", "-c", INSTALL];
  const done = spawnSync(program, args, { cwd: folder, env: environment, encoding: "utf8", timeout: INSTALL_MS_MAX });
  if (done.status !== 0) throw new Error(`npm ci ended with status ${done.status}: ${done.stderr}`);
  const [start = 0, end = 0] = done.stdout.trim().split(" ").map(Number);
  return (end - start) * 1000;
}

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { compileCache } from "../../src/box/compile-cache.fixture.ts";
import { ROOT } from "./document.ts";

/** A git checkout with a home beside it, as a new user has them. */
export interface Throwaway {
  readonly root: string;
  readonly checkout: string;
  /** Runs Node in the checkout. */
  node(...args: readonly string[]): Ended;
  /** Runs the program in the checkout. */
  ringfence(...args: readonly string[]): Ended;
  remove(): void;
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const RUN_MS_MAX = 60_000;

/** Makes a checkout of the given files, all committed; the package is installed in it by a link, as `npm link` does. */
export function makeThrowaway(files: Readonly<Record<string, string>>): Throwaway {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "ringfence-docs-")));
  const [home, checkout] = [join(root, "home"), join(root, "checkout")];
  mkdirSync(home);
  for (const [name, text] of Object.entries({ ...files, ".gitignore": "node_modules\n" })) {
    mkdirSync(dirname(join(checkout, name)), { recursive: true });
    writeFileSync(join(checkout, name), text);
  }
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: home, LANG: "C.UTF-8", ...compileCache(userInfo()) };
  const git = (...args: readonly string[]) => execFileSync("git", args, { cwd: checkout, env, stdio: "ignore" });
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("-c", "user.name=Reader", "-c", "user.email=reader@localhost", "commit", "-q", "-m", "Begin");
  mkdirSync(join(checkout, "node_modules"));
  symlinkSync(ROOT, join(checkout, "node_modules/ringfence"));
  const node = (...args: readonly string[]): Ended => {
    const run = spawnSync(process.execPath, args, {
      cwd: checkout,
      env,
      encoding: "utf8",
      timeout: RUN_MS_MAX,
      input: "",
    });
    if (run.error) throw run.error;
    return { status: run.status, stdout: run.stdout, stderr: run.stderr };
  };
  return {
    root,
    checkout,
    node,
    ringfence: (...args) => node(join(ROOT, "bin/ringfence.js"), ...args),
    remove: () => {
      // An overlay leaves a folder of mode 000, which its own ordinary owner must open first.
      execFileSync("chmod", ["-R", "u+rwX", root]);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

import { findProgram } from "./programs.ts";
import { type Bind, runSandbox } from "./sandbox.ts";
import type { TrustedPlan } from "./trusted-files.ts";

/** What the commits of a range say and change; `refused` is git's word where there is no such range. */
export type Range =
  | { readonly ok: true; readonly messages: string; readonly changes: string }
  | { readonly ok: false; readonly refused: string };

const GIT_MS_MAX = 120_000;
/** As one of the repository's own, since it may say so: what it names runs in the sandbox or not at all. */
const SETTINGS = ["--no-pager", "-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor="];

/**
 * Reads a range with git, in sandboxes that write nothing and reach nothing, since a repository can have git run programs.
 * Nothing of a session is left behind.
 */
export async function readRange(plan: TrustedPlan, range: string, bytesMax: number): Promise<Range> {
  const { checkout, repository, alternates, programs } = plan;
  const shown = [checkout, ...(repository === null ? [] : [repository.common]), ...alternates];
  const binds = shown.map((path): Bind => ({ source: path, target: path, access: "read" }));
  const git = (...args: readonly string[]) =>
    runSandbox({
      programs,
      binds,
      command: [findProgram("git") ?? "/usr/bin/git", ...SETTINGS, "-C", checkout, ...args, range],
      input: Buffer.alloc(0),
      timeoutMs: GIT_MS_MAX,
      stdoutBytesMax: bytesMax,
      capability: null,
    });
  const log = await git("log", "--format=%B%n", "--no-color");
  if (log.status !== 0) return { ok: false, refused: log.stderr.trim() };
  const diff = await git("diff", "--text", "--no-color", "--no-ext-diff", "--no-textconv", "-U0");
  if (diff.status !== 0) return { ok: false, refused: diff.stderr.trim() };
  return { ok: true, messages: log.stdout.toString("utf8"), changes: diff.stdout.toString("utf8") };
}

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ISOLATION } from "./profile.ts";
import { BoxUnavailable, type Programs } from "./programs.ts";
import { explainRefusal } from "./refusal.ts";
import { seccompFilter } from "./seccomp.ts";
import { readSystemLinks } from "./system.ts";

/** One program in a fresh sandbox of its own, outside every session: nothing of the host but `/usr` and the binds is there. */
export interface SandboxPlan {
  readonly programs: Programs;
  readonly binds: readonly Bind[];
  /** Program and arguments; the program by its absolute path in the sandbox. */
  readonly command: readonly string[];
  readonly input: Uint8Array;
  readonly timeoutMs: number;
  readonly stdoutBytesMax: number;
  /** Files whose mode shuts their own owner out: read them, or read and change them. It reaches the owner's files alone. */
  readonly capability: null | "CAP_DAC_READ_SEARCH" | "CAP_DAC_OVERRIDE";
}

export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly access: "read" | "write";
}

export interface SandboxResult {
  /** Exit status, or null when it was killed. */
  readonly status: number | null;
  readonly stdout: Buffer;
  /** The end of what it said on its error output. */
  readonly stderr: string;
}

const STDERR_CHARS_MAX = 4096;
const ADDRESS_KIB_MAX = 8 << 20;

// Closes every descriptor that this program may have inherited; 3 is the filter.
const ENTRY = `for fd in /proc/self/fd/*; do fd=\${fd##*/}; [ "$fd" -gt 3 ] && eval "exec $fd>&-"; done
ulimit -c 0; ulimit -v ${ADDRESS_KIB_MAX}; umask 077; exec "$@"`;

/** Runs one program to its end. Throws BoxUnavailable when the sandbox cannot be made, Error when a limit is passed. */
export async function runSandbox(plan: SandboxPlan): Promise<SandboxResult> {
  const { bash, bwrap } = plan.programs;
  const args = ["--norc", "--noprofile", "-c", ENTRY, "bash", bwrap, ...sandboxFlags(plan), "--", ...plan.command];
  const child = spawn(bash, args, {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    detached: true,
  });
  const [stdin, stdout, stderr, filter] = child.stdio;
  if (!stdin || !stdout || !stderr || !filter || !("write" in filter))
    throw new Error("bug: a sandbox without its pipes");
  const output = new Output(plan, (why) => stop(why));
  let broken: string | null = null;
  const stop = (why: string) => {
    broken ??= why;
    child.kill("SIGKILL");
  };
  stdout.on("data", (piece: Buffer) => output.addStdout(piece));
  stderr.setEncoding("utf8").on("data", (text: string) => output.addStderr(text));
  // A program that ends early leaves its input unread; its status tells.
  for (const pipe of [stdin, filter]) pipe.on("error", () => {});
  filter.end(
    seccompFilter({
      arch: process.arch === "arm64" ? "aarch64" : "x86_64",
      unixSockets: false,
      debug: false,
      isOffline: false,
    }),
  );
  stdin.end(plan.input);
  const timer = setTimeout(() => stop(`it took longer than ${plan.timeoutMs / 1000} s`), plan.timeoutMs);
  const status = await new Promise<number | null>((resolve) => {
    child.on("error", (error) => {
      broken ??= error.message;
      resolve(null);
    });
    child.on("close", resolve);
  });
  clearTimeout(timer);
  if (broken !== null) throw new Error(`${plan.command.join(" ").slice(0, 80)} was stopped: ${broken}`);
  if (status !== 0 && /^bwrap: /m.test(output.stderr)) {
    throw new BoxUnavailable(explainRefusal("a sandbox could not be set up:", output.stderr));
  }
  return { status, stdout: Buffer.concat(output.kept), stderr: output.stderr };
}

/** What a sandbox says, up to its limits. */
class Output {
  readonly kept: Buffer[] = [];
  stderr = "";
  #bytes = 0;
  readonly #bytesMax: number;
  readonly #onTooMuch: (why: string) => void;

  constructor(plan: SandboxPlan, onTooMuch: (why: string) => void) {
    this.#bytesMax = plan.stdoutBytesMax;
    this.#onTooMuch = onTooMuch;
  }

  addStdout(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#bytes > this.#bytesMax) this.#onTooMuch(`it wrote more than ${this.#bytesMax} bytes`);
    else this.kept.push(piece);
  }

  addStderr(text: string): void {
    this.stderr = (this.stderr + text).slice(-STDERR_CHARS_MAX);
  }
}

/** Finds one of our own scripts and says where it is shown in a sandbox. */
export function scriptBind(
  name:
    | "collect.pl"
    | "lander.pl"
    | "commits.pl"
    | "merge.pl"
    | "hunks.pl"
    | "repository.pl"
    | "base.pl"
    | "flatten.pl"
    | "copy-view.pl"
    | "bases.pl"
    | "clone.pl"
    | "lockfiles.pl"
    | "markdown.pl"
    | "trusted.pl"
    | "anchor.pl",
): Bind {
  return { source: fileURLToPath(new URL(`./${name}`, import.meta.url)), target: `/script/${name}`, access: "read" };
}

function sandboxFlags(plan: SandboxPlan): string[] {
  const args = [...ISOLATION, "--unshare-net", "--die-with-parent", "--ro-bind", "/usr", "/usr"];
  if (plan.capability !== null) args.push("--cap-add", plan.capability);
  for (const link of readSystemLinks()) {
    if (link.target === null) args.push("--ro-bind", `/${link.name}`, `/${link.name}`);
    else args.push("--symlink", link.target, `/${link.name}`);
  }
  args.push(
    "--ro-bind-try",
    "/etc/ld.so.cache",
    "/etc/ld.so.cache",
    "--ro-bind-try",
    "/etc/alternatives",
    "/etc/alternatives",
  );
  // Small and empty: a place for the repository without settings that git is given.
  args.push("--dev", "/dev", "--size", "1048576", "--tmpfs", "/git");
  for (const { source, target, access } of plan.binds)
    args.push(access === "write" ? "--bind" : "--ro-bind", source, target);
  args.push(
    "--remount-ro",
    "/",
    "--chdir",
    "/",
    "--clearenv",
    "--setenv",
    "PATH",
    "/usr/bin:/bin",
    "--setenv",
    "LC_ALL",
    "C",
  );
  args.push("--seccomp", "3");
  return args;
}

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { isatty } from "node:tty";

/** Has the kernel end the program with this process, also when this one is killed; only Linux has it. */
const SETPRIV = "/usr/bin/setpriv";

/** Runs a program in place of this one: same terminal, signals passed on, and this process ends the way it ended. */
export function become(program, args, { cwd, env }) {
  const words = existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "KILL", "--", program] : [program];
  const [first, ...rest] = [...words, ...args];
  const child = spawn(first, rest, { cwd, env, stdio: "inherit" });
  // At a terminal Ctrl-C reaches the whole process group; passing it on again would count as a second press.
  const isInteractive = isatty(0) || isatty(1) || isatty(2);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
    const isFromTerminal = isInteractive && (signal === "SIGINT" || signal === "SIGQUIT");
    process.on(signal, () => isFromTerminal || child.kill(signal));
  }
  child.on("error", (error) => {
    process.stderr.write(`ringfence: cannot start ${program}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.exitCode = 128 + constants.signals[signal];
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

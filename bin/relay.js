import { spawn } from "node:child_process";
import { constants } from "node:os";
import { isatty } from "node:tty";

/** Runs a program in place of this one: same terminal, signals passed on, and this process ends the way it ended. */
export function become(program, args, { cwd, env }) {
  const child = spawn(program, args, { cwd, env, stdio: "inherit" });
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

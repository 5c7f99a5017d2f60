import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Subject } from "./launch.ts";
import { type Measured, median, percentile, rounded } from "./report.ts";

const SECONDS = `9${process.pid}.75`;
/** A daemon, processes that ignore what they can, that stand still, that flood and that compute. */
const COMMAND = `trap '' TERM INT HUP
(setsid sh -c "trap '' TERM; while :; do sleep ${SECONDS}; done" &)
sh -c 'kill -STOP $$; sleep ${SECONDS}' &
sh -c ': ${SECONDS}; while :; do :; done' &
for i in 1 2 3 4 5 6 7 8 9 10; do sleep ${SECONDS} & done
echo ready; yes ${SECONDS}`;

/** Measures `ringfence kill` from its look at the session until its box is dead and its record signed. */
export async function measureKill(exec: Subject, times: number): Promise<Measured[]> {
  const own: number[] = [];
  let forced = 0;
  for (let time = 0; time < times; time += 1) {
    const { ended, ready } = begin({ ...exec, command: [...exec.command, "sh", "-c", COMMAND] });
    await ready;
    const [node = "", entry = ""] = exec.command;
    const killed = begin({ ...exec, command: [node, entry, "kill"] });
    const said = await killed.ended;
    const ms = /^killed session \S+ in (\d+) ms/.exec(said)?.[1];
    const left = processesWith(SECONDS);
    if (ms === undefined || left > 0) throw new Error(`kill left ${left} processes and said: ${said}`);
    if (said.includes("did not answer")) forced += 1;
    own.push(Number(ms));
    await ended;
  }
  const note = `90 of 100 below ${rounded(percentile(own, 0.9))} ms; by force ${forced} of ${times} times`;
  return [{ key: "kill_ms", value: median(own), note }];
}

function begin({ command, folder, environment }: Subject) {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { cwd: folder, env: { ...environment }, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (said.length < 1000) said += text;
    if (said.includes("ready")) resolve();
  });
  const ended = new Promise<string>((done) => child.on("close", () => done(said)));
  return { ready, ended };
}

function processesWith(text: string): number {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid && holds(pid, text))
    .length;
}

function holds(pid: string, text: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(text);
  } catch {
    // It ended meanwhile.
    return false;
  }
}

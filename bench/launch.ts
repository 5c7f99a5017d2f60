import { spawn } from "node:child_process";
import type { CpuMeter } from "./meter.ts";
import { sampleMemory } from "./meter.ts";
import { checkPlay, type ModelServer, type Play } from "./server.ts";

/** A program that is measured. */
export interface Subject {
  readonly name: string;
  readonly command: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Launch {
  readonly play: Play;
  /** From the start of the process to its first request. */
  readonly firstMs: number;
  /** Between one request and the next: a tool call and all around it. */
  readonly gapsMs: readonly number[];
  readonly cpuSeconds: number | null;
  readonly anonymousMb: number | null;
}

/** What is measured beside the clock. Sampling memory costs time, so its runs give no times. */
export interface Extra {
  readonly cpu?: CpuMeter;
  readonly memory?: boolean;
}

const RUN_MS_MAX = 120_000;
const OUTPUT_CHARS_MAX = 4000;

/** Runs a program through one conversation; throws when it did not do every step. */
export async function launch(subject: Subject, server: ModelServer, steps: number, extra: Extra = {}): Promise<Launch> {
  const { cpu } = extra;
  const play = server.play(steps);
  const [program, args] = joined(subject.command, cpu?.group ?? null);
  const cpuBefore = cpu?.seconds() ?? 0;
  const startedAt = performance.now();
  const child = spawn(program, args, {
    cwd: subject.folder,
    env: { ...subject.environment, OPENAI_COMPATIBLE_BASE_URL: server.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const memory = extra.memory && child.pid !== undefined ? sampleMemory(child.pid) : null;
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-OUTPUT_CHARS_MAX);
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  clearTimeout(timer);
  const anonymousMb = memory?.stop() ?? null;
  const cpuSeconds = cpu ? cpu.seconds() - cpuBefore : null;
  if (status !== 0) throw new Error(`${subject.name} ended with status ${status} in ${steps} steps: ${output}`);
  checkPlay(play);
  const times = play.asked.map(({ at }) => at);
  const gapsMs = times.slice(1).map((at, index) => at - (times[index] ?? at));
  return { play, firstMs: (times[0] ?? startedAt) - startedAt, gapsMs, cpuSeconds, anonymousMb };
}

function joined(command: readonly string[], group: string | null): [string, readonly string[]] {
  if (group === null) return [command[0] ?? "", command.slice(1)];
  return ["bash", ["-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', group, ...command]];
}

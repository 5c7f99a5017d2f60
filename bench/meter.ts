import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Measures the CPU time of a program and of all its processes, dead ones and those in other PID namespaces included. */
export interface CpuMeter {
  readonly means: string;
  /** Folder whose `cgroup.procs` the program must join before it starts; null where there is none. */
  readonly group: string | null;
  /** Seconds of user and system time so far. */
  seconds(): number;
  close(): Promise<void>;
}

const CPUACCT = "/sys/fs/cgroup/cpuacct";
const TICKS_PER_S = 100;

/**
 * Opens a meter: a control group for root, else the clock of the whole machine.
 *
 * A program that moves itself into another `cpu` group must not leave ours, so ours counts only where the two
 * controllers are apart. No sum over processes sees those that nobody waited for, hence the whole machine otherwise.
 */
export function openCpuMeter(): CpuMeter {
  const group = `${CPUACCT}/ringfence-bench-${process.pid}`;
  try {
    if (statSync(CPUACCT).dev === statSync("/sys/fs/cgroup/cpu").dev) return wholeMachine();
    mkdirSync(group);
  } catch {
    return wholeMachine();
  }
  return {
    means: "cgroup",
    group,
    seconds: () => Number(readFileSync(`${group}/cpuacct.usage`, "utf8")) / 1e9,
    close: async () => {
      // A process that has just been killed takes a moment to leave.
      for (let tries = 0; tries < 50 && readFileSync(`${group}/cgroup.procs`, "utf8") !== ""; tries++) await sleep(100);
      rmdirSync(group);
    },
  };
}

function wholeMachine(): CpuMeter {
  return {
    means: "the whole machine's time less the bench's own: rough",
    group: null,
    seconds: () => {
      const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
        readFileSync("/proc/stat", "utf8").split("\n")[0] ?? ""
      )
        .split(/\s+/)
        .slice(1)
        .map(Number);
      const own = process.cpuUsage();
      return (user + nice + system + irq + softirq) / TICKS_PER_S - (own.user + own.system) / 1e6;
    },
    close: async () => {},
  };
}

const SAMPLE_MS = 10;

export interface MemoryMeter {
  /** Stops, and returns the largest sum of anonymous memory over all processes that was seen, in MB of 2^20 bytes. */
  stop(): number;
}

/** Samples the anonymous memory of a process and its descendants, those in the box included, every 10 ms. */
export function sampleMemory(root: number): MemoryMeter {
  let peakKib = 0;
  const timer = setInterval(() => {
    peakKib = Math.max(
      peakKib,
      familyOf(root).reduce((sum, pid) => sum + anonymousKib(pid), 0),
    );
  }, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return peakKib / 1024;
    },
  };
}

/** Lists a process and its descendants by the parents of all processes; none of ours is handed to a parent outside. */
function familyOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(readProc(`${name}/stat`).match(/^.*\) \S (\d+)/)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const family = [root];
  for (const pid of family) family.push(...(children.get(pid) ?? []));
  return family;
}

function anonymousKib(pid: number): number {
  return Number(readProc(`${pid}/status`).match(/^RssAnon:\s+(\d+)/m)?.[1] ?? 0);
}

// A process may be gone by the time it is looked at.
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "latin1");
  } catch {
    return "";
  }
}

import { randomBytes } from "node:crypto";
import { type Cgroups, type Limits, makeCgroups, releaseCgroups } from "./limits.ts";
import { WATCH_INTERVAL_MS } from "./watch.ts";

/** How each ceiling is kept on this machine, a sentence each. */
export interface LimitsReport {
  readonly memory: string;
  readonly processes: string;
  readonly disk: string;
  readonly files: string;
  readonly cpu: string;
}

/** Makes a session's control groups, tells what they keep, and removes them. */
export function describeLimits(limits: Limits): LimitsReport {
  const cgroups = makeCgroups(`ringfence-doctor-${randomBytes(4).toString("hex")}`, limits);
  releaseCgroups(cgroups);
  return limitsReport(limits, cgroups);
}

/** Tells how limits are kept with these control groups. Pure. */
export function limitsReport(limits: Limits, cgroups: Cgroups): LimitsReport {
  const version = cgroups.joined.some((folder) => folder.startsWith("/sys/fs/cgroup/memory/")) ? "v1" : "v2";
  const watched = `watcher, ${WATCH_INTERVAL_MS} ms, overshoot what is`;
  return {
    memory: `${size(limits.memoryBytes)} a session; ${cgroups.hasMemory ? `cgroup ${version}, hard` : `${watched} touched meanwhile`}`,
    processes: `${limits.processes} a command; ${cgroups.pids === null ? "RLIMIT_NPROC in the box's own user namespace, hard" : `cgroup ${version}, hard`}`,
    disk: `${size(limits.diskBytes)} and ${limits.diskFiles} files a session; ${watched} written meanwhile and while it counts`,
    files: `${size(limits.fileBytes)} a file; RLIMIT_FSIZE, hard; /tmp and its kin ${size(limits.tmpBytes)}; tmpfs, hard`,
    cpu: `${limits.cpuSecondsPerProcess} s a process; RLIMIT_CPU, hard`,
  };
}

function size(bytes: number): string {
  return bytes >= 2 ** 30 ? `${bytes / 2 ** 30} GiB` : `${bytes / 2 ** 20} MiB`;
}

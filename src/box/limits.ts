import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** Ceilings of one session's box. Bytes and counts; a value is the most that is allowed. */
export interface Limits {
  readonly memoryBytes: number;
  /** Processes and threads of one command and what it leaves running. */
  readonly processes: number;
  /** What the layer, the home of the box and its caches may hold together. */
  readonly diskBytes: number;
  readonly diskFiles: number;
  readonly fileBytes: number;
  /** `/tmp`, `/run`, `/var/tmp` and `/dev/shm` together; they are memory. */
  readonly tmpBytes: number;
  readonly cpuSecondsPerProcess: number;
}

export const LIMITS_DEFAULT: Limits = {
  memoryBytes: 4 * 2 ** 30,
  processes: 1024,
  diskBytes: 4 * 2 ** 30,
  diskFiles: 250_000,
  fileBytes: 4 * 2 ** 30,
  tmpBytes: 2 ** 31,
  cpuSecondsPerProcess: 4 * 3600,
};

/** Processes of the whole session, as a multiple of one command's. */
const SESSION_FACTOR = 4;

/** The control groups of one session; without them a watcher counts (see watch.ts). */
export interface Cgroups {
  /** Folders whose `cgroup.procs` the holder joins before it starts. */
  readonly joined: readonly string[];
  /** Folder that holds one group a one-shot, or null when processes are not counted by the kernel. */
  readonly pids: string | null;
  readonly hasMemory: boolean;
}

const NO_CGROUPS: Cgroups = { joined: [], pids: null, hasMemory: false };

/** Makes the session's control groups where this user may; returns NO_CGROUPS where not. */
export function makeCgroups(name: string, limits: Limits): Cgroups {
  if (isWritable("/sys/fs/cgroup/memory") && isWritable("/sys/fs/cgroup/pids")) return makeVersion1(name, limits);
  const parent = ownVersion2Group();
  return parent ? makeVersion2(parent, name, limits) : NO_CGROUPS;
}

function makeVersion1(name: string, limits: Limits): Cgroups {
  for (const controller of ["memory", "pids", "cpu"]) sweep(join("/sys/fs/cgroup", controller));
  const memory = join("/sys/fs/cgroup/memory", name);
  const pids = join("/sys/fs/cgroup/pids", name);
  const cpu = join("/sys/fs/cgroup/cpu", name);
  try {
    for (const folder of [memory, pids]) mkdirSync(folder);
    writeFileSync(join(memory, "memory.limit_in_bytes"), String(limits.memoryBytes));
    writeFileSync(join(pids, "pids.max"), String(limits.processes * SESSION_FACTOR));
  } catch {
    releaseFolders([memory, pids]);
    return NO_CGROUPS;
  }
  // Half the usual share, so that the person's own programs come first; a missing controller is no reason to stop.
  const hasCpu = tryTo(() => {
    mkdirSync(cpu);
    writeFileSync(join(cpu, "cpu.shares"), "512");
  });
  return { joined: hasCpu ? [memory, pids, cpu] : [memory, pids], pids, hasMemory: true };
}

function makeVersion2(parent: string, name: string, limits: Limits): Cgroups {
  sweep(parent);
  const group = join(parent, name);
  const holder = join(group, "holder");
  try {
    mkdirSync(group);
    writeFileSync(join(group, "memory.max"), String(limits.memoryBytes));
    writeFileSync(join(group, "pids.max"), String(limits.processes * SESSION_FACTOR));
    writeFileSync(join(group, "cgroup.subtree_control"), "+pids");
    mkdirSync(holder);
  } catch {
    releaseFolders([holder, group]);
    return NO_CGROUPS;
  }
  return { joined: [holder], pids: group, hasMemory: true };
}

/** Makes the group of one one-shot, before it is started. */
export function makeOneShotGroup(cgroups: Cgroups, id: number, limits: Limits): void {
  if (!cgroups.pids) return;
  const folder = join(cgroups.pids, String(id));
  mkdirSync(folder);
  writeFileSync(join(folder, "pids.max"), String(limits.processes));
}

/** Removes the session's groups, once every process of it is gone; what the kernel still holds, a later session sweeps away. */
export function releaseCgroups(cgroups: Cgroups): void {
  for (const group of new Set([...cgroups.joined, ...(cgroups.pids ? [cgroups.pids] : [])])) releaseTree(group);
}

/** Age at which a group without a process is taken for a leftover: a session that starts has joined long before. */
const LEFTOVER_MS = 60_000;

// A session whose program was killed leaves its groups behind.
function sweep(parent: string): void {
  const newest = new Date(Date.now() - LEFTOVER_MS).toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  for (const name of readdirSync(parent)) {
    if (!/^ringfence-\d{8}-\d{6}-/.test(name) || name.slice("ringfence-".length) > newest) continue;
    const group = join(parent, name);
    const holders = [join(group, "cgroup.procs"), join(group, "holder/cgroup.procs")];
    if (holders.every((file) => tryRead(file) === "")) releaseTree(group);
  }
}

function releaseTree(group: string): void {
  tryTo(() => {
    const entries = readdirSync(group, { withFileTypes: true });
    releaseFolders(entries.filter((entry) => entry.isDirectory()).map((entry) => join(group, entry.name)));
  });
  releaseFolders([group]);
}

function releaseFolders(folders: readonly string[]): void {
  for (const folder of folders) tryTo(() => rmdirSync(folder));
}

function ownVersion2Group(): string | null {
  if (!existsSync("/sys/fs/cgroup/cgroup.controllers")) return null;
  const own = readFileSync("/proc/self/cgroup", "utf8").match(/^0::(\/.*)$/m)?.[1];
  if (!own) return null;
  // The nearest group above that hands out both controllers and that this user may change.
  for (let path = own; ; path = path.slice(0, path.lastIndexOf("/"))) {
    const folder = join("/sys/fs/cgroup", path);
    const handedOut = tryRead(join(folder, "cgroup.subtree_control")).split(/\s+/);
    if (handedOut.includes("memory") && handedOut.includes("pids") && isWritable(folder)) return folder;
    if (path === "" || path === "/") return null;
  }
}

function isWritable(folder: string): boolean {
  return tryTo(() => accessSync(folder, constants.W_OK));
}

function tryRead(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function tryTo(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

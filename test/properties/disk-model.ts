import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join, relative } from "node:path";
import type { Random } from "./random.ts";

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/** A file as it was after each step that wrote to it, and the steps that put it on the disk. */
interface Inode {
  readonly versions: { readonly step: number; readonly bytes: Buffer }[];
  readonly syncs: number[];
}

/** Everything that a program did to the files of a folder, a step after the other. */
export interface Recording {
  readonly steps: number;
  /** What a power cut after so many steps may leave of the files, by their paths in the folder. */
  leave(steps: number, random: Random): Map<string, Buffer>;
  /** The files as the program sees them after all steps. */
  whole(): Map<string, Buffer>;
}

/**
 * Records what `act` does to the files of a folder by way of the synchronous calls of node:fs.
 *
 * `act` is given what tells the steps so far. That a call was missed shows where `whole` is not what is there.
 */
export async function record(root: string, act: (stepsSoFar: () => number) => Promise<void>): Promise<Recording> {
  const names: { readonly step: number; readonly change: (files: Map<string, Inode>) => void }[] = [];
  const folderSyncs: number[] = [];
  const now = new Map<string, Inode>();
  const opened = new Map<number, { readonly path: string; readonly inode: Inode | null }>();
  let step = 0;
  const isOurs = (path: unknown): path is string => typeof path === "string" && !relative(root, path).startsWith("..");
  const rename = (change: (files: Map<string, Inode>) => void) => {
    names.push({ step: ++step, change });
    change(now);
  };
  const write = (inode: Inode, bytes: Buffer) => inode.versions.push({ step: ++step, bytes });
  const latest = (inode: Inode) => inode.versions.at(-1)?.bytes ?? Buffer.alloc(0);
  const { openSync, closeSync, writeSync, ftruncateSync, renameSync, linkSync, rmSync, fdatasyncSync, fsyncSync } = fs;
  const real = {
    openSync,
    closeSync,
    writeSync,
    ftruncateSync,
    renameSync,
    linkSync,
    rmSync,
    fdatasyncSync,
    fsyncSync,
  };
  const fake: Partial<Record<keyof typeof fs, unknown>> = {
    openSync(path: string, flags: number | string, mode?: number) {
      const isThere = fs.existsSync(path);
      const fd = real.openSync(path, flags, mode);
      if (!isOurs(path)) return fd;
      const made: Inode = { versions: [], syncs: [] };
      if (!isThere) rename((files) => files.set(path, made));
      const inode = now.get(path) ?? null;
      if (isThere && typeof flags === "number" && flags & fs.constants.O_TRUNC && inode) write(inode, Buffer.alloc(0));
      opened.set(fd, { path, inode });
      return fd;
    },
    closeSync(fd: number) {
      opened.delete(fd);
      real.closeSync(fd);
    },
    writeSync(fd: number, data: Uint8Array | string, from = 0, length?: number, at?: number | null) {
      const bytes =
        typeof data === "string" ? Buffer.from(data) : Buffer.from(data).subarray(from, from + (length ?? data.length));
      const written = typeof data === "string" ? real.writeSync(fd, data) : real.writeSync(fd, data, from, length, at);
      const inode = opened.get(fd)?.inode;
      if (!inode) return written;
      const before = latest(inode);
      const start = at ?? before.length;
      const after = Buffer.alloc(Math.max(before.length, start + written));
      before.copy(after);
      bytes.copy(after, start, 0, written);
      write(inode, after);
      return written;
    },
    ftruncateSync(fd: number, length = 0) {
      real.ftruncateSync(fd, length);
      const inode = opened.get(fd)?.inode;
      if (inode) write(inode, latest(inode).subarray(0, length));
    },
    renameSync(from: string, to: string) {
      real.renameSync(from, to);
      rename((files) => moveName(files, from, to));
    },
    linkSync(from: string, to: string) {
      real.linkSync(from, to);
      const inode = now.get(from);
      if (inode !== undefined) rename((files) => files.set(to, inode));
    },
    rmSync(path: string, options?: fs.RmOptions) {
      real.rmSync(path, options);
      if (now.has(path)) rename((files) => files.delete(path));
    },
    fdatasyncSync: (fd: number) => synced(fd, real.fdatasyncSync),
    fsyncSync: (fd: number) => synced(fd, real.fsyncSync),
  };
  const synced = (fd: number, sync: (fd: number) => void) => {
    sync(fd);
    const file = opened.get(fd);
    step += 1;
    if (file?.inode) file.inode.syncs.push(step);
    else if (file) folderSyncs.push(step);
  };
  Object.assign(fs, fake);
  syncBuiltinESMExports();
  try {
    await act(() => step);
  } finally {
    Object.assign(fs, real);
    syncBuiltinESMExports();
  }
  const relativeOf = (files: Map<string, Inode>, bytesOf: (inode: Inode) => Buffer) =>
    new Map(Array.from(files, ([path, inode]) => [relative(root, path), bytesOf(inode)]));
  return {
    steps: step,
    whole: () => relativeOf(now, latest),
    leave(steps, random) {
      // Names are journalled: they come to the disk in order, those that a folder was synced with at the least.
      const surely = folderSyncs.findLast((each) => each <= steps) ?? 0;
      const last = surely + random.below(steps - surely + 1);
      const files = new Map<string, Inode>();
      for (const { step: at, change } of names) if (at <= last) change(files);
      return relativeOf(files, (inode) => leftOf(inode, steps, random));
    },
  };
}

/** Writes the files of a folder that is empty or not there. */
export function writeFiles(root: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [path, bytes] of files) {
    fs.mkdirSync(dirname(join(root, path)), { recursive: true });
    fs.writeFileSync(join(root, path), bytes, { mode: 0o600 });
  }
}

function moveName(files: Map<string, Inode>, from: string, to: string): void {
  const inode = files.get(from);
  if (inode !== undefined) files.set(to, inode);
  files.delete(from);
}

/** Of what was written since the last sync, any sector may be there or not, in any order, and the length of any moment. */
function leftOf({ versions, syncs }: Inode, steps: number, random: Random): Buffer {
  const sync = syncs.findLast((each) => each <= steps) ?? 0;
  const before = versions.findLast(({ step }) => step <= sync)?.bytes ?? Buffer.alloc(0);
  const since = versions.filter(({ step }) => step > sync && step <= steps).map(({ bytes }) => bytes);
  const all = [before, ...since];
  const lengths = all.map(({ length }) => length);
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)];
  const sectors = Array.from({ length: Math.ceil(longest / SECTOR_BYTES) }, (_, at) => at * SECTOR_BYTES);
  const between = sectors.filter((length) => length > shortest && length < longest);
  const left = Buffer.alloc(random.pick([...lengths, longest, ...between]));
  // Now nearly all of it came to the disk, now nearly nothing.
  const odds = random.pick([1, 2, 10, 1000]);
  const usual = random.pick([before, all.at(-1) ?? before]);
  for (const at of sectors) {
    const version = random.chance(odds) ? random.pick(all) : usual;
    version.subarray(at, at + SECTOR_BYTES).copy(left, at);
  }
  return left;
}

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What the system says when a disk takes no more, or nothing at all. */
const FULL = /\b(?:ENOSPC|EDQUOT|EFBIG)\b|No space left on device/;
const BROKEN = /\b(?:EIO|EROFS)\b|Input\/output error|Read-only file system/;
/** Below that a session could not even say how it ended. */
const FREE_BYTES_MIN = 4 << 20;

/** Says which disk stopped the program, and what helps; null where none did. `state` is asked about where the error names no file. */
export function diskTrouble(error: unknown, state: string): string | null {
  if (!(error instanceof Error)) return null;
  const code = "code" in error ? String(error.code) : "";
  const isFull = FULL.test(code) || FULL.test(error.message);
  if (!isFull && !BROKEN.test(code) && !BROKEN.test(error.message)) return null;
  const path = "path" in error && typeof error.path === "string" ? error.path : state;
  const disk = diskOf(path);
  const where = disk === null ? `the disk of ${path}` : `the disk at ${disk.at}, which holds ${path},`;
  if (!isFull) return `${error.message}\n${where} cannot be written: look what became of it (dmesg), then go on`;
  const room = disk === null ? "" : `: ${mb(disk.freeBytes)} of ${mb(disk.bytes)} MB are free`;
  return `${error.message}\n${where} is full${room}. Make room there: ringfence gc and ringfence discard do. What was recorded stays`;
}

/** Refuses to begin on a disk where a session could not record how it ended; returns why, or null. */
export function tooFull(state: string): string | null {
  const disk = diskOf(state);
  if (disk === null || disk.freeBytes >= FREE_BYTES_MIN) return null;
  return `ENOSPC: a session needs ${mb(FREE_BYTES_MIN)} MB of the state folder's disk`;
}

/** Takes a little of the disk while there is room, so that what frees it can still be recorded when there is none. */
export function keepSpare(state: string): void {
  const file = join(state, SPARE);
  if (existsSync(file)) return;
  // What a file system could compress to nothing would spare nothing.
  writeFileSync(file, randomBytes(SPARE_BYTES), { mode: 0o600 });
}

/** Gives that back where the disk is full, before something is thrown away. */
export function useSpare(state: string): void {
  const disk = diskOf(state);
  if (disk !== null && disk.freeBytes < SPARE_BYTES) rmSync(join(state, SPARE), { force: true });
}

const SPARE = "spare";
const SPARE_BYTES = 256 << 10;

interface Disk {
  /** Where it is mounted. */
  readonly at: string;
  readonly bytes: number;
  readonly freeBytes: number;
}

function diskOf(path: string): Disk | null {
  let folder = path;
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  try {
    const { bsize, blocks, bavail } = statfsSync(folder);
    return { at: mountOf(folder), bytes: bsize * blocks, freeBytes: bsize * bavail };
  } catch {
    return null;
  }
}

function mountOf(folder: string): string {
  const places = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(parseInt(octal, 8)),
      ),
    );
  const above = places.filter((place) => place === "/" || folder === place || folder.startsWith(`${place}/`));
  return above.reduce((longest, place) => (place.length >= longest.length ? place : longest), "/");
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0);
}

import { statfs } from "node:fs/promises";
import type { Holder } from "./holder.ts";
import type { Cgroups, Limits } from "./limits.ts";

/** How often the watcher looks. */
export const WATCH_INTERVAL_MS = 100;
/** The disk keeps at least this much free; below it everything in the box is killed. */
const FREE_BYTES_MIN = 2 ** 30;

export interface WatchPlan {
  readonly holder: Holder;
  readonly limits: Limits;
  readonly cgroups: Cgroups;
  /** The session's folder, whose file system the layer lies on. */
  readonly folder: string;
  /** Called once a limit is passed, with a sentence for the model; kills what runs. */
  readonly onLimit: (reason: string) => void;
}

/**
 * Counts where the kernel gives no hard bound: disk always, memory and processes without control groups.
 *
 * It looks every 100 ms while something runs in the box, so the overshoot is what can be written or touched in that time
 * plus one count of the disk.
 */
export class Watch {
  readonly #plan: WatchPlan;
  #timer: NodeJS.Timeout | null = null;
  #isCounting = false;
  /** Free bytes and files when the disk was last counted, and what the count gave. */
  #reference: { freeBytes: number; freeFiles: number; bytes: number; files: number } | null = null;
  #isClosed = false;

  constructor(plan: WatchPlan) {
    this.#plan = plan;
  }

  /** Starts to count; does nothing while it already counts. */
  start(): void {
    if (this.#timer === null && !this.#isClosed)
      this.#timer = setInterval(() => this.#look(), WATCH_INTERVAL_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  close(): void {
    this.#isClosed = true;
    this.stop();
  }

  #look(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    Promise.all([this.#lookAtMemory(), this.#lookAtDisk()])
      .catch(() => {
        // The holder is gone, and with it all that could be counted.
      })
      .finally(() => {
        this.#isCounting = false;
      });
  }

  async #lookAtMemory(): Promise<void> {
    const { holder, limits, cgroups, onLimit } = this.#plan;
    if (cgroups.hasMemory && cgroups.pids) return;
    const { memoryBytes, processes } = await holder.measure();
    if (!cgroups.hasMemory && memoryBytes > limits.memoryBytes) {
      onLimit(`memory: ${mebibytes(memoryBytes)} MiB in use, ${mebibytes(limits.memoryBytes)} allowed`);
    }
    if (!cgroups.pids && processes > limits.processes * 2)
      onLimit(`processes: ${processes} running, ${limits.processes} allowed`);
  }

  async #lookAtDisk(): Promise<void> {
    const { holder, limits, folder, onLimit } = this.#plan;
    const { bavail, bsize, ffree } = await statfs(folder);
    const free = { freeBytes: bavail * bsize, freeFiles: ffree };
    this.#reference ??= { ...free, bytes: 0, files: 0 };
    const grown = this.#reference.bytes + this.#reference.freeBytes - free.freeBytes;
    const grownFiles = this.#reference.files + this.#reference.freeFiles - free.freeFiles;
    if (free.freeBytes < FREE_BYTES_MIN && grown > FREE_BYTES_MIN / 16)
      onLimit("disk: less than 1 GiB is free on this machine");
    // Free space falls by what other programs write too, so it only says when to count.
    if (grown < limits.diskBytes && grownFiles < limits.diskFiles) return;
    const counted = await holder.countDisk();
    this.#reference = { ...free, ...counted };
    if (counted.bytes > limits.diskBytes) {
      onLimit(
        `disk: the layer holds ${mebibytes(counted.bytes)} MiB, ${mebibytes(limits.diskBytes)} allowed; delete files first`,
      );
    }
    if (counted.files > limits.diskFiles)
      onLimit(`disk: the layer holds ${counted.files} files, ${limits.diskFiles} allowed; delete files first`);
  }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

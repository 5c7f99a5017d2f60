import { statfs } from "node:fs/promises";
import type { Holder } from "./holder.ts";
import type { Cgroups, Limits } from "./limits.ts";

/** How often the watcher looks. */
export const WATCH_INTERVAL_MS = 100;
/** The disk is counted at least this often while something runs, but for one part of the time in COUNT_SHARE at most. */
const COUNT_MS_MIN = 2000;
const COUNT_SHARE = 20;
/** What a file system may still add for files that are written already: the blocks that say where their parts lie. */
const SLACK_BYTES = 2 ** 20;
/** The disk keeps at least this much free; below it everything in the box is killed. */
const FREE_BYTES_MIN = 2 ** 30;

export type Watched = "memory" | "processes" | "disk";

export interface WatchPlan {
  readonly holder: Holder;
  readonly limits: Limits;
  readonly cgroups: Cgroups;
  /** The session's folder, whose file system the layer lies on. */
  readonly folder: string;
  /** Stop and continue everything in the box: a tree that grows while it is counted is never counted to its end. */
  readonly freeze: () => Promise<void>;
  readonly thaw: () => Promise<void>;
  /** Called once a limit is passed, with a sentence for the model; kills what runs and waits a while until it is gone. */
  readonly onLimit: (what: Watched, why: string) => Promise<void>;
}

/**
 * Counts where the kernel gives no hard bound: disk always, memory and processes without control groups.
 *
 * It looks every 100 ms while something runs in the box, so the overshoot is what can be written or touched in that
 * time; the disk is counted while everything in the box stands still.
 */
export class Watch {
  readonly #plan: WatchPlan;
  #timer: NodeJS.Timeout | null = null;
  #isCounting = false;
  #reference: Reference | null = null;
  /** What was left when something was ended last, less what was deleted since: beyond the limits no more than this. */
  #left: Counted = { bytes: 0, files: 0 };
  #isClosed = false;
  #nextCountAt = Date.now() + COUNT_MS_MIN;

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
    const { memoryBytes, processes } = await holder.measure(limits.memoryBytes);
    if (!cgroups.hasMemory && memoryBytes > limits.memoryBytes) {
      await onLimit("memory", `${mebibytes(memoryBytes)} MiB in use, ${mebibytes(limits.memoryBytes)} allowed`);
    }
    if (!cgroups.pids && processes > limits.processes * 2)
      await onLimit("processes", `${processes} running, ${limits.processes} allowed`);
  }

  async #lookAtDisk(): Promise<void> {
    const { limits, folder, onLimit } = this.#plan;
    const { bavail, bsize, ffree } = await statfs(folder);
    const free = { freeBytes: bavail * bsize, freeFiles: ffree };
    this.#reference ??= { ...free, bytes: 0, files: 0 };
    const last = this.#reference;
    const bytes = last.bytes + last.freeBytes - free.freeBytes;
    const files = last.files + last.freeFiles - free.freeFiles;
    if (free.freeBytes < FREE_BYTES_MIN && bytes > FREE_BYTES_MIN / 16)
      await onLimit("disk", "less than 1 GiB is free on this machine");
    // Free space falls by what other programs write too, so it only says when to count. A layer that is too large
    // already may shrink: whoever deletes is let go on.
    const mayBeOver =
      (bytes > limits.diskBytes && bytes > last.bytes) || (files > limits.diskFiles && files > last.files);
    // What others free meanwhile hides what is written here, so it is counted now and then whatever is free.
    const isDue = !mayBeOver && Date.now() >= this.#nextCountAt;
    const isOver = mayBeOver || (isDue && this.#reason(await this.#countDisk(free)) !== null);
    if (isOver) await this.#judgeFrozen(free);
  }

  async #judgeFrozen(free: Free): Promise<void> {
    const { onLimit } = this.#plan;
    const killed = await this.#frozen(async () => {
      const reason = this.#reason(await this.#countDisk(free));
      // Not waited for here: what is frozen is not gone before it is thawed.
      return reason === null ? null : { gone: onLimit("disk", reason) };
    });
    if (killed === null) return;
    await killed.gone;
    // A write that was under way went on meanwhile: what runs next is not ended for it.
    this.#left = await this.#frozen(() => this.#countDisk(free));
  }

  async #frozen<T>(act: () => Promise<T>): Promise<T> {
    const { freeze, thaw } = this.#plan;
    await freeze();
    try {
      return await act();
    } finally {
      await thaw();
    }
  }

  async #countDisk(free: Free): Promise<Counted> {
    const startedAt = Date.now();
    const counted = await this.#plan.holder.countDisk();
    this.#reference = { ...free, ...counted };
    const { bytes, files } = this.#left;
    this.#left = { bytes: Math.min(bytes, counted.bytes), files: Math.min(files, counted.files) };
    this.#nextCountAt = Date.now() + Math.max(COUNT_MS_MIN, COUNT_SHARE * (Date.now() - startedAt));
    return counted;
  }

  /** Says which limit of the disk is passed; null while none is, or while it holds no more than was left. */
  #reason(counted: Counted): string | null {
    const { limits } = this.#plan;
    const left = this.#left;
    const bytesMax = left.bytes === 0 ? 0 : left.bytes + SLACK_BYTES;
    if (counted.bytes > limits.diskBytes && counted.bytes > bytesMax)
      return `the layer holds ${mebibytes(counted.bytes)} MiB, ${mebibytes(limits.diskBytes)} allowed; delete files first`;
    if (counted.files > limits.diskFiles && counted.files > left.files)
      return `the layer holds ${counted.files} files, ${limits.diskFiles} allowed; delete files first`;
    return null;
  }
}

interface Free {
  readonly freeBytes: number;
  readonly freeFiles: number;
}

interface Counted {
  readonly bytes: number;
  readonly files: number;
}

/** Free bytes and files when the disk was last counted, and what the count gave. */
interface Reference extends Free, Counted {}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

import { setTimeout as sleep } from "node:timers/promises";
import { DEPENDENCY_NAMES } from "../core/base-layer.ts";
import { LOCKFILE_PATTERN, readLockfile } from "../core/lockfiles.ts";
import { gatherLocked, type Locked, type LockedPackage } from "../core/packages.ts";
import { findPrograms } from "./programs.ts";
import { runSandbox, scriptBind } from "./sandbox.ts";
import { RecordReader } from "./script.ts";

const SCRIPT_MS_MAX = 60_000;
const ANSWER_BYTES_MAX = 80 << 20;
/** A box can ask for packages that nobody has as often as it likes; each look is a sandbox. */
const REST_MS = 1000;

/**
 * What the lockfiles of a checkout name: the checkout's own, never the layer's.
 *
 * They are read at the first question, in a sandbox, and again when `refresh` finds that one changed.
 */
export class Lockfiles {
  readonly #checkout: string;
  #stamp = "";
  #known: Promise<Locked> | null = null;
  #look: Promise<boolean> | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(checkout: string) {
    this.#checkout = checkout;
  }

  known(): Promise<Locked> {
    this.#known ??= this.#read();
    return this.#known;
  }

  /** Looks whether a lockfile changed, and reads them anew if so; says whether it did. Questions at one time are one look. */
  refresh(): Promise<boolean> {
    this.#look ??= this.#lookAgain().finally(() => {
      this.#look = null;
    });
    return this.#look;
  }

  async #lookAgain(): Promise<boolean> {
    await this.known();
    await sleep(Math.max(0, this.#lookedAt + REST_MS - performance.now()));
    const before = this.#stamp;
    const entries = await this.#ask("look");
    this.#lookedAt = performance.now();
    if (stampOf(entries) === before) return false;
    this.#known = this.#read();
    await this.#known;
    return true;
  }

  async #read(): Promise<Locked> {
    const entries = await this.#ask("read");
    this.#stamp = stampOf(entries);
    const packages: LockedPackage[] = [];
    for (const { path, content } of entries)
      for (const one of readLockfile(path.slice(path.lastIndexOf("/") + 1), content)) packages.push(one);
    return gatherLocked(packages);
  }

  async #ask(mode: "look" | "read"): Promise<Entry[]> {
    const programs = findPrograms();
    const script = scriptBind("lockfiles.pl");
    const result = await runSandbox({
      programs,
      binds: [{ source: this.#checkout, target: "/base", access: "read" }, script],
      command: [programs.perl, script.target, mode, process.arch, LOCKFILE_PATTERN, ...DEPENDENCY_NAMES],
      input: Buffer.alloc(0),
      timeoutMs: SCRIPT_MS_MAX,
      stdoutBytesMax: ANSWER_BYTES_MAX,
      capability: null,
    });
    if (result.status !== 0)
      throw new Error(`the lockfiles could not be read: ${result.stderr.trim() || `status ${result.status}`}`);
    const reader = new RecordReader(result.stdout);
    const entries: Entry[] = [];
    while (!reader.isAtEnd)
      entries.push({ path: reader.path(), stamp: reader.text(), content: reader.bytes().toString() });
    return entries;
  }
}

interface Entry {
  readonly path: string;
  readonly stamp: string;
  readonly content: string;
}

function stampOf(entries: readonly Entry[]): string {
  return JSON.stringify(entries.map(({ path, stamp }) => [path, stamp]));
}

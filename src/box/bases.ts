import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodePath } from "../core/changes.ts";
import type { Holder, SavedBases } from "./holder.ts";
import type { Programs } from "./programs.ts";
import { runSandbox } from "./sandbox.ts";

const NOTHING: SavedBases = { since: null, edited: [] };
/** Commands follow each other closely; while they do, nothing is saved, up to the second time. */
const QUIET_MS = 60;
const WAIT_MS_MAX = 1000;
const SAVE_MS_MAX = 10_000;
const REST_SHARE = 4;
const FORGET_MS_MAX = 60_000;
/** There while every path of the layer is saved or marked. */
const WHOLE = "bases.whole";
/** What `bases.pl` does not look at. */
const PATH_BYTES_MAX = 1900;
const SKIPPED = new Set([".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__"]);

/** Keeps the checkout's versions that the layer's files derive from, off the way of the commands. */
export class Bases {
  readonly #holder: Holder;
  readonly #sessionPath: string;
  #running: Promise<SavedBases> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #staleSince: number | null = null;
  #restUntil = 0;
  #isOver = false;
  #isNeeded = false;

  constructor(holder: Holder, sessionPath: string) {
    this.#holder = holder;
    this.#sessionPath = sessionPath;
  }

  /** Whether a command ever ran, so that the layer can hold anything. */
  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  /** Saves soon, once no command has begun or ended for a moment. */
  later(): void {
    this.#isNeeded = true;
    if (this.#staleSince === null) rmSync(join(this.#sessionPath, WHOLE), { force: true });
    this.#staleSince ??= Date.now();
    if (this.#timer) clearTimeout(this.#timer);
    const now = Date.now();
    const left = this.#staleSince + WAIT_MS_MAX - now;
    // A layer of very many files takes a while, and must not keep the machine busy for that.
    const waitMs = Math.max(0, this.#restUntil - now, Math.min(QUIET_MS, left));
    this.#timer = setTimeout(() => this.save(), waitMs).unref();
  }

  /** Saves now, and tells what the person has changed. Never fails: what is not saved is held rather than merged. */
  async save(): Promise<SavedBases> {
    while (this.#running !== null) await this.#running;
    if (this.#timer) clearTimeout(this.#timer);
    this.#staleSince = null;
    if (this.#isOver) return NOTHING;
    this.#running = this.#saveInTime();
    const saved = await this.#running;
    this.#running = null;
    // Unless a command began or ended since.
    if (saved.since !== null && this.#staleSince === null && existsSync(join(this.#sessionPath, "ctl/names")))
      writeFileSync(join(this.#sessionPath, WHOLE), "", { mode: 0o600 });
    return saved;
  }

  async #saveInTime(): Promise<SavedBases> {
    const { promise, resolve } = Promise.withResolvers<SavedBases>();
    // Killed for its memory, it never answers.
    const timer = setTimeout(() => {
      this.#isOver = true;
      resolve(NOTHING);
    }, SAVE_MS_MAX);
    const startedAt = Date.now();
    const saved = await Promise.race([this.#holder.saveBases().catch(() => NOTHING), promise]);
    this.#restUntil = Date.now() + REST_SHARE * (Date.now() - startedAt);
    clearTimeout(timer);
    return saved;
  }
}

/** Says whether the checkout never had a file at a path of the layer at which nothing is saved or marked. */
export function isNew(sessionPath: string, path: string): boolean {
  const isLookedAt =
    Buffer.byteLength(encodePath(path)) <= PATH_BYTES_MAX && !path.split("/").some((name) => SKIPPED.has(name));
  return isLookedAt && existsSync(join(sessionPath, WHOLE));
}

/** Marks all that is saved as unknown, so that it is merged over no more. The files are shut to their owner, as unfinished ones. */
export async function forgetBases(sessionPath: string, programs: Programs): Promise<void> {
  const source = join(sessionPath, "bases");
  if (!existsSync(source)) return;
  const result = await runSandbox({
    programs,
    binds: [{ source, target: "/bases", access: "write" }],
    command: [programs.find, "/bases", "-type", "f", "-exec", "/bin/chmod", "0200", "{}", "+"],
    input: Buffer.alloc(0),
    timeoutMs: FORGET_MS_MAX,
    stdoutBytesMax: 1 << 20,
    capability: null,
  });
  if (result.status !== 0)
    throw new Error(`${source} could not be marked: ${result.stderr.trim()}; nothing was rewound`);
}

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodePath, encodePath } from "../core/changes.ts";
import { secretKind } from "../core/secretfiles.ts";
import { quote } from "./commands.ts";

/** What the person did to a file of the checkout while a background command ran. */
export interface Seen {
  readonly path: Uint8Array;
  /** Name of the copy in the control folder; null when the file is gone. */
  readonly copy: string | null;
  readonly mode: number;
  /** Whether the layer holds something at this path, or in place of a folder above it. */
  readonly isInLayer: boolean;
}

interface Followed {
  /** Name of the copy that was written into the view; null for a file that was removed from it. */
  readonly copy: string | null;
  /** SHA-256, hex; empty for a removal. */
  readonly hash: string;
  /** When the person changed it, in nanoseconds since 1970, which the copy in the view says too; null for a removal. */
  readonly modified: bigint | null;
}

/** Runs a program in the box with an input; gives its exit status, or null where it did not end by itself. */
type Write = (program: string, content: Uint8Array | null) => Promise<number | null>;

const FILE = "followed.json";
/** Exit status of a program that found what the box made. */
const IS_BOXES = 9;
const SECOND = 1_000_000_000n;
const QUEUE_MAX = 10_000;

/** Reads which files of the layer are copies of the person's own: path to SHA-256, or to "" for a file they deleted. */
export function readFollowed(sessionPath: string): ReadonlyMap<string, string> {
  const file = join(sessionPath, FILE);
  return new Map(existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as [string, string][]) : []);
}

/** Forgets them all, for a layer that the holder took them out of. */
export function forgetFollowed(sessionPath: string): void {
  for (const name of [FILE, "ctl/followed", "ctl/follow"])
    rmSync(join(sessionPath, name), { recursive: true, force: true });
}

/**
 * Writes what the person changes into the view while a background command lives.
 *
 * The view cannot be mounted anew then, and a watcher in the box is not told of writes to the checkout. What was written
 * so is remembered: it is no change of the session's, and goes from the layer as soon as no command runs.
 */
export class Follow {
  readonly #sessionPath: string;
  readonly #run: Write;
  readonly #followed = new Map<string, Followed>();
  #last: Promise<unknown> = Promise.resolve();
  #queued = 0;

  constructor(sessionPath: string, run: Write) {
    this.#sessionPath = sessionPath;
    this.#run = run;
    mkdirSync(join(sessionPath, "ctl/follow"), { recursive: true, mode: 0o700 });
  }

  get isEmpty(): boolean {
    return this.#followed.size === 0;
  }

  /** Takes what was seen, one after the other. */
  take(seen: Seen): void {
    if (this.#queued >= QUEUE_MAX) return;
    this.#queued += 1;
    this.#last = this.#last
      .then(() => this.#write(seen))
      // A box that is over shows nothing to anybody.
      .catch(() => {})
      .finally(() => {
        this.#queued -= 1;
      });
  }

  /** Forgets all, once the holder took it out of the layer. */
  clear(): void {
    this.#followed.clear();
    this.#save();
  }

  async #write({ path: bytes, copy, mode, isInLayer }: Seen): Promise<void> {
    const path = decodePath(bytes);
    const before = this.#followed.get(path);
    const content = copy === null ? null : readFileSync(this.#copyPath(copy));
    const hash = content === null ? "" : createHash("sha256").update(content).digest("hex");
    // What the box made is the box's, and a secret is never shown.
    const isLeft = (isInLayer && !before) || secretKind(path) !== null || !path.isWellFormed();
    const spent = isLeft || before?.hash === hash ? copy : (before?.copy ?? null);
    if (spent !== null) rmSync(this.#copyPath(spent));
    if (isLeft || before?.hash === hash) return;
    const modified = copy === null ? null : statSync(this.#copyPath(copy), { bigint: true }).mtimeNs;
    // Written down first: a copy that nobody remembers would count as the session's own change.
    this.#followed.set(path, { copy, hash, modified });
    this.#save();
    if ((await this.#run(programFor(path, { mode, modified, before }), content)) !== IS_BOXES) return;
    // A landing puts the same into the checkout, and an undo takes it out: both would go for the person's save.
    this.#followed.delete(path);
    this.#save();
    if (copy !== null) rmSync(this.#copyPath(copy));
  }

  #copyPath(copy: string): string {
    return join(this.#sessionPath, "ctl/follow", copy);
  }

  #save(): void {
    const entries = [...this.#followed];
    const list = entries.flatMap(([path, { copy }]) => [Buffer.from(encodePath(path)), Buffer.from(copy ?? "-")]);
    writeFileSync(join(this.#sessionPath, "ctl/followed"), Buffer.concat(list.flatMap((one) => [one, Buffer.of(0)])), {
      mode: 0o600,
    });
    const file = join(this.#sessionPath, FILE);
    writeFileSync(`${file}.new`, JSON.stringify(entries.map(([path, { hash }]) => [path, hash])), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}

// What is newer in the view than what stood there was written in the box, and stays; so does what stands where a file was
// removed, and the lack of one that was written. The look at it is the shell's own, with nothing between it and the write.
function programFor(
  path: string,
  {
    mode,
    modified,
    before,
  }: { readonly mode: number; readonly modified: bigint | null; readonly before: Followed | undefined },
): string {
  const file = quote(`./${path}`);
  const stood = before === undefined ? modified : before.modified;
  const isNewer = `{ [[ ! ${file} -nt $r ]] || exit ${IS_BOXES}; } && rm -f "$r" && `;
  const isThere = before === undefined ? "" : `{ [[ -f ${file} ]] || exit ${IS_BOXES}; } && `;
  const check =
    stood !== null
      ? `r=$(mktemp) && touch -d ${timeOf(stood)} "$r" && ${isThere}${isNewer}`
      : before === undefined
        ? ""
        : `{ [[ ! -e ${file} ]] || exit ${IS_BOXES}; } && `;
  if (modified === null) return `${check}rm -df -- ${file}`;
  return `mkdir -p -- "$(dirname -- ${file})" && ${check}cat >${file} && touch -d ${timeOf(modified)} ${file} && chmod ${mode.toString(8)} -- ${file}`;
}

function timeOf(ns: bigint): string {
  return `@${ns / SECOND}.${String(ns % SECOND).padStart(9, "0")}`;
}

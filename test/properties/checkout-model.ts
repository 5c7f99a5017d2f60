import {
  carriedBy,
  committed,
  endorsed,
  type FileLabels,
  isEndorsed,
  type LabelledFile,
  labelOfFile,
  moved,
  NO_FILES,
  restored,
  written,
} from "../../src/core/file-labels.ts";
import { join, joinAll, type Label } from "../../src/core/label.ts";
import type { Openness, Source } from "../../src/core/source.ts";
import { both, LOCAL, NONE, REPO, STRANGER, type Truth, USER } from "./promises.ts";
import type { Random } from "./random.ts";

interface Entry {
  readonly hash: string;
  readonly truth: Truth;
  /** Whether the host saw how it came to be at this path. */
  readonly isSeen: boolean;
  /** Whether the host knows what it is made of by its path: not where the person brought it there unseen. */
  readonly isAtHome: boolean;
}

const PATHS = ["README.md", "src/a.ts", "src/b.ts", "docs/c.md", ".github/workflows/ci.yml", "memory/notes.md"];
const TARGETS = [...PATHS, "src/new.ts", "lib/a.ts", "lib/b.ts"];

/** A checkout with layer, commits and memory, over all sessions: what a host knows of its files, and the truth. */
export class CheckoutModel {
  readonly #random: Random;
  readonly #openness: Openness;
  readonly #view = new Map<string, Entry>();
  readonly #commits = new Map<string, ReadonlyMap<string, Entry>>();
  /** What the host was ever told of: these it must know again. Of other bytes and names nothing can be known. */
  readonly #told = { paths: new Set<string>(), hashes: new Set<string>() };
  readonly #approved = new Set<string>();
  #files: FileLabels = NO_FILES;
  #hasApproved = false;
  #made = 0;

  constructor(random: Random, openness: Openness) {
    this.#random = random;
    this.#openness = openness;
    for (const path of PATHS) this.#put(path, [LOCAL, this.#private], true);
    if (random.chance(2)) this.approve(PATHS);
  }

  get paths(): readonly string[] {
    return [...this.#view.keys()];
  }

  pick(): { readonly path: string; readonly hash: string } {
    const [path, { hash }] = this.#random.pick([...this.#view]);
    return { path, hash };
  }

  /** Reads a file: where its text comes from, as the host tells it, and in truth. */
  read(): { readonly source: Source; readonly truth: Truth } {
    const [path, entry] = this.#random.pick([...this.#view]);
    // What the host saw come about it need not look at again.
    const hash = entry.isSeen && this.#random.chance(2) ? null : entry.hash;
    const carried = carriedBy(this.#files, { path, hash });
    const standing = isEndorsed(this.#files, { path, hash }) ? "approved" : this.#hasApproved ? "changed" : "unknown";
    const source = { kind: "checkout", path, standing, openness: this.#openness, carried } as const;
    return { source, truth: this.#truthOf(path, entry, hash !== null) };
  }

  /** All that a command can read. */
  whole(): { readonly label: Label; readonly truth: Truth } {
    const files = [...this.#view].map(([path, { hash }]) => labelOfFile(this.#files, { path, hash }, this.#otherwise));
    const truth = [...this.#view].map(([path, entry]) => this.#truthOf(path, entry, true)).reduce(both, NONE);
    return { label: joinAll(files), truth };
  }

  write(label: Label, truth: Truth): void {
    const path = this.#random.pick(TARGETS);
    const hash = this.#put(path, truth, true);
    this.#tell([{ path, hash: this.#random.chance(4) ? null : hash }], label);
  }

  /** A command makes a file of another, or copies one; the host sees the result alone. */
  writeFrom(label: Label, truth: Truth): void {
    const [path, content] = [this.#random.pick(TARGETS), this.#random.pick([...this.#view.values()])];
    const hash = this.#random.chance(2) ? content.hash : this.#newHash();
    this.#view.set(path, { hash, truth: both(truth, content.truth), isSeen: true, isAtHome: true });
    this.#tell([{ path, hash }], label);
  }

  rename(): void {
    const [from, to] = [this.#random.pick([...this.#view.keys()]), this.#random.pick(TARGETS)];
    const entry = this.#view.get(from)!;
    const isFolder = from.startsWith("src/");
    const pairs: readonly (readonly [string, string])[] = isFolder
      ? [...this.#view.keys()].filter((path) => path.startsWith("src/")).map((path) => [path, `lib${path.slice(3)}`])
      : [[from, to]];
    this.#files = isFolder ? moved(this.#files, "src", "lib") : moved(this.#files, from, to);
    for (const [old, name] of pairs) {
      const { hash, truth, isSeen, isAtHome } = this.#view.get(old) ?? entry;
      // A file of the checkout that no session wrote has no label to move along: the host looks at it.
      this.#view.set(name, { hash, truth, isSeen: isSeen && this.#told.paths.has(old), isAtHome });
    }
  }

  commit(label: Label, made: Truth): void {
    const id = this.#newHash();
    const entries = new Map(this.#random.some([...this.#view]));
    // What is committed need never have stood in a file.
    if (this.#random.chance(2)) entries.set(this.#random.pick(TARGETS), this.#entry(made));
    this.#commits.set(id, entries);
    const files = [...entries].map(([path, { hash }]) => ({ path, hash }));
    this.#files = committed(this.#files, id, files, join(label, this.#otherwise));
  }

  restore(): void {
    const id = this.#random.pick([...this.#commits.keys(), ""]);
    const commit = this.#commits.get(id);
    if (!commit) return;
    const files = [...commit].map(([path, { hash }]) => ({ path, hash }));
    this.#files = restored(this.#files, id, files);
    this.#note(files);
    for (const [path, entry] of commit) this.#view.set(path, { ...entry, isSeen: true, isAtHome: true });
  }

  fetchCommit(): void {
    const entries = new Map([[this.#random.pick(TARGETS), this.#entry([STRANGER, 1])]]);
    this.#commits.set(this.#newHash(), entries);
  }

  /** Outside, unseen by any host: the bytes stay what they are. */
  moveUnseen(): void {
    const from = this.#random.pick([...this.#view.keys()]);
    const entry = this.#view.get(from)!;
    const isKnown = this.#told.hashes.has(entry.hash) || (entry.truth[0] <= LOCAL && entry.truth[1] <= this.#private);
    if (isKnown) this.#view.set(this.#random.pick(TARGETS), { ...entry, isSeen: false, isAtHome: false });
  }

  /** Outside, unseen by any host: what stood there is still in it. */
  editUnseen(): void {
    const path = this.#random.pick([...this.#view.keys()]);
    const { truth, isAtHome } = this.#view.get(path)!;
    const isKnown = (isAtHome && this.#told.paths.has(path)) || (truth[0] <= LOCAL && truth[1] <= this.#private);
    if (isKnown) this.#put(path, both(truth, [USER, this.#private]), false);
  }

  /** The person commits, and later takes out, what stands there; no host sees either, and the bytes are the same. */
  commitUnseen(): void {
    const [path, entry] = this.#random.pick([...this.#view]);
    const isKnown = this.#told.hashes.has(entry.hash) || (entry.truth[0] <= LOCAL && entry.truth[1] <= this.#private);
    if (isKnown) this.#view.set(path, { ...entry, isSeen: false });
  }

  get #private(): number {
    return this.#openness === "private" ? 1 : 0;
  }

  /** What the host takes a file of the checkout for, when it knows nothing of it from before. */
  get #otherwise(): Label {
    return { integrity: this.#hasApproved ? "local" : "external", secrecy: this.#openness };
  }

  /** The person approves a commit with what stands at these paths now. */
  approve(paths: readonly string[]): void {
    this.#hasApproved = true;
    const files = paths.map((path) => ({ path, hash: this.#view.get(path)!.hash }));
    this.#files = endorsed(this.#files, files);
    for (const { path, hash } of files) this.#approved.add(`${path}\0${hash}`);
  }

  // What the person approved is theirs to trust at that path, where the host can tell that it is that.
  #truthOf(path: string, { hash, truth }: Entry, isHashed: boolean): Truth {
    return isHashed && this.#approved.has(`${path}\0${hash}`) ? [REPO, truth[1]] : truth;
  }

  #tell(files: readonly LabelledFile[], label: Label): void {
    this.#files = written(this.#files, files, label);
    this.#note(files);
  }

  #note(files: readonly LabelledFile[]): void {
    for (const { path, hash } of files) {
      this.#told.paths.add(path);
      if (hash !== null) this.#told.hashes.add(hash);
    }
  }

  #put(path: string, truth: Truth, isSeen: boolean): string {
    const hash = this.#newHash();
    this.#view.set(path, { hash, truth, isSeen, isAtHome: true });
    return hash;
  }

  #entry(truth: Truth): Entry {
    return { hash: this.#newHash(), truth, isSeen: true, isAtHome: true };
  }

  #newHash(): string {
    return (++this.#made).toString(16).padStart(64, "0");
  }
}

import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { maskConfig } from "../core/secret-config.ts";
import { secretKind } from "../core/secretfiles.ts";
import type { HomeFile } from "./vault-files.ts";
import type { Home } from "./vault-home.ts";
import type { Keep } from "./vault-keep.ts";

const FILES_MAX = 2000;
const FILE_BYTES_MAX = 1 << 20;
const BYTES_MAX = 16 << 20;
const NOTES_MAX = 20;

/** Copies of what the person named of their home, with placeholders, and what of it is not copied and why. */
export interface Copies {
  readonly files: readonly HomeFile[];
  readonly notes: readonly string[];
}

/**
 * Copies files and folders of the person's home for the box's: text alone, without what lies behind a link or holds a
 * private key, and with each value that is or looks like a credential replaced by a placeholder that is put on nowhere.
 */
export function keepHomePaths(keep: Keep, person: Home, paths: readonly string[]): Copies {
  const walk = new Walk(keep, person);
  for (const path of paths) walk.add(path);
  return { files: walk.files, notes: walk.notes.slice(0, NOTES_MAX) };
}

class Walk {
  readonly files: HomeFile[] = [];
  readonly notes: string[] = [];
  readonly #keep: Keep;
  readonly #home: string;
  readonly #excluded: readonly string[];
  #bytes = 0;

  constructor(keep: Keep, { home, excluded }: Home) {
    this.#keep = keep;
    this.#home = realOf(home) ?? home;
    this.#excluded = excluded.map((folder) => realOf(folder) ?? folder);
  }

  /** Takes one path that the person typed. What lies behind a link of their own is copied to where the link is. */
  add(path: string): void {
    const shown = relative(this.#home, isAbsolute(path) ? path : join(this.#home, path));
    const isInside = shown !== "" && shown !== ".." && !shown.startsWith(`..${sep}`);
    const real = isInside ? realOf(join(this.#home, shown)) : null;
    if (real === null) this.#note(path, isInside ? "it is not there" : "it is no path below your home");
    else this.#visit(real, shown);
  }

  #visit(real: string, shown: string): void {
    const stat = lstatSync(real, { throwIfNoEntry: false });
    const why = this.#refuses(real) ?? (stat?.isFile() ? this.#copy(real, shown) : null);
    const names = why === null && stat?.isDirectory() ? listed(real) : [];
    if (why !== null) this.#note(shown, why);
    else if (stat?.isSymbolicLink()) this.#note(shown, "it is a link");
    else if (names === null) this.#note(shown, "it cannot be read");
    for (const name of names ?? []) this.#visit(join(real, name), join(shown, name));
  }

  #refuses(real: string): string | null {
    if (!isBelow(real, this.#home)) return "it leads out of your home";
    return this.#excluded.some((folder) => isBelow(real, folder)) ? "a box can change it" : null;
  }

  /** Copies one file, or says why it does not. */
  #copy(real: string, shown: string): string | null {
    if (this.files.length >= FILES_MAX || this.#bytes >= BYTES_MAX)
      return `${FILES_MAX} files or ${BYTES_MAX >> 20} MiB are copied already`;
    if (secretKind(shown) !== null) return "it holds credentials, by its name";
    const bytes = readOwnFile(real);
    if (bytes === null) return `it is not yours, or larger than ${FILE_BYTES_MAX >> 20} MiB`;
    const text = new TextDecoder().decode(bytes);
    if (bytes.includes(0) || text.includes("\ufffd")) return "it is no text";
    const content = maskConfig(text, this.#keep.known(), (name, value) => this.#keep.fill(name, value));
    if (content === null) return "it holds a private key";
    this.#bytes += bytes.length;
    this.files.push({ path: shown, content });
    return null;
  }

  #note(path: string, why: string): void {
    this.notes.push(`${path} of your home is not copied into the box: ${why}`);
  }
}

function listed(folder: string): string[] | null {
  try {
    return readdirSync(folder).sort();
  } catch {
    return null;
  }
}

function readOwnFile(path: string): Buffer | null {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const stat = fstatSync(file);
      const isOwn = stat.uid === process.getuid?.() || stat.uid === 0;
      if (!stat.isFile() || !isOwn || stat.size > FILE_BYTES_MAX) return null;
      const bytes = Buffer.alloc(stat.size);
      return bytes.subarray(0, readSync(file, bytes, 0, stat.size, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

function realOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

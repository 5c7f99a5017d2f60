import { closeSync, constants, existsSync, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import type { Environment } from "./vault-variables.ts";

const FILE_BYTES_MAX = 256 * 1024;

/** Where the person is at home, and which folders there are not theirs alone. */
export interface Home {
  readonly home: string;
  readonly environment: Environment;
  /** The checkout, its git folder and what else a box can change: nothing below is read. */
  readonly excluded: readonly string[];
}

/** Reads a file of the person's: at the path that they named, or at the usual one. Null where there is none of their own. */
export function readOwn({ home, excluded }: Home, named: string | undefined, usual: string): string | null {
  const path = named?.startsWith("/") ? named : join(home, usual);
  try {
    const real = realpathSync(path);
    if (excluded.some((folder) => isBelow(real, realOf(folder)))) return null;
    return readPlain(real);
  } catch {
    return null;
  }
}

function readPlain(path: string): string | null {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const stat = fstatSync(file);
    const isOwn = stat.uid === process.getuid?.() || stat.uid === 0;
    if (!stat.isFile() || !isOwn || stat.size > FILE_BYTES_MAX) return null;
    const bytes = Buffer.alloc(FILE_BYTES_MAX);
    return bytes.toString("utf8", 0, readSync(file, bytes, 0, FILE_BYTES_MAX, 0));
  } finally {
    closeSync(file);
  }
}

// What is not there yet holds nothing.
function realOf(folder: string): string {
  return existsSync(folder) ? realpathSync(folder) : folder;
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

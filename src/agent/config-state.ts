import { chmodSync, lstatSync, mkdirSync, readdirSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";

/** Makes a folder and those above it. Node's own recursive way never comes back where a file system makes none, as in /proc. */
export function makeFolders(folder: string): void {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  const above = dirname(folder);
  if (above !== folder && !exists(above)) makeFolders(above);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Two programs that start at once; whatever else is there is judged by who asked.
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

/**
 * Shuts the state folder to everybody else; says what is wrong with it, or null.
 *
 * A link in it would have the program write, or believe, what lies elsewhere.
 */
export function unfitState(folder: string): string | null {
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || !isOwn(stat) || (stat.mode & 0o022) !== 0)
    return `must be a folder of your own that nobody else may write: chmod 700 ${folder}`;
  if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700);
  const link = readdirSync(folder, { withFileTypes: true }).find((entry) => entry.isSymbolicLink());
  return link === undefined
    ? null
    : `holds a link, ${link.name}, which is none of ours: remove ${join(folder, link.name)}`;
}

function isOwn({ uid }: Stats): boolean {
  return process.getuid === undefined || uid === process.getuid();
}

// As the person has it: what lies above the state folder may well be a link of theirs.
function exists(folder: string): boolean {
  try {
    readdirSync(folder);
    return true;
  } catch (error) {
    return codeOf(error) !== "ENOENT";
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

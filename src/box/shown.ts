import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Which hunks of each file a person was shown last, by their hashes in the order of their numbers; "" has landed since. */
export type Shown = ReadonlyMap<string, readonly string[]>;

/** Reads what of a session's changes was shown last; empty when nothing was. */
export function readShown(sessionPath: string): Shown {
  try {
    return new Map(JSON.parse(readFileSync(fileOf(sessionPath), "utf8")) as [string, string[]][]);
  } catch {
    // Nothing was shown yet, and no number means anything.
    return new Map();
  }
}

/** Keeps it, whole or not at all. */
export function writeShown(sessionPath: string, shown: Shown): void {
  const draft = `${fileOf(sessionPath)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify([...shown]), { mode: 0o600 });
  renameSync(draft, fileOf(sessionPath));
}

function fileOf(sessionPath: string): string {
  return join(sessionPath, "shown.json");
}

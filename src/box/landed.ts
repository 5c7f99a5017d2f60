import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What earlier landings of a session put into the checkout, so that it is not taken for the person's own work. */
export interface Landed {
  /** Path to the SHA-256 of the content, or of a link's target; or FOLDER. */
  readonly contents: ReadonlyMap<string, string>;
  /** Path of a folder that landing touched to its ctime right after, in nanoseconds. */
  readonly folders: ReadonlyMap<string, string>;
}

/** Stands for the content of a folder. */
export const FOLDER = "";

/** Reads what the session has landed so far; nothing when it never did. */
export function readLanded(sessionPath: string): Landed {
  let text = '{"contents":[],"folders":[]}';
  try {
    text = readFileSync(fileOf(sessionPath), "utf8");
  } catch {
    // No landing yet.
  }
  const { contents, folders } = JSON.parse(text) as { contents: [string, string][]; folders: [string, string][] };
  return { contents: new Map(contents), folders: new Map(folders) };
}

/** Writes it anew, whole or not at all. */
export function writeLanded(sessionPath: string, landed: Landed): void {
  const draft = `${fileOf(sessionPath)}.new`;
  writeFileSync(draft, JSON.stringify({ contents: [...landed.contents], folders: [...landed.folders] }), {
    mode: 0o600,
  });
  renameSync(draft, fileOf(sessionPath));
}

function fileOf(sessionPath: string): string {
  return join(sessionPath, "landed.json");
}

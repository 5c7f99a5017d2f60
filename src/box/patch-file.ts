import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Writes a session's patch into its folder and returns the path. */
export function savePatch(sessionPath: string, patch: Uint8Array): string {
  const path = join(sessionPath, "changes.patch");
  writeFileSync(path, patch, { mode: 0o600 });
  return path;
}

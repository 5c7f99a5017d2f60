import { basename, dirname } from "node:path";
import type { Programs } from "./programs.ts";
import { runSandbox } from "./sandbox.ts";

/** What of a session's folder outlives it: the record of what was done. */
const KEPT = ["ledger*", "session.json"];
const DISCARD_MS_MAX = 300_000;

/**
 * Removes all that a session wrote but its record: layer, home, masks and staging folders.
 *
 * The session must be over. Folders that are closed to their owner and trees of any depth go too; no link is followed.
 */
export function discardSession(sessionPath: string, programs: Programs): Promise<void> {
  return remove(
    sessionPath,
    KEPT.flatMap((name) => ["!", "-name", name]),
    programs,
  );
}

/** Removes the staging folder of one collection. */
export function removeStage(collected: { readonly stage: string }, programs: Programs): Promise<void> {
  return remove(dirname(collected.stage), ["-name", basename(collected.stage)], programs);
}

/** Removes everything in a folder of the session's own, and keeps the folder. */
export function emptyFolder(folder: string, programs: Programs): Promise<void> {
  return remove(folder, [], programs);
}

async function remove(folder: string, tests: readonly string[], programs: Programs): Promise<void> {
  const result = await runSandbox({
    programs,
    binds: [{ source: folder, target: "/session", access: "write" }],
    command: [
      programs.find,
      "/session",
      "-mindepth",
      "1",
      "-maxdepth",
      "1",
      ...tests,
      "-exec",
      "/bin/rm",
      "-rf",
      "--one-file-system",
      "--",
      "{}",
      "+",
    ],
    input: Buffer.alloc(0),
    timeoutMs: DISCARD_MS_MAX,
    stdoutBytesMax: 1 << 20,
    capability: "CAP_DAC_OVERRIDE",
  });
  if (result.status !== 0)
    throw new Error(`${folder} could not be removed whole: ${result.stderr.trim()}; remove it by hand`);
}

import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { encodePath } from "../core/changes.ts";
import type { Collected } from "./collect.ts";
import { listLandings, namesOfLandings, readPending } from "./landing.ts";
import { findProgram, type Programs } from "./programs.ts";
import { runSandbox } from "./sandbox.ts";

/** What of a session's folder outlives it: the record of what was done. */
const KEPT = ["ledger*", "session.json"];
const DISCARD_MS_MAX = 300_000;

/**
 * Removes all that a session wrote but its record and what its landings replaced: layer, home, masks, staging folders.
 *
 * The session must be over. Folders that are closed to their owner and trees of any depth go too; no link is followed.
 */
export function discardSession(sessionPath: string, programs: Programs): Promise<void> {
  return removeAllBut(sessionPath, [...KEPT, ...namesOfLandings(sessionPath)], programs);
}

/** Removes the staging folder of one collection. */
export function removeStage(collected: { readonly stage: string }, programs: Programs): Promise<void> {
  return remove(dirname(collected.stage), ["-name", basename(collected.stage)], programs);
}

/** Removes what `discardSession` keeps for an undo as well: only the record is left. */
export function removeSession(sessionPath: string, programs: Programs): Promise<void> {
  return removeAllBut(sessionPath, KEPT, programs);
}

/** Removes of the staging folder of one collection what no undo can need; all of it when nothing of it landed. */
export async function releaseStage(collected: Collected, programs: Programs): Promise<void> {
  const [sessionPath, name] = [dirname(collected.stage), basename(collected.stage)];
  if (readPending(sessionPath)?.stage === name) return;
  const landing = listLandings(sessionPath).find(({ stage }) => stage === name);
  if (!landing) return removeStage(collected, programs);
  if (existsSync(join(collected.stage, "commits"))) await remove(collected.stage, ["-name", "commits"], programs);
  const landed = new Set(landing.changes.map(({ path }) => path));
  // Of what landed, only a merge needs what the layer's version was and derived from.
  const rest = collected.changes.flatMap(({ change: { path }, isStaged, merged }) => {
    const sides = !landed.has(path) ? ["a", "b", "o", "l"] : merged ? [] : ["o"];
    return isStaged ? sides.map((side) => Buffer.concat([Buffer.from(`/stage/${side}/`), encodePath(path)])) : [];
  });
  if (rest.length === 0) return;
  const result = await runSandbox({
    programs,
    binds: [{ source: collected.stage, target: "/stage", access: "write" }],
    // Without -r: a folder can hold what landed.
    command: [findProgram("xargs") ?? "/usr/bin/xargs", "-0", "/bin/rm", "-f", "--"],
    input: Buffer.concat(rest.flatMap((path) => [path, Buffer.of(0)])),
    timeoutMs: DISCARD_MS_MAX,
    stdoutBytesMax: 1 << 20,
    capability: null,
  });
  // 123: a path of one side is a folder on the other.
  if (result.status !== 0 && result.status !== 123)
    throw new Error(`${collected.stage} could not be tidied: ${result.stderr.trim()}`);
}

/** Removes everything in a folder of the session's own, and keeps the folder. */
export function emptyFolder(folder: string, programs: Programs): Promise<void> {
  return remove(folder, [], programs);
}

/** Removes what has one of these names in a session's folder, and nothing else. */
export function removeNamed(sessionPath: string, names: readonly string[], programs: Programs): Promise<void> {
  const tests = names.flatMap((name) => ["-o", "-name", name]).slice(1);
  return remove(sessionPath, ["(", ...tests, ")"], programs);
}

/** Removes a sealed layer that nothing names any more, with what lies beside it. */
export function removeLayer(sessionPath: string, number: number, programs: Programs): Promise<void> {
  const tests = ["(", "-name", String(number), "-o", "-name", `${number}.*`, ")"];
  return remove(join(sessionPath, "layer/sealed"), tests, programs);
}

function removeAllBut(folder: string, kept: readonly string[], programs: Programs): Promise<void> {
  return remove(
    folder,
    kept.flatMap((name) => ["!", "-name", name]),
    programs,
  );
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

import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { forgetBases } from "./bases.ts";
import { settleCopy } from "./copy-view.ts";
import { emptyFolder } from "./discard.ts";
import { makeFlat } from "./flatten.ts";
import { readFacts, type SessionFolder, writeFacts } from "./folder.ts";
import { readFollowed } from "./follow.ts";
import { type Checkpoint, giveLayer, hasLayer, sealLayer } from "./layers.ts";
import { findProgram, type Programs } from "./programs.ts";
import { runSandbox } from "./sandbox.ts";

const COPY_MS_MAX = 300_000;
/** Beside the layer: the versions that it derives from, and the git state below it. */
const BESIDE = ["bases", "git-state"];
const FILES = ["bases.whole", "ctl/git-seen"];

/** Says why the files of a session cannot be forked as they are; null where they can. */
export function unforkable(sessionPath: string): string | null {
  return readFollowed(sessionPath).size > 0
    ? "it broke off while a background command ran, with files of yours in its layer: resume it once, or fork it from before a turn"
    : null;
}

/**
 * Gives a new session's folder the files of another one, as they were at a checkpoint, or are.
 *
 * Nobody may use that session meanwhile. Content is shared by links to what nothing writes to any more, so that neither
 * session's end touches the other's.
 */
export async function forkFiles(
  from: string,
  to: SessionFolder,
  at: Checkpoint | null,
  programs: Programs,
): Promise<void> {
  await settleCopy(from, programs);
  if (hasLayer(from)) {
    const stack = at === null ? sealLayer(from).stack : (at.stack ?? []);
    if (stack.length > 0) giveLayer(from, await makeFlat(from, stack, programs), to.path);
    for (const name of BESIDE) await copyFolder(join(from, name), join(to.path, name), programs);
    // As after a rewind: an earlier layer derives from earlier versions.
    if (at !== null) await forgetBases(to.path, programs);
    for (const name of FILES) if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to.path, name));
  } else rmSync(join(to.path, "layer"), { recursive: true });
}

/** Makes a fork known, once it is whole: until then no command sees it. */
export function beginFork(from: string, to: SessionFolder, forkedAt: number): void {
  const { name: _, ...facts } = readFacts(from);
  writeFacts(to, { ...facts, id: to.id, forkedAt });
}

/** Removes a fork that did not become whole. */
export async function dropFork({ path }: SessionFolder, programs: Programs): Promise<void> {
  await emptyFolder(path, programs);
  rmSync(path, { recursive: true, force: true });
}

async function copyFolder(from: string, to: string, programs: Programs): Promise<void> {
  if (!existsSync(from)) return;
  const result = await runSandbox({
    programs,
    binds: [
      { source: from, target: "/from", access: "read" },
      { source: to, target: "/to", access: "write" },
    ],
    command: [findProgram("cp") ?? "/bin/cp", "-a", "/from/.", "/to/"],
    input: Buffer.alloc(0),
    timeoutMs: COPY_MS_MAX,
    stdoutBytesMax: 1 << 20,
    capability: "CAP_DAC_OVERRIDE",
  });
  if (result.status !== 0) throw new Error(`${from} could not be copied: ${result.stderr.trim()}; nothing was forked`);
}

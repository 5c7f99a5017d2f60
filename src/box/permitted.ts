import { join } from "node:path";
import { decodePath } from "../core/changes.ts";
import { type Permit, spend } from "../core/permit.ts";
import { type BasePlan, type Dropped, forgetBase } from "./base.ts";
import { forgetBases } from "./bases.ts";
import type { Box } from "./box.ts";
import { namesProgram, resolveProgram } from "./commands.ts";
import { type FoundCommits, type LandCommitsPlan, landCommits, releaseLocks } from "./commits.ts";
import { settleCopy } from "./copy-view.ts";
import { discardSession, emptyFolder, removeSession } from "./discard.ts";
import { finish } from "./finish.ts";
import { type KeepPlan, type Kept, keepIgnored } from "./keep.ts";
import { type LandPlan, type LandResult, landChanges } from "./land.ts";
import { digestOfLanding, readPending } from "./landing.ts";
import { type Checkpoint, forgetLayers, LAYER_FOLDERS, readLayers, rewindLayer } from "./layers.ts";
import { type Page, writeMarkdown } from "./markdown.ts";
import { dropOutdated } from "./outdated.ts";
import type { Programs } from "./programs.ts";
import { type Signer, signCommits } from "./sign.ts";
import { type Recovered, recoverLanding, type UndoPlan, type UndoResult, undoLanding } from "./undo.ts";

/** Spends a permit for a program of ours in the box, and hands over all that it printed. */
export async function readPermitted(permit: Permit, box: Box, stdin: Uint8Array): Promise<Buffer> {
  const effect = spend(permit);
  if (effect.kind !== "run") throw new Error("bug: a permit for something else");
  const job = { program: effect.command, stdin, timeoutMs: effect.timeoutMs };
  const done = await finish(box, job, { signal: AbortSignal.timeout(effect.timeoutMs) });
  if (done.status === null) throw new Error("git in the box took too long, or was stopped by a limit");
  if (done.output.droppedBytes > 0) throw new Error("git in the box said too much");
  return done.output.bytes();
}

/** Spends a permit to list the identifiers that the files of the checkout have, as far as they fit. */
export async function namesPermitted(permit: Permit, box: Box, signal: AbortSignal): Promise<ReadonlySet<string>> {
  if (spend(permit).kind !== "names") throw new Error("bug: a permit for something else");
  const job = {
    program: namesProgram(NAMES_BYTES_MAX),
    stdin: null,
    timeoutMs: NAMES_MS_MAX,
    profile: "read-only",
  } as const;
  const { output } = await finish(box, job, { signal });
  // What stands after the last line break was cut.
  const names = output.bytes().toString("latin1").split("\n").slice(0, -1);
  return new Set(names.filter((name) => IDENTIFIER.test(name)));
}

/** Spends a permit to tell where a path leads in the box: absolute, with every link followed; null where that cannot be told. */
export async function resolvePermitted(permit: Permit, box: Box, signal: AbortSignal): Promise<string | null> {
  const effect = spend(permit);
  if (effect.kind !== "resolve") throw new Error("bug: a permit for something else");
  const job = {
    program: resolveProgram(effect.path),
    stdin: null,
    timeoutMs: RESOLVE_MS_MAX,
    profile: "read-only",
  } as const;
  const { output, status } = await finish(box, job, { signal });
  const bytes = output.bytes();
  return status === 0 && bytes.indexOf(0) === bytes.length - 1 ? decodePath(bytes.subarray(0, -1)) : null;
}

const RESOLVE_MS_MAX = 10_000;
const NAMES_MS_MAX = 30_000;
const NAMES_BYTES_MAX = 4 << 20;
const IDENTIFIER = /^[A-Za-z_]\w{2,63}$/;

/** Spends a permit to fetch or to ask, for the page that came of it: writes it as Markdown, in a sandbox that sees nothing else. */
export function pagePermitted(permit: Permit, page: Page, programs: Programs): Promise<string> {
  if (!["fetch", "ask"].includes(spend(permit).kind)) throw new Error("bug: a permit for something else");
  return writeMarkdown(page, programs);
}

/** Spends a permit to land exactly the collection that it was given for. */
export function landPermitted(permit: Permit, plan: Omit<LandPlan, "which" | "approvals">): Promise<LandResult> {
  const effect = spend(permit);
  if (effect.kind !== "land" || effect.digest !== plan.collected.digest)
    throw new Error("bug: a permit for another landing");
  return landChanges({ ...plan, which: effect.paths, approvals: effect.approvals });
}

/** Spends a permit to undo exactly the landing that it was given for. */
export function undoPermitted(permit: Permit, plan: UndoPlan): Promise<UndoResult> {
  const effect = spend(permit);
  if (effect.kind !== "undo" || effect.digest !== digestOfLanding(plan.landing))
    throw new Error("bug: a permit for another undo");
  return undoLanding(plan);
}

/** Spends a permit to put right what the landing or undo that it names left when it broke off. */
export function recoverPermitted(permit: Permit, plan: Omit<UndoPlan, "landing">): Promise<Recovered | null> {
  const effect = spend(permit);
  if (effect.kind !== "recover" || effect.landing !== readPending(plan.sessionPath)?.number)
    throw new Error("bug: a permit for something else");
  return recoverLanding(plan);
}

/** Spends a permit to land exactly the commits that it was given for. Null when it is done, else why nothing moved. */
export function landCommitsPermitted(permit: Permit, plan: LandCommitsPlan): Promise<string | null> {
  const effect = spend(permit);
  if (effect.kind !== "land-commits" || effect.digest !== plan.found.digest)
    throw new Error("bug: a permit for other commits");
  return landCommits(plan, effect);
}

/** Spends a permit to take away what a landing of commits left when it broke off; says whether it had made its move. */
export function releasePermitted(permit: Permit, ...left: Parameters<typeof releaseLocks>): Promise<boolean> {
  if (spend(permit).kind !== "release") throw new Error("bug: a permit for something else");
  return releaseLocks(...left);
}

/** Spends a permit to sign exactly the commits that it was given for; returns what lands in their place. */
export function signPermitted(
  permit: Permit,
  plan: LandCommitsPlan,
  signer: Signer,
  made: Map<string, Buffer>,
): Promise<FoundCommits> {
  const effect = spend(permit);
  if (effect.kind !== "sign-commits" || effect.digest !== plan.found.digest)
    throw new Error("bug: a permit for other commits");
  return signCommits(plan, signer, new Date(), made);
}

/** Spends a permit to move what git ignores from a layer that holds still into the base layer. */
export function keepPermitted(permit: Permit, plan: KeepPlan): Promise<Kept> {
  if (spend(permit).kind !== "keep") throw new Error("bug: a permit for something else");
  return keepIgnored(plan);
}

/** Spends a permit to throw the base layer of a checkout away. */
export function forgetPermitted(permit: Permit, workspace: string, plan: BasePlan): Promise<void> {
  const effect = spend(permit);
  if (effect.kind !== "forget" || effect.units !== null) throw new Error("bug: a permit for something else");
  return forgetBase(workspace, plan);
}

/** Spends a permit to drop units of the layer and of the base layer that are outdated; every command in the box is killed. */
export function dropPermitted(permit: Permit, box: Box, outdated: readonly Dropped[], plan: BasePlan): Promise<void> {
  const effect = spend(permit);
  if (effect.kind !== "forget" || effect.units?.join("\0") !== outdated.map(({ path }) => path).join("\0"))
    throw new Error("bug: a permit for something else");
  return dropOutdated(box, outdated, plan);
}

/** Spends a permit to remove all of a session that is over but its record. */
export function removePermitted(permit: Permit, sessionPath: string, programs: Programs): Promise<void> {
  if (spend(permit).kind !== "remove") throw new Error("bug: a permit for something else");
  return removeSession(sessionPath, programs);
}

/** Spends a permit to throw away the layer of a session that is over. */
export function discardPermitted(permit: Permit, sessionPath: string, programs: Programs): Promise<void> {
  if (spend(permit).kind !== "discard") throw new Error("bug: a permit for something else");
  return discardSession(sessionPath, programs);
}

/** Spends a permit to empty the layer of a session that goes on; every command in the box is killed. */
export function emptyPermitted(permit: Permit, box: Box, programs: Programs): Promise<void> {
  if (spend(permit).kind !== "discard") throw new Error("bug: a permit for something else");
  return box.renew(async () => {
    for (const name of [...LAYER_FOLDERS, "bases"]) await emptyFolder(join(box.folder.path, name), programs);
    forgetLayers(box.folder.path);
  });
}

/** Spends a permit to take the layer back to the checkpoint that it names; in a box that goes on every command is killed. */
export async function rewindPermitted(
  permit: Permit,
  session: Box | string,
  at: number,
  programs: Programs,
): Promise<Checkpoint> {
  const effect = spend(permit);
  if (effect.kind !== "rewind") throw new Error("bug: a permit for something else");
  const path = typeof session === "string" ? session : session.folder.path;
  if (typeof session === "string") await settleCopy(path, programs);
  const to = readLayers(path).checkpoints.find(({ number }) => number === effect.checkpoint);
  if (!to) throw new Error("bug: a rewind to no checkpoint");
  const rewind = async () => {
    // An earlier layer derives from earlier versions: merged over the later ones it would take the person's edits back.
    await forgetBases(path, programs);
    return rewindLayer(path, to, at);
  };
  if (typeof session === "string") return rewind();
  let left: Checkpoint | null = null;
  await session.renew(async () => {
    left = await rewind();
  });
  return left ?? to;
}

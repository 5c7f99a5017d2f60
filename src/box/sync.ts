import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { encodePath } from "../core/changes.ts";
import type { Effect } from "../core/effect.ts";
import { type Permit, spend } from "../core/permit.ts";
import type { Box } from "./box.ts";
import { type CollectPlan, type Item, listLayer } from "./collect-list.ts";
import { stageItems } from "./collect-stage.ts";
import { removeStage } from "./discard.ts";
import { finish } from "./finish.ts";
import { readFacts } from "./folder.ts";
import type { EditedFile } from "./holder.ts";
import { readLanded } from "./landed.ts";
import { type Kept, keepBases, mergeStaged, readStaged } from "./merge.ts";
import { mergeVerdict } from "./merge-verdict.ts";
import { findPrograms } from "./programs.ts";
import { type SyncStep, syncInput, syncProgram } from "./sync-program.ts";

/** What a session took over of what the person did since the last turn. Paths of the checkout. */
export interface Synced {
  /** Changed or made; also those of which the layer has a version. */
  readonly changed: readonly string[];
  /** Of which the layer's version now holds the person's changes as well. */
  readonly merged: readonly string[];
  /** Of which the layer keeps its own version, since both changed the same place. */
  readonly clashing: readonly string[];
}

type SyncEffect = Effect & { readonly kind: "sync" };

const LIST_MS_MAX = 150;
const WRITE_MS_MAX = 30_000;
const NO_CHANGE: Synced = { changed: [], merged: [], clashing: [] };

/**
 * Takes over what the person did in the checkout since the last turn: what the layer has no version of shows in a new view;
 * of the rest, what fits together is merged into the layer.
 *
 * No command runs but in the background; while one does, the view stays mounted and shows replaced files as they were.
 * `told` holds what was reported as clashing before, and is added to.
 */
export async function syncWithCheckout(
  box: Box,
  told: Map<string, string>,
  permitFor: (effect: SyncEffect) => Permit,
): Promise<Synced> {
  const [{ edited }, { isWhole, newer }] = await Promise.all([box.saveBases(), box.listNewer(LIST_MS_MAX)]);
  const fresh = edited.filter(({ path, changedAt }) => told.get(path) !== changedAt);
  if (isWhole && newer.length === 0 && fresh.length === 0) return NO_CHANGE;
  const taken = fresh.length === 0 ? { merged: [], clashing: [] } : await takeOver(box, fresh, permitFor);
  for (const { path, changedAt } of fresh) if (taken.clashing.includes(path)) told.set(path, changedAt);
  await box.remount();
  const own = readLanded(box.folder.path).contents;
  const files = newer.flatMap(({ path, isFolder }) => (isFolder || own.has(path) ? [] : [path]));
  return { ...taken, changed: [...new Set([...files, ...fresh.map(({ path }) => path)])].sort() };
}

async function takeOver(
  box: Box,
  edited: readonly EditedFile[],
  permitFor: (effect: SyncEffect) => Permit,
): Promise<Pick<Synced, "merged" | "clashing">> {
  const programs = findPrograms();
  const sessionPath = box.folder.path;
  const plan: CollectPlan = { sessionPath, facts: readFacts(sessionPath), programs };
  const stage = join(sessionPath, `stage-${randomBytes(8).toString("hex")}`);
  mkdirSync(stage, { mode: 0o700 });
  try {
    const { moves, clashing } = await whileFrozen(box, () => findMoves(plan, stage, edited));
    if (moves.length === 0) return { merged: [], clashing };
    const texts = await readSides(plan, stage, moves);
    const steps = moves.map((move, index): SyncStep => {
      const [seen, content] = texts[index] ?? [];
      if (seen === undefined || content === undefined) throw new Error("bug: a file to take over that was not staged");
      return { path: encodePath(move.path), seen, content, executable: move.executable };
    });
    const input = syncInput(steps);
    const paths = moves.map(({ path }) => path);
    const permit = permitFor({ kind: "sync", paths, digest: digestOf(input) });
    const isDone = await write(box, plan, permit, input);
    const done = moves.filter((_move, index) => isDone[index] === true);
    // Only now: were it the other way round and the program killed, what the person did would look as undone by the box.
    await keepBases(programs, sessionPath, stage, done.map(toKept));
    const merged = done.map(({ path }) => path);
    return { merged, clashing: [...clashing, ...paths.filter((path) => !merged.includes(path))] };
  } finally {
    await removeStage({ stage }, programs);
  }
}

/** A file of the layer that takes over the person's version, or a merge with it; `to` is null where the person deleted it. */
interface Move {
  readonly path: string;
  /** Which staged versions: the layer's, and the one that takes its place. */
  readonly from: "b" | "l";
  readonly to: "a" | "b" | null;
  readonly executable: boolean;
}

async function findMoves(
  plan: CollectPlan,
  stage: string,
  edited: readonly EditedFile[],
): Promise<{ readonly moves: readonly Move[]; readonly clashing: readonly string[] }> {
  const wanted = new Set(edited.map(({ path }) => path));
  const { items } = await listLayer(plan, readLanded(plan.sessionPath));
  const chosen = items.filter(({ change }) => wanted.has(change.path));
  const staged = await stageItems(plan, stage, chosen);
  const judged = await mergeStaged(plan.programs, stage, staged);
  const found = [...staged].map(([path, item]) => ({ path, move: moveOf(item, judged.get(path) ?? null) }));
  return {
    moves: found.flatMap(({ move }) => (move === null || move === "nothing" ? [] : [move])),
    clashing: found.flatMap(({ path, move }) => (move === null ? [path] : [])),
  };
}

/** Tells how a file of the layer takes over what the person did; null when it cannot. */
function moveOf(item: Item, judged: Item | null): Move | "nothing" | null {
  const { change, origin } = item;
  const { path, base } = change;
  if (origin === null || origin === "unknown" || !item.isStaged || change.type !== "file" || change.action === "delete")
    return null;
  const isUntouched = change.hash === origin.hash && change.executable === origin.executable;
  if (base === null) return isUntouched ? { path, from: "b", to: null, executable: false } : null;
  if (base.type !== "file") return null;
  const isMerge = mergeVerdict(item) === "merge";
  const executable = judged?.change.executable ?? (base.mode & 0o100) !== 0;
  if (judged !== null && judged.conflict !== null) return null;
  if (isMerge) return { path, from: "l", to: "b", executable };
  return judged === null ? { path, from: "b", to: "a", executable } : "nothing";
}

async function readSides(
  plan: CollectPlan,
  stage: string,
  moves: readonly Move[],
): Promise<(readonly [Buffer, Buffer | null])[]> {
  const names = moves.flatMap(({ path, from, to }) =>
    to === null ? [`${from}/${path}`] : [`${from}/${path}`, `${to}/${path}`],
  );
  const texts = await readStaged(plan.programs, stage, names);
  let at = 0;
  return moves.map(({ to }) => {
    const seen = texts[at++] ?? Buffer.alloc(0);
    return [seen, to === null ? null : (texts[at++] ?? Buffer.alloc(0))] as const;
  });
}

/** Spends the permit to write exactly what it was given for; one answer a step. */
async function write(box: Box, plan: CollectPlan, permit: Permit, input: Buffer): Promise<boolean[]> {
  const effect = spend(permit);
  if (effect.kind !== "sync" || effect.digest !== digestOf(input)) throw new Error("bug: a permit for something else");
  const program = syncProgram(plan.programs.perl, plan.facts.checkout);
  const job = { program, stdin: input, timeoutMs: WRITE_MS_MAX };
  const { output } = await finish(box, job, { signal: new AbortController().signal });
  return [...output.bytes().toString("latin1")].map((digit) => digit === "1");
}

async function whileFrozen<T>(box: Box, act: () => Promise<T>): Promise<T> {
  await box.freeze();
  try {
    return await act();
  } finally {
    await box.thaw();
  }
}

function toKept({ path, to }: Move): Kept {
  return [to === null ? "-" : "a", path];
}

function digestOf(input: Buffer): string {
  return createHash("sha256").update(input).digest("hex");
}

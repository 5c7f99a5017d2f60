import { sweep } from "../box/base.ts";
import type { Box } from "../box/box.ts";
import { readFacts } from "../box/folder.ts";
import type { Kept } from "../box/keep.ts";
import { readLayers } from "../box/layers.ts";
import { actUnnoticed } from "../box/measure.ts";
import { findOutdated } from "../box/outdated.ts";
import { dropPermitted, keepPermitted } from "../box/permitted.ts";
import { findPrograms } from "../box/programs.ts";
import { discardFor } from "./changeset.ts";
import { newestLanding } from "./config-sessions.ts";
import type { Record } from "./record.ts";

/** What a box left when it ended. */
export interface Ended {
  /** Whether changes wait in the layer; where none do, no layer is left. */
  readonly hasChanges: boolean;
  /** What a person must hear of ignored files; a line each. */
  readonly notes: readonly string[];
}

/**
 * Ends a box: ignored files move into the base layer, for the next session; the other changes wait in the layer, and
 * where there are none, or all of them landed as a branch, the layer goes.
 */
export async function endBox(box: Box, record: Record, isLanded = false): Promise<Ended> {
  const { path } = box.folder;
  const notes: string[] = [];
  let hasChanges = true;
  let kept: Kept | null = null;
  try {
    hasChanges = await box.hasChanges();
    if (hasChanges) {
      await box.retire(async () => {
        const act = async () => {
          kept = await keepFor(box, record);
        };
        // Whether anything waits is told by what changed since the last landing.
        if (newestLanding(path) === null) await act();
        else await actUnnoticed(path, findPrograms(), act);
      });
      // A rewind may still want what an earlier turn had, and an undo what landed.
      const isNeeded = readLayers(path).stack.length > 0 || newestLanding(path) !== null;
      const isBare = (kept as Kept | null)?.isBare === true && !isNeeded;
      hasChanges = !isBare && (await box.hasChanges());
    }
  } catch (error) {
    notes.push(
      `the ignored files of this session are not kept for the next: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    await box.close();
  }
  const facts = readFacts(path);
  if (!hasChanges || isLanded) await discardFor({ path, facts }, record);
  if (kept !== null) notes.push(...(await settleKept(kept)));
  return { hasChanges, notes };
}

/** Says in a line each what was dropped from the base layer when a box was set up. */
export function droppedNotes(box: Box): string[] {
  return box.dropped.map(({ path, why }) => `${path}, which an earlier session made, is not shown: ${why}`);
}

/**
 * Drops from the box what does not belong beside the checkout any more, when nothing runs in it. Returns a line for each,
 * for the person and for the model; null when something runs, so that it could not look. Where the layer is empty and there
 * is no base layer, it looks at nothing.
 */
export async function dropOutdatedFor(box: Box, since: number, record: Record): Promise<string[] | null> {
  if (!(await box.isQuiet())) return null;
  if (box.base === null && !(await box.hasChanges())) return [];
  const plan = { ...readFacts(box.folder.path), programs: findPrograms() };
  const outdated = await findOutdated(box, since, plan);
  if (outdated.length === 0) return [];
  const units = outdated.map(({ path }) => path);
  const permit = record.gate.passForPerson({ kind: "forget", units, approvedBy: "person" });
  try {
    await dropPermitted(permit, box, outdated, plan);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [`what this session had of ${units.join(", ")} is outdated and could not be dropped: ${why}`];
  }
  return outdated.map(({ path, why }) => `what this session had of ${path} is dropped: ${why}`);
}

async function keepFor(box: Box, { gate, ledger }: Record): Promise<Kept> {
  const { path } = box.folder;
  const permit = gate.passForPerson({ kind: "keep", approvedBy: "person" });
  const kept = await keepPermitted(permit, {
    sessionPath: path,
    facts: readFacts(path),
    base: box.base,
    limits: box.limits,
    programs: findPrograms(),
  });
  ledger.append({
    type: "kept",
    at: Date.now(),
    units: kept.units,
    notes: kept.notes.map(({ path, why }) => ({ path, why })),
  });
  return kept;
}

async function settleKept({ units, notes, workspace }: Kept): Promise<string[]> {
  // The view of this session was the last that needed the older parts, unless another goes on.
  if (units.length > 0) await sweep(workspace, findPrograms());
  return notes.map(({ path, why }) => `${path}: ${why}`);
}

import { DEPENDENCY_NAMES, type Unit, unitAt, whyOutdated, whyStale } from "../core/base-layer.ts";
import { type BasePlan, bytesOf, type Dropped, type LookPlan, lookAt, runBase, withoutUnits } from "./base.ts";
import type { Box } from "./box.ts";
import { flattenLayer } from "./flatten.ts";
import { layerBind, layerNames } from "./layers.ts";

/**
 * Finds what the box has of dependency folders, and of the base layer, that does not belong beside the checkout any more,
 * because the person changed their copy or the lockfile since. Nothing may run in the box meanwhile.
 */
export async function findOutdated(box: Box, since: number, plan: LookPlan): Promise<Dropped[]> {
  const { path: sessionPath } = box.folder;
  await box.settle();
  const kept = new Map((box.base?.units ?? []).map((unit) => [unit.path, unit]));
  const own = (await findDependencies(sessionPath, plan)).filter(({ path }) => !kept.has(path));
  const units = [...own, ...kept.values()];
  if (units.length === 0) return [];
  const looks = await lookAt(plan, units, sessionPath);
  return units.flatMap((unit): Dropped[] => {
    const [look, known] = [looks.get(unit.path), kept.get(unit.path)];
    if (!look) return [];
    // The box may have changed the lockfile itself, and landed it.
    const isKnown = known && !(look.isLockOfBox && look.lockInBox === look.lock);
    const why = whyOutdated(unit, look, since) ?? (isKnown ? whyStale(known, look) : null);
    return why === null ? [] : [{ path: unit.path, why }];
  });
}

/** Drops units from the layer and from the base layer, and shows the checkout's own. */
export async function dropOutdated(box: Box, outdated: readonly Dropped[], plan: BasePlan): Promise<void> {
  const paths = outdated.map(({ path }) => path);
  const { base } = box;
  await box.renew(async () => {
    // A checkpoint goes on holding what is dropped.
    const layer = await flattenLayer(box.folder.path, plan.programs);
    await runBase(plan.programs, {
      mode: "drop",
      args: [],
      binds: [{ source: box.folder.path, target: "/session", access: "write" }],
      input: [layer, ...paths.map(bytesOf)],
      capability: "CAP_DAC_OVERRIDE",
    });
    if (base?.units.some(({ path }) => paths.includes(path)))
      await box.show(await withoutUnits(base, paths, plan.programs));
  });
}

async function findDependencies(sessionPath: string, { programs }: BasePlan): Promise<Unit[]> {
  const reader = await runBase(programs, {
    mode: "find",
    args: layerNames(sessionPath),
    binds: [layerBind(sessionPath)],
    input: DEPENDENCY_NAMES,
    capability: "CAP_DAC_READ_SEARCH",
  });
  const units: Unit[] = [];
  while (!reader.isAtEnd) {
    if (reader.text() !== "F") throw reader.broken("a record");
    units.push(unitAt(reader.path()));
  }
  return units;
}

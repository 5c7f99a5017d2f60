import { dirname } from "node:path";
import {
  chooseTaken,
  foldersAbove,
  type LiveLook,
  outermostIgnored,
  type Taken,
  UNITS_MAX,
  type Unit,
  unitAt,
} from "../core/base-layer.ts";
import {
  arrivalName,
  type Base,
  bringIn,
  bytesOf,
  type Dropped,
  lookAt,
  type MergedUnit,
  type Meta,
  makeWorkspace,
  mergeInto,
  runBase,
} from "./base.ts";
import { classifyItems } from "./collect.ts";
import { askIgnored, askIgnoredPaths, type CollectPlan, type Item, listLayer, listLinks } from "./collect-list.ts";
import { flattenLayer } from "./flatten.ts";
import { readLanded } from "./landed.ts";
import type { Limits } from "./limits.ts";

/** A session whose commands are over and whose layer nothing writes any more. */
export interface KeepPlan extends CollectPlan {
  /** What the session showed of the base layer. */
  readonly base: Base | null;
  readonly limits: Pick<Limits, "diskBytes" | "diskFiles">;
}

export interface Kept {
  /** Units of the base layer that the session changed. */
  readonly units: readonly string[];
  /** Units that stay in the layer or replace somebody else's, and why. */
  readonly notes: readonly Dropped[];
  /** The folder to sweep once no view shows the older parts. */
  readonly workspace: string;
  /** Whether no difference is left in the layer, whatever lies in it. */
  readonly isBare: boolean;
}

/**
 * Moves what git ignores from the layer of a session that ends into the base layer of its checkout.
 *
 * All that reads the layer is `listLayer`, `flattenLayer`, and base.pl. What cannot be kept stays in the layer. Checkpoints
 * keep what they held.
 */
export async function keepIgnored(plan: KeepPlan): Promise<Kept> {
  const { checkout } = plan.facts;
  const workspace = makeWorkspace(dirname(dirname(plan.sessionPath)), checkout);
  const found = await findIgnored(plan);
  const nothing = { units: [], workspace, isBare: found.items.length === 0 && !found.hasGitChanges };
  if (found.units.length === 0 && plan.base === null) return { ...nothing, notes: [] };
  const layer = await flattenLayer(plan.sessionPath, plan.programs);
  const looks = await lookAt({ ...plan.facts, programs: plan.programs }, found.units, plan.sessionPath);
  const judged = found.units.map((unit) => judge(unit, looks.get(unit.path), plan.facts.startedAt));
  const refused = judged.flatMap(({ unit, why }) => (why === null ? [] : [{ path: unit.path, why }]));
  const kept = judged.flatMap(({ unit, meta, why }) => (why === null ? [{ ...unit, meta }] : []));
  const units = new Map(kept.map((unit) => [unit.path, unit]));
  const taken = found.taken.filter(({ unit }) => units.has(unit));
  const tooMuch = whyTooMuch(plan, found.items, taken);
  if (tooMuch !== null) return { ...nothing, notes: [...refused, { path: "ignored files", why: tooMuch }] };
  const arrival = arrivalName();
  const own = (plan.base?.units ?? []).filter(({ path }) => !units.has(path));
  const states = await take(plan, [arrival, layer], { units: kept, taken, stay: found.stay, own });
  const merged = kept.flatMap(({ meta, ...unit }): MergedUnit[] => {
    const state = states.get(unit.path);
    const before = plan.base?.units.find(({ path }) => path === unit.path);
    if (state !== "taken" && (state !== "gone" || !before)) return [];
    return [{ ...unit, state, seen: before?.part ?? "", meta }];
  });
  if (merged.length === 0) return { ...nothing, notes: touched(refused, found.taken) };
  const hasArrived = merged.some(({ state }) => state === "taken");
  if (hasArrived) bringIn(plan.sessionPath, arrival, workspace);
  const replaced = await mergeInto(
    workspace,
    { arrival: hasArrived ? arrival : null, base: plan.base, units: merged },
    { checkout, programs: plan.programs },
  );
  const others = replaced.map((path) => ({
    path,
    why: "a session that ended meanwhile had changed it too; the one of this session stays",
  }));
  const notes = [...touched(refused, found.taken), ...others];
  return { units: merged.map(({ path }) => path), notes, workspace, isBare: isAllMoved(found, taken, states) };
}

function isAllMoved(
  { items, hasGitChanges }: Found,
  taken: readonly Taken[],
  states: ReadonlyMap<string, string>,
): boolean {
  const moved = new Set(
    taken.filter(({ unit, how }) => how === "move" && states.get(unit) === "taken").map(({ path }) => path),
  );
  return !hasGitChanges && items.every(({ change }) => moved.has(change.path));
}

interface Found {
  readonly items: readonly Item[];
  readonly hasGitChanges: boolean;
  /** What may be taken, and the units that it lies in, those of the base layer included. */
  readonly taken: readonly Taken[];
  readonly units: readonly Unit[];
  /** Changes that wait in the layer: a deletion among them must not go along with its folder. */
  readonly stay: readonly string[];
}

async function findIgnored(plan: KeepPlan): Promise<Found> {
  const { items, gitChanges, fetched } = await listLayer(plan, readLanded(plan.sessionPath));
  const [files, links] = await Promise.all([askIgnored(plan, items), items.length > 0 ? listLinks(plan) : []]);
  const classes = classifyItems(items, links, files);
  const changes = items.map(({ change }) => ({ change, cls: classes.get(change.path)?.cls ?? "outside" }));
  const known = (plan.base?.units ?? []).map(({ path }) => path);
  const folders = foldersAbove([...files]).map((path) => ({ path, isFolder: true }));
  const asked = [
    ...folders,
    ...known.flatMap((path) => [
      { path, isFolder: true },
      { path, isFolder: false },
    ]),
  ];
  const more = await askIgnoredPaths({ ...plan.facts, programs: plan.programs }, asked);
  const isIgnored = (path: string) => files.has(path) || more.has(path);
  const taken = chooseTaken(changes, isIgnored, new Set(plan.facts.masked));
  const deleted = changes
    .filter(({ change, cls }) => change.action === "delete" && cls === "ignored")
    .map(({ change }) => outermostIgnored(change.path, isIgnored));
  const paths = new Set([...known.filter(isIgnored), ...taken.map(({ unit }) => unit), ...deleted]);
  const stay = changes.filter(({ cls }) => cls !== "ignored").map(({ change }) => change.path);
  return { items, hasGitChanges: gitChanges > fetched, taken, units: [...paths].slice(0, UNITS_MAX).map(unitAt), stay };
}

/** Says whether a unit of this session's belongs beside the checkout as it is now, and writes down what it was made beside. */
function judge(
  unit: Unit,
  look: LiveLook | undefined,
  since: number,
): { readonly unit: Unit; readonly meta: Meta; readonly why: string | null } {
  const locks = look ? [...new Set([look.lockInBox, ...(look.lockChangedAt > since ? [] : [look.lock])])] : [];
  const meta = { since, existed: look?.exists ?? false, locks: unit.kind === "dependencies" ? locks : [] };
  if (!look) return { unit, meta, why: "nothing is known of it" };
  if (look.exists && look.changedAt > since) return { unit, meta, why: "you changed yours meanwhile" };
  const isOlder = unit.kind === "dependencies" && look.lockChangedAt > since && !look.isLockOfBox;
  return { unit, meta, why: isOlder ? "your lockfile changed meanwhile" : null };
}

function touched(refused: readonly Dropped[], taken: readonly Taken[]): Dropped[] {
  const units = new Set(taken.map(({ unit }) => unit));
  return refused
    .filter(({ path }) => units.has(path))
    .map(({ path, why }) => ({ path, why: `${why}; the one of this session stays in its layer` }));
}

function whyTooMuch({ base, limits }: KeepPlan, items: readonly Item[], taken: readonly Taken[]): string | null {
  const sizes = new Map(items.map(({ change }) => [change.path, change.size]));
  const parts = [...(base?.parts.values() ?? [])];
  const bytes =
    taken.reduce((sum, { path }) => sum + (sizes.get(path) ?? 0), 0) + parts.reduce((sum, part) => sum + part.bytes, 0);
  const files = taken.length + parts.reduce((sum, part) => sum + part.files, 0);
  if (bytes <= limits.diskBytes && files <= limits.diskFiles) return null;
  return "they would make the base layer larger than the disk limit and stay in the layer; ringfence discard --ignored empties it";
}

async function take(
  plan: KeepPlan,
  [arrival, layer]: readonly [string, string],
  {
    units,
    taken,
    stay,
    own,
  }: Pick<Found, "units" | "taken" | "stay"> & {
    /** Units of the base layer that are none any more. */
    readonly own: readonly Unit[];
  },
): Promise<Map<string, string>> {
  if (units.length + own.length === 0) return new Map();
  const reader = await runBase(plan.programs, {
    mode: "take",
    args: [],
    binds: [
      { source: plan.sessionPath, target: "/session", access: "write" },
      { source: plan.facts.checkout, target: "/base", access: "read" },
    ],
    input: [
      arrival,
      layer,
      ...stay.flatMap((path) => ["stay", "", bytesOf(path)]),
      ...taken.flatMap(({ how, path }) => [how, "", bytesOf(path)]),
      ...own.flatMap(({ path }) => ["own", "", bytesOf(path)]),
      ...units.flatMap(({ kind, path }) => ["unit", kind, bytesOf(path)]),
    ],
    capability: "CAP_DAC_OVERRIDE",
  });
  const states = new Map<string, string>();
  while (!reader.isAtEnd) {
    if (reader.text() !== "T") throw reader.broken("a record");
    states.set(reader.path(), reader.text());
  }
  return states;
}

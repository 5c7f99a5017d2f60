import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Change, ChangeType } from "../core/changes.ts";
import type { ChangeClass, Classification } from "../core/classify.ts";
import { classifyAll, type Link } from "../core/classify-all.ts";
import { alarmOf, type Placeholder, placeholderIn } from "../core/placeholders.ts";
import { landingOf } from "../core/policy-match.ts";
import { landingPolicy, type Policy } from "../core/policy-rules.ts";
import { askIgnored, type CollectPlan, type Conflict, type Item, listLayer, listLinks } from "./collect-list.ts";
import { stageItems } from "./collect-stage.ts";
import { settleCopy } from "./copy-view.ts";
import { removeStage } from "./discard.ts";
import { readFollowed } from "./follow.ts";
import { FOLDER, type Landed, readLanded } from "./landed.ts";
import { hasLayer } from "./layers.ts";
import { type Merged, mergeStaged } from "./merge.ts";

const MANIFEST_BYTES_MAX = 1 << 20;

export interface ClassifiedChange {
  readonly change: Change;
  readonly cls: ChangeClass;
  readonly why: string;
  /** Who runs or reads the file, and when; null for what nothing runs by itself. */
  readonly runs: string | null;
  readonly conflict: Conflict | null;
  /** Whether what lands is the layer's version merged with what the person changed meanwhile. */
  readonly merged: boolean;
  /** Of a deletion: the held change that takes its place (the file moved there); alone it would only take away. */
  readonly waitsFor: string | null;
  /** Whether both versions lie in the staging folder, so that they can be shown, compared and landed. */
  readonly isStaged: boolean;
  /** SHA-256, hex, over path, type, action, mode, content and base: what an approval is bound to. */
  readonly hash: string;
}

/** The changes of a session's layer, sealed: what is landed, shown or approved is this and not the layer. */
export interface Collected {
  /** In the order of their paths. */
  readonly changes: readonly ClassifiedChange[];
  /** SHA-256, hex, over all of it. */
  readonly digest: string;
  /** Differences under any `.git`; they never land. */
  readonly gitChanges: number;
  /** Those of them that git obeys (hooks, configuration, …); at most 200. */
  readonly gitHeld: readonly string[];
  /** What the checkout's own `.git` is; null when it has none. */
  readonly gitType: ChangeType | null;
  /** Every symbolic link that the checkout tracks. */
  readonly links: readonly Link[];
  /** Changes that are left when all of this has landed: of a file that is here in part, the rest. */
  readonly left: number;
  /** Staging folder: `a/PATH` is the checkout's version, `b/PATH` the layer's. Remove it with `removeStage`. */
  readonly stage: string;
}

/** Says whether a change may land without any approval of its own: source, with no conflict, and wholly staged. */
export function isLandable(change: ClassifiedChange): boolean {
  return change.cls === "source" && change.conflict === null && change.isStaged && change.waitsFor === null;
}

/**
 * Collects what the layer of a session changed, stages it and sorts it by what landing it would mean.
 *
 * The layer must hold still meanwhile: the session is over or frozen. Throws when it does not. The caller removes the
 * staging folder.
 */
export async function collectChanges(plan: CollectPlan): Promise<Collected> {
  if (!hasLayer(plan.sessionPath))
    throw new Error(`the changes of session ${plan.facts.id} were thrown away: there is nothing to show or land`);
  await settleCopy(plan.sessionPath, plan.programs);
  const landed = readLanded(plan.sessionPath);
  const list = await listLayer(plan, landed);
  const stage = join(plan.sessionPath, `stage-${randomBytes(8).toString("hex")}`);
  mkdirSync(stage, { mode: 0o700 });
  // Only what is staged needs no link to be classed: the one walk over the whole checkout goes on beside that.
  const both = [stageShown(plan, stage, list.items), list.items.length > 0 ? listLinks(plan) : []] as const;
  const ends = await Promise.allSettled(both);
  if (ends.some(({ status }) => status === "rejected")) await removeStage({ stage }, plan.programs);
  const [{ ignored, staged }, links] = await Promise.all(both);
  const items = list.items.flatMap((item) => {
    const found = staged.get(item.change.path);
    return found === null ? [] : [found ?? item];
  });
  const classes = classifyItems(items, links, ignored);
  const { masked, placeholders = [], landing } = plan.facts;
  const unfit = { masked: new Set(masked), placeholders, policy: landingPolicy(landing) };
  const followed = readFollowed(plan.sessionPath);
  const own = items.filter(({ change: { path, action, hash } }) => {
    const copied = followed.get(path);
    return copied === undefined || copied !== (action === "delete" ? "" : hash);
  });
  const changes = addWaits(own.map((item) => conclude(item, classes.get(item.change.path), unfit, landed)));
  changes.sort((a, b) => (a.change.path < b.change.path ? -1 : 1));
  const digest = sha256(
    JSON.stringify([list.gitChanges, list.gitHeld, changes.map(({ hash, cls, conflict }) => [hash, cls, conflict])]),
  );
  const { gitChanges, gitHeld, gitType } = list;
  return { changes, digest, gitChanges, gitHeld, gitType, links, left: 0, stage };
}

/** Stages what is shown, and judges it. What git ignores stays where it is; no link can make it anything else. */
async function stageShown(
  plan: CollectPlan,
  stage: string,
  items: readonly Item[],
): Promise<{ readonly ignored: ReadonlySet<string>; readonly staged: Merged }> {
  const ignored = await askIgnored(plan, items);
  const classes = classifyItems(items, [], ignored);
  const shown = items.filter((item) => classes.get(item.change.path)?.cls !== "ignored");
  return { ignored, staged: await mergeStaged(plan.programs, stage, await stageItems(plan, stage, shown)) };
}

/** Sorts listed changes by what landing them would mean. */
export function classifyItems(
  items: readonly Item[],
  links: readonly Link[],
  ignored: ReadonlySet<string>,
): Map<string, Classification> {
  const byPath = new Map(items.map((item) => [item.change.path, item]));
  return classifyAll(
    items.map(({ change }) => change),
    {
      links,
      of: ({ path }) => {
        const heads = byPath.get(path)?.heads;
        return { isIgnored: ignored.has(path), oldContent: whole(heads?.old), newContent: whole(heads?.new) };
      },
    },
  );
}

/** A manifest that is longer than its head could be judged by its beginning; it is judged as unknown instead. */
function whole(head: Uint8Array | null | undefined): Uint8Array | null {
  return head && head.length <= MANIFEST_BYTES_MAX ? head : null;
}

interface Unfit {
  readonly masked: ReadonlySet<string>;
  readonly placeholders: readonly Placeholder[];
  readonly policy: Policy;
}

// What the policy asks about lands as what would run later does: when a person has approved exactly it.
function restricted(found: Classification, policy: Policy, path: string): Classification {
  const rule = found.cls === "ignored" ? null : landingOf(policy, path);
  if (rule === null) return found;
  if (rule.verdict === "deny") return { ...found, cls: "outside", why: rule.reason };
  return found.cls === "source" ? { ...found, cls: "run-later", why: rule.reason } : found;
}

function conclude(
  item: Item,
  found: Classification | undefined,
  { masked, placeholders, policy }: Unfit,
  landed: Landed,
): ClassifiedChange {
  const { change } = item;
  if (!found) throw new Error("bug: a change without a class");
  const { path } = change;
  const alarm = placeholders[item.placeholder ?? -1] ?? placeholderIn(placeholders, `${path}\n${change.target ?? ""}`);
  const cls: Classification =
    alarm && change.action !== "delete" && found.cls !== "ignored"
      ? { cls: "outside", why: alarmOf(alarm) }
      : masked.has(path)
        ? { cls: "outside", why: "it may hold a secret: the box saw a copy without it, which never lands" }
        : !item.isStaged && found.cls === "source"
          ? { cls: "outside", why: "it is larger than 50 MB, all changes are larger than 500 MB, or it cannot be read" }
          : restricted(found, policy, path);
  const { type, action, mode, hash, base, target } = change;
  const approved = [
    path,
    type,
    action,
    mode & 0o7777,
    hash,
    base?.type ?? null,
    base?.mode ?? null,
    base?.hash ?? null,
    target ?? null,
  ];
  return {
    change,
    cls: cls.cls,
    why: cls.why,
    runs: cls.runs ?? null,
    conflict: conflictOf(item, landed),
    merged: item.isMerged,
    waitsFor: null,
    isStaged: item.isStaged,
    hash: sha256(JSON.stringify(approved)),
  };
}

function addWaits(changes: readonly ClassifiedChange[]): ClassifiedChange[] {
  const held = changes.filter((one) => one.change.action !== "delete" && one.cls !== "ignored" && !isLandable(one));
  const moved = new Map(
    held.flatMap(({ change }) => (change.hash !== null && change.size > 0 ? [[change.hash, change.path]] : [])),
  );
  const folders = new Set(held.flatMap(({ change }) => (change.base?.type === "dir" ? [change.path] : [])));
  return changes.map((one) => {
    if (one.change.action !== "delete") return one;
    const { path, base } = one.change;
    const parents = [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index));
    const waitsFor = parents.find((parent) => folders.has(parent)) ?? moved.get(base?.hash ?? "") ?? null;
    return waitsFor === null ? one : { ...one, waitsFor };
  });
}

/** What landing itself put there is no work of the person's; what the person took away again stays away. */
function conflictOf({ change, conflict, isJudged }: Item, landed: Landed): Conflict | null {
  if (isJudged) return conflict;
  const known = landed.contents.get(change.path);
  if (known === undefined) return conflict;
  if (change.base === null) return "deleted";
  const isKnown = change.base.type === "dir" ? known === FOLDER : change.base.hash === known;
  return isKnown ? null : "changed";
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { encodePath } from "../core/changes.ts";
import { searchedFor } from "../core/placeholders.ts";
import { isNew } from "./bases.ts";
import type { CollectPlan, Item } from "./collect-list.ts";
import { layerBind, layerNames } from "./layers.ts";
import { findProgram } from "./programs.ts";
import { askScript, type RecordReader } from "./script.ts";

const STAGE_MS_MAX = 120_000;
/** Files that one landing can hold; what is beyond stays in the layer, so that a flood of files cannot block the rest. */
const STAGED_FILES_MAX = 50_000;

/** Copies both versions of the changed files into the staging folder; what is hashed and shown from then on is the copy. */
export async function stageItems(plan: CollectPlan, stage: string, items: readonly Item[]): Promise<Map<string, Item>> {
  const byPath = new Map(items.map((item) => [item.change.path, item]));
  const staged = new Map<string, Item>();
  if (items.length === 0) return staged;
  const chosen = items.slice(0, STAGED_FILES_MAX);
  for (const item of items.slice(STAGED_FILES_MAX)) staged.set(item.change.path, { ...item, isStaged: false });
  const bases = join(plan.sessionPath, "bases");
  const sha256sum = findProgram("sha256sum") ?? "/usr/bin/sha256sum";
  const reader = await askScript({
    programs: plan.programs,
    mode: "stage",
    args: [sha256sum, ...layerNames(plan.sessionPath)],
    binds: [
      layerBind(plan.sessionPath),
      { source: plan.facts.checkout, target: "/base", access: "read" },
      { source: stage, target: "/stage", access: "write" },
      ...(existsSync(bases) ? [{ source: bases, target: "/bases", access: "read" } as const] : []),
    ],
    input: [
      searchedFor(plan.facts.placeholders ?? []),
      ...chosen.flatMap(({ change }) => [
        Buffer.from(encodePath(change.path)),
        change.action === "delete" ? "-" : change.type.charAt(0).replace("s", "l"),
        change.base?.type.charAt(0).replace("s", "l") ?? "-",
      ]),
    ],
    timeoutMs: STAGE_MS_MAX,
  });
  while (!reader.isAtEnd) {
    if (reader.text() !== "S") throw reader.broken("a record");
    const item = byPath.get(reader.path());
    if (!item) throw reader.broken("a path that was not asked for");
    const [layer, base, origin] = [readSide(reader), readSide(reader), readSide(reader)];
    const owner = reader.text();
    if (owner !== "" && plan.facts.placeholders?.[Number(owner)] === undefined) throw reader.broken(`owner ${owner}`);
    const isRenamed = seemsDeleted(item, origin) && isNew(plan.sessionPath, item.change.path);
    const known = { ...item, placeholder: owner === "" ? null : Number(owner) };
    staged.set(item.change.path, addStaged(isRenamed ? { ...known, conflict: null } : known, layer, base, origin));
  }
  if (staged.size !== items.length) throw reader.broken("fewer files than were asked for");
  return staged;
}

/** Says whether a file looks like one that the person deleted, though it may be one that the box gave this name. */
function seemsDeleted({ change, conflict }: Item, origin: Side): boolean {
  return conflict === "deleted" && change.type === "file" && origin.state === "-";
}

interface Side {
  readonly state: "s" | "u" | "l" | "-";
  readonly size: number;
  readonly mode: number;
  readonly hash: string | null;
  readonly head: Uint8Array;
}

function readSide(reader: RecordReader): Side {
  const [state, size, mode, hash, head] = [
    reader.text(),
    reader.number(),
    reader.number(),
    reader.text(),
    reader.text(),
  ];
  if (state !== "s" && state !== "u" && state !== "l" && state !== "-") throw reader.broken(`state ${state}`);
  if (!/^(?:[0-9a-f]{64})?$/.test(hash) || (hash !== "") !== (state === "s")) throw reader.broken("a hash");
  return { state, size, mode, hash: hash === "" ? null : hash, head: Buffer.from(head, "hex") };
}

function addStaged(item: Item, layer: Side, base: Side, origin: Side): Item {
  const { change } = item;
  return {
    ...item,
    origin:
      origin.hash === null
        ? origin.state === "u"
          ? "unknown"
          : null
        : { hash: origin.hash, executable: (origin.mode & 0o100) !== 0 },
    isStaged: layer.state !== "u" && base.state !== "u",
    heads: { old: base.state === "s" ? base.head : null, new: layer.state === "s" ? layer.head : null },
    change: {
      ...change,
      ...(layer.state === "s" ? { hash: layer.hash, size: layer.size, mode: layer.mode } : {}),
      ...(change.base && base.state === "s" ? { base: { ...change.base, hash: base.hash } } : {}),
    },
  };
}

import type { Change } from "../core/changes.ts";
import type { Item } from "./collect-list.ts";

const SET_ID = 0o6000;

/**
 * Judges a staged change by the version of the checkout that it derives from: the item as it lands or is held, null when the
 * box changed nothing, or "merge" when both sides did. Where that version is not known the item stays as it was listed.
 */
export function mergeVerdict(item: Item): Item | null | "merge" {
  const { change, origin, isStaged } = item;
  const { base } = change;
  if (origin === "unknown" && change.action === "add") return { ...item, conflict: "deleted", isJudged: true };
  if (origin === null || origin === "unknown" || !isStaged || (base !== null && (base.mode & SET_ID) !== 0))
    return item;
  const settle = (conflict: Item["conflict"]): Item => ({ ...item, conflict, isJudged: true });
  const isUntouched = isFile(change) && change.hash === origin.hash && change.executable === origin.executable;
  if (change.action === "add") return settle("deleted");
  const isBase = base?.type === "file" && base.hash === origin.hash;
  if (change.action === "delete") return settle(isBase && isExecutable(base) === origin.executable ? null : "changed");
  if (isUntouched) return null;
  if (base?.type !== "file" || !isFile(change)) return settle(isBase ? null : "changed");
  if (!isBase && change.hash !== base.hash) return "merge";
  const kept = withExecutable(change, item);
  return kept.hash === base.hash && kept.executable === isExecutable(base) ? null : { ...settle(null), change: kept };
}

/** Gives a file the right to execute that it has on the side which changed it. */
export function withExecutable(change: Change, { origin, change: { base, executable } }: Item): Change {
  if (origin === null || origin === "unknown" || base === null || executable !== origin.executable) return change;
  const is = isExecutable(base);
  if (is === change.executable) return change;
  const mode = is ? change.mode | ((change.mode & 0o444) >> 2) : change.mode & ~0o111;
  return { ...change, mode, executable: is };
}

function isFile({ type, action }: Change): boolean {
  return type === "file" && action !== "delete";
}

function isExecutable({ mode }: { readonly mode: number }): boolean {
  return (mode & 0o100) !== 0;
}

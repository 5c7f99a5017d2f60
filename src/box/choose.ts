import { type Approval, partnersOf } from "../core/approval.ts";
import { type ClassifiedChange, type Collected, isLandable } from "./collect.ts";
import { MEANWHILE } from "./collect-list.ts";

/** What lands, and which approvals hold for nothing. */
export interface Choice {
  readonly chosen: readonly ClassifiedChange[];
  readonly refusals: readonly { readonly path: string; readonly why: string }[];
}

/**
 * Chooses what of a collection lands: source, of the named paths or of all, and each held change that an approval names
 * by exactly what it is. An approval of anything else is refused, and so is half of a manifest with its lockfile.
 */
export function choose(collected: Collected, which: readonly string[] | null, approvals: readonly Approval[]): Choice {
  const named = which === null ? null : new Set(which);
  const byPath = new Map(collected.changes.map((one) => [one.change.path, one]));
  const approved = new Set(approvals.map(({ path }) => path));
  const refusals = approvals.flatMap((approval) => {
    const why = problemOf(approval, byPath.get(approval.path)) ?? halfOf(approval.path, byPath, approved);
    return why === null ? [] : [{ path: approval.path, why }];
  });
  const refused = new Set(refusals.map(({ path }) => path));
  const isApproved = (path: string) => approved.has(path) && !refused.has(path);
  const chosen = collected.changes.filter((one) => {
    const { path } = one.change;
    if (isApproved(path)) return true;
    const goesAlong = one.waitsFor !== null && isApproved(one.waitsFor);
    return isLandable(goesAlong ? { ...one, waitsFor: null } : one) && (named?.has(path) ?? true);
  });
  return { chosen, refusals };
}

function problemOf({ hash }: Approval, one: ClassifiedChange | undefined): string | null {
  if (!one) return "the session did not change it, or it lies under .git; see ringfence diff --json";
  if (one.hash !== hash)
    return `it is not what was approved: its hash is ${one.hash} now; look at it again with ringfence diff`;
  if (one.cls === "outside") return `it never lands: ${one.why}`;
  if (one.cls === "ignored") return `${one.why}`;
  if (one.conflict !== null) return `${MEANWHILE[one.conflict]}; compare the two by hand`;
  return one.isStaged ? null : "it could not be staged, so what would land cannot be shown";
}

function halfOf(
  path: string,
  byPath: ReadonlyMap<string, ClassifiedChange>,
  approved: ReadonlySet<string>,
): string | null {
  const missing = partnersOf(path).find((partner) => {
    const other = byPath.get(partner);
    return other !== undefined && !isLandable(other) && other.cls !== "ignored" && !approved.has(partner);
  });
  return missing === undefined ? null : `it lands together with ${missing} or not at all: approve both`;
}

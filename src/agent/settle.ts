import { type Collected, isLandable } from "../box/collect.ts";
import { MEANWHILE } from "../box/collect-list.ts";
import type { FoundCommits } from "../box/commits.ts";
import { readFacts } from "../box/folder.ts";
import { savePatch } from "../box/patch-file.ts";
import type { ChangeClass } from "../core/classify.ts";
import type { JudgedCommit } from "../core/commits.ts";
import { type ChangedSession, commitsOf, landFor, patchOf, withChanges } from "./changeset.ts";
import type { Session } from "./session.ts";

/** What waits after a run, what landed, and where the patch is. */
export interface Settled {
  readonly held: readonly HeldChange[];
  readonly landed: readonly string[];
  /** Commits of the box that the checkout's repository does not have. */
  readonly commits: readonly JudgedCommit[];
  readonly patch: string | null;
}

export interface HeldChange {
  readonly path: string;
  readonly class: ChangeClass;
  readonly why: string;
}

/**
 * Ends a turn: freezes the box, collects what changed, and lands it or writes it as a patch.
 *
 * Source waits for a person's key unless they chose `auto`; what would run later waits in either case. `look` is shown
 * what waits, while it holds still.
 */
export async function settle(
  session: Session,
  land: "patch" | "auto",
  look: (changed: ChangedSession, collected: Collected, found: FoundCommits | null) => Promise<void> = async () => {},
): Promise<Settled> {
  if (!(await session.box.hasChanges())) return { held: [], landed: [], commits: [], patch: null };
  const changed = { path: session.box.folder.path, facts: readFacts(session.box.folder.path) };
  await session.box.freeze();
  try {
    return await withChanges(changed, async (collected) => {
      const isAuto = land === "auto" && collected.changes.some(isLandable);
      const landed = isAuto ? (await landFor(changed, collected, { which: null, approvals: [] }, session)).landed : [];
      const waiting = collected.changes.filter(({ cls, change }) => cls !== "ignored" && !landed.includes(change.path));
      const held = waiting.map(({ change, cls, why, conflict }) => ({
        path: change.path,
        class: cls,
        why: conflict === null ? why : MEANWHILE[conflict],
      }));
      const git = collected.gitHeld.map((path) => ({
        path,
        class: "run-later" as const,
        why: "git obeys it; nothing under .git is landed",
      }));
      const patch = waiting.some(isLandable) ? savePatch(changed.path, await patchOf(collected, "source")) : null;
      const found = await commitsOf(changed, collected);
      await look(changed, collected, found);
      return { held: [...held, ...git], landed, commits: found?.commits ?? [], patch };
    });
  } finally {
    await session.box.thaw();
  }
}

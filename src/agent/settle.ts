import { type Collected, isLandable } from "../box/collect.ts";
import { MEANWHILE } from "../box/collect-list.ts";
import type { FoundCommits } from "../box/commits.ts";
import { readFacts } from "../box/folder.ts";
import { writeRest } from "../box/landing.ts";
import { savePatch } from "../box/patch-file.ts";
import type { ChangeClass } from "../core/classify.ts";
import type { JudgedCommit } from "../core/commits.ts";
import { isAlarm } from "../core/placeholders.ts";
import { visible } from "../core/text.ts";
import { type BranchView, type LandedBranch, landBranch } from "./branch.ts";
import { type ChangedSession, commitsOf, landFor, noteWriter, patchOf, withChanges } from "./changeset.ts";
import { wellFormed } from "./recorded.ts";
import { keepRest } from "./rest.ts";
import type { Session } from "./session.ts";

/** What waits after a run, what landed, and where the patch is. */
export interface Settled {
  readonly held: readonly HeldChange[];
  readonly landed: readonly string[];
  /** Commits of the box that the checkout's repository does not have. */
  readonly commits: readonly JudgedCommit[];
  readonly patch: string | null;
  /** What came of the session's own branch; null where it has none. */
  readonly branch: LandedBranch | null;
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
  if (!(await session.box.hasChanges())) return { held: [], landed: [], commits: [], patch: null, branch: null };
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
      const hasPatch = waiting.some(isLandable);
      // The person may take the patch over by hand.
      if (hasPatch) noteWriter(changed, waiting);
      const patch = hasPatch ? savePatch(changed.path, await patchOf(collected, "source")) : null;
      const found = await commitsOf(changed, collected);
      if (landed.length > 0) keepRest(changed, collected, landed, { found, landed: null });
      recordWaits(session, held, found?.commits ?? []);
      await look(changed, collected, found);
      return { held: [...held, ...git], landed, commits: found?.commits ?? [], patch, branch: null };
    });
  } finally {
    await session.box.thaw();
    session.ledger.seal();
  }
}

/** Records how much waits for the person, and where what stands for a credential was found: that never lands. */
function recordWaits({ ledger }: Session, held: readonly HeldChange[], commits: readonly JudgedCommit[]): void {
  const alarmed = held.filter(({ why }) => isAlarm(why)).map(({ path }) => path);
  const inCommits = commits.flatMap(({ id, why }) => (why !== null && isAlarm(why) ? [`commit ${id}`] : []));
  const placeholders = [...alarmed, ...inCommits].slice(0, PLACEHOLDERS_MAX).map(wellFormed);
  ledger.append({ type: "waits", at: Date.now(), files: held.length, commits: commits.length, placeholders });
}

/**
 * Ends the work of a session on a branch of its own: commits what is left in the layer, and lands all commits as objects.
 *
 * Its files never land, so nothing of the checkout changes. What runs later may be in the commits: a branch that nobody has
 * checked out runs nothing, and the person looks at it before.
 */
export async function settleBranch(session: Session, view: BranchView, task: string): Promise<Settled> {
  const { box } = session;
  // What still runs ends here, as it would with the session. A view that is mounted anew is read anew, which takes a while.
  if (box.background.running().length > 0) await box.renew(async () => {});
  const path = box.folder.path;
  const facts = readFacts(path);
  await view.putRight(facts.startedAt / 1000).catch(() => {});
  const problem = await view.commit([subjectOf(task), `Ringfence-Session: ${session.id}`]);
  await box.freeze();
  try {
    const landed = await landBranch({ path, facts }, view.branch, session);
    recordWaits(session, [], landed.commits);
    writeRest(path, { changes: problem === null ? 0 : 1, hasCommits: !landed.isWhole });
    const branch: LandedBranch =
      problem === null
        ? landed
        : {
            ...landed,
            note: [landed.note, `the rest is not committed and stays in the layer: ${problem}`]
              .filter(Boolean)
              .join("; "),
            isWhole: false,
          };
    return { held: [], landed: [], commits: [], patch: null, branch };
  } finally {
    await box.thaw();
  }
}

const PLACEHOLDERS_MAX = 20;
const SUBJECT_CHARS_MAX = 72;

function subjectOf(task: string): string {
  const line = visible(task.trim().split("\n", 1)[0] ?? "").trim();
  return line.length <= SUBJECT_CHARS_MAX ? line : `${line.slice(0, SUBJECT_CHARS_MAX - 1).toWellFormed()}…`;
}

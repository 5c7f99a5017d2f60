import { type FoundCommits, findCommits, landCommits, type Move } from "./commits.ts";
import { removeStage } from "./discard.ts";
import { readFacts } from "./folder.ts";
import { type Place, programs, type Session, sh } from "./land.fixture.ts";
import type { LandResult } from "./land.ts";

export interface LandedAll {
  readonly found: FoundCommits | null;
  readonly files: LandResult;
  readonly move: Move | null;
  /** Why each move before that one was refused. */
  readonly refused: readonly string[];
  /** What became of the box's other branches. */
  readonly others: readonly Move[];
}

/** What a repository is like of which nothing waits and nothing is damaged. */
export const CLEAN = { status: "", fsck: "" };

/** Collects, lands what may land of the files, then of the commits, as `ringfence land` does. */
export async function landWithCommits(session: Session, meanwhile?: () => void): Promise<LandedAll> {
  const collected = await session.collect();
  const facts = readFacts(session.path);
  try {
    const found = await findCommits({ sessionPath: session.path, facts, programs }, collected);
    const files = await session.land(collected);
    meanwhile?.();
    const refused: string[] = [];
    const landOne = async (one: FoundCommits): Promise<Move | null> => {
      for (const move of one.moves) {
        const why = await landCommits({ facts, found: one, programs }, move);
        if (why === null) return move;
        refused.push(why);
      }
      return null;
    };
    const move = found && (await landOne(found));
    const others: Move[] = [];
    for (const other of found?.others ?? []) others.push(...[await landOne(other)].filter((one) => one !== null));
    return { found, files, move, refused, others };
  } finally {
    await removeStage(collected, programs);
  }
}

/** What the person sees of their repository: branches, the last commits, what differs, and whether all objects are sound. */
export function look(place: Place): { log: string[]; status: string; branches: string[]; fsck: string } {
  const lines = (text: string) => text.split("\n").filter((line) => line !== "");
  return {
    log: lines(sh(place, "git log --format=%s")),
    status: sh(place, "git status --porcelain"),
    branches: lines(sh(place, "git for-each-ref --format='%(refname:short) %(contents:subject)' refs/heads")),
    fsck: sh(
      place,
      "git fsck --strict --full --no-dangling 2>&1; find .git -name 'ringfence-*' -o -name '*.lock' -o -name 'tmp_*'",
    ),
  };
}

import { listLandings } from "../box/landing.ts";
import { type Checkpoint, readLayers } from "../box/layers.ts";
import { rewindPermitted } from "../box/permitted.ts";
import { findPrograms } from "../box/programs.ts";
import { filesRewound } from "../core/conversation.ts";
import type { ChangedSession } from "./changeset.ts";
import { UsageError } from "./config.ts";
import type { Record } from "./record.ts";
import type { Session } from "./session.ts";

/** What a rewind takes back. */
export type Rewound = "files" | "conversation" | "both";

/** Where a rewind went, and how to take it back. */
export interface Rewind {
  readonly to: Checkpoint;
  /** What was there before, kept as a checkpoint of its own. */
  readonly left: Checkpoint;
  /** Landings that came after it: they stay in the checkout. */
  readonly landings: number;
}

/** Lists the checkpoints of a session, oldest first. */
export function listCheckpoints(sessionPath: string): readonly Checkpoint[] {
  return readLayers(sessionPath).checkpoints;
}

/** Finds the checkpoint that a person named; throws UsageError when there is none, or when it could not be kept. */
export function findCheckpoint(sessionPath: string, name: string, what: Rewound): Checkpoint {
  const found = listCheckpoints(sessionPath).find(({ number }) => String(number) === name);
  if (!found) throw new UsageError(`there is no checkpoint ${name}; rewind without a number lists them`);
  if (found.stack === null && what !== "conversation")
    throw new UsageError(
      `checkpoint ${name} has no files: a background command was writing to a layer too large to copy, or the session has too many turns`,
    );
  return found;
}

/** Takes the files of a session that is over back to a checkpoint, for the person who asked. */
export async function rewindFor({ path }: ChangedSession, to: Checkpoint, record: Record): Promise<Rewind> {
  const permit = record.gate.passForPerson({ kind: "rewind", checkpoint: to.number, approvedBy: "person" });
  const left = await rewindPermitted(permit, path, Date.now(), findPrograms());
  return conclude(path, { to, left }, "files", record);
}

/** Takes files, conversation or both of a session that goes on back to a checkpoint; with files, every command is ended. */
export async function rewindLive(session: Session, to: Checkpoint, what: Rewound): Promise<Rewind> {
  const { path } = session.box.folder;
  const mark = session.markAt(to.number);
  if (what !== "files" && mark === null) throw new Error("bug: a checkpoint without its conversation");
  let left: Checkpoint;
  if (what === "conversation") left = await session.box.checkpoint("rewind", String(to.number));
  else {
    const permit = session.gate.passForPerson({ kind: "rewind", checkpoint: to.number, approvedBy: "person" });
    left = await rewindPermitted(permit, session.box, Date.now(), findPrograms());
  }
  session.remember(left.number);
  if (what !== "conversation") session.lookAgainSince(to.number);
  if (what === "files") session.tell(filesRewound(to.number));
  else if (mark !== null) session.goBack(mark);
  return conclude(path, { to, left }, what, session);
}

function conclude(
  sessionPath: string,
  { to, left }: Omit<Rewind, "landings">,
  what: Rewound,
  { ledger }: Record,
): Rewind {
  ledger.append({ type: "rewound", at: Date.now(), to: to.number, left: left.number, what });
  ledger.seal();
  const landings = listLandings(sessionPath).filter(({ at, isUndone }) => at > to.at && !isUndone).length;
  return { to, left, landings };
}

import { type ChangedSession, commitsOf, emptyFor, withChanges } from "../agent/changeset.ts";
import type { Session } from "../agent/session.ts";
import { type Collected, isLandable } from "../box/collect.ts";
import type { FoundCommits } from "../box/commits.ts";
import { readFacts } from "../box/folder.ts";
import type { Approval } from "../core/approval.ts";
import { isOffered, land, landHunks, only, printDiff, statText, wishOf } from "./changes.ts";
import type { Standing } from "./paths.ts";
import { type Terminal, writeSafe } from "./terminal.ts";
import { putRightLive } from "./undo.ts";

const LIVE = { json: false, stat: false, paths: [], classes: [] } as const;

/** What was shown of a session that goes on: by it one word lands exactly this. Null when nothing may land. */
export type Offer = string | null;

/** Shows the changes of a session that goes on. */
export async function diffLive(
  session: Session,
  paths: readonly string[],
  standing: Standing,
  terminal: Terminal,
): Promise<Offer> {
  let offer: Offer = null;
  await held(session, terminal, (changed) =>
    withChanges(changed, async (all) => {
      const collected = only(all, paths, standing, []);
      const found = await commitsOf(changed, all);
      if (paths.length === 0) offer = offerOf(all, found);
      return printDiff(changed, collected, LIVE, terminal, found);
    }),
  );
  return offer;
}

/** What waits at the end of a turn, by its digest, and what of it one word lands. */
export interface Waiting {
  readonly digest: string;
  readonly offer: Offer;
}

/** Lists the changes at the end of a turn, unless they are those that were listed after the one before. */
export async function listTurn(
  collected: Collected,
  found: FoundCommits | null,
  before: Waiting | null,
  terminal: Terminal,
): Promise<Waiting> {
  const digest = `${collected.digest} ${idOf(found)}`;
  if (digest !== before?.digest) writeSafe(terminal.stdout, await statText(collected, found));
  return { digest, offer: offerOf(collected, found) };
}

/** Lands what was offered, all or nothing: when it is not what was shown, it is shown anew and is the new offer. */
export async function landOffer(session: Session, offer: Offer, terminal: Terminal): Promise<Offer> {
  let fresh: Offer = null;
  await held(session, terminal, (changed) =>
    withChanges(changed, async (collected) => {
      const found = await commitsOf(changed, collected);
      const how = { record: session, terminal, found, isLive: true };
      if (offerOf(collected, found) === offer) return land(changed, collected, { which: null, approvals: [] }, how);
      writeSafe(
        terminal.stdout,
        `nothing landed: it is not what was shown any more\n${await statText(collected, found)}`,
      );
      fresh = offerOf(collected, found);
      return 0;
    }),
  );
  await session.box.remount();
  return fresh;
}

function offerOf(collected: Collected, found: FoundCommits | null): Offer {
  const source = collected.changes.filter(isLandable).map(({ hash }) => hash);
  const commits = found !== null && found.moves.length > 0 ? idOf(found) : null;
  return source.length === 0 && commits === null ? null : JSON.stringify([source, commits]);
}

// By what they are: the same commits can be packed in more than one way.
function idOf(found: FoundCommits | null): string {
  return found === null ? "" : JSON.stringify([found.commits, found.moves]);
}

/** Lands changes of a session that goes on, and lets the box see the checkout as it is now. */
export async function landLive(
  session: Session,
  {
    paths,
    hunks,
    standing,
  }: { readonly paths: readonly string[]; readonly hunks: string | null; readonly standing: Standing },
  terminal: Terminal,
): Promise<number> {
  const how = { record: session, terminal, isLive: true };
  const status = await held(session, terminal, (changed) =>
    withChanges(changed, (collected) =>
      hunks === null
        ? land(changed, collected, wishOf(collected, paths, standing, []), how)
        : landHunks(changed, collected, { paths, hunks, approve: [], standing }, how),
    ),
  );
  await session.box.remount();
  return status;
}

/** Shows held changes of a session that goes on; what is returned approves exactly what was shown. */
export async function showHeld(
  session: Session,
  paths: readonly string[],
  standing: Standing,
  terminal: Terminal,
): Promise<Approval[]> {
  const shown: Approval[] = [];
  await held(session, terminal, (changed) =>
    withChanges(changed, async (all) => {
      const collected = only(all, paths, standing, []);
      shown.push(...collected.changes.filter(isOffered).map(({ change, hash }) => ({ path: change.path, hash })));
      return printDiff(changed, collected, LIVE, terminal);
    }),
  );
  return shown;
}

/** Lands what a person has approved of a session that goes on, and nothing else. */
export async function landApproved(
  session: Session,
  approvals: readonly Approval[],
  terminal: Terminal,
): Promise<void> {
  await held(session, terminal, (changed) =>
    withChanges(changed, (collected) =>
      land(changed, collected, { which: [], approvals }, { record: session, terminal, isLive: true }),
    ),
  );
  await session.box.remount();
}

/** Throws away what a session that goes on changed. */
export async function discardLive(session: Session, terminal: Terminal): Promise<void> {
  await emptyFor(session.box, session);
  terminal.stdout.write("all changes of this session are thrown away\n");
}

async function held(
  session: Session,
  terminal: Terminal,
  use: (changed: ChangedSession) => Promise<number>,
): Promise<number> {
  const { path } = session.box.folder;
  await session.box.freeze();
  try {
    await putRightLive(session, terminal);
    return await use({ path, facts: readFacts(path) });
  } finally {
    await session.box.thaw();
  }
}

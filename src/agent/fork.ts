import { makeSessionFolder } from "../box/folder.ts";
import { beginFork, dropFork, forkFiles, unforkable } from "../box/fork.ts";
import type { Checkpoint } from "../box/layers.ts";
import { findPrograms } from "../box/programs.ts";
import { messagesAt } from "../core/conversation.ts";
import { LOWEST } from "../core/label.ts";
import { SCHEMA } from "../core/schema.ts";
import { SessionFold, type SessionState } from "../core/session-fold.ts";
import { sourceEvent, type TracedLabel } from "../core/session-label.ts";
import { createLedger, type Ledger } from "../ledger/append.ts";
import type { Keeping } from "../ledger/content-key.ts";
import { reopenLedger, type Standing } from "../ledger/reopen.ts";
import { Seal } from "../ledger/seal.ts";
import { UsageError } from "./config.ts";
import type { StoredSession } from "./config-sessions.ts";
import { toJson } from "./recorded.ts";
import { withCheckpoints } from "./resume.ts";
import { findCheckpoint } from "./rewind.ts";

/** What a fork is made with, apart from its session. */
export interface ForkPlan {
  readonly state: string;
  /** Before which turn; null for the session as it is. */
  readonly turn: string | null;
  readonly version: string;
  readonly build: string;
  readonly keeping: Keeping;
}

/** A session that was made from another, and where in that one it begins. */
export interface Fork {
  readonly id: string;
  readonly from: {
    readonly session: string;
    readonly seq: number;
    readonly hash: string;
    readonly turn: number | null;
  };
}

/**
 * Makes a new session of one that is over: with the files and the conversation that it had before a turn, or has.
 *
 * The new one has a record of its own, which holds whatever it needs of the other's. It has seen what the whole other one saw,
 * and used up what that used up: what came after the turn can have led the person to go back to it. Nobody's yes comes along.
 */
export async function forkSession(parent: StoredSession, plan: ForkPlan): Promise<Fork> {
  const { path, facts } = parent;
  const to = plan.turn === null ? null : findCheckpoint(path, plan.turn, "both");
  const why = to === null ? unforkable(path) : null;
  if (why !== null) throw new UsageError(`session ${facts.id} cannot be forked as it is: ${why}`);
  const programs = findPrograms();
  const fold = new SessionFold();
  const seen: { place: Standing | null; newest: Standing | null } = { place: null, newest: null };
  // Held until all is copied, so that nobody changes it meanwhile.
  const ledger = reopenLedger(`${path}/ledger.log`, Seal.of(path), (event, standing) => {
    fold.add(event);
    seen.newest = standing;
    const isThere = event.type === "checkpoint" ? event.number === to?.number : event.left === to?.number;
    if (to !== null && isThere) seen.place = standing;
  });
  try {
    const state = withCheckpoints(fold.state(), path);
    const at = seen.place ?? seen.newest;
    if (at === null || state.start?.session !== facts.id)
      throw new UsageError(`session ${facts.id} has no record that could be forked`);
    const forkedAt = Date.now();
    const folder = makeSessionFolder(plan.state, forkedAt);
    const from = { session: facts.id, seq: at.seq, hash: at.hash(), turn: to?.number ?? null };
    try {
      await forkFiles(path, folder, to, programs);
      const seal = Seal.of(folder.path);
      const own = createLedger(`${folder.path}/ledger.log`, seal, plan.keeping);
      try {
        const { version, build } = plan;
        const { policy, start } = state;
        const first = { session: folder.id, checkout: start.checkout, version, build, policy };
        own.append({ type: "start", schema: SCHEMA, at: forkedAt, ...first, before: seal.newest(), from });
        writeDown(own, state, to, forkedAt);
      } finally {
        own.close();
      }
      beginFork(path, folder, forkedAt);
    } catch (error) {
      await dropFork(folder, programs);
      throw error;
    }
    return { id: folder.id, from };
  } finally {
    ledger.abandon();
  }
}

function writeDown(ledger: Ledger, state: SessionState, to: Checkpoint | null, at: number): void {
  for (const event of sourcesOf(state.label)) ledger.append({ ...event, at });
  const { readerBits, spent, marks, lookedAtOf } = state;
  const secrets = Object.fromEntries(state.secrets);
  const mark = to === null ? null : marks.get(to.number);
  if (mark === undefined)
    throw new UsageError(`what was said before turn ${to?.number} is not known: fork another turn`);
  const lookedAt = to === null ? state.lookedAt : (lookedAtOf.get(to.number) ?? state.lookedAt);
  ledger.append({ type: "forked", at, readerBits, spent: toJson(spent), secrets, lookedAt });
  for (const message of mark === null ? state.messages : messagesAt(mark))
    ledger.append({ type: "inherited", at, message: toJson(message) });
  if (mark === null) for (const text of state.news) ledger.append({ type: "inherited", at, text });
}

// Each half by what raised it, so that who reads the record of the fork alone finds the same label.
function sourcesOf({ integrity, secrecy, integrityFrom, secrecyFrom }: TracedLabel) {
  return [
    ...integrityFrom.map((what) => sourceEvent({ ...LOWEST, integrity }, what)),
    ...secrecyFrom.map((what) => sourceEvent({ ...LOWEST, secrecy }, what)),
  ];
}

import { listBases, type StoredBase, workspaceOf } from "../box/base.ts";
import { forgetPermitted } from "../box/permitted.ts";
import { findPrograms } from "../box/programs.ts";
import type { RetainedSession } from "../core/retention.ts";
import { LedgerFailure } from "../ledger/failure.ts";
import { UsageError } from "./config.ts";
import type { Overview } from "./config-overview.ts";
import { listSessions } from "./config-sessions.ts";
import { withRecord } from "./record.ts";

/** A base layer as `sessions` and `gc` see it; its id is its folder. */
export interface BaseOverview extends RetainedSession {
  readonly checkout: string;
}

/** Looks at the base layers of all checkouts, beside their sessions. Nothing of one waits for a person. */
export function surveyBases(state: string, sessions: readonly Overview[]): BaseOverview[] {
  const checkouts = new Map(
    sessions.map(({ session }) => [workspaceOf(state, session.facts.checkout), session.facts.checkout]),
  );
  const running = new Set(
    sessions.filter((one) => one.state === "running").map(({ session }) => workspaceOf(state, session.facts.checkout)),
  );
  return listBases(state).flatMap(({ workspace, bytes, usedAt }: StoredBase): BaseOverview[] => {
    const checkout = checkouts.get(workspace);
    if (checkout === undefined) return [];
    const isRunning = running.has(workspace);
    return [{ id: workspace, checkout, state: isRunning ? "running" : "landed", bytes, usedAt, holdsFiles: true }];
  });
}

/** Throws the base layer of a checkout away, recorded in the newest of its sessions that is over. */
export async function forgetFor(state: string, checkout: string): Promise<void> {
  for (const session of listSessions(state, checkout)) {
    try {
      return await withRecord(session, async ({ gate }) => {
        const permit = gate.passForPerson({ kind: "forget", units: null, approvedBy: "person" });
        await forgetPermitted(permit, workspaceOf(state, checkout), { checkout, programs: findPrograms() });
      });
    } catch (error) {
      // That session goes on.
      if (!(error instanceof LedgerFailure)) throw error;
    }
  }
  throw new UsageError(`no session of ${checkout} is over, whose log could hold this: end one first`);
}

import { stateFolder, UsageError } from "../agent/config.ts";
import { findCheckout } from "../agent/config-checkout.ts";
import { listSessions, type StoredSession } from "../agent/config-sessions.ts";
import { killSession } from "../agent/kill-session.ts";
import type { Start } from "../agent/workplace.ts";
import { counted } from "../core/text.ts";
import { lockHolder } from "../ledger/lock.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

/** `ringfence kill [ID|--all]`: ends sessions at once, from another terminal. */
export async function killCommand(
  options: { readonly id: string | null; readonly all: boolean },
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const chosen = choose(options, start);
  if (chosen.length === 0) terminal.stdout.write("no session is running\n");
  const all = await Promise.all(chosen.map((session) => killOne(session, terminal)));
  return all.every(Boolean) ? 0 : 1;
}

function choose({ id, all }: { readonly id: string | null; readonly all: boolean }, start: Start): StoredSession[] {
  const state = stateFolder(start.environment);
  if (id !== null) {
    if (all) throw new UsageError("kill takes --all or one session, not both");
    const found = listSessions(state, null).find(({ facts }) => facts.id === id);
    if (!found) throw new UsageError(`there is no session "${id}"; ringfence top --once shows those that run`);
    return [found];
  }
  const sessions = listSessions(state, all ? null : findCheckout(start.folder).path);
  const running = sessions.filter(({ path }) => lockHolder(`${path}/ledger.log`) !== null);
  if (all || running.length <= 1) return running;
  const ids = running.map(({ facts }) => facts.id).join(", ");
  throw new UsageError(
    `${running.length} sessions of this checkout run: name one of ${ids}, or type --all for every one`,
  );
}

async function killOne(session: StoredSession, { stdout, stderr }: Terminal): Promise<boolean> {
  const { id } = session.facts;
  const done = await killSession(session);
  if (done === null) {
    writeSafe(stderr, row(`session ${id} is not running`));
    return false;
  }
  const how = done.isForced ? ", its program with it, which did not answer" : "";
  writeSafe(stdout, row(`killed session ${id} in ${Math.ceil(done.ms)} ms${how}; its changes wait in its layer`));
  if (done.unrecorded !== null) writeSafe(stderr, row(`its log does not say so: ${done.unrecorded}`));
  if (done.left > 0) writeSafe(stderr, row(`${counted(done.left, "process", "processes")} of it still live`));
  return done.left === 0 && done.unrecorded === null;
}

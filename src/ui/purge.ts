import { stateFolder, UsageError } from "../agent/config.ts";
import { useSpare } from "../agent/config-disk.ts";
import { type Overview, surveySessions } from "../agent/config-overview.ts";
import { type Purged, purgeFor } from "../agent/config-purge.ts";
import { isCalled } from "../agent/config-sessions.ts";
import type { Start } from "../agent/workplace.ts";
import { counted } from "../core/text.ts";
import { LedgerFailure } from "../ledger/failure.ts";
import { oneLine, row, type Terminal, writeSafe } from "./terminal.ts";

export interface PurgeOptions {
  /** Sessions by their ids or names; none where all that fit are meant. */
  readonly ids: readonly string[];
  readonly olderThan: string | null;
  readonly all: boolean;
  readonly contentOnly: boolean;
}

const DAY_MS = 86_400_000;

/** `ringfence purge`: destroys what was written in sessions that are over; of each the record of what was decided stays. */
export async function purgeCommand(options: PurgeOptions, start: Start, terminal: Terminal): Promise<number> {
  const { ids, olderThan, all, contentOnly } = options;
  if ([ids.length > 0, olderThan !== null, all].filter(Boolean).length !== 1)
    throw new UsageError("purge needs the id of a session, --older-than 30d, or --all: ringfence sessions lists them");
  const olderThanMs = olderThan === null ? 0 : daysOf(olderThan) * DAY_MS;
  const state = stateFolder(start.environment);
  useSpare(state);
  const sessions = await surveySessions(state, null);
  const named = new Set(ids.map((id) => sessions.find(({ session }) => isCalled(id)(session))));
  const unknown = ids.find((id) => !sessions.some(({ session }) => isCalled(id)(session)));
  if (unknown !== undefined) throw new UsageError(`there is no session "${unknown}"; see ringfence sessions --all`);
  const meant = (one: Overview) => (ids.length > 0 ? named.has(one) : Date.now() - one.usedAt >= olderThanMs);
  const chosen = sessions.filter(meant);
  let failures = 0;
  for (const one of chosen) {
    // Whoever names no session did not think of changes that wait in one.
    const what: Purged = contentOnly || (ids.length === 0 && one.state === "changes") ? "texts" : "all";
    const problem = await purge(one, what);
    failures += problem === null ? 0 : 1;
    writeSafe(
      terminal.stdout,
      row(problem === null ? doneText(one, what, contentOnly) : `failed   ${one.id}: ${problem}`),
    );
  }
  terminal.stdout.write(`${counted(chosen.length - failures, "session")} purged; every log stays, without its texts\n`);
  return failures > 0 ? 1 : 0;
}

async function purge(one: Overview, what: Purged): Promise<string | null> {
  if (one.state === "running") return "it is running: end it first";
  try {
    await purgeFor(one.session, what, "the person's command");
    return null;
  } catch (error) {
    if (error instanceof LedgerFailure && /in use by/.test(error.message)) return "it is in use: end it first";
    return error instanceof Error ? error.message : String(error);
  }
}

function doneText({ id, state, session }: Overview, what: Purged, contentOnly: boolean): string {
  const place = oneLine(session.facts.checkout, 80);
  if (state !== "changes") return `purged   ${id}  ${place}`;
  if (what === "all") return `purged   ${id}  ${place}  CHANGES THAT NEVER LANDED ARE GONE`;
  const next = contentOnly ? "" : ": land or discard them, or name the session";
  return `purged   ${id}  ${place}  its changes still wait${next}`;
}

function daysOf(text: string): number {
  const [, days] = /^(\d{1,5})d?$/.exec(text) ?? [];
  if (days === undefined) throw new UsageError(`--older-than is a number of days: 30d, not "${text}"`);
  return Number(days);
}

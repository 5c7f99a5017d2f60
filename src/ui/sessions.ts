import { join } from "node:path";
import { releaseFor, removeFor } from "../agent/changeset.ts";
import { readConfig, stateFolder } from "../agent/config.ts";
import { type BaseOverview, forgetFor, surveyBases } from "../agent/config-bases.ts";
import { findCheckout } from "../agent/config-checkout.ts";
import { useSpare } from "../agent/config-disk.ts";
import type { LogConfig } from "../agent/config-log.ts";
import { accountOf, ledgerBytes, type Overview, surveySessions, taskOf } from "../agent/config-overview.ts";
import { purgeFor } from "../agent/config-purge.ts";
import type { Found } from "../agent/config-search.ts";
import { isAsking } from "../agent/live-sessions.ts";
import { withRecord } from "../agent/record.ts";
import { recoverFor } from "../agent/undo.ts";
import type { Start } from "../agent/workplace.ts";
import { existingWorkspace } from "../box/base-show.ts";
import { planPurge, planRemoval, type Removal } from "../core/retention.ts";
import { counted, visibleJson } from "../core/text.ts";
import { LedgerFailure } from "../ledger/failure.ts";
import { bytesOf, holdsTexts, unused } from "../ledger/purge.ts";
import { oneLine, row, type Terminal, writeSafe } from "./terminal.ts";

const TASK_CHARS_MAX = 60;
const EXCERPT_CHARS_MAX = 100;
const ADVICE_MS_MAX = 3000;
const STATE_WORDS = {
  running: "running",
  waits: "waits",
  changes: "has changes",
  landed: "landed",
  discarded: "no changes",
} as const;

/** `ringfence sessions`: the sessions of this checkout, or of all, newest first. */
export async function sessionsCommand(
  options: { readonly all: boolean; readonly json: boolean; readonly search: string | null },
  start: Start,
  { stdout }: Terminal,
): Promise<number> {
  const { search } = options;
  const checkout = options.all ? null : findCheckout(start.folder).path;
  const state = stateFolder(start.environment);
  const surveyed = await surveySessions(state, checkout);
  const found = new Map(search === null ? [] : await findIn(surveyed, search));
  const sessions = search === null ? surveyed : surveyed.filter((one) => found.has(one));
  const json = (one: Overview) => ({ ...toJson(one), ...(search === null ? {} : { found: found.get(one) }) });
  if (options.json) stdout.write(`${visibleJson(JSON.stringify(sessions.map(json)))}\n`);
  else if (sessions.length === 0) stdout.write(search === null ? "no sessions\n" : "no session has that\n");
  else
    for (const one of sessions) {
      writeSafe(stdout, `${lineOf(one)}${options.all ? `  ${one.session.facts.checkout}` : ""}\n`);
      const { what, excerpt } = found.get(one) ?? { what: "name", excerpt: "" };
      if (what !== "name") writeSafe(stdout, `    ${what}: ${oneLine(excerpt, EXCERPT_CHARS_MAX)}\n`);
    }
  if (!options.json && search === null)
    for (const base of surveyBases(state, sessions)) writeSafe(stdout, row(baseLineOf(base, options.all)));
  return 0;
}

async function findIn(sessions: readonly Overview[], text: string): Promise<readonly (readonly [Overview, Found])[]> {
  const { searchSession } = await import("../agent/config-search.ts");
  return sessions.flatMap((one) => {
    const found = searchSession(one.session, text);
    return found === null ? [] : [[one, found] as const];
  });
}

/** `ringfence gc`: removes the files of sessions that are over, as far as the limits ask for; never a log. */
export async function gcCommand(
  options: { readonly days: number | null; readonly bytes: number | null },
  start: Start,
  terminal: Terminal,
): Promise<number> {
  const { gc, log } = await readConfig(start.environment);
  const limits = { days: options.days ?? gc.days, bytes: options.bytes ?? gc.bytes };
  const state = stateFolder(start.environment);
  useSpare(state);
  const sessions = await surveySessions(state, null);
  const bases = surveyBases(state, sessions);
  const { remove, beyondBytes } = planRemoval([...sessions, ...bases], limits, Date.now());
  const byId = new Map(sessions.map((one) => [one.id, one]));
  const kept = new Set(sessions.filter(({ holdsFiles }) => holdsFiles));
  let failures = 0;
  for (const removal of remove) {
    const base = bases.find(({ id }) => id === removal.id);
    if (base) {
      failures += await removeBase(state, base, removal.why, terminal);
      continue;
    }
    const one = byId.get(removal.id);
    if (!one) throw new Error("bug: a session to remove that was not found");
    const problem = await removeSession(one);
    if (problem === null) kept.delete(one);
    else failures += 1;
    writeSafe(terminal.stdout, problem === null ? removalText(one, removal) : `failed   ${lineOf(one)}: ${problem}\n`);
  }
  const removed = remove.length - failures;
  for (const one of kept) writeSafe(terminal.stdout, `kept     ${lineOf(one)}\n`);
  const left = surveyBases(state, sessions);
  for (const base of left) writeSafe(terminal.stdout, row(`kept     ${baseLineOf(base, true)}`));
  const purged = await purgeOld(state, log, terminal);
  failures += purged.failures;
  const texts = purged.done > 0 ? `, the texts of ${counted(purged.done, "session")} destroyed` : "";
  terminal.stdout.write(`${removed} removed, ${kept.size + left.length} kept${texts}; every log stays\n`);
  if (beyondBytes > 0)
    terminal.stdout.write(
      `still ${sizeOf(beyondBytes)} beyond the limit of ${sizeOf(limits.bytes)}: land or discard what has changes\n`,
    );
  return failures > 0 ? 1 : 0;
}

/** Destroys the texts of logs that are older, or take more, than the person's configuration lets them. */
async function purgeOld(
  state: string,
  { days, bytes }: LogConfig,
  { stdout }: Terminal,
): Promise<{ readonly done: number; readonly failures: number }> {
  if (days === null && bytes === null) return { done: 0, failures: 0 };
  const logs = (await surveySessions(state, null)).map((one) => {
    const file = join(one.session.path, "ledger.log");
    return { ...one, logBytes: bytesOf(file), holdsTexts: holdsTexts(file) };
  });
  const byId = new Map(logs.map((one) => [one.id, one]));
  const counts = { done: 0, failures: 0 };
  for (const id of planPurge(logs, { days, bytes }, Date.now())) {
    const one = byId.get(id);
    if (!one) throw new Error("bug: a session to purge that was not found");
    const line = lineOf(one);
    const problem = await purgeFor(one.session, "texts", "log.days or log.total_mb").then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    counts[problem === null ? "done" : "failures"] += 1;
    writeSafe(stdout, problem === null ? `purged   ${line}\n` : `failed   ${line}: ${problem}\n`);
  }
  return counts;
}

/** Says in one line, after a run, that the sessions take more than the limit; otherwise nothing. */
export async function adviseOnSize(start: Start, { stderr }: Terminal): Promise<void> {
  const { gc } = await readConfig(start.environment);
  const sessions = await surveySessions(stateFolder(start.environment), null, ADVICE_MS_MAX).catch(() => null);
  const bases = sessions === null ? [] : surveyBases(stateFolder(start.environment), sessions);
  const bytes = [...(sessions ?? []), ...bases].reduce((sum, one) => sum + one.bytes, 0);
  if (bytes > gc.bytes)
    stderr.write(
      `all sessions take ${sizeOf(bytes)}, more than ${sizeOf(gc.bytes)}: ringfence gc removes what is over\n`,
    );
  // What was measured once is known later, so that this passes.
  if (sessions === null) stderr.write("the sessions could not be measured in time: ringfence sessions --all does it\n");
}

/** `ringfence discard --ignored`: throws away the ignored files that sessions of this checkout keep for the next ones. */
export async function forgetCommand(start: Start, { stdout }: Terminal): Promise<number> {
  const [state, checkout] = [stateFolder(start.environment), findCheckout(start.folder).path];
  if (existingWorkspace(state, checkout) === null) {
    stdout.write("no ignored files are kept for this checkout\n");
    return 0;
  }
  await forgetFor(state, checkout);
  stdout.write("the ignored files that sessions kept for this checkout are thrown away\n");
  return 0;
}

/** Returns how many failed. */
async function removeBase(
  state: string,
  base: BaseOverview,
  why: Removal["why"],
  { stdout }: Terminal,
): Promise<number> {
  const line = baseLineOf(base, true);
  try {
    await forgetFor(state, base.checkout);
    writeSafe(stdout, row(`removed  ${line}  (${why}, ${sizeOf(base.bytes)} freed)`));
    return 0;
  } catch (error) {
    writeSafe(stdout, row(`failed   ${line}: ${error instanceof Error ? error.message : String(error)}`));
    return 1;
  }
}

/** Returns why it could not be done, or null. */
async function removeSession({ session }: Overview): Promise<string | null> {
  try {
    await unused(join(session.path, "ledger.log"), () =>
      withRecord(session, async (record) => {
        // A draft of a landing that broke off may lie in the checkout, and only this session's copies tell what it is.
        await recoverFor(session, record);
        await releaseFor(session, record);
        await removeFor(session, record);
      }),
    );
    return null;
  } catch (error) {
    if (error instanceof LedgerFailure) return "it is in use";
    return error instanceof Error ? error.message : String(error);
  }
}

function removalText(one: Overview, { why, isLoss }: Removal): string {
  const freed = sizeOf(Math.max(0, one.bytes - ledgerBytes(one.session)));
  const loss = isLoss ? "  CHANGES THAT NEVER LANDED ARE GONE" : "";
  return `removed  ${lineOf(one)}  (${why}, ${freed} freed)${loss}\n`;
}

function toJson(one: Overview): object {
  const { usd, isBroken } = accountOf(one.session);
  return {
    id: one.id,
    checkout: one.session.facts.checkout,
    started_at: new Date(one.session.facts.startedAt).toISOString(),
    used_at: new Date(one.usedAt).toISOString(),
    name: one.session.facts.name ?? null,
    state: shownState(one),
    broke_off: isBroken && one.state !== "running",
    bytes: one.bytes,
    usd,
    task: firstLineOf(one),
  };
}

function lineOf(one: Overview): string {
  const [age, size] = [ageOf(Date.now() - one.usedAt), sizeOf(one.bytes)];
  const { usd, isBroken } = accountOf(one.session);
  const { name } = one.session.facts;
  const called = name === undefined ? "" : `${name}: `;
  const broken = isBroken && one.state !== "running" ? "broke off  " : "";
  const cost = usd === null || usd === 0 ? "" : `$${usd.toFixed(2)}  `;
  return `${one.id}  ${age.padStart(6)}  ${STATE_WORDS[shownState(one)].padEnd(11)}  ${size.padStart(8)}  ${cost}${broken}${called}${oneLine(firstLineOf(one), TASK_CHARS_MAX)}`;
}

// Only logs of what runs are read for it, and those are few.
function shownState({ state, session }: Overview): keyof typeof STATE_WORDS {
  return state === "running" && isAsking(session) ? "waits" : state;
}

function baseLineOf(base: BaseOverview, isNamed: boolean): string {
  const [age, size] = [ageOf(Date.now() - base.usedAt), sizeOf(base.bytes)];
  return `${"base layer".padEnd(24)}  ${age.padStart(6)}  ${"kept".padEnd(11)}  ${size.padStart(8)}  ignored files for the next session${isNamed ? `  ${base.checkout}` : ""}`;
}

function firstLineOf({ session }: Overview): string {
  return taskOf(session).trimStart().split("\n", 1)[0] ?? "";
}

/** Says an age in one word and a unit. */
export function ageOf(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60 / 24)} d`;
}

function sizeOf(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let [size, unit] = [bytes, 0];
  for (; size >= 1024 && unit < units.length - 1; unit += 1) size /= 1024;
  return `${unit === 0 || size >= 10 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

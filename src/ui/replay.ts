import { basename, dirname, join } from "node:path";
import { stateFolder } from "../agent/config.ts";
import { findCheckout } from "../agent/config-checkout.ts";
import { openPolicy, readAlone } from "../agent/config-policy-open.ts";
import { ledgerOf, listSessions } from "../agent/config-sessions.ts";
import { toJson } from "../agent/recorded.ts";
import { type Replayed, replayEvents } from "../agent/replay.ts";
import { decideOtherwise, type Otherwise, withFile } from "../agent/replay-policy.ts";
import type { Start } from "../agent/workplace.ts";
import type { Policy } from "../core/policy-rules.ts";
import { counted, visibleJson } from "../core/text.ts";
import { effectLine } from "../ledger/export-read.ts";
import { Seal } from "../ledger/seal.ts";
import { readLedger, type Verdict, verifyLedger } from "../ledger/verify.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

export interface ReplayOptions {
  /** The session; null for the newest of the checkout. */
  readonly session: string | null;
  /** Every session, of whatever checkout. */
  readonly isAll: boolean;
  /** A policy file to decide by, or "current"; null to compare with the record. */
  readonly policy: string | null;
  readonly json: boolean;
}

/** Gives the policy to decide by, for what was recorded under another. */
type Choose = (recorded: Policy) => Policy;

/**
 * `ringfence log replay`: makes every decision of recorded sessions again, by the recorded policy or by another; 1 where
 * one comes out otherwise, or where a log is damaged.
 */
export async function replayCommand(options: ReplayOptions, start: Start, terminal: Terminal): Promise<number> {
  const choose = options.policy === null ? null : await chooserOf(options.policy, start);
  let status = 0;
  for (const file of filesOf(options, start)) {
    const verdict = verifyLedger(file, Seal.of(dirname(file)).signer());
    if (!verdict.ok) {
      tellDamage(file, verdict, options, terminal);
      status = 1;
      continue;
    }
    const otherwise: Otherwise[] = [];
    const replayed = await replayEvents(readLedger(file), (redecided) => {
      const found = choose && decideOtherwise(redecided, choose(redecided.policy));
      if (found !== null) otherwise.push(found);
    });
    const isSame = replayed.differences.length + replayed.unreplayed.length + otherwise.length === 0;
    if (!isSame) status = 1;
    tell(basename(dirname(file)), replayed, choose === null ? null : otherwise, options, terminal);
  }
  return status;
}

function filesOf({ session, isAll }: ReplayOptions, start: Start): string[] {
  const state = stateFolder(start.environment);
  if (!isAll) return [ledgerOf(state, findCheckout(start.folder).path, session)];
  // Oldest first, as they happened.
  return listSessions(state, null)
    .map(({ path }) => join(path, "ledger.log"))
    .reverse();
}

async function chooserOf(named: string, start: Start): Promise<Choose> {
  if (named === "current") {
    const { current } = await openPolicy({ ...start, policies: [] });
    return () => current;
  }
  const file = await readAlone(named, "user", start);
  const made = new Map<Policy, Policy>();
  return (recorded) => {
    const policy = made.get(recorded) ?? withFile(recorded, file);
    made.set(recorded, policy);
    return policy;
  };
}

function tellDamage(
  file: string,
  { seq, reason }: Verdict & { readonly ok: false },
  { json }: ReplayOptions,
  { stdout }: Terminal,
): void {
  if (json) writeJson(stdout, { session: basename(dirname(file)), damaged: { seq, reason } });
  else writeSafe(stdout, row(`${file}: damaged at event ${seq}: ${reason}`));
}

function tell(
  session: string,
  replayed: Replayed,
  otherwise: readonly Otherwise[] | null,
  { json }: ReplayOptions,
  { stdout }: Terminal,
): void {
  if (json) writeJson(stdout, { session, ...replayed, otherwise: otherwise?.map(jsonOf) ?? null });
  else writeSafe(stdout, [...replayLines(session, replayed), ...otherwiseLines(otherwise)].map(row).join(""));
}

function replayLines(session: string, replayed: Replayed): string[] {
  const { decisions, identical, differences, unreplayed, givenLabels } = replayed;
  const old =
    givenLabels === 0
      ? []
      : [
          `  an older program wrote it: ${counted(givenLabels, "label was", "labels were")} taken from the record, which does not tell how they came about`,
        ];
  return [
    `session ${session}: ${counted(decisions, "decision")}, ${identical} identical, ${differences.length} different, ${unreplayed.length} not replayed`,
    ...differences.map(({ seq, text }) => `  event ${seq} differs: ${text}`),
    ...unreplayed.map(({ seq, text }) => `  event ${seq} is not replayed: ${text}`),
    ...old,
  ];
}

function otherwiseLines(otherwise: readonly Otherwise[] | null): string[] {
  if (otherwise === null) return [];
  if (otherwise.length === 0) return ["  by that policy every decision is the same"];
  return [
    ...otherwise.flatMap(({ seq, effect, from, to, was, wouldBe, origin }) => [
      `  event ${seq}: ${from} -> ${to}  ${effectLine(toJson(effect))}`,
      `      was ${from}: ${was}`,
      `      now ${to}: ${wouldBe}`,
      ...(origin === "" ? [] : [`      seen by then: ${origin}`]),
    ]),
    `  by that policy ${counted(otherwise.length, "decision is", "decisions are")} otherwise, each taken by itself: what would have come after is not known`,
  ];
}

function jsonOf({ effect, ...otherwise }: Otherwise): object {
  return { ...otherwise, effect: toJson(effect), what: effectLine(toJson(effect)) };
}

function writeJson(to: NodeJS.WritableStream, value: object): void {
  to.write(`${visibleJson(JSON.stringify(value))}\n`);
}

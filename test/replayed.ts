import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { replayEvents } from "../src/agent/replay.ts";
import { Seal } from "../src/ledger/seal.ts";
import { readLedger, verifyLedger } from "../src/ledger/verify.ts";

/**
 * Verifies and replays the log of every session in a state folder; throws where one proves nothing or comes out otherwise.
 *
 * Those `done` before are passed over. `mayBeTorn`: one that was killed and not gone on with ends in an event that is not whole.
 */
export async function replayAll(
  state: string,
  { done = new Set(), mayBeTorn = false }: { readonly done?: Set<string>; readonly mayBeTorn?: boolean } = {},
): Promise<{ readonly logs: number; readonly decisions: number }> {
  let [logs, decisions] = [0, 0];
  const folder = join(state, "sessions");
  for (const id of existsSync(folder) ? readdirSync(folder) : []) {
    const path = join(folder, id);
    const file = join(path, "ledger.log");
    if (!existsSync(file) || done.has(file)) continue;
    done.add(file);
    const verdict = verifyLedger(file, Seal.of(path).signer());
    const isTorn = mayBeTorn && !verdict.ok && verdict.reason.startsWith("torn tail");
    assert.ok(verdict.ok || isTorn, `${file}: ${JSON.stringify(verdict)}`);
    const events = [...readLedger(file)];
    const { differences, unreplayed, givenLabels, ...counts } = await replayEvents(events);
    // What the person had destroyed is told as that, and nothing else is missed.
    const isPurged = events.some(({ event }) => event.type === "purged");
    const missed = unreplayed.filter(({ text }) => !(isPurged && text.endsWith("its text was purged")));
    assert.deepEqual({ differences, missed, givenLabels }, { differences: [], missed: [], givenLabels: 0 }, file);
    logs += 1;
    decisions += counts.decisions;
  }
  return { logs, decisions };
}

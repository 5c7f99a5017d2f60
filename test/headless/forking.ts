import { join } from "node:path";
import type { JsonObject } from "../../src/core/json.ts";
import { readLedger } from "../../src/ledger/verify.ts";
import { type Place, readPlayed, ringfence, runArguments, script } from "./program.ts";

/** The record of a session. */
export function eventsOf(path: string): JsonObject[] {
  return [...readLedger(join(path, "ledger.log"))].map(({ event }) => event);
}

/** Plays turns in stream-json with more options. */
export async function played(place: Place, turns: Parameters<typeof script>[1], ...more: string[]) {
  return readPlayed(await ringfence(place, runArguments(script(place, turns), more)));
}

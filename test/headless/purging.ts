import assert from "node:assert/strict";
import { join } from "node:path";
import { type Place, play, run } from "./program.ts";

export const SECRET = "the merger is on Tuesday";
/** Its outcome is longer than what stands in an event itself, and a command stays as the record of what was done. */
const BACKWARDS = [...SECRET].reverse().join("");
const TURNS = [run(`echo box >>a.txt; seq 9999; echo '${BACKWARDS}' | rev`), { text: SECRET }];

/** Plays a session that writes a secret and is to be purged; gives its id. */
export async function session(place: Place, ...args: string[]): Promise<string> {
  const played = await play(place, TURNS, args);
  assert.equal(played.status, 0, played.stderr);
  return String(played.result.session_id);
}

/** Where the state of a place is. */
export function stateOf(place: Place): string {
  return join(place.home, ".local/state/ringfence");
}

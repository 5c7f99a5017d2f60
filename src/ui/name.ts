import { stateFolder, UsageError } from "../agent/config.ts";
import { nameSession } from "../agent/config-name.ts";
import { sessionCalled } from "../agent/config-sessions.ts";
import type { Start } from "../agent/workplace.ts";
import { type Terminal, writeSafe } from "./terminal.ts";

/** `ringfence sessions name ID NAME`: what a person calls a session. */
export async function nameCommand(words: readonly string[], start: Start, { stdout }: Terminal): Promise<number> {
  const [called, ...name] = words;
  if (called === undefined || name.length === 0)
    throw new UsageError('name a session and what to call it: ringfence sessions name ID NAME, or "" to take it away');
  const state = stateFolder(start.environment);
  const session = sessionCalled(state, called);
  const given = await nameSession(state, session, name.join(" "));
  const { id } = session.facts;
  writeSafe(stdout, given === "" ? `session ${id} has no name\n` : `session ${id} is called "${given}"\n`);
  return 0;
}

import { readConfig, stateFolder } from "../agent/config.ts";
import { findCheckout } from "../agent/config-checkout.ts";
import { findResumable } from "../agent/config-resume.ts";
import { forkSession } from "../agent/fork.ts";
import { beforeTurn } from "../agent/resume.ts";
import type { Start } from "../agent/workplace.ts";
import type { Terminal } from "./terminal.ts";

/** `ringfence fork [ID] [--at TURN]`: a new session with the files and the conversation of another one. */
export async function forkCommand(
  options: { readonly called: string; readonly turn: string | null; readonly json: boolean },
  start: Start,
  { stdout }: Terminal,
): Promise<number> {
  const { environment, folder, version, build } = start;
  const { log } = await readConfig(environment);
  const state = stateFolder(environment);
  const parent = findResumable(state, findCheckout(folder).path, options.called);
  const { keeping } = log;
  const { id, from } = await forkSession(parent, { state, turn: options.turn, version, build, keeping });
  stdout.write(
    options.json
      ? `${JSON.stringify({ id, from })}\n`
      : `${id}  forked from ${from.session}${beforeTurn(from.turn)}\nto go on with it: ringfence resume ${id}\n`,
  );
  return 0;
}

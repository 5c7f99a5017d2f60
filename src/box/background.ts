import type { OneShot } from "./oneshot.ts";
import type { Output } from "./output.ts";

/** A command whose shell, or what its shell left running, goes on after the call that started it. */
export interface BackgroundCommand {
  readonly id: string;
  readonly command: string;
  readonly oneShot: OneShot;
  readonly output: Output;
  /** Exit status of the shell; undefined while it runs, null when it was killed. */
  status: number | null | undefined;
}

/** Most commands that are remembered; the oldest that ended are forgotten first. */
const COMMANDS_MAX = 64;

/** The list of a session's background commands. */
export class Background {
  readonly #commands = new Map<string, BackgroundCommand>();
  #nextNumber = 1;

  add(command: string, oneShot: OneShot, output: Output): BackgroundCommand {
    const entry: BackgroundCommand = { id: `bg${this.#nextNumber++}`, command, oneShot, output, status: undefined };
    this.#commands.set(entry.id, entry);
    if (this.#commands.size > COMMANDS_MAX) {
      const ended = [...this.#commands.values()].find(({ oneShot: { isGone } }) => isGone);
      if (ended) this.#commands.delete(ended.id);
    }
    return entry;
  }

  get(id: string): BackgroundCommand | null {
    return this.#commands.get(id) ?? null;
  }

  /** Lists those that still have a process. */
  running(): BackgroundCommand[] {
    return [...this.#commands.values()].filter(({ oneShot }) => !oneShot.isGone);
  }
}

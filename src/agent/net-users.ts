import { randomBytes } from "node:crypto";
import type { CommandNetwork } from "../box/oneshot.ts";

/** A command that may use the network, and what it was refused. */
export interface NetUser extends CommandNetwork {
  /** A sentence each, in the order of the first of its kind. */
  readonly refusals: readonly string[];
}

const TOKEN_BYTES = 12;
const REFUSALS_MAX = 20;

interface User {
  readonly seq: number;
  readonly command: string;
  readonly refusals: Set<string>;
}

/** The commands of a session that may use the network, each by the token that its requests bear. */
export class NetUsers {
  readonly #users = new Map<string, User>();

  /** Draws the token for a command of this decision. */
  enter(seq: number, command: string): NetUser {
    const token = randomBytes(TOKEN_BYTES).toString("hex");
    const refusals = new Set<string>();
    this.#users.set(token, { seq, command, refusals });
    return {
      token,
      end: () => this.#users.delete(token),
      get refusals() {
        return [...refusals];
      },
    };
  }

  /** Names the decision about the command that bears a token; null when none does. */
  decisionOf(token: string | null): number | null {
    return token === null ? null : (this.#users.get(token)?.seq ?? null);
  }

  /** The text of that command, as the person is shown it. */
  textOf(token: string | null): string | null {
    return token === null ? null : (this.#users.get(token)?.command ?? null);
  }

  /** Tells a command what it was refused. */
  tell(text: string, token: string | null): void {
    const refusals = token === null ? undefined : this.#users.get(token)?.refusals;
    if (refusals && refusals.size < REFUSALS_MAX) refusals.add(text);
  }
}

import { randomBytes } from "node:crypto";
import type { CommandNetwork } from "../box/oneshot.ts";
import { addressOf, type NetRequest } from "../core/net-rules.ts";

/** A command that may use the network, and what it was refused. */
export interface NetUser extends CommandNetwork {
  /** A sentence each, in the order of the first of its kind. */
  readonly refusals: readonly string[];
}

const TOKEN_BYTES = 12;
const REFUSALS_MAX = 20;
const WANTED_MAX = 2000;

/** A command of the box, or a tool of the model's by which the host asks; of what a `reader` is sent nothing enters the session. */
export type NetUserKind = "command" | "fetch" | "reader";

interface User {
  readonly seq: number;
  readonly command: string;
  readonly refusals: Set<string>;
  readonly by: NetUserKind;
}

/** The commands of a session that may use the network, each by the token that its requests bear. */
export class NetUsers {
  readonly #users = new Map<string, User>();
  readonly #wanted = new Map<string, NetRequest>();

  /** Draws the token for a command of this decision. */
  enter(seq: number, command: string, by: NetUserKind = "command"): NetUser {
    const token = randomBytes(TOKEN_BYTES).toString("hex");
    const refusals = new Set<string>();
    this.#users.set(token, { seq, command, refusals, by });
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

  /** What bears a token; null where nothing of the session's does. */
  kindOf(token: string | null): NetUserKind | null {
    return token === null ? null : (this.#users.get(token)?.by ?? null);
  }

  /** Keeps a request that no rule lists and that was refused. */
  want(request: NetRequest): void {
    const [path = ""] = request.path.split("?", 1);
    const key = `${request.protocol} ${request.method} ${request.hasBody} ${addressOf({ ...request, path })}`;
    if (this.#wanted.size < WANTED_MAX) this.#wanted.set(key, request);
  }

  /** What was kept, each address once whatever its query. */
  get wanted(): readonly NetRequest[] {
    return [...this.#wanted.values()];
  }

  /** Tells a command what it was refused. */
  tell(text: string, token: string | null): void {
    const refusals = token === null ? undefined : this.#users.get(token)?.refusals;
    if (refusals && refusals.size < REFUSALS_MAX) refusals.add(text);
  }
}

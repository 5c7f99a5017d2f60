import type { Box } from "../box/box.ts";
import type { PackagesPlan } from "../box/packages.ts";
import type { Forge } from "../core/forge.ts";
import { addressOf, type NetRequest } from "../core/net-rules.ts";
import type { Source } from "../core/source.ts";
import { Acceptor, type Listener } from "../egress/acceptor.ts";
import { Certificates, makeIssuers } from "../egress/certificates.ts";
import type { ReadOptions } from "../egress/document.ts";
import type { Vault } from "../egress/vault.ts";
import type { Ledger } from "../ledger/append.ts";
import type { Budget } from "./budget.ts";
import type { NetConfig } from "./config-net.ts";
import type { Gate } from "./gate.ts";
import type { NetRequests, Read } from "./net-requests.ts";
import { type NetUser, NetUsers } from "./net-users.ts";
import type { AskPerson } from "./questions.ts";
import type { Wrapped } from "./wrap.ts";

/** Something that the gate did not let happen, in words. */
export interface Denial {
  readonly what: string;
  readonly verdict: "ask" | "deny";
  readonly reason: string;
  readonly nearest: string | null;
  /** The decision about the command or the tool that wanted it; null where that is not known. */
  readonly command: number | null;
}

export interface NetPlan {
  /** Whose tools and lockfiles say which packages may come. */
  readonly place: Omit<PackagesPlan, "get">;
  readonly box: Box;
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly config: NetConfig;
  /** The person's credentials, of which the box has placeholders. */
  readonly vault: () => Promise<Vault>;
  /** Addresses that the person typed, as `addressOf` names them. */
  readonly typed: ReadonlySet<string>;
  /** Asks the person about a request; null where nobody is there to be asked, and what asks is refused. */
  readonly ask: AskPerson | null;
  /** The model of an agent that runs in the box; null where the session has its own, or none. */
  readonly wrapped: Wrapped | null;
  /** A command that the person typed: what it is refused is told to them, and to no model. */
  readonly isPersons: boolean;
  /** Says in words what raised the session's label; "" where nothing did. */
  readonly origin: () => string;
  /** Whether an alarm has every request ask: no yes of before holds then, and none for longer than once. */
  readonly asksAll: () => boolean;
  /** Told of what was refused, for whoever looks on. */
  readonly denied: (denial: Denial) => void;
  /** Of the session: it counts what leaves, and by host. */
  readonly budget: Budget;
  /** The forge whose text may be of people whom the person named, for the tool `fetch`; null where everything is a stranger's. */
  readonly forge: Forge | null;
  /** Told of what answers, before anything of it is passed on. */
  readonly heard: (source: Source) => void;
  readonly now: () => number;
}

/** The network of a session: what its box trusts, who may use it, and from the first connection on what answers. */
export class Net {
  readonly #plan: NetPlan;
  readonly #certificates: Certificates;
  readonly #users = new NetUsers();
  readonly #acceptor: Acceptor;
  #requests: Promise<NetRequests> | null = null;

  private constructor(plan: NetPlan, certificates: Certificates) {
    this.#plan = plan;
    this.#certificates = certificates;
    this.#acceptor = new Acceptor(async () => (await this.#load()).take);
  }

  /** Opens the way out of a box that stands, and has what runs in it trust the session's own authority. */
  static async open(plan: NetPlan): Promise<Net> {
    const certificates = new Certificates(await makeIssuers(plan.now()));
    plan.box.trust(certificates.root);
    const net = new Net(plan, certificates);
    net.#acceptor.listen((await plan.box.takeListeners()) as readonly Listener[]);
    return net;
  }

  /** Lets a command of this decision be known to the proxy, and to the person by its text. */
  enter(seq: number, command: string): NetUser {
    return this.#users.enter(seq, command);
  }

  /** Has what is on its way judged again, since the session's label rose. */
  async judgeAgain(): Promise<void> {
    await (await this.#requests?.catch(() => null))?.judgeAgain();
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    this.#acceptor.close();
    const requests = await this.#requests?.catch(() => null);
    requests?.close();
  }

  /** Asks for a document for a tool of the model's, as if a command of this decision asked; `reason` says why it has none. */
  async read(
    seq: number,
    request: NetRequest,
    how: ReadOptions & { readonly signal: AbortSignal; readonly isForReader: boolean },
  ): Promise<Read> {
    const user = this.#users.enter(seq, `fetch ${addressOf(request)}`, how.isForReader ? "reader" : "fetch");
    try {
      return await (await this.#load()).read(request, user.token, how);
    } finally {
      user.end();
    }
  }

  /** Requests that no rule lists and that were refused, each address once whatever its query. */
  get wanted(): readonly NetRequest[] {
    return this.#users.wanted;
  }

  // Its modules take longer to load than all else that a command waits for.
  #load(): Promise<NetRequests> {
    this.#requests ??= import("./net-requests.ts")
      .then(
        async ({ NetRequests }) =>
          new NetRequests(this.#plan, await this.#plan.vault(), this.#certificates, this.#users),
      )
      .catch((error: unknown) => {
        this.#recordFailure(error);
        throw error;
      });
    return this.#requests;
  }

  #recordFailure(error: unknown): void {
    const why = (error instanceof Error ? error.message : String(error)).toWellFormed();
    const reason = `what answers requests could not be loaded: ${why}`;
    try {
      this.#plan.ledger.append({ type: "refused", reason, command: null, at: this.#plan.now() });
    } catch {
      // What cannot be recorded does not happen either; the session itself ends at its own next event.
    }
  }
}

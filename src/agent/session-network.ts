import type { Box } from "../box/box.ts";
import type { SessionEvent } from "../core/event.ts";
import { typedAddresses } from "../core/net-rules.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Permit } from "../core/permit.ts";
import { counted, visible } from "../core/text.ts";
import type { HiddenServices } from "./hidden-services.ts";
import type { Denial, Net, NetPlan } from "./net.ts";
import type { Previews } from "./previews.ts";

/** What of a session's network is set when it begins. */
export type SessionNetworkPlan = Pick<
  NetPlan,
  "gate" | "ledger" | "config" | "place" | "vault" | "ask" | "budget" | "origin" | "asksAll" | "forge" | "heard" | "now"
> & {
  readonly box: Box;
  readonly show: (event: SessionEvent) => void;
  readonly redact: (text: string) => string;
};

/** Cheap, so that most output is not looked at any closer. */
const MAY_BE_HIDDEN = /refused|connect/i;

/** Who wants something: the call, and what ends it. */
export interface By {
  readonly call: string;
  /** The child agent whose call it is; null for the session's own. */
  readonly agent: string | null;
  readonly signal: AbortSignal;
}

/** Commands whose denials name their call; of older ones that still run it is not known any more. */
const CALLS_MAX = 1000;

/** The network of a session with a model: loaded when a command first may need it, since the first request must not wait for it. */
export class SessionNetwork {
  readonly #plan: SessionNetworkPlan;
  #net: Promise<Net> | null = null;
  #previews: Promise<Previews> | null = null;
  #hidden: Promise<HiddenServices> | null = null;
  /** Addresses that the person typed in this session. */
  readonly #typed: Set<string>;
  /** The call of each command, by the decision about it. */
  readonly #calls = new Map<number, Omit<By, "signal">>();
  /** What commands were refused; the person is told at the end. */
  readonly #refusals = new Set<string>();

  /** `typed` are the addresses of before. */
  constructor(plan: SessionNetworkPlan, typed: ReadonlySet<string>) {
    this.#typed = new Set(typed);
    this.#plan = plan;
  }

  /** Notes the addresses in what the person typed. */
  noteTyped(prompt: string): void {
    for (const address of typedAddresses(prompt)) this.#typed.add(address);
  }

  /** Gets a page, for the session or for its reader alone. */
  async page(permit: Permit, url: string, by: By, isForReader = false): Promise<Outcome> {
    const { signal } = by;
    this.#remember(permit, by);
    const { fetchPage } = await import("./page.ts");
    return fetchPage(permit, url, { net: await this.#open(), signal, isForReader, redact: this.#plan.redact });
  }

  /** Runs a command that may use the network; what it was refused stands below its output. */
  async run(permit: Permit, command: string, by: By): Promise<Outcome> {
    const { signal } = by;
    this.#remember(permit, by);
    const network = (await this.#open()).enter(permit.seq, command);
    const outcome = await this.#plan.box.perform(permit, { signal, network });
    const refusals = network.refusals.map((refusal) => visible(refusal));
    for (const refusal of refusals) this.#refusals.add(refusal);
    const refused = refusals.map((refusal) => `\n(no answer from the network: ${refusal})`).join("");
    return { ...outcome, text: `${outcome.text}${refused}${await this.#explainHidden(outcome.text)}` };
  }

  async #explainHidden(output: string): Promise<string> {
    if (!MAY_BE_HIDDEN.test(output)) return "";
    const { config, show } = this.#plan;
    this.#hidden ??= import("./hidden-services.ts").then(({ HiddenServices }) => new HiddenServices(config.services));
    const { model, person } = (await this.#hidden).explain(output);
    // Which ports of the machine are listened at is nothing for the model.
    for (const text of person) show({ type: "notice", text });
    return model.map((text) => `\n(${text})`).join("");
  }

  /** The ports of the box that the person looks at. */
  previews(): Promise<Previews> {
    const { box, gate, ledger, now } = this.#plan;
    this.#previews ??= import("./previews.ts").then(({ Previews }) => new Previews({ box, gate, ledger, now }));
    return this.#previews;
  }

  /** Says what commands were refused; null where it was nothing. */
  refused(): string | null {
    const [refusal] = this.#refusals;
    if (refusal === undefined) return null;
    const more = this.#refusals.size - 1;
    const all = more > 0 ? `, and ${counted(more, "other", "others")}: ringfence log show has all` : "";
    return `no answer from the network: ${refusal}${all}`;
  }

  /** Has what is on its way judged again, since the session's label rose. */
  judgeAgain(): void {
    this.#net?.then((net) => net.judgeAgain()).catch(() => {});
  }

  /** Ends every connection without waiting for what is being set up. */
  drop(): void {
    // What could not be opened is not open.
    this.close().catch(() => {});
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    (await this.#previews?.catch(() => null))?.closeAll();
    await (await this.#net?.catch(() => null))?.close();
  }

  #remember({ seq }: Permit, { call, agent }: By): void {
    if (this.#calls.size >= CALLS_MAX) this.#calls.clear();
    this.#calls.set(seq, { call, agent });
  }

  #denied({ command, ...denial }: Denial): void {
    const { call = null, agent = null } = (command === null ? undefined : this.#calls.get(command)) ?? {};
    this.#plan.show({ type: "denied", call, ...denial, ...(agent === null ? {} : { agent }) });
  }

  #open(): Promise<Net> {
    const denied = (denial: Denial) => this.#denied(denial);
    const plan = { ...this.#plan, typed: this.#typed, wrapped: null, isPersons: false, denied };
    this.#net ??= import("./net.ts").then(({ Net }) => Net.open(plan));
    return this.#net;
  }
}

import type { Box } from "../box/box.ts";
import { typedAddresses } from "../core/net-rules.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Permit } from "../core/permit.ts";
import { counted, visible } from "../core/text.ts";
import type { Net, NetPlan } from "./net.ts";
import type { Previews } from "./previews.ts";

/** What of a session's network is set when it begins. */
export type SessionNetworkPlan = Pick<NetPlan, "gate" | "ledger" | "config" | "place" | "vault" | "ask" | "now"> & {
  readonly box: Box;
};

/** The network of a session with a model: loaded when a command first may need it, since the first request must not wait for it. */
export class SessionNetwork {
  readonly #plan: SessionNetworkPlan;
  #net: Promise<Net> | null = null;
  #previews: Promise<Previews> | null = null;
  /** Addresses that the person typed in this session. */
  readonly #typed = new Set<string>();
  /** What commands were refused; the person is told at the end. */
  readonly #refusals = new Set<string>();

  constructor(plan: SessionNetworkPlan) {
    this.#plan = plan;
  }

  /** Notes the addresses in what the person typed. */
  noteTyped(prompt: string): void {
    for (const address of typedAddresses(prompt)) this.#typed.add(address);
  }

  /** Gets a page. */
  async page(permit: Permit, url: string, signal: AbortSignal): Promise<Outcome> {
    const { fetchPage } = await import("./page.ts");
    return fetchPage(permit, url, { net: await this.#open(), signal });
  }

  /** Runs a command that may use the network; what it was refused stands below its output. */
  async run(permit: Permit, command: string, signal: AbortSignal): Promise<Outcome> {
    const network = (await this.#open()).enter(permit.seq, command);
    const outcome = await this.#plan.box.perform(permit, { signal, network });
    const refusals = network.refusals.map((refusal) => visible(refusal));
    for (const refusal of refusals) this.#refusals.add(refusal);
    const refused = refusals.map((refusal) => `\n(no answer from the network: ${refusal})`).join("");
    return { ...outcome, text: `${outcome.text}${refused}` };
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

  /** Ends every connection. */
  async close(): Promise<void> {
    (await this.#previews?.catch(() => null))?.closeAll();
    await (await this.#net?.catch(() => null))?.close();
  }

  #open(): Promise<Net> {
    const plan = { ...this.#plan, typed: this.#typed, wrapped: null, isPersons: false };
    this.#net ??= import("./net.ts").then(({ Net }) => Net.open(plan));
    return this.#net;
  }
}

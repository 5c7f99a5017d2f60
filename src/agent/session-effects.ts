import { boundedBy, widestFor } from "../core/capability.ts";
import type { Effect } from "../core/effect.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Permit } from "../core/permit.ts";
import type { SessionState } from "../core/session-fold.ts";
import { explain } from "../core/session-label.ts";
import type { Asker, Children } from "./children.ts";
import type { PolicyInForce } from "./config-policy-tiers.ts";
import type { Gate, Gated } from "./gate.ts";
import { placed } from "./placed.ts";
import type { AskPerson } from "./questions.ts";
import type { Reader } from "./reader.ts";
import type { RunQuestions } from "./run-questions.ts";
import type { Session } from "./session.ts";
import type { By, SessionNetwork } from "./session-network.ts";
import type { GateOf } from "./session-open.ts";
import { RunProfiles } from "./shell.ts";
import type { TrustView } from "./trust-view.ts";

/** What of a session its effects need beside what it shows of itself. */
export interface EffectsPlan {
  readonly policy: PolicyInForce;
  readonly network: SessionNetwork;
  readonly view: TrustView | null;
  readonly gateOf: GateOf;
  readonly ask: AskPerson | null;
  readonly now: () => number;
  /** What a session that goes on was; null for a new one. */
  readonly before: SessionState | null;
}

/** Does the effects of a session's calls: bounded, decided, recorded, permitted, done. */
export class SessionEffects {
  readonly #session: Session;
  readonly #plan: EffectsPlan;
  readonly #profiles: RunProfiles;
  #reader: Promise<Reader> | null = null;
  #runQuestions: RunQuestions | null = null;
  #children: Promise<Children> | null = null;

  constructor(session: Session, plan: EffectsPlan) {
    this.#session = session;
    this.#plan = plan;
    this.#profiles = new RunProfiles(() => plan.policy.current.profiles);
  }

  /** Does an effect for the session's own model or a child agent: what the asker may not try does not reach the gate. */
  async performFor(asker: Asker, asked: Effect, by: By): Promise<Outcome> {
    const chosen = asked.kind === "run" ? await this.#profiles.choose(asked) : asked;
    const bounded = boundedBy(asker.capability, chosen);
    if (!bounded.ok) {
      asker.recordDenied(chosen, by.call, bounded.reason);
      return this.#refuse(asker, chosen, { ...bounded, verdict: "deny" }, by);
    }
    const { box, checkout } = this.#session;
    const where = { box, gate: asker.gate, checkout, policy: this.#plan.policy.current, signal: by.signal };
    const effect = await placed(bounded.effect, where);
    await this.#plan.view?.foresee(effect);
    const decided = asker.gate.pass(effect, by.call);
    const isAsked = decided.verdict === "ask" && effect.kind === "run" && this.#plan.ask !== null;
    const gated = isAsked ? await this.#askAboutRun(effect, decided, by, asker.gate) : decided;
    if (gated.verdict !== "allow") return this.#refuse(asker, effect, gated, by);
    if (effect.kind === "fetch") return this.#plan.network.page(gated.permit, effect.url, by);
    await this.#session.branchView?.keepRight();
    const outcome = await this.#act(asker, effect, gated.permit, by);
    if (this.#session.box.limitsPassed.has("disk")) this.#session.budget.addFullDisk();
    return outcome;
  }

  #refuse(
    asker: Asker,
    { kind: what }: Effect,
    {
      verdict,
      reason,
      nearest = null,
    }: Pick<Gated & { readonly verdict: "ask" | "deny" }, "verdict" | "reason"> & {
      readonly nearest?: string | null;
    },
    { call }: By,
  ): Outcome {
    asker.show({ type: "denied", call, what, verdict, reason, nearest });
    const instead = nearest === null ? "" : ` (${nearest})`;
    return { ok: false, code: verdict === "ask" ? "refused" : "denied", text: `refused: ${reason}${instead}` };
  }

  async #askAboutRun(
    effect: Effect & { readonly kind: "run" },
    asked: Gated & { readonly verdict: "ask" },
    by: By,
    gate: Gate,
  ): Promise<Gated> {
    const { ask, now } = this.#plan;
    if (ask === null) return asked;
    const { RunQuestions } = await import("./run-questions.ts");
    this.#runQuestions ??= new RunQuestions({
      ask,
      record: (event) => {
        this.#session.ledger.append({ ...event, at: now() });
        this.#session.ledger.seal();
      },
      origin: () => explain(this.#session.label.current),
    });
    return this.#runQuestions.pass(effect, asked, by, gate);
  }

  async #act(asker: Asker, effect: Effect, permit: Permit, by: By): Promise<Outcome> {
    const { signal } = by;
    if (effect.kind === "delegate") return (await this.#openChildren()).delegate(asker, effect, by);
    if (effect.kind === "ask") return (await this.#openReader()).ask(permit, effect, by);
    if (effect.kind !== "run") return this.#session.box.perform(permit, { signal });
    if (effect.profile === "net") return this.#plan.network.run(permit, effect.command, by);
    return this.#profiles.explain(
      effect,
      await this.#session.box.perform(permit, { signal }),
      widestFor(asker.capability),
    );
  }

  #openChildren(): Promise<Children> {
    const { now, gateOf, before } = this.#plan;
    const plan = { session: this.#session, gateOf, now, before: before?.spent.agents ?? 0 };
    this.#children ??= import("./children.ts").then(({ Children }) => new Children(plan));
    return this.#children;
  }

  #openReader(): Promise<Reader> {
    const { id: session, box, model, gate, ledger, budget, inspection } = this.#session;
    const { network, now, before } = this.#plan;
    const clean = (text: string) => inspection.clean(text);
    const own = { session, box, model, gate, ledger, budget, network, now, clean, bits: before?.readerBits ?? 0 };
    this.#reader ??= import("./reader.ts").then(({ Reader }) => new Reader(own));
    return this.#reader;
  }
}

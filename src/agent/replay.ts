import type { Effect } from "../core/effect.ts";
import { canonical, field, type Json, type JsonObject } from "../core/json.ts";
import { type Label, parseLabel } from "../core/label.ts";
import type { Decision } from "../core/policy.ts";
import { decideWithin } from "../core/policy-decide.ts";
import type { Policy } from "../core/policy-rules.ts";
import type { Verdict } from "../core/sinks.ts";
import { lossIn } from "../ledger/content-walk.ts";
import type { RecordedEvent } from "../ledger/verify.ts";
import { decisionEvent } from "./gate.ts";
import type { RecordedRules } from "./recorded-policy.ts";
import { RecordedAnswers } from "./replay-answers.ts";
import { RecordedCalls } from "./replay-calls.ts";
import { difference } from "./replay-difference.ts";
import { effectIn, type Found, lost, placedAs, redactedAs, relisted } from "./replay-effect.ts";
import { RecordedLabel } from "./replay-label.ts";
import { RulesInForce } from "./replay-rules.ts";
import { RecordedRuns } from "./replay-runs.ts";

/** Something in a record that does not come of what stands before it, or that the record cannot tell. */
export interface Note {
  readonly seq: number;
  readonly text: string;
}

/** What came of a replay. A decision that was recomputed is identical, or among the differences. */
export interface Replayed {
  readonly decisions: number;
  readonly identical: number;
  readonly differences: readonly Note[];
  readonly unreplayed: readonly Note[];
  /** Decisions whose label was taken from the record, since nothing else in it tells the label. */
  readonly givenLabels: number;
}

/** A decision as it was made again. */
export interface Redecided {
  readonly seq: number;
  readonly effect: Effect;
  readonly label: Label;
  readonly decision: Decision;
  /** By which it was decided. */
  readonly policy: Policy;
  /** What had raised the session's label, in words; "" where nothing had, or where the label is not the session's. */
  readonly origin: string;
}

/**
 * Makes every decision of a recorded session again, from what was recorded before it: calls are parsed and bounded anew,
 * the label is joined anew, and the gate's own functions decide. Nothing is done and no permit exists.
 */
export async function replayEvents(
  events: Iterable<RecordedEvent>,
  onDecision: (redecided: Redecided) => void = () => {},
): Promise<Replayed> {
  const replay = new Replay(onDecision);
  for (const { seq, event } of events) await replay.take(seq, event);
  return replay.result();
}

class Replay {
  readonly #onDecision: (redecided: Redecided) => void;
  readonly #rules = new RulesInForce();
  readonly #runs = new RecordedRuns(() => this.#rules.profiles);
  readonly #calls = new Map<string, RecordedCalls>();
  readonly #texts = new Map<string, Json>();
  /** The path of which the box was asked last where it leads, for each agent. */
  readonly #resolved = new Map<string, string>();
  readonly #differences: Note[] = [];
  readonly #unreplayed: Note[] = [];
  #answers = new RecordedAnswers();
  #label = new RecordedLabel(false);
  #isOld = false;
  #checkout = "";
  #decisions = 0;
  #identical = 0;

  constructor(onDecision: (redecided: Redecided) => void) {
    this.#onDecision = onDecision;
  }

  result(): Replayed {
    return {
      decisions: this.#decisions,
      identical: this.#identical,
      differences: this.#differences,
      unreplayed: this.#unreplayed,
      givenLabels: this.#label.given,
    };
  }

  async take(seq: number, event: JsonObject): Promise<void> {
    switch (field(event, "type")) {
      case "start":
        return this.#begin(event);
      case "resumed":
        return this.#leave();
      case "policy":
        // The checkout's own file was taken in.
        return this.#isOld ? this.#rules.begin(event) : undefined;
      case "policy-rules":
        return this.#differIf(seq, this.#rules.take(agentOf(event), event));
      case "text":
        return void this.#texts.set(String(event.sha256), event.text ?? null);
      case "source":
        return this.#label.enter(event);
      case "foreseen":
        return this.#label.foresee(event);
      case "agent-start":
        return this.#beginAgent(seq, event);
      case "agent-denied":
        return this.#differIf(seq, await this.#callsOf(event.agent).refused(event));
      case "reply":
        return this.#callsOf(event.agent).reply(event);
      case "answer":
        return this.#differIf(seq, this.#answers.answer(event));
      case "decision":
        return this.#decide(seq, event);
      case "outcome":
        // That of a command which the person typed is of no call.
        if (typeof event.call !== "string") return;
        return this.#differIf(seq, await this.#callsOf(event.agent).outcome(event));
    }
  }

  #begin(event: JsonObject): void {
    this.#isOld = event.schema === 0;
    this.#label = new RecordedLabel(this.#isOld);
    this.#checkout = String(event.checkout ?? "");
    this.#rules.begin(event);
  }

  #leave(): void {
    for (const calls of this.#calls.values()) calls.leave();
    this.#runs.leave();
    this.#answers = new RecordedAnswers();
    this.#resolved.clear();
  }

  async #decide(seq: number, event: JsonObject): Promise<void> {
    this.#decisions += 1;
    const found = await this.#find(event).catch(
      () => ({ ok: false, why: "its effect cannot be read", isLost: false }) as const,
    );
    const rules = this.#rules.of(agentOf(event));
    if (found.ok && rules !== null) this.#compare(seq, event, this.#remake(seq, event, found.effect, rules));
    else this.#passOver(seq, event, found);
    this.#label.forget();
  }

  #passOver(seq: number, event: JsonObject, found: Found): void {
    if (typeof event.call === "string")
      this.#callsOf(event.agent).decided(seq, event.verdict as Verdict, labelIn(event));
    if (found.ok) this.#lose(seq, this.#rules.missing);
    else if (found.isLost) this.#lose(seq, found.why);
    else this.#differIf(seq, found.why);
  }

  /** Decides it again, and writes the decision as the gate would. */
  #remake(seq: number, event: JsonObject, found: Effect, rules: RecordedRules): JsonObject {
    const { policy } = rules;
    const agent = agentOf(event);
    const asked = this.#resolved.get(agent) ?? null;
    const where = { policy, checkout: this.#checkout, asked };
    const effect = event.call === null ? relisted(found, policy) : placedAs(found, event.effect as JsonObject, where);
    const label = this.#label.at(effect, rules, labelIn(event));
    const decision = decideWithin(policy, effect, label);
    const written = decisionEvent(effect, decision, { at: Number(event.at), call: event.call as string | null, label });
    const made = {
      ...written,
      effect: redactedAs(written.effect as JsonObject, effect, event.effect as JsonObject),
      ...(event.agent === undefined ? {} : { agent }),
    };
    if (typeof event.call === "string") {
      this.#callsOf(event.agent).decided(seq, decision.verdict, labelIn(made));
      this.#resolved.delete(agent);
    }
    if (effect.kind === "resolve" && decision.verdict === "allow") this.#resolved.set(agent, effect.path);
    this.#onDecision({ seq, effect, label, decision, policy, origin: this.#label.origin(rules) });
    return made;
  }

  #compare(seq: number, event: JsonObject, made: JsonObject): void {
    const claim = this.#claim(seq, made);
    const wrong = canonical(made) === canonical(event) ? claim : difference(event, made);
    if (wrong === null) this.#identical += 1;
    this.#differIf(seq, wrong);
  }

  /** Says what is wrong with the yes that a request or push claims; null for nothing. */
  #claim(seq: number, { effect, verdict, label = null }: JsonObject): string | null {
    const claimed = effect as JsonObject;
    if (claimed.kind !== "request" && claimed.kind !== "push") return null;
    if (claimed.approvedBy === "person") return this.#answers.use(claimed);
    if (verdict === "ask") this.#answers.ask(seq, claimed, label);
    return null;
  }

  async #find(event: JsonObject): Promise<Found> {
    if (typeof event.call !== "string") return effectIn(event.effect as JsonObject, this.#texts);
    const found = await this.#callsOf(event.agent).effectOf(event.call, (seq) => this.#answers.isYes(seq));
    const loss = lossIn(event);
    return found.ok && loss !== null ? lost(loss) : found;
  }

  // What a child agent may comes of the call that started it, and of what its parent may.
  #beginAgent(seq: number, { agent, parent, call, may, folders }: JsonObject): void {
    const parents = this.#callsOf(parent);
    const calls = parents.startedBy(String(call));
    this.#calls.set(String(agent), calls ?? new RecordedCalls(this.#runs));
    if (calls === null) {
      this.#differIf(seq, parents.isLost ? null : "no call started that child agent");
      return;
    }
    const recorded = { may: may ?? null, folders: folders ?? null };
    if (canonical(calls.may) !== canonical(recorded)) this.#differIf(seq, difference(recorded, calls.may));
  }

  #callsOf(agent: Json | undefined): RecordedCalls {
    const name = typeof agent === "string" ? agent : "";
    const known = this.#calls.get(name) ?? new RecordedCalls(this.#runs);
    this.#calls.set(name, known);
    return known;
  }

  #differIf(seq: number, text: string | null): void {
    if (text !== null) this.#differences.push({ seq, text });
  }

  #lose(seq: number, text: string): void {
    this.#unreplayed.push({ seq, text });
  }
}

/** The child agent whose event it is; "" for the session's own. */
function agentOf({ agent }: JsonObject): string {
  return typeof agent === "string" ? agent : "";
}

function labelIn(event: JsonObject): Label {
  const { integrity, secrecy } = (event.label ?? {}) as JsonObject;
  return parseLabel(integrity, secrecy);
}

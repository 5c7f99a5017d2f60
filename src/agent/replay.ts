import type { Effect } from "../core/effect.ts";
import { canonical, field, type Json, type JsonObject } from "../core/json.ts";
import { type Label, parseLabel } from "../core/label.ts";
import type { Decision } from "../core/policy.ts";
import { decideWithin } from "../core/policy-decide.ts";
import { makePolicy, NO_CEILINGS, type Policy } from "../core/policy-rules.ts";
import { isRedacted } from "../core/redact.ts";
import { explain } from "../core/session-label.ts";
import type { Verdict } from "../core/sinks.ts";
import type { Source } from "../core/source.ts";
import { bound } from "../core/text.ts";
import { lossIn } from "../ledger/content-walk.ts";
import type { RecordedEvent } from "../ledger/verify.ts";
import { decisionEvent } from "./gate.ts";
import { parseRules, type RecordedRules } from "./recorded-policy.ts";
import { RecordedAnswers } from "./replay-answers.ts";
import { RecordedCalls } from "./replay-calls.ts";
import { effectIn, type Found, lost, placedAs, redactedAs, relisted } from "./replay-effect.ts";
import { SessionLabel } from "./session-label.ts";

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
  readonly #label = new SessionLabel(() => {});
  readonly #calls = new Map<string, RecordedCalls>();
  #answers = new RecordedAnswers();
  readonly #texts = new Map<string, Json>();
  readonly #differences: Note[] = [];
  readonly #unreplayed: Note[] = [];
  /** Null until the record names any; `#unruled` says why there are none. */
  #rules: RecordedRules | null = null;
  #unruled = "the record has only the digest of its policy";
  #checkout = "";
  /** The path of which the box was asked last where it leads, for each agent. */
  readonly #resolved = new Map<string, string>();
  /** Whether the record is of a program that wrote no rules into it. */
  #isOld = false;
  /** What the host found out that the next decision's effect brings. */
  #foreseen: JsonObject | null = null;
  #decisions = 0;
  #identical = 0;
  #givenLabels = 0;

  constructor(onDecision: (redecided: Redecided) => void) {
    this.#onDecision = onDecision;
  }

  result(): Replayed {
    return {
      decisions: this.#decisions,
      identical: this.#identical,
      differences: this.#differences,
      unreplayed: this.#unreplayed,
      givenLabels: this.#givenLabels,
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
        if (this.#isOld && event.rules === undefined) this.#rules = null;
        return;
      case "policy-rules":
        return this.#takeRules(seq, event);
      case "text":
        return void this.#texts.set(String(event.sha256), event.text ?? null);
      case "source":
        return this.#enter(event);
      case "foreseen":
        this.#foreseen = event;
        return;
      case "reply":
        return this.#callsOf(event).reply(event);
      case "answer":
        return this.#takeAnswer(seq, event);
      case "decision":
        return this.#decide(seq, event);
      case "outcome":
        return this.#conclude(seq, event);
    }
  }

  #begin(event: JsonObject): void {
    this.#isOld = event.schema === 0;
    this.#checkout = String(event.checkout ?? "");
    if (Array.isArray(event.rules) && event.rules.length === 0)
      this.#rules = { policy: makePolicy([], NO_CEILINGS), label: null };
  }

  #leave(): void {
    for (const calls of this.#calls.values()) calls.leave();
    this.#answers = new RecordedAnswers();
    this.#resolved.clear();
  }

  #takeAnswer(seq: number, event: JsonObject): void {
    const wrong = this.#answers.answer(event);
    if (wrong !== null) this.#differ(seq, wrong);
  }

  #takeRules(seq: number, event: JsonObject): void {
    this.#rules = null;
    const loss = lossIn(event);
    if (loss !== null || isRedacted(canonical(event))) {
      const why = loss === null ? "a secret was taken out of them" : lost(loss).why;
      this.#unruled = `of the rules that it was decided by: ${why}`;
      return;
    }
    try {
      this.#rules = parseRules(event);
    } catch (error) {
      this.#differ(
        seq,
        `the policy cannot be taken from the record: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  #enter(event: JsonObject): void {
    this.#label.enter(carried(event));
  }

  async #decide(seq: number, event: JsonObject): Promise<void> {
    this.#decisions += 1;
    const found = await this.#find(event).catch(
      () => ({ ok: false, why: "its effect cannot be read", isLost: false }) as const,
    );
    const [rules, foreseen] = [this.#rules, this.#foreseen];
    this.#foreseen = null;
    if (found.ok && rules !== null)
      return this.#compare(seq, event, this.#remake(seq, event, found.effect, { rules, foreseen }));
    if (typeof event.call === "string") this.#callsOf(event).decided(seq, event.verdict as Verdict, labelIn(event));
    if (found.ok) this.#lose(seq, this.#unruled);
    else if (found.isLost) this.#lose(seq, found.why);
    else this.#differ(seq, found.why);
  }

  /** Decides it again, and writes the decision as the gate would. */
  #remake(
    seq: number,
    event: JsonObject,
    found: Effect,
    { rules, foreseen }: { readonly rules: RecordedRules; readonly foreseen: JsonObject | null },
  ): JsonObject {
    const { policy } = rules;
    const agent = String(event.agent ?? "");
    const asked = this.#resolved.get(agent) ?? null;
    const where = { policy, checkout: this.#checkout, asked };
    const effect = event.call === null ? relisted(found, policy) : placedAs(found, event.effect as JsonObject, where);
    const label = this.#labelAt(effect, rules, foreseen, event);
    const decision = decideWithin(policy, effect, label);
    const written = decisionEvent(effect, decision, { at: Number(event.at), call: event.call as string | null, label });
    const made = {
      ...written,
      effect: redactedAs(written.effect as JsonObject, effect, event.effect as JsonObject),
      ...(event.agent === undefined ? {} : { agent }),
    };
    if (typeof event.call === "string") {
      this.#callsOf(event).decided(seq, decision.verdict, labelIn(made));
      this.#resolved.delete(agent);
    }
    if (effect.kind === "resolve" && decision.verdict === "allow") this.#resolved.set(agent, effect.path);
    const origin = rules.label === null && !this.#isOld ? explain(this.#label.current) : "";
    this.#onDecision({ seq, effect, label, decision, policy, origin });
    return made;
  }

  #compare(seq: number, event: JsonObject, made: JsonObject): void {
    const claim = this.#claim(seq, made);
    if (canonical(made) !== canonical(event)) this.#differ(seq, difference(event, made));
    else if (claim !== null) this.#differ(seq, claim);
    else this.#identical += 1;
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
    const found = await this.#callsOf(event).effectOf(event.call, (seq) => this.#answers.isYes(seq));
    const loss = lossIn(event);
    return found.ok && loss !== null ? lost(loss) : found;
  }

  #labelAt(effect: Effect, rules: RecordedRules, foreseen: JsonObject | null, event: JsonObject): Label {
    if (this.#isOld) {
      this.#givenLabels += 1;
      return labelIn(event);
    }
    if (rules.label !== null) return rules.label;
    if (foreseen !== null) {
      const brings = foreseen.brings as JsonObject | null;
      this.#label.foresee(effect, brings && carried(brings));
    }
    return this.#label.at(effect);
  }

  async #conclude(seq: number, event: JsonObject): Promise<void> {
    // That of a command which the person typed is of no call.
    if (typeof event.call !== "string") return;
    const wrong = await this.#callsOf(event).outcome(event);
    if (wrong !== null) this.#differ(seq, wrong);
  }

  #callsOf(event: JsonObject): RecordedCalls {
    const agent = String(event.agent ?? "");
    const known = this.#calls.get(agent) ?? new RecordedCalls(() => this.#rules?.policy.profiles ?? []);
    this.#calls.set(agent, known);
    return known;
  }

  #differ(seq: number, text: string): void {
    this.#differences.push({ seq, text });
  }

  #lose(seq: number, text: string): void {
    this.#unreplayed.push({ seq, text });
  }
}

const SHOWN_CHARS_MAX = 300;

function carried({ what, integrity, secrecy }: JsonObject): Source {
  const named = typeof what === "string" ? what : "something that the record does not name";
  return { kind: "carried", what: named, label: parseLabel(integrity, secrecy) };
}

function labelIn(event: JsonObject): Label {
  const { integrity, secrecy } = (event.label ?? {}) as JsonObject;
  return parseLabel(integrity, secrecy);
}

function difference(recorded: JsonObject, made: JsonObject): string {
  const names = [...new Set([...Object.keys(recorded), ...Object.keys(made)])];
  const show = (value: Json | undefined) =>
    value === undefined ? "nothing" : bound(canonical(value), SHOWN_CHARS_MAX).text;
  return names
    .filter((name) => canonical(recorded[name] ?? null) !== canonical(made[name] ?? null))
    .map((name) => `${name} is recorded as ${show(recorded[name])} and comes out as ${show(made[name])}`)
    .join("; ");
}

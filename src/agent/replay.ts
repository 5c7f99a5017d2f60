import type { Effect } from "../core/effect.ts";
import { canonical, field, type Json, type JsonObject } from "../core/json.ts";
import { type Label, parseLabel } from "../core/label.ts";
import type { Decision } from "../core/policy.ts";
import { decideWithin } from "../core/policy-decide.ts";
import { makePolicy, NO_CEILINGS, type Policy } from "../core/policy-rules.ts";
import { explain } from "../core/session-label.ts";
import type { Verdict } from "../core/sinks.ts";
import { bound } from "../core/text.ts";
import type { RecordedEvent } from "../ledger/verify.ts";
import { decisionEvent } from "./gate.ts";
import { parseRules, type RecordedRules } from "./recorded-policy.ts";
import { RecordedCalls } from "./replay-calls.ts";
import { effectIn, relisted } from "./replay-effect.ts";
import { asRecorded } from "./replay-secrets.ts";
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
  readonly #answers = new Map<number, string>();
  readonly #texts = new Map<string, string>();
  readonly #differences: Note[] = [];
  readonly #unreplayed: Note[] = [];
  /** Null until the record names any. */
  #rules: RecordedRules | null = null;
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
        return this.#calls.clear();
      case "policy":
        // The checkout's own file was taken in.
        if (this.#isOld && event.rules === undefined) this.#rules = null;
        return;
      case "policy-rules":
        return this.#takeRules(seq, event);
      case "text":
        return void this.#texts.set(String(event.sha256), String(event.text));
      case "source":
        return this.#enter(event);
      case "foreseen":
        this.#foreseen = event;
        return;
      case "reply":
        return this.#callsOf(event).reply(event);
      case "answer":
        return void this.#answers.set(Number(event.decision), String(event.answer));
      case "decision":
        return this.#decide(seq, event);
      case "outcome":
        return this.#conclude(seq, event);
    }
  }

  #begin(event: JsonObject): void {
    this.#isOld = event.schema === 0;
    if (Array.isArray(event.rules) && event.rules.length === 0)
      this.#rules = { policy: makePolicy([], NO_CEILINGS), label: null };
  }

  #takeRules(seq: number, event: JsonObject): void {
    try {
      this.#rules = parseRules(event);
    } catch (error) {
      this.#rules = null;
      this.#differ(
        seq,
        `the policy cannot be taken from the record: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  #enter(event: JsonObject): void {
    const label = parseLabel(event.integrity, event.secrecy);
    this.#label.enter({
      kind: "carried",
      what: String(event.what ?? "something that the record does not name"),
      label,
    });
  }

  async #decide(seq: number, event: JsonObject): Promise<void> {
    this.#decisions += 1;
    const found = await this.#effectOf(event).catch(
      () => ({ ok: false, why: "its effect cannot be read", isLost: false }) as const,
    );
    const rules = this.#rules;
    const foreseen = this.#foreseen;
    this.#foreseen = null;
    if (!found.ok) return found.isLost ? this.#lose(seq, found.why) : this.#differ(seq, found.why);
    if (rules === null) {
      const verdict = event.verdict as Verdict;
      if (typeof event.call === "string") this.#callsOf(event).decided(seq, verdict, labelIn(event));
      return this.#lose(seq, "the record has only the digest of its policy");
    }
    const effect =
      event.call === null ? relisted(found.effect, rules.policy) : placedAs(found.effect, event, rules.policy);
    const label = this.#labelAt(effect, rules, foreseen, event);
    const decision = decideWithin(rules.policy, effect, label);
    const { agent } = event;
    const again = decisionEvent(effect, decision, { at: Number(event.at), call: event.call as string | null, label });
    const made = {
      ...again,
      effect: asRecorded(again.effect as JsonObject, effect, event.effect),
      ...(agent === undefined ? {} : { agent }),
    };
    if (typeof event.call === "string") this.#callsOf(event).decided(seq, decision.verdict, labelIn(made));
    if (canonical(made) === canonical(event)) this.#identical += 1;
    else this.#differ(seq, difference(event, made));
    const origin = rules.label === null && !this.#isOld ? explain(this.#label.current) : "";
    this.#onDecision({ seq, effect, label, decision, policy: rules.policy, origin });
  }

  async #effectOf(event: JsonObject): Promise<Awaited<ReturnType<RecordedCalls["effectOf"]>>> {
    if (typeof event.call === "string")
      return this.#callsOf(event).effectOf(event.call, (seq) => this.#answers.get(seq) ?? null);
    const effect = effectIn(event.effect as JsonObject, this.#texts);
    return effect === null
      ? { ok: false, why: "a text of its effect is in the record by digest alone", isLost: true }
      : { ok: true, effect };
  }

  #labelAt(effect: Effect, rules: RecordedRules, foreseen: JsonObject | null, event: JsonObject): Label {
    if (this.#isOld) {
      this.#givenLabels += 1;
      return labelIn(event);
    }
    if (rules.label !== null) return rules.label;
    if (foreseen !== null) {
      const brings = foreseen.brings as JsonObject | null;
      const source = brings && {
        kind: "carried" as const,
        what: String(brings.what),
        label: parseLabel(brings.integrity, brings.secrecy),
      };
      this.#label.foresee(effect, source);
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

// What a name led to was found out in the box, where rules speak of places.
function placedAs(effect: Effect, event: JsonObject, { restricting }: Policy): Effect {
  const places = (event.effect as JsonObject).places;
  if ((effect.kind !== "write" && effect.kind !== "edit") || !Array.isArray(places)) return effect;
  return restricting.has("write") || restricting.has("read") ? { ...effect, places: places.map(String) } : effect;
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

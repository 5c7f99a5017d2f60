import type { JsonObject } from "./json.ts";
import { recordOf } from "./json.ts";
import type { Label } from "./label.ts";
import { SpentFold } from "./session-fold-spent.ts";
import { rebuiltFrom, type TracedLabel, UNTOUCHED } from "./session-label.ts";

/** What there is to see at a glance of a session that runs. */
export interface Glance {
  readonly startedAt: number | null;
  readonly model: string | null;
  /** Null where a price is not known. */
  readonly usd: number | null;
  readonly label: Label;
  /** What was decided last, in words that hold a stranger's text, how, and when; null before the first. */
  readonly last: { readonly what: string; readonly verdict: string; readonly at: number | null } | null;
  /** Decisions about which the person is being asked. */
  readonly waiting: number;
  readonly alarms: number;
  /** The kind of the newest. */
  readonly alarm: string | null;
  readonly isKilled: boolean;
}

const WAITING_MAX = 64;

/** Makes a glance of the events of a session, one at a time, as they are recorded. What a log has by reference is left out. */
export class GlanceFold {
  readonly #spent = new SpentFold();
  readonly #waiting = new Set<unknown>();
  #wrapped: number | null = 0;
  #label: TracedLabel = UNTOUCHED;
  #startedAt: number | null = null;
  #model: string | null = null;
  #last: Glance["last"] = null;
  #alarms = 0;
  #alarm: string | null = null;
  #isKilled = false;

  add(event: JsonObject): void {
    this.#spent.add(event);
    switch (event.type) {
      case "start":
        this.#startedAt = numberOf(event.at);
        return;
      case "resumed":
        this.#waiting.clear();
        this.#isKilled = false;
        return;
      case "request":
        this.#model = textOf(event.model);
        return;
      case "model-reply":
        this.#wrapped = this.#wrapped === null || typeof event.usd !== "number" ? null : this.#wrapped + event.usd;
        return;
      case "source":
        this.#label = rebuiltFrom([event], this.#label);
        return;
      case "decision":
        this.#last = {
          what: wordsOf(recordOf(event.effect)),
          verdict: textOf(event.verdict) ?? "",
          at: numberOf(event.at),
        };
        return;
      case "waiting":
        if (this.#waiting.size < WAITING_MAX) this.#waiting.add(event.decision);
        return;
      case "answer":
        this.#waiting.delete(event.decision);
        return;
      case "alarm":
        this.#alarms += 1;
        this.#alarm = textOf(event.kind);
        return;
      case "killed":
        this.#isKilled = true;
    }
  }

  glance(): Glance {
    const { usd } = this.#spent.spent().totals;
    return {
      startedAt: this.#startedAt,
      model: this.#model,
      usd: usd === null || this.#wrapped === null ? null : usd + this.#wrapped,
      label: { integrity: this.#label.integrity, secrecy: this.#label.secrecy },
      last: this.#last,
      waiting: this.#waiting.size,
      alarms: this.#alarms,
      alarm: this.#alarm,
      isKilled: this.#isKilled,
    };
  }
}

function wordsOf(effect: Readonly<Record<string, unknown>>): string {
  const { kind, command, path, url, host, pattern } = effect;
  const place = kind === "request" || kind === "push" ? host : (command ?? path ?? url ?? pattern);
  return [kind, place].filter((word) => typeof word === "string" && word !== "").join(" ");
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

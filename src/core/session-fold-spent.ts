import type { Totals } from "./event.ts";
import { field, type JsonObject, recordOf } from "./json.ts";

/** What a session has used up, of every quantity that its record tells. */
export interface Spent {
  readonly totals: Totals;
  /** Milliseconds that the program worked on it, in all its lives. */
  readonly wallMs: number;
  readonly calls: number;
  readonly sentBytes: number;
  /** Child agents that were started. */
  readonly agents: number;
}

/** Events that are written while the program works on a session, and not by a command about one that is over. */
const WORK: ReadonlySet<unknown> = new Set([
  "request",
  "reply",
  "outcome",
  "prompt",
  "checkpoint",
  "asked",
  "answered",
  "end",
]);

/** Counts what a session used up; other agents' share in it as well. */
export class SpentFold {
  #totals: Totals = { input: 0, cachedInput: 0, output: 0, replies: 0, usd: 0 };
  #calls = 0;
  #sentBytes = 0;
  #agents = 0;
  #wallMs = 0;
  /** When the program's present life began, and its newest event. */
  #begunAt: number | null = null;
  #newestAt: number | null = null;

  add(event: JsonObject): void {
    const { type, at } = event;
    if (typeof at === "number") this.#addTime(type, at);
    if (type === "reply" || type === "answered") this.#addUsage(recordOf(event.usage), event.usage !== null);
    if (type === "reply" && Array.isArray(event.parts))
      this.#calls += event.parts.filter((part) => field(recordOf(part), "kind") === "call").length;
    if (type === "agent-start") this.#agents += 1;
    if (type === "sent") this.#sentBytes += amountOf(event.sentBytes);
    if (type === "forked") this.#begin(recordOf(event.spent));
  }

  spent(): Spent {
    const [calls, sentBytes, agents] = [this.#calls, this.#sentBytes, this.#agents];
    return { totals: this.#totals, wallMs: this.#wallMs + this.#life, calls, sentBytes, agents };
  }

  #begin(spent: Readonly<Record<string, unknown>>): void {
    const { input, cachedInput, output, replies, usd } = recordOf(spent.totals);
    this.#totals = {
      input: amountOf(input),
      cachedInput: amountOf(cachedInput),
      output: amountOf(output),
      replies: amountOf(replies),
      usd: typeof usd === "number" ? usd : null,
    };
    this.#wallMs = amountOf(spent.wallMs);
    this.#calls = amountOf(spent.calls);
    this.#sentBytes = amountOf(spent.sentBytes);
    this.#agents = amountOf(spent.agents);
  }

  #addTime(type: unknown, at: number): void {
    if (type === "start" || type === "resumed") {
      this.#wallMs += this.#life;
      this.#begunAt = at;
      this.#newestAt = at;
    } else if (WORK.has(type)) this.#newestAt = at;
  }

  get #life(): number {
    // A clock that goes back gives no time back.
    return Math.max(0, (this.#newestAt ?? 0) - (this.#begunAt ?? 0));
  }

  #addUsage(usage: Readonly<Record<string, unknown>>, isKnown: boolean): void {
    if (!isKnown) return;
    const { input, cachedInput, output, replies, usd } = this.#totals;
    this.#totals = {
      input: input + amountOf(usage.input),
      cachedInput: cachedInput + amountOf(usage.cachedInput),
      output: output + amountOf(usage.output),
      replies: replies + 1,
      usd: usd === null || typeof usage.usd !== "number" ? null : usd + usage.usd,
    };
  }
}

function amountOf(value: unknown): number {
  return typeof value === "number" && value >= 0 ? value : 0;
}

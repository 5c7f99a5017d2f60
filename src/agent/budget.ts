import type { Totals } from "../core/event.ts";
import { counted } from "../core/text.ts";
import type { Usage } from "../model/port.ts";
import type { TurnEnd } from "./turn.ts";

/** Ceilings of a run; null is none. */
export interface RunLimits {
  readonly turnsMax: number | null;
  readonly minutesMax: number | null;
  readonly usdMax: number | null;
}

export interface BudgetPlan {
  readonly limits: RunLimits;
  /** The model's, as the person typed it. */
  readonly modelName: string;
  readonly now: () => number;
}

/** What a session has used up, and when it must stop. */
export class Budget {
  readonly startedAt: number;
  /** Aborts when the run's minutes are over, in the middle of whatever runs then. */
  readonly deadline: AbortSignal;
  readonly #plan: BudgetPlan;
  #totals: Totals = { input: 0, cachedInput: 0, output: 0, replies: 0, usd: 0 };

  constructor(plan: BudgetPlan) {
    this.#plan = plan;
    this.startedAt = plan.now();
    this.deadline = deadlineIn(plan.limits.minutesMax);
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** Counts a reply of the model. */
  addReply(usage: Usage): void {
    const { input, cachedInput, output, replies, usd } = this.#totals;
    this.#totals = {
      input: input + usage.input,
      cachedInput: cachedInput + usage.cachedInput,
      output: output + usage.output,
      replies: replies + 1,
      usd: usd === null || usage.usd === null ? null : usd + usage.usd,
    };
  }

  /** Tells which limit of the run is reached; null while none is. */
  limitReached(): TurnEnd | null {
    const { turnsMax, minutesMax, usdMax } = this.#plan.limits;
    if (turnsMax !== null && this.#totals.replies >= turnsMax)
      return { reason: "turns", message: `stopped after ${counted(turnsMax, "reply", "replies")}` };
    if (minutesMax !== null && this.#plan.now() - this.startedAt >= minutesMax * 60_000) {
      return { reason: "time", message: `stopped after ${counted(minutesMax, "minute")}` };
    }
    if (usdMax === null) return null;
    if (this.#totals.usd === null)
      return { reason: "budget", message: `${this.#plan.modelName} has no known price, so --max-usd cannot be kept` };
    return this.#totals.usd >= usdMax
      ? { reason: "budget", message: `stopped at $${this.#totals.usd.toFixed(4)} of $${usdMax}` }
      : null;
  }
}

// Aborts with a TimeoutError, by which the box tells the end of a run from the person's hand.
function deadlineIn(minutes: number | null): AbortSignal {
  // A timer of more than 2^31 - 1 ms would fire at once; nobody waits 24 days for the rest.
  return minutes === null ? new AbortController().signal : AbortSignal.timeout(Math.min(minutes * 60_000, 2 ** 31 - 1));
}

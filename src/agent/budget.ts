import {
  type Account,
  type Amounts,
  charge,
  lacks,
  leftOf,
  lend,
  openAccount,
  type Quantity,
  scarceSince,
  takeBack,
  tightest,
} from "../core/budget.ts";
import type { Totals } from "../core/event.ts";
import type { Spent } from "../core/session-fold-spent.ts";
import { counted } from "../core/text.ts";
import type { Usage } from "../model/port.ts";
import { Costs } from "./costs.ts";
import type { TurnEnd } from "./turn.ts";

/** Ceilings of a run. */
export interface RunLimits {
  /** Replies of the model; null is none. */
  readonly turnsMax: number | null;
  /** What the session may use up; what is not named has no ceiling. */
  readonly ceilings: Partial<Amounts>;
}

/** From this part of a ceiling on the model and the person are warned. */
const WARNED_AT = 0.8;
/** What is looked at before each call. */
const NEEDED: readonly Quantity[] = ["usd", "tokens", "wallMs", "calls", "egressBytes", "diskBytes"];

/**
 * What a session uses up, and when it must stop. One each, whoever acts in it: a model, a wrapped agent, a command.
 *
 * A child agent has one of its own, lent from its parent's. While it runs, what the box as a whole uses up is charged to it.
 */
export class Budget {
  readonly startedAt: number;
  readonly costs: Costs;
  readonly #limits: RunLimits;
  readonly #now: () => number;
  /** Is told once what is nearly used up, for the person. */
  readonly #warn: (text: string) => void;
  readonly #stop = new AbortController();
  #account: Account;
  #totals: Totals = { input: 0, cachedInput: 0, output: 0, replies: 0, usd: 0 };
  #unpriced: string | null = null;
  #wallMsBefore = 0;
  readonly #warnings: string[] = [];
  readonly #parent: Budget | null;
  /** Of the child agent that runs now, and by what name it was lent to. */
  #child: { readonly id: string; readonly budget: Budget } | null = null;

  /** `spent` is what the session has used up before; `parent` the budget that a child agent's is lent from. */
  constructor(
    limits: RunLimits,
    now: () => number,
    warn: (text: string) => void,
    spent: Spent | null = null,
    parent: Budget | null = null,
  ) {
    this.#parent = parent;
    this.costs = new Costs(parent?.costs ?? null);
    this.#limits = limits;
    this.#now = now;
    this.#warn = warn;
    this.#account = openAccount(tightest(limits.ceilings));
    this.startedAt = now();
    if (spent !== null) this.#goOn(spent);
    const deadline = deadlineIn(this.#account.ceiling.wallMs - this.#wallMsBefore);
    // A signal that somebody listens to is kept until it fires; one that is only a part of another may be collected.
    deadline.addEventListener("abort", () => this.#stop.abort(deadline.reason), { once: true });
  }

  /** Aborts when a ceiling is reached, in the middle of whatever runs then. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Most bytes that may leave the box. */
  get sentBytesMax(): number {
    return this.#account.ceiling.egressBytes;
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** What can still be used up or lent. */
  get left(): Amounts {
    this.#tick();
    return leftOf(this.#account);
  }

  /** Replies that may still be asked for. */
  get repliesLeft(): number {
    const { turnsMax } = this.#limits;
    return turnsMax === null ? Infinity : Math.max(0, turnsMax - this.#totals.replies);
  }

  /** Of whoever runs now: the child agent of the child agent, where there is one. */
  get active(): Budget {
    return this.#child?.budget.active ?? this;
  }

  /** Lends part of what is left to a child agent, which runs from now on; null where none may be had. One runs at a time. */
  lend(id: string, { ceilings, turnsMax }: { readonly ceilings: Amounts; readonly turnsMax: number }): Budget | null {
    if (this.#child !== null) throw new Error("bug: a second child agent at a time");
    const lent = lend(this.#account, id, ceilings);
    if (lent === null) return null;
    this.#become(lent.parent);
    // What is nearly used up of a share is told to the child alone.
    const budget = new Budget({ turnsMax, ceilings: lent.child.ceiling }, this.#now, () => {}, null, this);
    this.#child = { id, budget };
    return budget;
  }

  /** Ends the child agent that runs: what it spent is spent, and the rest is free again. */
  takeBack(): void {
    const ended = this.#child;
    if (ended === null) throw new Error("bug: no child agent to end");
    this.#child = null;
    ended.budget.#tick();
    this.#become(takeBack(this.#account, ended.id, ended.budget.#account));
    // What nobody knows may be more than its share was.
    if (ended.budget.#totals.usd === null) this.#charge({ usd: Number.NaN });
  }

  /** Refuses a model of which nobody knows the price where there is a ceiling of money: it could not be kept. */
  refuseUnpriced(model: string, hasPrice: boolean): string | null {
    if (hasPrice || this.#account.ceiling.usd === Infinity) return null;
    this.#unpriced ??= `the price of ${model} is not known, so --max-usd cannot be kept; --max-tokens can`;
    return this.#unpriced;
  }

  /** Counts a reply of a model. */
  addReply(usage: Usage): void {
    for (let one: Budget | null = this; one !== null; one = one.#parent) one.#totals = withReply(one.#totals, usage);
    this.#charge({ usd: usage.usd ?? Number.NaN, tokens: usage.input + usage.output });
  }

  /** Counts bytes that are about to leave the box. The proxy lets none go past the ceiling. */
  addSent(bytes: number): void {
    const { active } = this;
    active.#charge({ egressBytes: bytes });
    if (lacks(active.#account, ["egressBytes"]).length > 0) active.#stopNow();
  }

  /** Notes that the layer holds all that it may. */
  addFullDisk(): void {
    const { active } = this;
    if (active.#account.ceiling.diskBytes !== Infinity) active.#charge({ diskBytes: Number.NaN });
  }

  /** Counts a call that is about to begin; the end of the run where it may not. */
  beginCall(): TurnEnd | null {
    const end = this.exhausted();
    if (end === null) this.#charge({ calls: 1 });
    return end;
  }

  /** Takes what the model has not been told yet of what is nearly used up; "" for nothing. */
  takeWarnings(): string {
    return this.#warnings
      .splice(0)
      .map((text) => `\n(${text})`)
      .join("");
  }

  /** Tells why no further reply may be asked for; null while one may. */
  limitReached(): TurnEnd | null {
    const { turnsMax } = this.#limits;
    if (turnsMax !== null && this.repliesLeft === 0)
      return { reason: "turns", message: `stopped after ${counted(turnsMax, "reply", "replies")}` };
    return this.exhausted();
  }

  /** Tells which ceiling is reached, and ends what runs then; null while none is. */
  exhausted(): TurnEnd | null {
    this.#tick();
    const [first] = lacks(this.#account, NEEDED);
    if (first === undefined && this.#unpriced === null) return null;
    this.#stopNow();
    if (first === "wallMs") {
      const minutes = counted(this.#account.ceiling.wallMs / 60_000, "minute");
      return { reason: "time", message: `stopped after ${minutes}` };
    }
    const message = first === undefined ? this.#unpriced : null;
    return { reason: "budget", message: message ?? this.#reached(first ?? "usd") };
  }

  #goOn({ totals, wallMs, calls, sentBytes, agents }: Spent): void {
    this.#wallMsBefore = wallMs;
    this.#totals = totals;
    const tokens = totals.input + totals.output;
    this.#charge({ usd: totals.usd ?? Number.NaN, tokens, wallMs, calls, egressBytes: sentBytes, children: agents });
  }

  #reached(name: Quantity): string {
    if (name === "usd" && this.#totals.usd === null)
      return "stopped: a reply came without its cost, so --max-usd cannot be kept";
    return `stopped at ${amountOf(this.#account, name)}`;
  }

  // A clock that goes back gives no time back, and the time of a child agent is charged when it ends.
  #tick(): void {
    if (this.#child !== null) return;
    const wallMs = this.#wallMsBefore + this.#now() - this.startedAt;
    this.#charge({ wallMs: Math.max(0, wallMs - this.#account.spent.wallMs) });
  }

  #charge(cost: Partial<Amounts>): void {
    this.#become(charge(this.#account, cost));
  }

  #become(account: Account): void {
    const before = this.#account;
    this.#account = account;
    for (const name of scarceSince(before, this.#account, WARNED_AT)) {
      if (lacks(this.#account, [name]).length > 0) continue;
      const text = `the budget is nearly used up: ${amountOf(this.#account, name)}; finish what matters most`;
      this.#warnings.push(text);
      this.#warn(text);
    }
  }

  #stopNow(): void {
    if (!this.#stop.signal.aborted) this.#stop.abort(new DOMException("a budget is used up", "QuotaExceededError"));
  }
}

function withReply({ input, cachedInput, output, replies, usd }: Totals, usage: Usage): Totals {
  return {
    input: input + usage.input,
    cachedInput: cachedInput + usage.cachedInput,
    output: output + usage.output,
    replies: replies + 1,
    usd: usd === null || usage.usd === null ? null : usd + usage.usd,
  };
}

function amountOf({ ceiling, spent }: Account, name: Quantity): string {
  const [most, so] = [ceiling[name], spent[name]];
  switch (name) {
    case "usd":
      return `$${so.toFixed(4)} of $${most}`;
    case "wallMs":
      return `${(so / 60_000).toFixed(1)} of ${counted(most / 60_000, "minute")}`;
    case "egressBytes":
      // What would go past it was counted, and was not sent.
      return `${mebibytes(Math.min(so, most))} of ${mebibytes(most)} MB sent`;
    case "diskBytes":
      return `${mebibytes(most)} MB in the layer, which is all that it may hold`;
    case "tokens":
    case "calls":
    case "processes":
      return `${so} of ${most} ${name}`;
    case "children":
      return `${so} of ${counted(most, "child agent")}`;
  }
}

function mebibytes(bytes: number): string {
  return String(Number((bytes / 2 ** 20).toPrecision(3)));
}

// Aborts with a TimeoutError, by which the box tells the end of a run from the person's hand.
function deadlineIn(ms: number): AbortSignal {
  // A timer of more than 2^31 - 1 ms would fire at once; nobody waits 24 days for the rest.
  return ms === Infinity ? new AbortController().signal : AbortSignal.timeout(Math.min(Math.max(0, ms), 2 ** 31 - 1));
}

import { withOwnWorkingDirectory } from "../box/working-directory.ts";
import type { Amounts } from "../core/budget.ts";
import { attenuated, type Capability, capabilityFor } from "../core/capability.ts";
import type { Effect } from "../core/effect.ts";
import { type Forecast, forecast, forecastText } from "../core/forecast.ts";
import type { Message } from "../core/message.ts";
import type { Outcome } from "../core/outcome.ts";
import { bound, counted } from "../core/text.ts";
import type { Ledger } from "../ledger/append.ts";
import { ChildAgent, type ChildPlan, childPrompt } from "./child.ts";
import type { Gate } from "./gate.ts";
import type { Session } from "./session.ts";
import type { By } from "./session-network.ts";
import { parseCall } from "./tools.ts";
import { type Agent, converse, OUTPUT_TOKENS_MAX, type TurnEnd } from "./turn.ts";

/** Who has effects done, and child agents started: the session's own model, or a child agent. */
export interface Asker extends Pick<Agent, "budget" | "messages" | "show"> {
  /** Null for the session's own model. */
  readonly agent: string | null;
  /** How many child agents stand between it and the session's own model, itself counted. */
  readonly depth: number;
  readonly capability: Capability;
  readonly gate: Gate;
  /** Notes an effect that its capability refused. */
  recordDenied(effect: Effect, call: string, reason: string): void;
}

type Delegate = Effect & { readonly kind: "delegate" };

/** Replies of one child agent. */
const REPLIES_MAX = 40;
const ANSWER_CHARS_MAX = 30_000;
/** Bytes of a prompt for one token, at least: it is estimated low, since too little is refused. */
const TOKEN_BYTES = 4;

/** The child agents of a session. They run one after the other, in the session's box, and their texts raise its label. */
export class Children {
  readonly #session: Session;
  readonly #gateOf: (ledger: Pick<Ledger, "append" | "seal">) => Gate;
  readonly #now: () => number;
  /** Child agents of the session so far, in all its lives. */
  #count: number;
  /** Of each reply that gives tasks: what its child agents may have, by their calls. */
  readonly #fans = new WeakMap<Message, { readonly found: Forecast; readonly shares: Map<string, Amounts> }>();

  constructor(plan: {
    readonly session: Session;
    readonly gateOf: (ledger: Pick<Ledger, "append" | "seal">) => Gate;
    readonly now: () => number;
    readonly before: number;
  }) {
    this.#count = plan.before;
    this.#session = plan.session;
    this.#gateOf = plan.gateOf;
    this.#now = plan.now;
  }

  /** Starts a child agent and gives back its last words. It may and has part of what its parent may and has. */
  async delegate(parent: Asker, effect: Delegate, by: By): Promise<Outcome> {
    const wanted = capabilityFor(effect.may, effect.folder, parent.depth + 1);
    if (wanted === null) return invalid("may is of the words read, write and net; folder one of the checkout's");
    const capability = attenuated(parent.capability, wanted);
    if (wanted.folders.length > 0 && capability.folders.length === 0)
      return invalid(`${effect.folder || "the whole checkout"} is not yours to write in`);
    const share = this.#shareFor(parent, effect, by.call);
    if (!share.ok) return { ok: false, code: "limit", text: `delegate: ${share.reason}` };
    const id = `a${++this.#count}`;
    const turnsMax = Math.min(REPLIES_MAX, parent.budget.repliesLeft);
    const budget = parent.budget.lend(id, { ceilings: share.amounts, turnsMax });
    if (budget === null) return { ok: false, code: "limit", text: "delegate: no more child agents may be had" };
    const plan = { id, parent, task: effect.task, capability, budget, session: this.#session, now: this.#now };
    return this.#run({ ...plan, gateOf: this.#gateOf }, by);
  }

  async #run(plan: ChildPlan, by: By): Promise<Outcome> {
    const { id, parent, budget } = plan;
    const { background } = this.#session.box;
    const before = new Set(background.running().map((command) => command.id));
    const child = new ChildAgent(plan);
    const startedAt = performance.now();
    let end: TurnEnd = { reason: "error", message: "" };
    try {
      child.recordStart(by.call);
      end = await withOwnWorkingDirectory(this.#session.box, () => converse(child, by.signal));
    } finally {
      // What it left running has nobody any more whose share would pay for it.
      for (const command of background.running()) if (!before.has(command.id)) command.oneShot.kill();
      parent.budget.takeBack();
      const ms = Math.round(performance.now() - startedAt);
      const { totals, costs } = budget;
      parent.budget.costs.addAgent({
        agent: id,
        parent: parent.agent,
        reason: end.reason,
        totals,
        ms,
        tools: costs.tools,
      });
    }
    child.recordEnd(end);
    return answerOf(child, end);
  }

  // Once for all that a reply delegates, before the first of them starts.
  #shareFor({ messages, budget, show }: Asker, effect: Delegate, call: string) {
    const reply = messages.at(-1);
    if (reply === undefined) throw new Error("bug: a task of no reply");
    let fan = this.#fans.get(reply);
    if (fan === undefined) {
      const wanted = delegatesIn(reply);
      const wishes = [...wanted.values()].map(({ task, percent }) => ({ percent, first: this.#firstOf(task) }));
      const repliesMax = Math.min(REPLIES_MAX, budget.repliesLeft);
      const found = forecast(budget.left, wishes, { repliesMax, largest: this.#largest() });
      const shares = found.fits ? found.shares : [];
      fan = { found, shares: new Map([...wanted.keys()].flatMap((id, at) => (shares[at] ? [[id, shares[at]]] : []))) };
      this.#fans.set(reply, fan);
      if (found.fits) show({ type: "notice", text: forecastText(wishes.length, found.most, repliesMax) });
    }
    if (!fan.found.fits) return { ok: false, reason: fan.found.reason } as const;
    const amounts = fan.shares.get(call);
    fan.shares.delete(call);
    return amounts === undefined
      ? ({ ok: false, reason: `no share was reckoned for "${effect.task.slice(0, 40)}"` } as const)
      : ({ ok: true, amounts } as const);
  }

  #firstOf(task: string) {
    const { model, tools } = this.#session;
    const bytes =
      Buffer.byteLength(task) + Buffer.byteLength(childPrompt(this.#session.checkout)) + JSON.stringify(tools).length;
    const tokens = Math.ceil(bytes / TOKEN_BYTES);
    return { tokens, usd: model.usdFor({ input: tokens, output: 0 }) };
  }

  #largest() {
    const { model } = this.#session;
    const input = model.contextTokensMax;
    if (input === null) return { tokens: null, usd: null };
    return { tokens: input + OUTPUT_TOKENS_MAX, usd: model.usdFor({ input, output: OUTPUT_TOKENS_MAX }) };
  }
}

// What does not parse starts nothing, and has no share.
function delegatesIn(reply: Message): ReadonlyMap<string, Delegate> {
  const parts = reply.role === "assistant" ? reply.parts : [];
  return new Map(
    parts.flatMap((part) => {
      const parsed = part.kind === "call" && part.name === "delegate" ? parseCall(part.name, part.input) : null;
      return part.kind === "call" && parsed?.ok && parsed.effect.kind === "delegate" ? [[part.id, parsed.effect]] : [];
    }),
  );
}

function answerOf({ agent, lastText, budget: { totals } }: ChildAgent, { reason, message }: TurnEnd): Outcome {
  const { replies, input, output, usd } = totals;
  const money = usd === null ? "" : `, $${usd.toFixed(4)}`;
  const took = `${counted(replies, "reply", "replies")}, ${counted(input + output, "token")}${money}`;
  const said = bound(lastText, ANSWER_CHARS_MAX).text;
  const why = reason === "done" || message === lastText ? reason : `${reason}: ${bound(message, 500).text}`;
  const text = `${said === "" ? "(no answer)" : said}\n(child agent ${agent} ended, ${why}; it took ${took})`;
  switch (reason) {
    case "done":
      return { ok: true, text };
    case "denied":
      return { ok: false, code: "denied", text };
    case "approval-needed":
      return { ok: false, code: "refused", text };
    case "budget":
    case "turns":
    case "time":
      return { ok: false, code: "limit", text };
    case "interrupted":
    case "paused":
    case "killed":
      return { ok: false, code: "cancelled", text };
    case "not-completed":
    case "model-auth":
    case "model-provider":
    case "error":
      return { ok: false, code: "exit", text };
  }
}

function invalid(why: string): Outcome {
  return { ok: false, code: "invalid", text: `delegate: ${why}` };
}

import type { Effect } from "../core/effect.ts";
import type { Call, EndReason, SessionEvent } from "../core/event.ts";
import type { Message, ReplyPart, ToolResult } from "../core/message.ts";
import type { Outcome } from "../core/outcome.ts";
import { type Model, ModelFailure, type StopReason, type ToolSpec, type Usage } from "../model/port.ts";
import type { Budget } from "./budget.ts";
import type { Inspection } from "./inspection.ts";
import type { SessionMonitor } from "./monitor.ts";
import { wellFormedParts } from "./recorded.ts";
import type { Session } from "./session.ts";
import { parseCall } from "./tools.ts";

export interface TurnEnd {
  readonly reason: EndReason;
  /** The model's last text, or why the turn ended. */
  readonly message: string;
}

/** Whoever talks with a model and acts: a session, or a child agent of one. */
export interface Agent {
  readonly model: Model;
  readonly system: string;
  readonly tools: readonly ToolSpec[];
  readonly messages: readonly Message[];
  /** For the vendor's prompt cache. */
  readonly cacheKey: string;
  readonly budget: Budget;
  /** The session's: what a child agent reads and says is looked at no less. */
  readonly inspection: Inspection;
  readonly monitor: SessionMonitor;
  readonly show: (event: SessionEvent) => void;
  recordRequest(): void;
  addReply(parts: readonly ReplyPart[], stop: StopReason, usage: Usage): void;
  perform(effect: Effect, callId: string, signal: AbortSignal): Promise<Outcome>;
  recordOutcome(call: ReplyPart & { readonly kind: "call" }, outcome: Outcome): void;
  addResults(results: readonly ToolResult[]): void;
}

export const OUTPUT_TOKENS_MAX = 16_384;

const EMPTY_REPLY = "the model gave an empty reply; try again, or choose another model";

/**
 * One turn: prompt in, model and tools in alternation, until the model makes no more calls or a limit is reached.
 *
 * The steps are those of docs/ARCHITECTURE.md. Everything the model sees is in the ledger before it is sent.
 */
export async function takeTurn(session: Session, prompt: string, person: AbortSignal): Promise<TurnEnd> {
  const paused = session.monitor.beginTurn();
  const news = await session.takeOver();
  await session.dropOutdated();
  await session.checkpoint(prompt);
  session.addUser(news, prompt);
  return converse(session, AbortSignal.any([person, paused]));
}

/** Model and tools in alternation, from the newest message on; `person` is whoever may stop it. */
export async function converse(agent: Agent, person: AbortSignal): Promise<TurnEnd> {
  const signal = AbortSignal.any([person, agent.budget.signal]);
  const refused = new Set<"refused" | "denied">();
  for (let isFirst = true; ; isFirst = false) {
    const limit = agent.monitor.ended() ?? agent.budget.limitReached();
    if (limit !== null) return limit;
    const reply = await receive(agent, signal);
    if (!reply.ok) return signal.aborted ? stopped(agent, person) : reply.end;
    await agent.inspection.settle();
    const calls = reply.parts.filter((part) => part.kind === "call");
    const said = reply.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
    const text = agent.inspection.redact(said);
    if (calls.length === 0) return concludeTurn(text, isFirst, refused, reply.stop);
    const results: ToolResult[] = [];
    let end: TurnEnd | null = null;
    for (const call of calls) {
      end ??= agent.monitor.ended() ?? agent.budget.beginCall();
      const outcome = signal.aborted || end !== null ? CANCELLED : await act(agent, call, signal);
      if (!outcome.ok && (outcome.code === "refused" || outcome.code === "denied")) refused.add(outcome.code);
      results.push(toResult(call, outcome));
    }
    agent.addResults(results);
    if (end !== null) return end;
    if (signal.aborted) return stopped(agent, person);
  }
}

const STOPPED: TurnEnd = { reason: "interrupted", message: "stopped by the person" };
const CANCELLED: Outcome = { ok: false, code: "cancelled", text: "not done: the turn was stopped" };

function stopped(agent: Agent, person: AbortSignal): TurnEnd {
  const alarm = agent.monitor.ended();
  if (alarm !== null) return alarm;
  // A timer may fire a little before the clock says so.
  return person.aborted
    ? STOPPED
    : (agent.budget.exhausted() ?? { reason: "time", message: "stopped: the time is over" });
}

function concludeTurn(
  text: string,
  isFirst: boolean,
  refused: ReadonlySet<"refused" | "denied">,
  stop: StopReason,
): TurnEnd {
  if (stop === "refused") return { reason: "not-completed", message: text || "the vendor's filter refused the reply" };
  if (stop === "length") return { reason: "not-completed", message: text || "the reply was cut at the output limit" };
  if (refused.has("refused")) return { reason: "approval-needed", message: text };
  if (refused.has("denied")) return { reason: "denied", message: text };
  if (isFirst && text === "") return { reason: "not-completed", message: EMPTY_REPLY };
  return { reason: "done", message: text };
}

type Received =
  | { readonly ok: true; readonly parts: readonly ReplyPart[]; readonly stop: StopReason }
  | { readonly ok: false; readonly end: TurnEnd };

async function receive(agent: Agent, signal: AbortSignal): Promise<Received> {
  const request = {
    system: agent.system,
    tools: agent.tools,
    messages: agent.messages,
    outputTokensMax: OUTPUT_TOKENS_MAX,
    cacheKey: agent.cacheKey,
  };
  agent.recordRequest();
  try {
    for await (const event of agent.model.reply(request, signal)) {
      if (event.type !== "done") {
        agent.show(event);
        continue;
      }
      // What is recorded of it is what is acted on.
      const parts = wellFormedParts(event.parts);
      agent.addReply(parts, event.stop, event.usage);
      return { ok: true, parts, stop: event.stop };
    }
  } catch (error) {
    if (signal.aborted) return { ok: false, end: agent.monitor.ended() ?? STOPPED };
    if (error instanceof ModelFailure) {
      return {
        ok: false,
        end: {
          reason: error.kind === "auth" ? "model-auth" : "model-provider",
          message: agent.inspection.redact(error.message),
        },
      };
    }
    throw error;
  }
  return {
    ok: false,
    end: { reason: "model-provider", message: `${agent.model.name}: the reply ended without its end` },
  };
}

async function act(agent: Agent, part: ReplyPart & { readonly kind: "call" }, signal: AbortSignal): Promise<Outcome> {
  const parsed = parseCall(part.name, part.input);
  const call: Call = { id: part.id, name: part.name, input: parsed.input };
  agent.show({ type: "call", call });
  const startedAt = performance.now();
  const done = parsed.ok
    ? (agent.inspection.refusal(parsed.effect) ?? (await agent.perform(parsed.effect, part.id, signal)))
    : refuse(parsed.message);
  const clean = await agent.inspection.outcome(parsed.ok ? parsed.effect : null, done, part.id);
  const outcome = { ...clean, text: `${clean.text}${agent.budget.takeWarnings()}` };
  agent.budget.costs.addCall(part.name, Buffer.byteLength(outcome.text), performance.now() - startedAt);
  agent.recordOutcome(part, outcome);
  return outcome;
}

function refuse(message: string): Outcome {
  return { ok: false, code: "invalid", text: message };
}

function toResult(call: ReplyPart & { readonly kind: "call" }, outcome: Outcome): ToolResult {
  const result = { id: call.id, name: call.name, ok: outcome.ok, text: outcome.text };
  return outcome.ok && outcome.image ? { ...result, image: outcome.image } : result;
}

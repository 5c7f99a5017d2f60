import type { Call, EndReason } from "../core/event.ts";
import type { ReplyPart, ToolResult } from "../core/message.ts";
import type { Outcome } from "../core/outcome.ts";
import { type Model, ModelFailure, type StopReason } from "../model/port.ts";
import { wellFormedParts } from "./recorded.ts";
import type { Session } from "./session.ts";
import { parseCall, TOOL_SPECS } from "./tools.ts";

export interface TurnEnd {
  readonly reason: EndReason;
  /** The model's last text, or why the turn ended. */
  readonly message: string;
}

const OUTPUT_TOKENS_MAX = 16_384;

const EMPTY_REPLY = "the model gave an empty reply; try again, or choose another model";

/**
 * One turn: prompt in, model and tools in alternation, until the model makes no more calls or a limit is reached.
 *
 * `typed` is the prompt without what was pasted. The steps are those of docs/ARCHITECTURE.md. Everything the model sees is in the ledger before it is sent.
 */
export async function takeTurn(
  session: Session,
  prompt: string,
  person: AbortSignal,
  typed = prompt,
): Promise<TurnEnd> {
  const signal = AbortSignal.any([person, session.budget.signal, session.monitor.beginTurn()]);
  const news = await session.takeOver();
  await session.dropOutdated();
  await session.checkpoint(prompt);
  session.addUser(news, prompt, typed);
  const refused = new Set<"refused" | "denied">();
  for (let isFirst = true; ; isFirst = false) {
    const limit = session.monitor.ended() ?? session.budget.limitReached();
    if (limit !== null) return limit;
    const reply = await receive(session, session.model, signal);
    if (!reply.ok) return signal.aborted ? stopped(session, person) : reply.end;
    await session.inspection.settle();
    const calls = reply.parts.filter((part) => part.kind === "call");
    const said = reply.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
    const text = session.inspection.redact(said);
    if (calls.length === 0) return concludeTurn(text, isFirst, refused, reply.stop);
    const results: ToolResult[] = [];
    let end: TurnEnd | null = null;
    for (const call of calls) {
      end ??= session.monitor.ended() ?? session.budget.beginCall();
      const outcome = signal.aborted || end !== null ? CANCELLED : await act(session, call, signal);
      if (!outcome.ok && (outcome.code === "refused" || outcome.code === "denied")) refused.add(outcome.code);
      results.push(toResult(call, outcome));
    }
    session.addResults(results);
    if (end !== null) return end;
    if (signal.aborted) return stopped(session, person);
  }
}

const STOPPED: TurnEnd = { reason: "interrupted", message: "stopped by the person" };
const CANCELLED: Outcome = { ok: false, code: "cancelled", text: "not done: the turn was stopped" };

function stopped(session: Session, person: AbortSignal): TurnEnd {
  const alarm = session.monitor.ended();
  if (alarm !== null) return alarm;
  // A timer may fire a little before the clock says so.
  return person.aborted
    ? STOPPED
    : (session.budget.exhausted() ?? { reason: "time", message: "stopped: the time is over" });
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

async function receive(session: Session, model: Model, signal: AbortSignal): Promise<Received> {
  const request = {
    system: session.system,
    tools: TOOL_SPECS,
    messages: session.messages,
    outputTokensMax: OUTPUT_TOKENS_MAX,
    cacheKey: session.id,
  };
  session.recordRequest();
  try {
    for await (const event of model.reply(request, signal)) {
      if (event.type !== "done") {
        session.show(event);
        continue;
      }
      // What is recorded of it is what is acted on.
      const parts = wellFormedParts(event.parts);
      session.addReply(parts, event.stop, event.usage);
      return { ok: true, parts, stop: event.stop };
    }
  } catch (error) {
    if (signal.aborted) return { ok: false, end: session.monitor.ended() ?? STOPPED };
    if (error instanceof ModelFailure) {
      return {
        ok: false,
        end: {
          reason: error.kind === "auth" ? "model-auth" : "model-provider",
          message: session.inspection.redact(error.message),
        },
      };
    }
    throw error;
  }
  return { ok: false, end: { reason: "model-provider", message: `${model.name}: the reply ended without its end` } };
}

async function act(
  session: Session,
  part: ReplyPart & { readonly kind: "call" },
  signal: AbortSignal,
): Promise<Outcome> {
  const parsed = parseCall(part.name, part.input);
  const call: Call = { id: part.id, name: part.name, input: parsed.input };
  session.show({ type: "call", call });
  const startedAt = performance.now();
  const done = parsed.ok
    ? (session.inspection.refusal(parsed.effect) ?? (await session.perform(parsed.effect, part.id, signal)))
    : refuse(parsed.message);
  const clean = await session.inspection.outcome(parsed.ok ? parsed.effect : null, done, part.id);
  const outcome = { ...clean, text: `${clean.text}${session.budget.takeWarnings()}` };
  session.budget.costs.addCall(part.name, Buffer.byteLength(outcome.text), performance.now() - startedAt);
  session.recordOutcome(part, outcome);
  return outcome;
}

function refuse(message: string): Outcome {
  return { ok: false, code: "invalid", text: message };
}

function toResult(call: ReplyPart & { readonly kind: "call" }, outcome: Outcome): ToolResult {
  const result = { id: call.id, name: call.name, ok: outcome.ok, text: outcome.text };
  return outcome.ok && outcome.image ? { ...result, image: outcome.image } : result;
}

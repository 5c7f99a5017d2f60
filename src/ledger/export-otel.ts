import { hash as hashOnce } from "node:crypto";
import type { Json, JsonObject } from "../core/json.ts";
import { numberOf, objectOf, objectsOf, type Told, textOf, typeOf } from "./export-read.ts";

/**
 * The names that OpenTelemetry's conventions for generative AI (1.41, in development) give to what a record holds. Whoever
 * follows a newer version changes this and nothing else.
 */
const NAMES = {
  operation: "gen_ai.operation.name",
  agent: "gen_ai.agent.name",
  conversation: "gen_ai.conversation.id",
  provider: "gen_ai.provider.name",
  model: "gen_ai.request.model",
  stop: "gen_ai.response.finish_reasons",
  input: "gen_ai.usage.input_tokens",
  cached: "gen_ai.usage.cache_read.input_tokens",
  output: "gen_ai.usage.output_tokens",
  tool: "gen_ai.tool.name",
  call: "gen_ai.tool.call.id",
  error: "error.type",
  cost: "ringfence.usage.usd",
  verdict: "ringfence.decision.verdict",
  reason: "ringfence.decision.reason",
  effect: "ringfence.decision.effect",
  integrity: "ringfence.label.integrity",
  secrecy: "ringfence.label.secrecy",
} as const;

type Attributes = Readonly<Partial<Record<keyof typeof NAMES, string | number | readonly string[]>>>;

interface Span {
  readonly seq: number;
  readonly name: string;
  readonly startedAt: number;
  endedAt: number;
  attributes: Attributes;
  failed: boolean;
}

const INTERNAL = 1;
const CLIENT = 3;
const ERROR = 2;

/**
 * Writes a session as a trace in OTLP's JSON, as it is posted to a collector: the session, each request to the model, and
 * each call of a tool. Prompts, replies, arguments and results are not in it.
 */
export function toOtlp(told: Told): JsonObject {
  const traceId = idOf(told.session, 16);
  const rootId = idOf(`${told.session} root`, 8);
  const root = {
    traceId,
    spanId: rootId,
    name: "invoke_agent ringfence",
    kind: INTERNAL,
    startTimeUnixNano: nano(told.startedAt),
    endTimeUnixNano: nano(told.endedAt),
    attributes: written({
      operation: "invoke_agent",
      agent: "ringfence",
      conversation: told.session,
      model: told.model,
    }),
    events: told.events.flatMap(({ event }) => decisionOf(event)),
  };
  const children = [...requestsOf(told), ...callsOf(told)].map((span) => ({
    traceId,
    spanId: idOf(`${told.session} ${span.name} ${span.seq}`, 8),
    parentSpanId: rootId,
    name: span.name,
    kind: span.attributes.operation === "chat" ? CLIENT : INTERNAL,
    startTimeUnixNano: nano(span.startedAt),
    endTimeUnixNano: nano(span.endedAt),
    attributes: written(span.attributes),
    status: span.failed ? { code: ERROR } : {},
  }));
  const named = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const resource = { attributes: [named("service.name", "ringfence"), named("service.version", told.version)] };
  const scope = { name: "ringfence", version: told.version };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: [root, ...children] }] }] } as JsonObject;
}

function requestsOf({ events }: Told): Span[] {
  const spans: Span[] = [];
  for (const { seq, event } of events) {
    const at = numberOf(event, "at");
    const open = spans.at(-1);
    if (typeOf(event) === "request") {
      const model = textOf(event, "model");
      const [provider = ""] = model.split("/", 1);
      const attributes = { operation: "chat", provider, model };
      spans.push({ seq, name: `chat ${model}`, startedAt: at, endedAt: at, attributes, failed: true });
    } else if (typeOf(event) === "reply" && open !== undefined) {
      const usage = objectOf(event, "usage");
      open.endedAt = at;
      open.failed = false;
      open.attributes = {
        ...open.attributes,
        stop: [textOf(event, "stop")],
        input: numberOf(usage, "input"),
        cached: numberOf(usage, "cachedInput"),
        output: numberOf(usage, "output"),
        ...(typeof usage.usd === "number" ? { cost: usage.usd } : {}),
      };
    }
  }
  return spans;
}

function callsOf({ events }: Told): Span[] {
  const calls = new Map<string, Span>();
  const done: Span[] = [];
  for (const { seq, event } of events) {
    const at = numberOf(event, "at");
    if (typeOf(event) === "reply")
      for (const part of objectsOf(event, "parts")) {
        if (textOf(part, "kind") !== "call") continue;
        const [tool, call] = [textOf(part, "name"), textOf(part, "id")];
        const attributes = { operation: "execute_tool", tool, call };
        calls.set(keyOf(event, call), {
          seq,
          name: `execute_tool ${tool}`,
          startedAt: at,
          endedAt: at,
          attributes,
          failed: true,
        });
      }
    const key = keyOf(event, textOf(event, "call"));
    const open = calls.get(key);
    if (typeOf(event) !== "outcome" || open === undefined) continue;
    const code = textOf(event, "code");
    open.endedAt = at;
    open.failed = event.ok !== true;
    if (code !== "") open.attributes = { ...open.attributes, error: code };
    calls.delete(key);
    done.push(open);
  }
  return [...done, ...calls.values()];
}

// Each child agent numbers its calls by itself.
function keyOf(event: JsonObject, call: string): string {
  return `${textOf(event, "agent")} ${call}`;
}

function decisionOf(event: JsonObject): Json[] {
  if (typeOf(event) !== "decision") return [];
  const label = objectOf(event, "label");
  const attributes = written({
    verdict: textOf(event, "verdict"),
    reason: textOf(event, "reason"),
    effect: textOf(objectOf(event, "effect"), "kind"),
    integrity: textOf(label, "integrity"),
    secrecy: textOf(label, "secrecy"),
  });
  return [{ name: "ringfence.decision", timeUnixNano: nano(numberOf(event, "at")), attributes }];
}

function written(attributes: Attributes): Json[] {
  const typed = (value: string | number | readonly string[]): Json => {
    if (typeof value === "string") return { stringValue: value };
    if (typeof value !== "number") return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  };
  return Object.entries(attributes).flatMap(([name, value]) =>
    value === "" ? [] : [{ key: NAMES[name as keyof typeof NAMES], value: typed(value) }],
  );
}

function idOf(text: string, bytes: number): string {
  return hashOnce("sha256", text, "hex").slice(0, 2 * bytes);
}

// A number of nanoseconds has more digits than a double keeps.
function nano(ms: number): string {
  return `${BigInt(Math.trunc(ms)) * 1_000_000n}`;
}

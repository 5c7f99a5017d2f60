import type { SessionEvent } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import type { ReplyPart } from "../core/message.ts";
import type { Outcome } from "../core/outcome.ts";
import type { StopReason, Usage } from "../model/port.ts";
import { digestOf } from "./prompt.ts";
import { parseCall } from "./tools.ts";

/** Bytes of a reply that its event holds; the ledger takes no event of more than 16 MiB. */
const REPLY_BYTES_MAX = 12 << 20;

/** Writes a reply for its event. What goes past the limit is recorded by digest, so that no reply can end the session by its size. */
function recordedParts(parts: readonly ReplyPart[]): JsonObject[] {
  let room = REPLY_BYTES_MAX;
  const whole: JsonObject[] = [];
  for (const [index, part] of parts.entries()) {
    const json = toJson(part);
    room -= Buffer.byteLength(JSON.stringify(json));
    if (room < 0) {
      const rest = parts.slice(index);
      return [...whole, { kind: "rest", parts: rest.length, sha256: digestOf(JSON.stringify(rest)) }];
    }
    whole.push(json);
  }
  return whole;
}

/** Takes half surrogate pairs out of a reply, which no record can hold. */
export function wellFormedParts(parts: readonly ReplyPart[]): readonly ReplyPart[] {
  return parts.map((part) =>
    part.kind === "text"
      ? { ...part, text: wellFormed(part.text) }
      : part.kind === "call"
        ? { ...part, id: wellFormed(part.id), name: wellFormed(part.name), input: wellFormed(part.input) }
        : part,
  );
}

/** Writes a text for an event: JSON cannot hold half a surrogate pair as UTF-8. */
export function wellFormed(text: string): string {
  return text.toWellFormed();
}

/** Writes a value for an event. */
export function toJson(value: object): JsonObject {
  return JSON.parse(
    JSON.stringify(value, (_key, item: unknown) => (typeof item === "string" ? item.toWellFormed() : item)),
  ) as JsonObject;
}

/** The event of a reply. */
export function replyEvent(parts: readonly ReplyPart[], stop: StopReason, usage: Usage): JsonObject {
  return { type: "reply", parts: recordedParts(parts), stop, usage: toJson(usage) };
}

/** What a front end is told of a reply. */
export function shownReply(parts: readonly ReplyPart[], usage: Usage): SessionEvent & { readonly type: "reply" } {
  const text = parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
  const calls = parts.flatMap((part) =>
    part.kind === "call" ? [{ id: part.id, name: part.name, input: parseCall(part.name, part.input).input }] : [],
  );
  return { type: "reply", text, calls, usage: { ...usage, replies: 1 } };
}

type CallPart = ReplyPart & { readonly kind: "call" };

/** The event of what came of a call. */
export function outcomeEvent(call: CallPart, outcome: Outcome): JsonObject {
  return {
    type: "outcome",
    call: call.id,
    ok: outcome.ok,
    code: outcome.ok ? null : outcome.code,
    text: wellFormed(outcome.text),
    image: outcome.ok && outcome.image ? digestOf(outcome.image.base64) : null,
  };
}

/** What a front end is told of it. */
export function shownResult({ id, name }: CallPart, outcome: Outcome): SessionEvent & { readonly type: "result" } {
  return { type: "result", id, name, ok: outcome.ok, code: outcome.ok ? null : outcome.code, text: outcome.text };
}

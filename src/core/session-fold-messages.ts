import { type JsonObject, recordOf } from "./json.ts";
import type { Message, ReplyPart, ToolResult } from "./message.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Makes the messages of a conversation from events of a record.
 *
 * A text is looked at when a message is: reading it can cost more than all else of an event, and most are only sent.
 */
export class RecordedMessages {
  readonly #texts: (() => unknown)[] = [];

  /** Whether there were texts, and the record has none of them any more. */
  get isForgotten(): boolean {
    return this.#texts.length > 0 && !this.#texts.some((read) => typeof read() === "string");
  }

  prompt(event: Fields): Message & { readonly role: "user" } {
    const text = this.#reader(() => event.text);
    return {
      role: "user",
      get text() {
        return text();
      },
    };
  }

  parts(parts: unknown): ReplyPart[] {
    return Array.isArray(parts) ? parts.map(recordOf).flatMap((part) => this.#part(part)) : [];
  }

  result(call: { readonly id: string; readonly name: string }, event: Fields): ToolResult {
    const text = this.#reader(() => event.text);
    const image = typeof event.image === "string" ? "\n(the image that was here is not kept)" : "";
    return {
      id: call.id,
      name: call.name,
      ok: event.ok === true,
      get text() {
        return `${text()}${image}`;
      },
    };
  }

  /** A message that stands whole in one event; null for none. */
  whole(message: Fields): Message | null {
    const { role, results } = message;
    if (role === "user") return this.prompt(message);
    if (role === "assistant") return { role, parts: this.parts(message.parts) };
    if (role !== "tool" || !Array.isArray(results)) return null;
    return {
      role,
      results: results.map(recordOf).map((one) => this.result({ id: textOf(one.id), name: textOf(one.name) }, one)),
    };
  }

  #part(part: Fields): ReplyPart[] {
    const vendor = part.vendor === undefined ? {} : { vendor: part.vendor as NonNullable<ReplyPart["vendor"]> };
    switch (part.kind) {
      case "text":
      case "reasoning": {
        const text = this.#reader(() => part.text);
        return [
          {
            kind: part.kind,
            get text() {
              return text();
            },
            ...vendor,
          },
        ];
      }
      case "call":
        return [
          {
            kind: "call",
            id: textOf(part.id),
            name: textOf(part.name),
            get input() {
              return typeof part.input === "string" ? part.input : "{}";
            },
            ...vendor,
          },
        ];
      case "rest":
        return [{ kind: "text", text: "(the rest of this reply was too large to be kept)" }];
      default:
        return [];
    }
  }

  // A text that the record does not have any more is told as such: no vendor takes an empty one.
  #reader(read: () => unknown): () => string {
    this.#texts.push(read);
    return () => {
      const text = read();
      return typeof text === "string" ? text : "(this text is not kept any more)";
    };
  }
}

/** A field that is to be a text; "" where it is none. */
export function textOf(value: JsonObject[string] | unknown): string {
  return typeof value === "string" ? value : "";
}

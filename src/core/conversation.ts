import type { Message, ReplyPart, ToolResult } from "./message.ts";

/** What a conversation was at one moment. Costs the same however long it is. */
export interface Mark {
  readonly messages: readonly Message[];
  readonly length: number;
  /** The last of them as it was: a prompt that nobody answered takes in the next one. */
  readonly last: Message | null;
}

/** The messages between a person, a model and its tools, in an order that every vendor takes: sides take turns. */
export class Conversation {
  #messages: Message[] = [];

  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Adds what the person said; to what they said last, where the model never answered that. */
  addPrompt(text: string): void {
    this.add({ role: "user", text });
  }

  /** Adds a message. No text of it is read for that. */
  add(message: Message): void {
    const last = this.#messages.at(-1);
    if (message.role === "assistant") this.addReply(message.parts);
    else if (message.role === "tool") this.addResults(message.results);
    else if (last?.role !== "user") this.#messages.push(message);
    else
      this.#messages[this.#messages.length - 1] = {
        role: "user",
        get text() {
          return `${last.text}\n\n${message.text}`;
        },
      };
  }

  /** Adds a reply; one without anything in it is none. */
  addReply(parts: readonly ReplyPart[]): void {
    if (parts.length > 0) this.#messages.push({ role: "assistant", parts });
  }

  /** Adds the results of all calls of the last reply. */
  addResults(results: readonly ToolResult[]): void {
    if (results.length > 0) this.#messages.push({ role: "tool", results });
  }

  mark(): Mark {
    return markOf(this.#messages);
  }

  /** Makes the conversation what it was at a mark. What came after stays in the marks that were set since. */
  goBack(mark: Mark): void {
    this.#messages = messagesAt(mark);
  }
}

/** Marks the end of these messages. */
export function markOf(messages: readonly Message[]): Mark {
  return { messages, length: messages.length, last: messages.at(-1) ?? null };
}

/** Lists the messages that there were at a mark. */
export function messagesAt({ messages, length, last }: Mark): Message[] {
  return last === null ? [] : [...messages.slice(0, length - 1), last];
}

/** Tells the model that the person took files back. */
export function filesRewound(turn: number): string {
  return `The person took the files back to what they were before turn ${turn}.`;
}

import { Conversation, filesRewound, type Mark, markOf } from "./conversation.ts";
import { field, type JsonObject, recordOf } from "./json.ts";
import type { Message, ToolResult } from "./message.ts";
import { typedAddresses } from "./net-rules.ts";
import { foldCommands } from "./session-fold-commands.ts";
import { RecordedMessages, textOf } from "./session-fold-messages.ts";
import { type Spent, SpentFold } from "./session-fold-spent.ts";
import { rebuiltFrom, type TracedLabel } from "./session-label.ts";

/** What a session is, by its record alone: all that another program needs to go on with it. */
export interface SessionState {
  readonly events: number;
  /** The session, the checkout and the time of the first event; null where there is none. */
  /** Whether it went on once since it began, or since it was forked. */
  readonly wasResumed: boolean;
  readonly start: { readonly session: string; readonly checkout: string; readonly at: number } | null;
  /** The session that it was forked from, and before which turn of it; null for none. */
  readonly from: { readonly session: string; readonly turn: number | null } | null;
  /** The newest digest of the policy in force; "" where none is recorded. */
  readonly policy: string;
  /** The name that the person gave it; null for none. */
  readonly name: string | null;
  /** How it ended last; null where it broke off. */
  readonly end: string | null;
  readonly label: TracedLabel;
  /** As the model would be sent them now: every call has a result, sides take turns. */
  readonly messages: readonly Message[];
  /** Calls of the last reply of which no outcome is recorded; the result of each is the last of `messages`. */
  readonly lost: readonly LostCall[];
  /** What the conversation was at each checkpoint, by its number. */
  readonly marks: ReadonlyMap<number, Mark>;
  /** Until when it is known what the person's own changes have outdated; and until when it was, at each checkpoint. */
  readonly lookedAt: number | null;
  readonly lookedAtOf: ReadonlyMap<number, number>;
  readonly spent: Spent;
  /** Addresses that the person typed. */
  readonly typed: ReadonlySet<string>;
  readonly readerBits: number;
  /** How far the secrets that stand in the conversation by name and number are numbered, by name. */
  readonly secrets: ReadonlyMap<string, number>;
  /** Whether nothing of what was said is kept: it was destroyed, or never was. The conversation then begins anew. */
  readonly isForgotten: boolean;
  /** Whether instruction files were given: they are with the first prompt, once. */
  readonly isPrompted: boolean;
  /** Commands that went on after their call, as far as the record tells; they ended with the program. */
  readonly background: readonly string[];
  /** What the model is to be told with the next prompt. */
  readonly news: readonly string[];
}

/** A call whose outcome is not recorded. `isBegun`: it was allowed, so it may have been done in part or whole. */
export interface LostCall {
  readonly id: string;
  readonly name: string;
  readonly isBegun: boolean;
}

/**
 * Rebuilds a session from the events of its record. Pure, so that the same record gives the same session, always.
 *
 * Takes any beginning of a record. What it does not know, and what belongs to another agent than the session's own,
 * changes nothing but the label, which every source raises, and what was spent.
 */
export function foldSession(events: Iterable<JsonObject>): SessionState {
  const fold = new SessionFold();
  for (const event of events) fold.add(event);
  return fold.state();
}

/** The same, an event at a time. */
export class SessionFold {
  readonly #conversation = new Conversation();
  readonly #marks = new Map<number, Mark>();
  readonly #lookedAtOf = new Map<number, number>();
  readonly #typed = new Set<string>();
  readonly #spent = new SpentFold();
  readonly #commands = foldCommands();
  #label = rebuiltFrom([]);
  #news: string[] = [];
  #events = 0;
  #start: SessionState["start"] = null;
  #policy = "";
  #name: string | null = null;
  #end: string | null = null;
  #lookedAt: number | null = null;
  #readerBits = 0;
  readonly #secrets = new Map<string, number>();
  #isPrompted = false;
  #from: SessionState["from"] = null;
  #wasResumed = false;
  readonly #messages = new RecordedMessages();
  /** A rewind that was decided and of which no end is recorded. */
  #rewinding: number | null = null;
  /** The calls of the last reply, and what came of them. */
  #calls: { readonly id: string; readonly name: string }[] = [];
  readonly #begun = new Set<string>();
  readonly #results = new Map<string, ToolResult>();

  readonly #on: Readonly<Record<string, (event: JsonObject) => void>> = {
    start: (event) => {
      this.#start ??= { session: textOf(event.session), checkout: textOf(event.checkout), at: numberOf(event.at) };
      this.#policy = textOf(event.policy);
      const { session, turn } = recordOf(event.from);
      if (typeof session === "string") this.#from = { session, turn: typeof turn === "number" ? turn : null };
    },
    forked: (event) => {
      this.#readerBits = numberOf(event.readerBits);
      if (typeof event.lookedAt === "number") this.#lookedAt = event.lookedAt;
    },
    inherited: (event) => this.#addInherited(event),
    resumed: (event) => {
      this.#wasResumed = true;
      this.#end = null;
      this.#policy = textOf(event.policy);
    },
    policy: (event) => {
      this.#policy = textOf(event.policy);
    },
    named: (event) => {
      this.#name = typeof event.title === "string" && event.title !== "" ? event.title : null;
    },
    prompt: (event) => this.#addPrompt(event),
    request: () => this.#conclude(),
    reply: (event) => this.#addReply(event),
    decision: (event) => this.#addDecision(event),
    outcome: (event) => this.#addOutcome(event),
    checkpoint: (event) => this.#addCheckpoint(event),
    rewound: (event) => this.#addRewind(event),
    asked: (event) => {
      this.#readerBits = Math.max(this.#readerBits, numberOf(event.used));
    },
    end: (event) => {
      this.#end = textOf(event.reason);
    },
  };

  add(event: JsonObject): void {
    this.#events += 1;
    this.#spent.add(event);
    for (const [name, number] of Object.entries(recordOf(event.secrets)))
      this.#secrets.set(name, Math.max(numberOf(number), this.#secrets.get(name) ?? 0));
    if (event.type === "source") this.#label = rebuiltFrom([event], this.#label);
    if (field(event, "agent") !== undefined) return;
    this.#commands.add(event);
    if (typeof event.type === "string" && Object.hasOwn(this.#on, event.type)) this.#on[event.type]?.(event);
  }

  state(): SessionState {
    const lost = this.#lost();
    const conversation = new Conversation();
    const { isForgotten } = this.#messages;
    if (!isForgotten) {
      conversation.goBack(this.#conversation.mark());
      conversation.addResults(this.#resultsOf());
    }
    const broken =
      this.#rewinding === null
        ? []
        : [`The person began to take files back to what they were before turn ${this.#rewinding}; look at them again.`];
    return {
      events: this.#events,
      start: this.#start,
      from: this.#from,
      wasResumed: this.#wasResumed,
      policy: this.#policy,
      name: this.#name,
      end: this.#end,
      label: this.#label,
      messages: conversation.messages,
      lost,
      marks: isForgotten ? new Map([...this.#marks.keys()].map((number) => [number, markOf([])])) : this.#marks,
      lookedAt: this.#lookedAt,
      lookedAtOf: this.#lookedAtOf,
      spent: this.#spent.spent(),
      typed: this.#typed,
      readerBits: this.#readerBits,
      secrets: this.#secrets,
      isForgotten,
      isPrompted: this.#isPrompted && !isForgotten,
      background: this.#commands.running(),
      news: [...this.#news, ...broken],
    };
  }

  #addPrompt(event: JsonObject): void {
    this.#conclude();
    this.#conversation.add(this.#messages.prompt(event));
    // What else the prompt's event holds was written by the program, or by a file that the person approved.
    for (const address of typedAddresses(textOf(event.typed))) this.#typed.add(address);
    this.#isPrompted = true;
    this.#news = [];
    this.#rewinding = null;
    this.#end = null;
  }

  #addReply(event: JsonObject): void {
    this.#conclude();
    const parts = this.#messages.parts(event.parts);
    this.#conversation.addReply(parts);
    this.#calls = parts.flatMap((part) => (part.kind === "call" ? [{ id: part.id, name: part.name }] : []));
  }

  #addDecision(event: JsonObject): void {
    if (typeof event.call === "string" && event.verdict === "allow") this.#begun.add(event.call);
    const effect = recordOf(event.effect);
    if (effect.kind === "rewind" && event.verdict === "allow") this.#rewinding = numberOf(effect.checkpoint);
  }

  #addOutcome(event: JsonObject): void {
    const call = this.#calls.find(({ id }) => id === event.call);
    if (!call) return;
    this.#results.set(call.id, this.#messages.result(call, event));
  }

  /** A message of the session that this one was forked from, or what its model was still to be told. */
  #addInherited(event: JsonObject): void {
    if (typeof event.text === "string") this.#news.push(event.text);
    const message = this.#messages.whole(recordOf(event.message));
    if (message !== null) this.#conversation.add(message);
    this.#isPrompted ||= message?.role === "user";
  }

  #addCheckpoint(event: JsonObject): void {
    this.#conclude();
    const number = numberOf(event.number);
    this.#marks.set(number, this.#conversation.mark());
    if (typeof event.lookedAt !== "number") return;
    this.#lookedAt = event.lookedAt;
    this.#lookedAtOf.set(number, event.lookedAt);
  }

  #addRewind(event: JsonObject): void {
    this.#conclude();
    this.#rewinding = null;
    const [to, left] = [numberOf(event.to), numberOf(event.left)];
    const mark = this.#marks.get(to);
    this.#marks.set(left, this.#conversation.mark());
    if (this.#lookedAt !== null) this.#lookedAtOf.set(left, this.#lookedAt);
    if (event.what !== "conversation")
      this.#lookedAt = Math.min(this.#lookedAt ?? Infinity, this.#lookedAtOf.get(to) ?? this.#lookedAt ?? Infinity);
    if (event.what === "files") this.#news.push(filesRewound(to));
    else if (mark !== undefined) this.#conversation.goBack(mark);
  }

  /** Ends what the last reply began: from here on every call of it has a result. */
  #conclude(): void {
    this.#conversation.addResults(this.#resultsOf());
    this.#calls = [];
    this.#results.clear();
    this.#begun.clear();
  }

  #resultsOf(): ToolResult[] {
    return this.#calls.map(({ id, name }) => {
      const text = this.#begun.has(id) ? LOST_TEXT : UNDONE_TEXT;
      return this.#results.get(id) ?? { id, name, ok: false, text };
    });
  }

  #lost(): LostCall[] {
    return this.#calls.flatMap(({ id, name }) =>
      this.#results.has(id) ? [] : [{ id, name, isBegun: this.#begun.has(id) }],
    );
  }
}

/** What the model reads of a call that was stopped before it began. */
export const UNDONE_TEXT = "not done: the turn was stopped";
/** What it reads of one that was allowed and of which nobody knows the end. */
export const LOST_TEXT =
  "the program ended before it was known what came of this: it may be done in part or whole, so look before you do it again";

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

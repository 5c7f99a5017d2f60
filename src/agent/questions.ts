import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import { addressOf } from "../core/net-rules.ts";
import type { HeldBody, Look } from "../egress/look.ts";
import type { Gated } from "./gate.ts";

type RequestEffect = Effect & { readonly kind: "request" };
/** What a person can be asked about. */
export type AskedEffect = Effect & { readonly kind: "request" | "push" };

/** A request that waits for a person: all that would be sent, and what is known of where it comes from. */
export interface RequestQuestion {
  readonly request: AskedEffect;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** All of its body, or of a push what it brings; null where it has none, or where what is sent cannot be seen (`isUnseen`). */
  readonly body: Uint8Array | null;
  readonly isUnseen: boolean;
  /** The command whose token it bore; null for a request without one. */
  readonly command: string | null;
  /** Why the gate does not decide alone. */
  readonly reason: string;
  /** What is known of the package that it asks for, a line each; empty where it asks for none. */
  readonly about: readonly string[];
}

/** A request about which the gate asks, and what there is to show of it. */
export interface Asking {
  readonly effect: AskedEffect;
  readonly look: Look;
  /** As in the question. */
  readonly command: string | null;
  readonly about?: readonly string[];
}

type Ask = Gated & { readonly verdict: "ask" };

/** `none`: nobody answered in time, or nobody could be asked. */
export type Answer = "yes" | "no" | "none";

/** Shows a question to the person and waits for their answer, for a limited time and until `gone` aborts. */
export type AskPerson = (question: RequestQuestion, gone: AbortSignal) => Promise<Answer>;

export interface QuestionsPlan {
  readonly ask: AskPerson;
  readonly pass: (effect: Effect) => Gated;
  /** Puts an event on the disk; throws when it cannot. */
  readonly record: (event: JsonObject) => void;
}

const WAITING_MAX = 4;
const REFUSED_MAX = 1000;
/** Of questions to which nobody waited for the answer: a client may have a short time limit of its own. */
const WITHDRAWN_MAX = 3;
/** More than a person reads. */
const ADDRESS_CHARS_MAX = 2000;
const HEADER_CHARS_MAX = 2000;
/** A row each: more would push what stands above them off the screen. */
const HEADERS_MAX = 20;

/** Asks the person about requests, one at a time, and binds each answer to the one request that was shown. */
export class Questions {
  readonly #plan: QuestionsPlan;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Commands and the hosts that they were refused: whoever asks a hundred times is not answered better the last time. */
  readonly #refused = new Set<string>();
  readonly #withdrawn = new Map<string, number>();

  constructor(plan: QuestionsPlan) {
    this.#plan = plan;
  }

  /** Passes a request about which the gate asks, if the person is shown it whole and says yes. */
  async pass({ effect: request, look, command, about = [] }: Asking, asked: Ask): Promise<Gated> {
    const refuse = (why: string): Gated => ({ verdict: "deny", reason: `${asked.reason}: ${why}` });
    const place = placeOf(request);
    if (this.#refused.has(place)) return refuse("they said no to this command and that host");
    if (addressOf(request).length > ADDRESS_CHARS_MAX) return refuse("its address is too long to be shown");
    if (look.headers.join("").length > HEADER_CHARS_MAX || look.headers.length > 2 * HEADERS_MAX)
      return refuse("its headers are too long to be shown");
    if (this.#waiting >= WAITING_MAX || this.#refused.size >= REFUSED_MAX) return refuse("too many have asked");
    this.#waiting += 1;
    const gone = look.gone();
    try {
      const read = request.protocol === "tunnel" || look.readBody === null ? null : await look.readBody();
      if (read !== null && !read.ok) return refuse(read.reason);
      const body = read?.body ?? null;
      const question: RequestQuestion = {
        request,
        headers: look.headers,
        body: look.git?.kind === "push" ? Buffer.from(look.git.summary) : (body?.bytes ?? null),
        isUnseen: request.kind === "request" && request.hasBody && body === null,
        command,
        reason: asked.reason,
        about,
      };
      const turn = this.#last.then(() => this.#answer(question, asked.seq, gone));
      this.#last = turn.catch(() => {});
      const answer = await turn;
      if (answer === "yes") return this.#plan.pass(approved(request, asked.label, look, body));
      if (!gone.aborted || this.#withdraw(place) >= WITHDRAWN_MAX) this.#refused.add(place);
      return refuse(answer === "no" ? "they said no" : "nobody answered");
    } finally {
      this.#waiting -= 1;
    }
  }

  #withdraw(place: string): number {
    const times = (this.#withdrawn.get(place) ?? 0) + 1;
    this.#withdrawn.set(place, times);
    return times;
  }

  // What was asked and what was answered are on the disk before anything comes of it.
  async #answer(question: RequestQuestion, decision: number, gone: AbortSignal): Promise<Answer> {
    if (gone.aborted || this.#refused.has(placeOf(question.request))) return "none";
    const answer = await this.#plan.ask(question, gone);
    this.#plan.record({ type: "answer", decision, answer });
    return gone.aborted ? "none" : answer;
  }
}

function approved(request: AskedEffect, label: Label, look: Look, body: HeldBody | null): AskedEffect {
  const yes = { approvedBy: "person" } as const;
  return request.kind === "push" ? { ...request, ...yes } : { ...request, ...yes, shown: shownOf(label, look, body) };
}

function placeOf({ command, host, port }: AskedEffect): string {
  return JSON.stringify([command, host, port]);
}

function shownOf({ integrity, secrecy }: Label, { headers }: Look, body: HeldBody | null): RequestEffect["shown"] {
  return {
    label: { integrity, secrecy },
    headers: [...headers],
    body: body && { bytes: body.bytes.length, sha256: body.sha256 },
  };
}

import type { Effect } from "../core/effect.ts";
import { answered, type Grant, type Span, surviving } from "../core/grant.ts";
import { canonical, type JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import { addressOf } from "../core/net-rules.ts";
import type { HeldBody, Look } from "../egress/look.ts";
import type { Gated } from "./gate.ts";
import { digestOf } from "./prompt.ts";

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
  /** What that command is seen to do, in plain words; null where it is none of the shell's. */
  readonly acts: string | null;
  /** Why the gate does not decide alone. */
  readonly reason: string;
  /** What is known of the package that it asks for, a line each; empty where it asks for none. */
  readonly about: readonly string[];
  /** What raised the session's label to where it is, in words; "" where nothing did. */
  readonly origin: string;
  /** Whether a yes may hold for longer than this once: what cannot be seen, or is no other request a second time, is asked each time. */
  readonly mayLast: boolean;
}

/** A command that a rule asks about; what the model wants to run is all of it. */
export interface RunQuestion extends Pick<RequestQuestion, "reason" | "origin" | "mayLast"> {
  readonly kind: "run";
  readonly command: string;
  readonly background: boolean;
  readonly acts: string;
}

/** A request about which the gate asks, and what there is to show of it. */
export interface Asking {
  readonly effect: AskedEffect;
  readonly look: Look;
  /** The command whose token it bore, and what it is seen to do, as in the question. */
  readonly command: { readonly text: string; readonly acts: string | null } | null;
  readonly about?: readonly string[];
}

type Ask = Gated & { readonly verdict: "ask" };

/** `yes`: this once. `none`: nobody answered in time, or nobody could be asked. */
export type Answer = "yes" | "session" | "minutes" | "no" | "none";

/** Shows a question to the person and waits for their answer, for a limited time and until `gone` aborts. */
export type AskPerson = (question: RequestQuestion | RunQuestion, gone: AbortSignal) => Promise<Answer>;

export interface QuestionsPlan {
  readonly ask: (question: RequestQuestion, gone: AbortSignal) => Promise<Answer>;
  readonly pass: (effect: Effect) => Gated;
  /** Puts an event on the disk; throws when it cannot. */
  readonly record: (event: JsonObject) => void;
  /** Says in words what raised the session's label. */
  readonly origin: () => string;
  /** Whether an alarm has every request ask: no yes of before holds then, and none for longer than once. */
  readonly asksAll: () => boolean;
  readonly session: string;
  readonly now: () => number;
}

/** How long a yes for a while holds. */
const MINUTES_MS = 10 * 60_000;

const WAITING_MAX = 4;
const REFUSED_MAX = 1000;
/** Of questions to which nobody waited for the answer: a client may have a short time limit of its own. */
const WITHDRAWN_MAX = 3;
/** More than a person reads. */
const ADDRESS_CHARS_MAX = 2000;
const HEADER_CHARS_MAX = 2000;
/** A row each: more would push what stands above them off the screen. */
const HEADERS_MAX = 20;

/** Asks the person about requests, one at a time, and binds each answer to exactly what was shown, the session and its label. */
export class Questions {
  readonly #plan: QuestionsPlan;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Commands and the hosts that they were refused: whoever asks a hundred times is not answered better the last time. */
  readonly #refused = new Set<string>();
  readonly #withdrawn = new Map<string, number>();
  #grants: readonly Grant[] = [];

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
      const isUnseen = request.kind === "request" && request.hasBody && body === null;
      const question: RequestQuestion = {
        request,
        headers: look.headers,
        body: look.git?.kind === "push" ? Buffer.from(look.git.summary) : (body?.bytes ?? null),
        isUnseen,
        command: command?.text ?? null,
        acts: command?.acts ?? null,
        reason: asked.reason,
        about,
        origin: this.#plan.origin(),
        mayLast: request.kind === "request" && !isUnseen && !this.#plan.asksAll(),
      };
      const hash = digestOf(canonical({ ...shownWhole(request, look, body), about: [...about] }));
      const turn = this.#last.then(() => this.#answer(question, { hash, ...asked }, gone));
      this.#last = turn.catch(() => {});
      const answer = await turn;
      if (answer !== "no" && answer !== "none") return this.#plan.pass(approved(request, asked.label, look, body));
      if (!gone.aborted || this.#withdraw(place) >= WITHDRAWN_MAX) this.#refused.add(place);
      return refuse(answer === "no" ? "they said no" : "nobody answered");
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Passes a request that the answer about the decision `answered` covers, without all that its sender composed beside its address. */
  passWith({ effect }: Asking, { seq: decision, label: { integrity, secrecy } }: Ask, answered: number): Gated {
    if (effect.kind !== "request" || this.#refused.has(placeOf(effect)))
      return { verdict: "deny", reason: "no answer covers it" };
    this.#plan.record({ type: "answer", decision, answer: "given before", with: answered });
    const shown = { label: { integrity, secrecy }, headers: [], body: null, answeredWith: answered };
    return this.#plan.pass({ ...effect, approvedBy: "person", shown });
  }

  #withdraw(place: string): number {
    const times = (this.#withdrawn.get(place) ?? 0) + 1;
    this.#withdrawn.set(place, times);
    return times;
  }

  // What was asked and what was answered are on the disk before anything comes of it.
  async #answer(question: RequestQuestion, about: About, gone: AbortSignal): Promise<Answer> {
    if (gone.aborted || this.#refused.has(placeOf(question.request))) return "none";
    const { hash, seq: decision } = about;
    if (this.#isGranted(about)) {
      this.#plan.record({ type: "answer", decision, answer: "given before", hash });
      return "yes";
    }
    this.#plan.record({ type: "waiting", decision });
    const said = await this.#plan.ask(question, gone);
    const mayLast = question.mayLast && !this.#plan.asksAll();
    const answer = mayLast || said === "no" || said === "none" ? said : "yes";
    const span = spanOf(answer, this.#plan.now());
    this.#plan.record({ type: "answer", decision, answer, ...(span === null ? {} : { hash }) });
    if (gone.aborted) return "none";
    if (span === null) return answer;
    this.#grant(about, span);
    // One for this once is used up by this.
    return this.#isGranted(about) ? answer : "none";
  }

  #grant({ hash, label: { integrity, secrecy } }: About, span: Span): void {
    const { session, now } = this.#plan;
    this.#grants = [...this.#grants, { hash, session, label: { integrity, secrecy }, madeAt: now(), span }];
  }

  #isGranted({ hash, label }: About): boolean {
    const { session, asksAll, now } = this.#plan;
    const moment = { hash, session, label, now: now() };
    const living = surviving(this.#grants, moment).filter(({ span }) => span.kind === "once" || !asksAll());
    const ended = this.#grants.length - living.length;
    if (ended > 0) this.#plan.record({ type: "grants-ended", count: ended });
    this.#grants = living;
    const { isGranted, grants } = answered(this.#grants, moment);
    this.#grants = grants;
    return isGranted;
  }
}

/** What a yes is bound to: the digest of all that was shown, the decision that asked, and the label that it was made at. */
interface About {
  readonly hash: string;
  readonly seq: number;
  readonly label: Label;
}

function spanOf(answer: Answer, now: number): Span | null {
  switch (answer) {
    case "yes":
      return { kind: "once" };
    case "session":
      return { kind: "session" };
    case "minutes":
      return { kind: "until", at: now + MINUTES_MS };
    case "no":
    case "none":
      return null;
  }
}

// Another command that asks for exactly this was answered by it too: it is the effect that was looked at.
function shownWhole({ protocol, host, port, ...request }: AskedEffect, look: Look, body: HeldBody | null): JsonObject {
  const place = { kind: request.kind, protocol, host, port, method: request.method, path: request.path };
  if (request.kind === "push") {
    const { ref, oldId, newId, digest } = request;
    return { ...place, ref, oldId, newId, digest };
  }
  return { ...place, hasBody: request.hasBody, headers: [...look.headers], body: body?.sha256 ?? null };
}

function approved(request: AskedEffect, label: Label, look: Look, body: HeldBody | null): AskedEffect {
  const yes = { approvedBy: "person" } as const;
  const { integrity, secrecy } = label;
  return request.kind === "push"
    ? { ...request, ...yes, shownAt: { integrity, secrecy } }
    : { ...request, ...yes, shown: shownOf(label, look, body) };
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

import { EDIT_BYTES_MAX } from "../core/edit.ts";
import type { Effect } from "../core/effect.ts";
import type { SessionEvent } from "../core/event.ts";
import { type Place, placeOf } from "../core/inspect-channel.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Outcome } from "../core/outcome.ts";
import { type KnownSecret, redactorOf, withMeanings } from "../core/redact.ts";
import { formatsIn } from "../core/redact-formats.ts";
import type { RedactingStream } from "../core/redact-streams.ts";
import { sanitize } from "../core/sanitize.ts";
import { bound } from "../core/text.ts";
import type { Vault } from "../egress/vault.ts";
import type { Findings, FindingsPlan, Passing } from "./findings.ts";

/** Texts that wait to be looked at; a turn's end has none left. */
const WAITING_MAX = 100;
/** Of the text of one outcome, after what hides in it was spelled out. */
const TEXT_CHARS_MAX = 80_000;
/** What of it is searched for injections: all that the model can be shown, since spelling out makes nothing shorter than half. */
const SEARCHED_CHARS_MAX = 2 * TEXT_CHARS_MAX;

/**
 * What every text of a session goes through on its way to the model, the terminal and the log: secrets become placeholders,
 * and what hides is spelled out.
 */
export class Inspection {
  readonly #redactor = redactorOf();
  readonly #live = new Map<"text" | "reasoning", RedactingStream>();
  readonly #waiting: Passing[] = [];
  #findings: Promise<Findings> | null = null;
  #plan: FindingsPlan | null = null;
  #vault: Vault | null = null;
  #known: readonly unknown[] = [];

  /** Says what comes of findings; without a plan none are looked for. */
  begin(plan: FindingsPlan): void {
    this.#plan = plan;
  }

  /** Makes the values of the person's credentials secrets too, in whatever encoding. */
  know(vault: Vault): void {
    this.#vault = vault;
  }

  /** `numbered` is how far secrets were numbered in an earlier life of the session: none is numbered so again. */
  constructor(numbered: ReadonlyMap<string, number> = new Map()) {
    this.#redactor.goOnAfter(numbered);
  }

  /** Gives a text without the secrets in it. */
  redact(text: string): string {
    this.#renew();
    return this.#redactor.redact(text);
  }

  /** The same, and what hides in it is spelled out: what the model is shown. */
  clean(text: string): string {
    return sanitize(this.redact(text)).text;
  }

  /** Takes the secrets out of all texts of a value, names of fields too. */
  redacted<T>(value: T): T {
    this.#renew();
    return mapped(value as Json, (text) => this.#redactor.redact(text)) as T;
  }

  /** Writes an event for the log. Heads are signed as they are. What is said to the model or by it tells how far secrets are numbered. */
  recorded(event: JsonObject): JsonObject {
    if (event.type === "head") return event;
    const redacted = this.redacted(event);
    const numbers = this.#redactor.numbers();
    const isSaid = event.type === "prompt" || event.type === "reply" || event.type === "outcome";
    return isSaid && numbers.size > 0 ? { ...redacted, secrets: Object.fromEntries(numbers) } : redacted;
  }

  /** Shows events without secrets. Of text that comes piece by piece the last word waits for its end. */
  showing(show: (event: SessionEvent) => void): (event: SessionEvent) => void {
    // A notice in the middle of a text waits until that is whole.
    let notices: SessionEvent[] = [];
    return (event) => {
      if (event.type === "text" || event.type === "reasoning") {
        const text = this.#liveOf(event.type).push(event.text);
        if (text !== "") show({ type: event.type, text });
        return;
      }
      if (event.type === "notice" && this.#live.size > 0) {
        notices.push(event);
        return;
      }
      if (event.type === "reply" || event.type === "retry" || event.type === "end") this.#endLive(event, show);
      show(this.redacted(event));
      if (this.#live.size > 0) return;
      for (const notice of notices) show(this.redacted(notice));
      notices = [];
    };
  }

  /** Has a text looked at before the model acts on it: what it is told with a prompt goes to it first. */
  later(place: Place, text: string, isApproved = false): void {
    if (this.#waiting.length < WAITING_MAX)
      this.#waiting.push({ place, text: this.redact(text), call: null, isApproved });
  }

  /** Looks at what waits. Whoever acts for the model calls it before. */
  async settle(): Promise<void> {
    if (this.#waiting.length === 0 || this.#plan === null) return;
    const findings = await this.#open(this.#plan);
    for (const passing of this.#waiting.splice(0)) findings.look(passing);
  }

  /** Cleans what came of a call, and looks for injections in it. */
  async outcome(effect: Effect | null, outcome: Outcome, call: string): Promise<Outcome> {
    const redacted = this.redact(outcome.text);
    const place = effect && placeOf(effect);
    if (place !== null) {
      const text = bound(redacted, SEARCHED_CHARS_MAX).text;
      this.#waiting.push({ place, text, call, isApproved: false });
    }
    await this.settle();
    const text = bound(sanitize(redacted).text, TEXT_CHARS_MAX).text;
    const hint = !outcome.ok && effect?.kind === "edit" && SPELLED.test(effect.oldString) ? SPELLED_HINT : "";
    return { ...outcome, text: `${text}${hint}` };
  }

  /**
   * Puts what placeholders stand for in a file's own content in their place, so that the file can be edited around them. A
   * string where one stands for nothing in it, or for more than one thing.
   */
  resolve(texts: readonly string[], content: Uint8Array): readonly string[] | string {
    this.#renew();
    const placeholders = new Set(texts.flatMap((text) => this.#redactor.placeholdersIn(text)));
    if (placeholders.size === 0) return texts;
    const meanings = this.#redactor.meaningsIn(new TextDecoder().decode(content));
    for (const placeholder of placeholders) if (!meanings.get(placeholder)) return `${placeholder} ${NOT_HERE}`;
    const resolved = texts.map((text) => withMeanings(text, placeholders, meanings, RESOLVED_CHARS_MAX));
    return resolved.every((text) => text !== null) ? resolved : TOO_LARGE;
  }

  /** Says why a call is not done that would write a placeholder where a secret belongs; null where it would not. */
  refusal(effect: Effect): Outcome | null {
    // An edit is resolved within the file, and a task is for a model that is shown the same placeholders.
    if (effect.kind === "edit" || effect.kind === "delegate") return null;
    const [placeholder] = Object.values(effect).flatMap((value) =>
      typeof value === "string" ? this.#redactor.placeholdersIn(value) : [],
    );
    if (placeholder === undefined) return null;
    return { ok: false, code: "invalid", text: `${effect.kind}: not done: ${placeholder} ${NOT_HERE}` };
  }

  #open(plan: FindingsPlan): Promise<Findings> {
    this.#findings ??= import("./findings.ts").then(({ Findings }) => new Findings(plan));
    return this.#findings;
  }

  #renew(): void {
    const credentials = this.#vault?.credentials() ?? this.#known;
    if (credentials === this.#known || this.#vault === null) return;
    this.#known = credentials;
    const all = this.#vault.credentials();
    this.#redactor.know(
      all.map(({ source, value }) => knownSecret(source, value.reveal())),
      all.map(({ placeholder }) => placeholder),
    );
  }

  #liveOf(type: "text" | "reasoning"): RedactingStream {
    this.#renew();
    const stream = this.#live.get(type) ?? this.#redactor.live();
    this.#live.set(type, stream);
    return stream;
  }

  // A try that failed is void, and so is what of it waits.
  #endLive(event: SessionEvent, show: (event: SessionEvent) => void): void {
    for (const [type, stream] of this.#live) {
      const text = stream.end();
      if (text !== "" && event.type !== "retry") show({ type, text });
    }
    this.#live.clear();
  }
}

/** No file of an edit is larger, so nothing that fits is refused. */
const RESOLVED_CHARS_MAX = EDIT_BYTES_MAX;
const TOO_LARGE = "the secrets that its placeholders stand for would make it too large";
const NOT_HERE =
  "stands for a secret that you are not shown, and no file must hold it in the secret's place; use edit on the file that has the secret, or leave that part as it is";
const SPELLED = /<U\+[0-9A-F]{4,6}>|<hidden |\\x[0-9a-f]{2}/;
const SPELLED_HINT =
  " (signs that cannot be seen are shown to you spelled out, as <U+200B>: choose text beside them, or use run with sed)";

/** Names a secret as vendors' formats do, or by where it was found. */
function knownSecret(source: string, value: string): KnownSecret {
  const [found] = formatsIn(value);
  const words = source
    .toLowerCase()
    .replace(/^env /, "")
    .match(/[a-z0-9]+/g);
  return { value, name: found?.name ?? (words?.join("-").slice(0, 40) || "known") };
}

function mapped(value: Json, change: (text: string) => string): Json {
  if (typeof value === "string") return change(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => mapped(item, change));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [change(name), mapped(item, change)]));
}

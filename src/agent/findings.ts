import { detect } from "../core/detect.ts";
import { viewsOf } from "../core/detect-views.ts";
import type { Place } from "../core/inspect-channel.ts";
import type { JsonObject } from "../core/json.ts";
import { sanitize } from "../core/sanitize.ts";
import { type Finding, findingsOf } from "../core/scan-findings.ts";
import type { Source } from "../core/source.ts";
import { bound, visible } from "../core/text.ts";
import { readDetectModel } from "./config-inspect.ts";

/** What comes of findings. */
export interface FindingsPlan {
  readonly record: (event: JsonObject) => void;
  readonly enter: (source: Source) => void;
  readonly tell: (text: string) => void;
}

/** A text that is on its way to the model, without secrets. */
export interface Passing {
  readonly place: Place;
  readonly text: string;
  /** The call that it came of; null where it came of none. */
  readonly call: string | null;
  /** The person approved its content: orders in it are theirs, but nobody can have approved what is not drawn. */
  readonly isApproved: boolean;
}

/** Of one text; the strongest of them. */
const RECORDED_MAX = 5;
const RECORDED_OF_SESSION_MAX = 1000;
const NAME_CHARS_MAX = 120;
const EXCERPT_CHARS_MAX = 160;
const NUMBERS = /^ {0,5}\d+\t/gm;

/** Looks for injections in what a session's model reads. Loaded when the first text comes, since no request must wait for it. */
export class Findings {
  readonly #plan: FindingsPlan;
  readonly #model = readDetectModel();
  readonly #told = new Set<string>();
  #recorded = 0;

  constructor(plan: FindingsPlan) {
    this.#plan = plan;
  }

  /** Records what is found, and raises the label and tells the person of what is strong. */
  look(passing: Passing): void {
    const { place, text: shown } = passing;
    const text = place.line === null ? shown : shown.replace(NUMBERS, "");
    const { hidden } = sanitize(text);
    const detection = detect(this.#model, text, place.channel, viewsOf(text, hidden));
    const lineOf = (line: number) => (place.line ?? 1) + line - 1;
    const found = findingsOf(text, { ...detection, hidden, secrets: [] }, lineOf)
      .filter(({ level, rule }) => level !== "note" || rule === "injection-mention")
      .sort((a, b) => (b.score ?? (isStrong(b) ? 1 : 0)) - (a.score ?? (isStrong(a) ? 1 : 0)));
    for (const finding of found.slice(0, RECORDED_MAX)) this.#found(finding, { ...passing, text });
  }

  #found(finding: Finding, { place: { name, channel }, text, call, isApproved }: Passing): void {
    const { rule, start, end, line, score } = finding;
    const where = onOneLine(name, NAME_CHARS_MAX);
    const excerpt = onOneLine(text.slice(start, end), EXCERPT_CHARS_MAX);
    const level = isStrong(finding) && !(isApproved && score !== null) ? "strong" : "weak";
    if (this.#recorded < RECORDED_OF_SESSION_MAX)
      this.#plan.record({
        type: "finding",
        call,
        channel,
        where,
        rule,
        level,
        score,
        span: { start, end, line },
        excerpt,
      });
    this.#recorded += 1;
    if (level === "weak" || this.#told.has(where) || this.#told.has(excerpt)) return;
    this.#told.add(where).add(excerpt);
    this.#plan.enter({ kind: "injection", where });
    const sure = score === null ? "" : `, score ${score.toFixed(2)}`;
    const what = score === null ? "letters that nothing draws" : "text that looks like an injection";
    this.#plan.tell(
      `${what} in ${where} (line ${line}${sure}): "${excerpt}"; it is data, and what leaves the box is judged by it`,
    );
  }
}

function isStrong({ level }: Finding): boolean {
  return level === "error";
}

function onOneLine(text: string, charsMax: number): string {
  return bound(visible(text).replace(/\s+/g, " ").trim(), charsMax).text.replace(/\s+/g, " ");
}

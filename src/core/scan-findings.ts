import { SCORE_RARE } from "./detect.ts";
import type { Inspection } from "./inspect.ts";
import type { Hidden, HiddenKind } from "./sanitize.ts";

/** `note`: worth a look by somebody who searches, and shown to nobody else. */
export type Level = "note" | "warning" | "error";

/** A finding as a person or a program is told of it. */
export interface Finding {
  readonly rule: string;
  readonly level: Level;
  readonly message: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
  readonly score: number | null;
}

export const RULES: Readonly<Record<string, string>> = {
  injection: "Text that gives orders to an AI agent",
  "injection-mention": "Words of an injection that are quoted or spoken about",
  "hidden-tag": "Letters of the Unicode tag block, which nothing draws and models read",
  "hidden-zero-width": "Signs without width",
  "hidden-variation": "Variation selectors that carry bytes",
  "hidden-bidi": "Controls that reorder what is drawn",
  "hidden-control": "Control characters",
  "hidden-escape": "Escape sequences of a terminal",
  "hidden-homoglyph": "A word with letters of two alphabets that look alike",
  "hidden-html-hidden": "An element that its style hides",
  "hidden-html-comment": "A comment of HTML",
  "hidden-fetch": "An address that would carry data out when it is drawn or followed",
  secret: "A secret whose format is known",
};

/** Lays out what was found in a text, in its order; `lineOf` gives the number of a line where the text is part of another. */
export function findingsOf(
  text: string,
  { hidden, secrets, spans, verdict }: Inspection,
  lineOf: (line: number) => number,
): Finding[] {
  const excerpt = (start: number, end: number) => withoutSecrets(text, start, end, secrets);
  const found = [
    ...hidden.map((hide) => {
      const rule = `hidden-${hide.kind}`;
      const isSecret = secrets.some(({ start, end }) => start < hide.end && end > hide.start);
      const shown = isSecret ? excerpt(hide.start, hide.end) : hide.shown.slice(0, SHOWN_CHARS_MAX);
      return { ...hide, rule, level: levelOf(hide), message: `${RULES[rule]}: ${shown}`, score: null };
    }),
    ...secrets.map(({ start, end, rule }) => {
      return { rule: "secret", level: "warning" as const, message: `a secret (${rule})`, start, end, score: null };
    }),
    ...spans.map(({ start, end, score }) => {
      const rule = verdict === "mentions" ? "injection-mention" : "injection";
      const level =
        verdict === "mentions" ? ("note" as const) : score >= SCORE_RARE ? ("error" as const) : ("warning" as const);
      return {
        rule,
        level,
        message: `${RULES[rule]} (score ${score.toFixed(2)}): ${excerpt(start, end)}`,
        start,
        end,
        score,
      };
    }),
  ];
  const place = placesIn(text);
  return found
    .sort((a, b) => a.start - b.start)
    .map(({ rule, level, message, start, end, score }) => {
      const { line, column } = place(start);
      return { rule, level, message, start, end, line: lineOf(line), column, score };
    });
}

/** Cuts out what is shown, after the secrets in it are gone: half a secret would be none of a known format. */
function withoutSecrets(text: string, start: number, end: number, secrets: Inspection["secrets"]): string {
  const parts: string[] = [];
  let from = start;
  for (const secret of secrets) {
    if (secret.end <= from || secret.start >= end) continue;
    parts.push(text.slice(from, Math.max(from, secret.start)), `«secret:${secret.name}»`);
    from = Math.min(end, secret.end);
  }
  parts.push(text.slice(from, end));
  return parts.join("").slice(0, SHOWN_CHARS_MAX);
}

const SHOWN_CHARS_MAX = 160;
const LONG_RUN = 4;
const GRAVE: readonly HiddenKind[] = ["variation", "bidi", "homoglyph", "fetch"];

function levelOf({ kind, start, end, shown }: Hidden): Level {
  if (kind === "tag") return "error";
  if (GRAVE.includes(kind)) return "warning";
  if (kind === "zero-width") return end - start >= LONG_RUN ? "warning" : "note";
  // Colours are drawn by every build tool.
  if (kind === "escape") return /^(?:\\x1b\[[\d;:]*m)+$/.test(shown) ? "note" : "warning";
  return "note";
}

/** Counts lines and columns, from 1, of places that come in order. */
function placesIn(text: string): (at: number) => { line: number; column: number } {
  let [line, start] = [1, 0];
  return (at) => {
    for (let next = text.indexOf("\n", start); next >= 0 && next < at; next = text.indexOf("\n", start)) {
      line += 1;
      start = next + 1;
    }
    return { line, column: at - start + 1 };
  };
}

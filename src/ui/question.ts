import type { Interface } from "node:readline";
import type { Approval } from "../core/approval.ts";
import type { Offer } from "./live.ts";
import type { AskedPreview } from "./preview.ts";

/** Sooner than this nobody answers what they read. */
const READ_MS_MIN = 250;

/** What was shown and waits for a word of the person's, on a line that was begun after it. */
export interface Question {
  /** Held changes that "yes" lands, exactly as shown. */
  readonly approvals: readonly Approval[];
  /** What "y" lands, exactly as shown. */
  readonly offer: Offer;
  /** A port of the box that "y" shows. */
  readonly preview: AskedPreview | null;
  readonly askedAt: number;
  /** Something was typed already on the line that is the next. */
  readonly hasDraft: boolean;
}

/** What comes of a line that may be an answer. */
export type Reply = "none" | "ahead" | "approve" | "land" | "preview" | "decline";

/** Asks what stands on the screen now. */
export function ask(lines: Interface, shown: Partial<Pick<Question, "approvals" | "offer" | "preview">>): Question {
  return {
    approvals: [],
    offer: null,
    preview: null,
    ...shown,
    askedAt: performance.now(),
    hasDraft: lines.line !== "",
  };
}

/** Takes a line for an answer or not. One that was typed ahead of the question, in whole or in part, answers nothing. */
export function replyOf(question: Question, text: string, typedAt: number): Reply {
  const isAhead = question.hasDraft || typedAt < question.askedAt + READ_MS_MIN;
  if (question.approvals.length > 0) return text !== "yes" ? "decline" : isAhead ? "ahead" : "approve";
  if (question.preview === null && question.offer === null) return "none";
  if (text === "n" || text === "no") return "decline";
  if (text !== "y" && text !== "yes") return "none";
  if (isAhead) return "ahead";
  return question.preview === null ? "land" : "preview";
}

/** A question that nobody called for comes up under the hands of who types: it takes longer to be noticed and read. */
const SURPRISE_MS_MIN = 1000;

/** Takes a line for an answer to a question that came up by itself; "ahead" when it was begun too soon. */
export function answerOf(
  question: Pick<Question, "askedAt" | "hasDraft"> & { readonly mayLast: boolean },
  text: string,
  typedAt: number,
): "yes" | "session" | "minutes" | "no" | "ahead" {
  if (question.hasDraft || typedAt < question.askedAt + SURPRISE_MS_MIN) return "ahead";
  if (question.mayLast && text === "s") return "session";
  if (question.mayLast && text === "t") return "minutes";
  return text === "y" || text === "yes" ? "yes" : "no";
}

import type { Json } from "./json.ts";
import type { OutcomeCode } from "./outcome.ts";

/** Why a session's run ended, and the exit status that says so. */
export type EndReason =
  | "done"
  | "not-completed"
  | "approval-needed"
  | "model-auth"
  | "model-provider"
  | "budget"
  | "turns"
  | "time"
  | "interrupted"
  | "error";

export const EXIT_CODES: Readonly<Record<EndReason, number>> = {
  done: 0,
  error: 1,
  "not-completed": 10,
  "approval-needed": 21,
  budget: 30,
  turns: 31,
  time: 32,
  "model-auth": 40,
  "model-provider": 50,
  interrupted: 130,
};

/** What a front end is told as it happens. Text in events is the model's or the box's: shown only through `visible`. */
export type SessionEvent =
  | {
      readonly type: "start";
      readonly session: string;
      readonly checkout: string;
      readonly model: string;
      readonly tools: readonly string[];
    }
  | { readonly type: "instructions"; readonly paths: readonly string[] }
  /** What the person should know of the box: ignored files of an earlier session that are not shown, for one. */
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  | { readonly type: "retry"; readonly attempt: number; readonly waitMs: number; readonly reason: string }
  /** A whole reply; the texts before it streamed are part of it. */
  | { readonly type: "reply"; readonly text: string; readonly calls: readonly Call[]; readonly usage: Totals }
  | { readonly type: "call"; readonly call: Call }
  | {
      readonly type: "result";
      readonly id: string;
      readonly name: string;
      readonly ok: boolean;
      readonly code: OutcomeCode | null;
      readonly text: string;
    }
  | { readonly type: "end"; readonly reason: EndReason; readonly message: string; readonly totals: Totals };

export interface Call {
  readonly id: string;
  readonly name: string;
  /** Parsed arguments, or the raw text where they did not parse. */
  readonly input: Json;
}

/** Sums over a session: tokens, replies, and US dollars where every price was known. */
export interface Totals {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
  readonly replies: number;
  readonly usd: number | null;
}

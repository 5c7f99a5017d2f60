import type { Json } from "./json.ts";
import type { OutcomeCode } from "./outcome.ts";

/** Why a session's run ended, and the exit status that says so. */
export type EndReason =
  | "done"
  | "not-completed"
  | "denied"
  | "approval-needed"
  | "paused"
  | "killed"
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
  denied: 20,
  "approval-needed": 21,
  paused: 24,
  killed: 25,
  budget: 30,
  turns: 31,
  time: 32,
  "model-auth": 40,
  "model-provider": 50,
  interrupted: 130,
};

/** What a front end is told as it happens. Text in events is the model's or the box's: shown only through `visible`. */
export type SessionEvent = (
  | {
      readonly type: "start";
      readonly session: string;
      readonly checkout: string;
      readonly model: string;
      readonly tools: readonly string[];
    }
  | { readonly type: "instructions"; readonly paths: readonly string[] }
  /** What the person must know of this session's box, a sentence each. */
  | { readonly type: "notice"; readonly text: string }
  /** The gate let something not happen: a call, or a request of one. */
  | {
      readonly type: "denied";
      readonly call: string | null;
      readonly what: string;
      /** `ask`: a person could have allowed it. */
      readonly verdict: "ask" | "deny";
      readonly reason: string;
      /** The nearest way that is allowed; null where none is known. */
      readonly nearest: string | null;
    }
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
  /** A child agent starts on a task; null is the session's own model. */
  | {
      readonly type: "agent-start";
      readonly parent: string | null;
      readonly task: string;
      /** In words: read, write, net. */
      readonly may: readonly string[];
      /** Where it may write, each "" or ending in "/". */
      readonly folders: readonly string[];
    }
  | { readonly type: "agent-end"; readonly reason: EndReason; readonly totals: Totals }
  | { readonly type: "end"; readonly reason: EndReason; readonly message: string; readonly totals: Totals }
) & {
  /** The child agent that it is about; left out for the session's own model. */
  readonly agent?: string;
};

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

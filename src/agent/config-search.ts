import { join } from "node:path";
import { type JsonObject, recordOf } from "../core/json.ts";
import { readLedger } from "../ledger/verify.ts";
import type { StoredSession } from "./config-sessions.ts";

/** Where a text is in a session, and what stands around it. */
export interface Found {
  readonly what: "name" | "prompt" | "reply" | "command";
  readonly excerpt: string;
}

const BEFORE_CHARS = 30;
const EXCERPT_CHARS = 120;

/** Looks for a text in what a person called a session, and asked in it, and in what its model replied; case does not count. */
export function searchSession({ path, facts }: StoredSession, text: string): Found | null {
  const wanted = text.toLowerCase();
  if (facts.name?.toLowerCase().includes(wanted)) return { what: "name", excerpt: facts.name };
  try {
    for (const { event } of readLedger(join(path, "ledger.log")))
      for (const [what, said] of textsOf(event)) {
        const at = said.toLowerCase().indexOf(wanted);
        if (at >= 0)
          return { what, excerpt: said.slice(Math.max(0, at - BEFORE_CHARS), at + EXCERPT_CHARS).toWellFormed() };
      }
  } catch {
    // A damaged log is told by `log verify`.
  }
  return null;
}

function textsOf(event: JsonObject): (readonly [Found["what"], string])[] {
  const { type, typed, parts, effect, call } = event;
  if (type === "prompt") return typeof typed === "string" ? [["prompt", typed]] : [];
  if (type === "reply") return repliesOf(parts);
  const { command, approvedBy } = recordOf(effect);
  // That of an `exec`, which is its task; what the program itself looks at before a session is nobody's.
  if (type === "decision" && call === null && approvedBy === "person" && typeof command === "string")
    return [["command", command]];
  if (type !== "inherited") return [];
  const message = recordOf(event.message);
  if (message.role === "user" && typeof message.text === "string") return [["prompt", message.text]];
  return message.role === "assistant" ? repliesOf(message.parts) : [];
}

function repliesOf(parts: unknown): (readonly [Found["what"], string])[] {
  return (Array.isArray(parts) ? parts : []).map(recordOf).flatMap(({ kind, text }) => {
    return kind === "text" && typeof text === "string" ? [["reply", text] as const] : [];
  });
}

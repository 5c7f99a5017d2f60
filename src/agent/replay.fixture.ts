import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pushOf, requestOf } from "../core/effect.fixture.ts";
import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import { makePolicy, NO_CEILINGS, type Rule } from "../core/policy-rules.ts";
import { SCHEMA } from "../core/schema.ts";
import { createLedger, type Ledger } from "../ledger/append.ts";
import { readLedger } from "../ledger/verify.ts";
import { Gate } from "./gate.ts";
import { type Replayed, replayEvents } from "./replay.ts";
import { RunQuestions } from "./run-questions.ts";
import { SessionLabel } from "./session-label.ts";
import { RunProfiles } from "./shell.ts";
import { parseCall } from "./tools.ts";

const ASKS_ABOUT_MAKE: Rule = {
  id: "user policy.yaml:3",
  tier: "user",
  verdict: "ask",
  scope: { kind: "run", argv: ["make"] },
  because: null,
};
/** A request that the box composed, and that no rule lists. */
export const REQUEST = requestOf({ host: "example.com", listed: "unlisted", rule: null });
/** A push that no rule names. */
export const PUSH = pushOf({ host: "git.example.com", rule: null });
const CALLS = [
  ["read", { path: "a.txt" }],
  ["run", { command: "make" }],
  ["write", { path: "a.txt", content: "x".repeat(5000) }],
  ["bogus", {}],
  ["run", { command: "touch b" }],
  ["run", { command: "touch b" }],
] as const;

/** What a test records with. */
export interface Recording {
  readonly file: string;
  readonly ledger: Ledger;
  readonly label: SessionLabel;
  readonly gate: Gate;
}

/** Begins a record that is thrown away with the test. */
export function begin(t: TestContext, rules: readonly Rule[]): Recording {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-replay-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "ledger.log");
  const ledger = createLedger(file, null);
  const policy = makePolicy(rules, NO_CEILINGS);
  const label = new SessionLabel((event) => ledger.append({ ...event, at: 1 }));
  const gate = new Gate(
    ledger,
    (effect) => label.at(effect),
    () => 2,
    () => policy,
  );
  ledger.append({ type: "start", schema: SCHEMA, at: 0, checkout: "/shop" });
  return { file, ledger, label, gate };
}

/** Ends a record, and reads it. */
export function end({ file, ledger }: Recording): JsonObject[] {
  ledger.close();
  return [...readLedger(file)].map(({ event }) => event);
}

/** Replays what was recorded, or what was made of it. */
export function replay(events: readonly JsonObject[]): Promise<Replayed> {
  return replayEvents(events.map((event, seq) => ({ seq, event })));
}

/** Records a session in which a person says yes to a command, by the parts that a session is made of. */
export async function record(t: TestContext): Promise<Recording> {
  const recording = begin(t, [ASKS_ABOUT_MAKE]);
  const { ledger, label, gate } = recording;
  const look = { kind: "run", command: `cat ${"y".repeat(3000)}`, timeoutMs: 1, background: false } as const;
  const effect: Effect = { ...look, profile: "read-only" };
  label.foresee(effect, null);
  gate.pass(effect, null);
  label.enter({ kind: "person", openness: "private" });
  const parts = CALLS.map(([name, input], at) => ({ kind: "call", id: `c${at}`, name, input: JSON.stringify(input) }));
  ledger.append({ type: "reply", at: 3, parts });
  const profiles = new RunProfiles(() => []);
  const questions = new RunQuestions({
    ask: async () => "yes",
    record: (event) => ledger.append({ ...event, at: 4 }),
    origin: () => "",
  });
  for (const { id, name, input } of parts) {
    const parsed = parseCall(name, input);
    let text = "ok";
    if (parsed.ok) {
      const asked = parsed.effect.kind === "run" ? await profiles.choose(parsed.effect) : parsed.effect;
      const gated = gate.pass(asked, id);
      const by = { call: id, agent: null, signal: new AbortController().signal };
      if (gated.verdict === "ask" && asked.kind === "run") await questions.pass(asked, gated, by, gate);
      // What a bound was in the way of is not bound the next time.
      if (asked.kind === "run" && asked.command === "touch b") text = "Read-only file system";
      if (asked.kind === "run") profiles.explain(asked, { ok: false, code: "exit", text }, "net");
    }
    gate.pass(REQUEST, null);
    ledger.append({ type: "outcome", at: 5, call: id, ok: text === "ok", code: text === "ok" ? null : "exit", text });
  }
  return recording;
}

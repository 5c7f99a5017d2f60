import assert from "node:assert/strict";
import { test } from "node:test";
import type { Gated } from "../../src/agent/gate.ts";
import { type Answer, type AskedEffect, Questions } from "../../src/agent/questions.ts";
import { pushOf, requestOf } from "../../src/core/effect.fixture.ts";
import { INTEGRITIES, join, type Label, SECRECIES } from "../../src/core/label.ts";
import type { Look } from "../../src/egress/look.ts";
import { isLabelBelow } from "./promises.ts";
import { Random } from "./random.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const TRACES = Number(process.env.RINGFENCE_TRACES ?? (IS_FULL ? 20_000 : 500));
const STEPS = 20;
/** What passed is what runs by itself; another seed explores further. */
const SEED = Number(process.env.RINGFENCE_SEED ?? 7);
const MINUTES_MS = 600_000;

/** What a person said yes to for longer than once, kept as a plain list beside the questions. */
interface Said {
  readonly what: string;
  readonly label: Label;
  readonly until: number;
}

test("a request passes unasked only where a person said a lasting yes to exactly it, in time, and nothing worse was seen since", async () => {
  const reached = new Set<string>();
  for (let number = 0; number < TRACES; number += 1) {
    const seed = SEED * 1_000_003 + number;
    await play(new Random(seed), reached, `trace ${seed}, RINGFENCE_SEED=${SEED}`);
  }
  assert.deepEqual([...reached].sort(), ["asked", "passed unasked", "refused", "risen"]);
});

async function play(random: Random, reached: Set<string>, trace: string): Promise<void> {
  let label: Label = { integrity: "user", secrecy: "public" };
  let now = 1000;
  let isAsked = false;
  let answer: Answer = "none";
  const said: Said[] = [];
  const passed: AskedEffect[] = [];
  const questions = new Questions({
    ask: async () => {
      isAsked = true;
      return answer;
    },
    pass: (effect) => {
      passed.push(effect as AskedEffect);
      return { verdict: "deny", reason: "the gate has the last word" };
    },
    record: () => {},
    origin: () => "",
    asksAll: () => false,
    session: "s",
    now: () => now,
  });
  for (let step = 0; step < STEPS; step += 1) {
    if (random.chance(6)) {
      label = join(label, { integrity: random.pick(INTEGRITIES), secrecy: random.pick(SECRECIES) });
      reached.add("risen");
    }
    now += random.pick([1, 1000, MINUTES_MS / 2, MINUTES_MS]);
    // A command each, so that a no to one says nothing of the next.
    const effect = effectOf(random, step);
    const headers = random.pick([[], ["X-Own", "1"]]);
    const what = JSON.stringify([{ ...effect, command: null }, headers]);
    answer = random.pick(["yes", "session", "session", "minutes", "no"]);
    isAsked = false;
    const before = passed.length;
    const asked: Gated & { readonly verdict: "ask" } = { verdict: "ask", reason: "why", seq: step, label };
    const look: Look = { headers, readBody: null, git: null, gone: () => new AbortController().signal };
    await questions.pass({ effect, look, command: { text: "curl", acts: null } }, asked);
    const hasPassed = passed.length > before;
    const mayLast = effect.kind === "request" && effect.protocol !== "tunnel";
    const isCovered = said.some((one) => one.what === what && now < one.until && isLabelBelow(label, one.label));
    if (hasPassed && !isAsked) assert.ok(isCovered && mayLast, `${what} passed unasked (${trace})`);
    if (isCovered) assert.ok(!isAsked, `${what} was asked about again (${trace})`);
    if (isAsked) assert.equal(hasPassed, answer !== "no", trace);
    reached.add(isAsked ? (hasPassed ? "asked" : "refused") : "passed unasked");
    const effectPassed = passed.at(-1);
    if (hasPassed && effectPassed) {
      const at = effectPassed.kind === "push" ? effectPassed.shownAt : (effectPassed.shown?.label ?? null);
      assert.deepEqual([effectPassed.approvedBy, at], ["person", label], trace);
    }
    if (isAsked && mayLast && (answer === "session" || answer === "minutes"))
      said.push({ what, label, until: answer === "session" ? Number.POSITIVE_INFINITY : now + MINUTES_MS });
  }
}

function effectOf(random: Random, command: number): AskedEffect {
  if (random.chance(6)) return pushOf({ command });
  const host = random.pick(["a.example.com", "a.example.com", "b.example.com"]);
  if (random.chance(6))
    return requestOf({ protocol: "tunnel", method: "CONNECT", path: "", hasBody: true, host, command });
  return requestOf({ host, command, path: random.pick(["/", "/x"]), method: random.pick(["GET", "HEAD"]) });
}

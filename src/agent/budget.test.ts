import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Amounts } from "../core/budget.ts";
import { Budget } from "./budget.ts";

const MINUTE = 60_000;

function open(ceilings: Partial<Amounts>, turnsMax: number | null = null) {
  let now = 0;
  const warned: string[] = [];
  const budget = new Budget(
    { turnsMax, ceilings },
    () => now,
    (text) => warned.push(text),
  );
  return { budget, warned, wait: (ms: number) => (now += ms) };
}
const reply = (tokens: number, usd: number | null) => ({ input: tokens, cachedInput: 0, output: 0, usd });

test("whatever calls and replies cost, no call begins once a ceiling is reached, so that one at most goes past it", () => {
  const steps = fc.record({
    tokens: fc.nat(40),
    usd: fc.nat(4),
    sent: fc.nat(30),
    ms: fc.nat(5 * MINUTE),
    calls: fc.nat(3),
  });
  const ceiling = fc.option(fc.integer({ min: 1, max: 100 }), { nil: Infinity });
  const ceilings = fc.record({ usd: ceiling, tokens: ceiling, calls: ceiling, egressBytes: ceiling, wallMs: ceiling });
  fc.assert(
    fc.property(ceilings, fc.array(steps, { maxLength: 30 }), (most, script) => {
      const limits = { ...most, wallMs: most.wallMs * MINUTE };
      const { budget, wait } = open(limits);
      const spent = { usd: 0, tokens: 0, calls: 0, egressBytes: 0, wallMs: 0 };
      const isPast = () => Object.entries(spent).some(([name, so]) => so >= limits[name as keyof typeof spent]);
      let isEnded = false;
      for (const { tokens, usd, sent, ms, calls } of script) {
        assert.equal(budget.limitReached() !== null, isPast());
        if (isPast()) break;
        budget.addReply(reply(tokens, usd));
        spent.tokens += tokens;
        spent.usd += usd;
        for (let call = 0; call < calls; call += 1) {
          const mayBegin = !isPast();
          isEnded = budget.beginCall() !== null;
          assert.equal(isEnded, !mayBegin);
          if (isEnded) break;
          spent.calls += 1;
          budget.addSent(sent);
          spent.egressBytes += sent;
          wait(ms);
          spent.wallMs += ms;
        }
      }
      assert.equal(budget.limitReached() !== null, isPast());
      assert.equal(budget.signal.aborted, isPast());
    }),
    { numRuns: process.env.RINGFENCE_FULL === "1" ? 20_000 : 500, seed: 11 },
  );
});

test("each ceiling says what it was, and the minutes end a run in their own way", () => {
  const { budget, wait } = open({ wallMs: 2 * MINUTE });
  assert.equal(budget.limitReached(), null);
  wait(MINUTE);
  assert.equal(budget.limitReached(), null);
  wait(-MINUTE);
  assert.equal(budget.limitReached(), null, "a clock that goes back ends nothing");
  wait(2 * MINUTE);
  assert.deepEqual(budget.limitReached(), { reason: "time", message: "stopped after 2 minutes" });
  const turns = open({}, 1).budget;
  turns.addReply(reply(1, null));
  assert.deepEqual(turns.limitReached(), { reason: "turns", message: "stopped after 1 reply" });
  assert.deepEqual([turns.beginCall(), turns.signal.aborted], [null, false], "the calls of the last reply are its own");
  const sent = open({ egressBytes: 2 ** 20 }).budget;
  sent.addSent(2 ** 20);
  assert.equal(sent.signal.aborted, true, "in the middle of what sends");
  assert.equal(sent.exhausted()?.message, "stopped at 1 of 1 MB sent");
  const disk = open({ diskBytes: 5 * 2 ** 20 }).budget;
  disk.addFullDisk();
  assert.equal(disk.exhausted()?.message, "stopped at 5 MB in the layer, which is all that it may hold");
  const free = open({}).budget;
  free.addFullDisk();
  assert.equal(free.exhausted(), null);
});

test("a reply without its cost is the last where money has a ceiling, and a model without a price is asked nothing", () => {
  const { budget } = open({ usd: 5 });
  budget.addReply(reply(1, null));
  assert.match(budget.exhausted()?.message ?? "", /without its cost/);
  const other = open({ usd: 5 }).budget;
  assert.equal(other.refuseUnpriced("a/b", true), null);
  assert.match(other.refuseUnpriced("a/b", false) ?? "", /the price of a\/b is not known/);
  assert.deepEqual([other.limitReached()?.reason, other.signal.aborted], ["budget", true]);
  assert.equal(open({}).budget.refuseUnpriced("a/b", false), null);
});

test("what is nearly used up is said once to each, and not again when it is gone", () => {
  const { budget, warned } = open({ usd: 10, tokens: 1000 });
  budget.addReply(reply(100, 7));
  assert.deepEqual([warned, budget.takeWarnings()], [[], ""]);
  budget.addReply(reply(100, 1));
  budget.addReply(reply(100, 1));
  budget.addReply(reply(100, 1));
  const endless = open({ tokens: 1000 });
  endless.budget.addReply(reply(1, null));
  assert.deepEqual([endless.warned, endless.budget.exhausted()], [[], null], "a price that nobody knows is no ceiling");
  const text = "the budget is nearly used up: $8.0000 of $10; finish what matters most";
  assert.deepEqual([warned, budget.takeWarnings(), budget.takeWarnings()], [[text], `\n(${text})`, ""]);
});

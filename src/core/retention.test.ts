import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planPurge, planRemoval, type RetainedSession } from "./retention.ts";

const NOW = 100 * 86_400_000;
const daysAgo = (days: number) => NOW - days * 86_400_000;

function session(id: string, state: RetainedSession["state"], days: number, bytes: number): RetainedSession {
  return { id, state, bytes, usedAt: daysAgo(days), holdsFiles: true };
}

test("what landed whole goes before what is old with changes, which is called a loss", () => {
  const sessions = [session("a", "changes", 20, 5), session("b", "landed", 15, 5), session("c", "running", 30, 5)];
  assert.deepEqual(planRemoval(sessions, { days: 14, bytes: 100 }, NOW), {
    remove: [
      { id: "b", why: "old", isLoss: false },
      { id: "a", why: "old", isLoss: true },
    ],
    beyondBytes: 0,
  });
});

test("beyond the bytes the oldest that landed goes, and no more than must", () => {
  const sessions = [
    session("new", "landed", 1, 5),
    session("old", "landed", 3, 5),
    session("waits", "changes", 9, 5),
    session("gone", "discarded", 2, 5),
  ];
  assert.deepEqual(planRemoval(sessions, { days: 14, bytes: 12 }, NOW), {
    remove: [
      { id: "old", why: "beyond the limit", isLoss: false },
      { id: "gone", why: "beyond the limit", isLoss: false },
    ],
    beyondBytes: 0,
  });
});

test("changes that wait are kept until they are old, however much they take, and a session that runs always", () => {
  const arbitrary = fc.record({
    id: fc.uuid(),
    state: fc.constantFrom("running" as const, "changes" as const, "landed" as const, "discarded" as const),
    bytes: fc.nat(1000),
    usedAt: fc.integer({ min: 0, max: NOW }),
    holdsFiles: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(arbitrary), fc.integer({ min: 1, max: 60 }), fc.nat(2000), (sessions, days, bytes) => {
      const { remove, beyondBytes } = planRemoval(sessions, { days, bytes }, NOW);
      const byId = new Map(sessions.map((one) => [one.id, one]));
      for (const { id, isLoss } of remove) {
        const { state, usedAt, holdsFiles } = byId.get(id) ?? assert.fail();
        assert.ok(state !== "running" && holdsFiles);
        assert.equal(isLoss, state === "changes");
        if (isLoss) assert.ok(usedAt < NOW - days * 86_400_000);
      }
      const gone = new Set(remove.map(({ id }) => id));
      const left = sessions.filter(({ id }) => !gone.has(id)).reduce((sum, one) => sum + one.bytes, 0);
      assert.equal(beyondBytes, Math.max(0, left - bytes));
      if (beyondBytes > 0)
        assert.ok(
          sessions.every((one) => gone.has(one.id) || !one.holdsFiles || /^(running|changes)$/.test(one.state)),
        );
    }),
  );
});

test("texts go by age, and the oldest first beyond the limit; those of a session that runs never", () => {
  const log = (id: string, ageDays: number, more = {}) => ({
    id,
    state: "landed" as const,
    usedAt: NOW - ageDays * 86_400_000 - 1,
    logBytes: 100,
    holdsTexts: true,
    ...more,
  });
  const logs = [
    log("a", 1),
    log("b", 9),
    log("c", 5),
    log("runs", 20, { state: "running" }),
    log("gone", 30, { holdsTexts: false }),
  ];
  const plan = (days: number | null, bytes: number | null) => planPurge(logs, { days, bytes }, NOW);
  assert.deepEqual(plan(null, null), []);
  assert.deepEqual(plan(5, null), ["b", "c"]);
  assert.deepEqual(plan(null, 300), ["b"]);
  assert.deepEqual(plan(null, 0), ["b", "c", "a"]);
  assert.deepEqual(plan(8, 250), ["b", "c"]);
});

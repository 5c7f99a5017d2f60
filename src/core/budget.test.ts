import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Amounts, charge, lacks, leftOf, lend, openAccount, QUANTITIES, takeBack, tightest } from "./budget.ts";

const all = (amount: number): Amounts => Object.fromEntries(QUANTITIES.map((name) => [name, amount])) as Amounts;
const costs = fc.record(Object.fromEntries(QUANTITIES.map((name) => [name, fc.nat(9)]))) as fc.Arbitrary<Amounts>;
test("what is lent to children, spent and left never comes to more than the ceiling", () => {
  fc.assert(
    fc.property(costs, fc.array(costs, { maxLength: 6 }), (ceiling, wanted) => {
      let parent = openAccount(ceiling);
      for (const [index, amounts] of wanted.entries()) parent = lend(parent, `${index}`, amounts)?.parent ?? parent;
      for (const name of QUANTITIES) {
        const lent = [...parent.lent.values()].reduce((sum, child) => sum + child[name], 0);
        assert.equal(lent + parent.spent[name] + leftOf(parent)[name], ceiling[name], name);
      }
      assert.equal(parent.spent.children, parent.lent.size);
    }),
  );
});

test("a call starts only while something is left of what it needs, so that at most the last one goes past", () => {
  const account = openAccount({ ...all(10), calls: 2 });
  const once = charge(account, { ...all(0), calls: 1, usd: 9.5 });
  assert.deepEqual(lacks(once, ["calls", "usd"]), []);
  const twice = charge(once, { ...all(0), calls: 1, usd: 9.5 });
  assert.deepEqual(lacks(twice, ["calls", "usd", "tokens"]), ["calls", "usd"]);
  assert.equal(leftOf(twice).usd, 0);
});

test("of several ceilings the tightest counts, and what none names has none", () => {
  const joined = tightest({ usd: 5, tokens: 10 }, { usd: 2 }, {});
  assert.deepEqual([joined.usd, joined.tokens, joined.calls], [2, 10, Number.POSITIVE_INFINITY]);
  assert.equal(openAccount(tightest({ usd: Number.NaN }, { usd: 2 })).ceiling.usd, 0);
  assert.equal(tightest().calls, Number.POSITIVE_INFINITY);
});

test("a child that ends gives back what it did not use up, once, and one that is not its parent's nothing", () => {
  const { parent, child } = lend(openAccount(all(10)), "a", all(6))!;
  assert.deepEqual([leftOf(parent).usd, child.ceiling.usd, leftOf(parent).children], [4, 6, 3]);
  const spent = charge(child, { ...all(0), usd: 2 });
  const after = takeBack(parent, "a", spent);
  assert.equal(leftOf(after).usd, 8);
  assert.deepEqual(takeBack(after, "a", spent), after);
  assert.deepEqual(takeBack(after, "stranger", spent), after);
  assert.equal(lend(parent, "a", all(1)), null, "an id that is taken");
  assert.equal(lend(openAccount({ ...all(10), children: 0 }), "a", all(1)), null);
});

test("an account without a ceiling lends without losing, and an amount that is no number is the worst one", () => {
  const { parent, child } = lend(
    openAccount({ ...all(10), usd: Number.POSITIVE_INFINITY }),
    "a",
    all(Number.POSITIVE_INFINITY),
  )!;
  assert.deepEqual(
    [leftOf(parent).usd, child.ceiling.usd, child.ceiling.tokens],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 10],
  );
  assert.equal(openAccount(all(Number.NaN)).ceiling.usd, 0);
  assert.equal(leftOf(charge(openAccount(all(10)), all(Number.NaN))).usd, 0);
  assert.equal(leftOf(charge(openAccount(all(10)), all(-5))).usd, 0);
  assert.equal(lend(openAccount(all(10)), "a", all(-5))?.child.ceiling.usd, 0);
});

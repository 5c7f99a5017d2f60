import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Account,
  type Amounts,
  charge,
  lacks,
  leftOf,
  lend,
  openAccount,
  QUANTITIES,
  type Quantity,
  takeBack,
} from "./budget.ts";

const all = (amount: number): Amounts => Object.fromEntries(QUANTITIES.map((name) => [name, amount])) as Amounts;
const costs = fc.record(Object.fromEntries(QUANTITIES.map((name) => [name, fc.nat(9)]))) as fc.Arbitrary<Amounts>;
const steps = fc.array(fc.record({ who: fc.nat(5), act: fc.constantFrom("call", "lend", "end"), amounts: costs }), {
  maxLength: 40,
});

interface Node {
  account: Account;
  readonly id: string;
  readonly parent: Node | null;
  readonly children: Set<Node>;
}

test("a whole tree of sessions uses up what its root may, and past that no more than the last call of each", () => {
  fc.assert(
    fc.property(costs, steps, (ceiling, list) => {
      const root: Node = { account: openAccount(ceiling), id: "root", parent: null, children: new Set() };
      const living = [root];
      const past = { ...all(0) } as Record<Quantity, number>;
      for (const [number, { who, act, amounts }] of list.entries()) {
        const node = living[who % living.length]!;
        if (act === "lend") {
          const lent = lend(node.account, `${number}`, amounts);
          if (lent === null) continue;
          node.account = lent.parent;
          const child: Node = { account: lent.child, id: `${number}`, parent: node, children: new Set() };
          node.children.add(child);
          living.push(child);
        } else if (act === "end") {
          for (const ended of end(node)) living.splice(living.indexOf(ended), 1);
        } else if (lacks(node.account, ["calls"]).length === 0) {
          const cost = { ...amounts, calls: 1, children: 0 };
          for (const name of QUANTITIES) past[name] += Math.max(0, cost[name] - leftOf(node.account)[name]);
          node.account = charge(node.account, cost);
        }
        for (const name of QUANTITIES) {
          const used = living.reduce((sum, { account }) => sum + account.spent[name], 0);
          assert.ok(used <= ceiling[name] + past[name], `${name}: ${used} of ${ceiling[name]}, ${past[name]} past`);
          assert.equal(past.calls, 0);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

/** Ends a child, and its own children first; the root goes on. */
function end(node: Node): Node[] {
  if (node.parent === null) return [];
  const below = [...node.children].flatMap(end);
  node.parent.account = takeBack(node.parent.account, node.id, node.account);
  node.parent.children.delete(node);
  return [...below, node];
}

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

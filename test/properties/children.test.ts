import assert from "node:assert/strict";
import { test } from "node:test";
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
} from "../../src/core/budget.ts";
import { attenuated, type Capability, mayWrite } from "../../src/core/capability.ts";
import { Random } from "./random.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const TRACES = Number(process.env.RINGFENCE_TRACES ?? (IS_FULL ? 30_000 : 2000));
const STEPS = 30;
/** What passed is what runs by itself; another seed explores further. */
const SEED = Number(process.env.RINGFENCE_SEED ?? 7);

const EFFECTS = ["read", "write", "run", "request"] as const;
const SINKS = ["send", "push", "fetch", "widen"] as const;
const FOLDERS = ["", "src/", "src/a/", "src/a/b/", "docs/", "srcs/", "../", "src", "/"];
const PATHS = ["a", "src/a", "src/a/b", "src/a/b/c", "docs/x", "srcs/x", "src/../docs/x", "/etc", "../x"];

/** One session of a tree. */
interface Member {
  readonly id: string;
  readonly parent: Member | null;
  readonly capability: Capability;
  /** Which of `PATHS` it may write. */
  readonly written: readonly string[];
  readonly children: Set<Member>;
  account: Account;
}

const PROMISES = {
  "a child never may what its parent may not, however many stand between them": holdCapabilities,
  "a whole tree of sessions uses up what its root may, and past that no more than the last call of each": holdBudgets,
} as const;
type Look = (members: readonly Member[], past: Readonly<Record<Quantity, number>>) => void;

const found = explore();
for (const name of Object.keys(PROMISES)) test(name, () => assert.equal(found.get(name), undefined));

function holdCapabilities(members: readonly Member[]): void {
  const child = members.at(-1);
  for (let above = child?.parent ?? null; child && above !== null; above = above.parent) {
    const { effects, sinks, folders } = above.capability;
    assert.ok([...child.capability.effects].every((kind) => effects.has(kind)));
    assert.ok([...child.capability.sinks].every((sink) => sinks.has(sink)));
    const past = child.written.filter((path) => !above?.written.includes(path));
    assert.ok(past.length === 0, `${past} by ${child.capability.folders}, and above ${folders}`);
  }
}

function holdBudgets(members: readonly Member[], past: Readonly<Record<Quantity, number>>): void {
  const ceiling = members[0]?.account.ceiling;
  for (const name of QUANTITIES) {
    const used = members.reduce((sum, { account }) => sum + account.spent[name], 0);
    if (used > (ceiling?.[name] ?? 0) + past[name])
      assert.fail(`${name}: ${used} of ${ceiling?.[name]}, ${past[name]} past`);
  }
  assert.ok(past.calls === 0 && past.children === 0);
}

/** Plays traces in which sessions call, start children and end; after every step each promise is looked at. */
function explore(): ReadonlyMap<string, string> {
  const breaches = new Map<string, string>();
  for (let number = 0; number < TRACES; number += 1) {
    const seed = SEED * 1_000_003 + number;
    const random = new Random(seed);
    const members = [rootOf(random)];
    const past = { ...amountsOf(() => 0) } as Record<Quantity, number>;
    for (let step = 0; step < STEPS; step += 1) {
      act(random, members, past, `${step}`);
      for (const [name, look] of Object.entries<Look>(PROMISES)) {
        if (breaches.has(name)) continue;
        try {
          look(members, past);
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          breaches.set(name, `${message} (trace ${seed}, RINGFENCE_SEED=${SEED})`);
        }
      }
    }
  }
  return breaches;
}

function act(random: Random, members: Member[], past: Record<Quantity, number>, id: string): void {
  const member = random.pick(members);
  const amounts = amountsOf(() => random.below(10));
  switch (random.pick(["call", "call", "start", "start", "end"] as const)) {
    case "call": {
      if (lacks(member.account, ["calls"]).length > 0) return;
      const cost = { ...amounts, calls: 1, children: 0 };
      for (const name of QUANTITIES) past[name] += Math.max(0, cost[name] - leftOf(member.account)[name]);
      member.account = charge(member.account, cost);
      return;
    }
    case "start": {
      const lent = lend(member.account, id, amounts);
      if (lent === null) return;
      member.account = lent.parent;
      const capability = attenuated(member.capability, capabilityOf(random));
      const child = memberOf(id, member, capability, lent.child);
      member.children.add(child);
      members.push(child);
      return;
    }
    case "end":
      for (const ended of end(member)) members.splice(members.indexOf(ended), 1);
  }
}

/** Ends a child, and its own children first; the root goes on. A child that says twice that it ended gives nothing back twice. */
function end(member: Member): Member[] {
  const { parent } = member;
  if (parent === null) return [];
  const below = [...member.children].flatMap(end);
  parent.account = takeBack(parent.account, member.id, member.account);
  parent.account = takeBack(parent.account, member.id, openAccount(amountsOf(() => 9)));
  parent.children.delete(member);
  return [...below, member];
}

function rootOf(random: Random): Member {
  const account = openAccount(amountsOf(() => random.below(20)));
  return memberOf("root", null, capabilityOf(random), account);
}

function memberOf(id: string, parent: Member | null, capability: Capability, account: Account): Member {
  const written = PATHS.filter((path) => mayWrite(capability, path));
  return { id, parent, capability, written, children: new Set(), account };
}

function capabilityOf(random: Random): Capability {
  return {
    effects: new Set(random.some(EFFECTS)),
    sinks: new Set(random.some(SINKS)),
    folders: random.some(FOLDERS),
  };
}

function amountsOf(of: () => number): Amounts {
  return Object.fromEntries(QUANTITIES.map((name) => [name, of()])) as Amounts;
}

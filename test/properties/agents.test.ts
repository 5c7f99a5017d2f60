import assert from "node:assert/strict";
import { test } from "node:test";
import { Budget } from "../../src/agent/budget.ts";
import { SessionLabel } from "../../src/agent/session-label.ts";
import { type Amounts, QUANTITIES, type Quantity } from "../../src/core/budget.ts";
import { attenuated, boundedBy, type Capability, capabilityFor, WHOLE } from "../../src/core/capability.ts";
import type { Effect } from "../../src/core/effect.ts";
import { forecast } from "../../src/core/forecast.ts";
import { isWithin, type Label } from "../../src/core/label.ts";
import { RUN_PROFILES } from "../../src/core/shell.ts";
import { Random } from "./random.ts";

const IS_FULL = process.env.RINGFENCE_FULL === "1";
const TRACES = Number(process.env.RINGFENCE_TRACES ?? (IS_FULL ? 25_000 : 1500));
const STEPS = 25;
/** What passed is what runs by itself; another seed explores further. */
const SEED = Number(process.env.RINGFENCE_SEED ?? 7);
const DEPTH_MAX = 3;

const MAY = ["", "read", "write", "net", "write net", "net,write", "all"];
const FOLDERS = ["", ".", "src", "./src/", "src/a/", "docs", "../x", "/etc", "src/../docs"];
const PATHS = [
  "a",
  "src/a",
  "src/a/b",
  "docs/x",
  "srcs/x",
  "src/../docs/x",
  "/etc/x",
  "../x",
  ".git/config",
  "./src/a",
];
/** What is looked at before each call. */
const STOPPING = ["usd", "tokens", "wallMs", "calls", "egressBytes"] as const satisfies readonly Quantity[];

interface Member {
  readonly capability: Capability;
  readonly budget: Budget;
}

/** A tree of agents that run one at a time: the last is the one that runs, and the others wait for it. */
class Tree {
  now = 0;
  readonly running: Member[];
  readonly ceilings: Amounts;
  /** Of the whole tree, counted beside the accounts. */
  readonly spent: Record<Quantity, number> = amountsOf(() => 0);
  readonly label = new SessionLabel(() => {});
  /** What entered the session. */
  seen: Label[] = [];
  #started = 0;

  constructor(random: Random) {
    this.ceilings = amountsOf(() => (random.below(4) === 0 ? Infinity : 1 + random.below(200)));
    const budget = new Budget(
      { turnsMax: null, ceilings: this.ceilings },
      () => this.now,
      () => {},
    );
    this.running = [{ capability: WHOLE, budget }];
  }

  get member(): Member {
    const member = this.running.at(-1);
    assert.ok(member);
    return member;
  }

  get root(): Budget {
    const [root] = this.running;
    assert.ok(root);
    return root.budget;
  }

  id(): string {
    return `a${++this.#started}`;
  }
}

type Step = (tree: Tree, random: Random) => void;

const PROMISES = {
  act: "what a child agent may have done, every agent above it may",
  call: "no reply and no call begins anywhere in a tree that has used up what its root may",
  delegate: "child agents that fit by the forecast are lent what it says, which comes to no more than what was left",
  end: "what child agents took is their parent's spending when they end, and nothing else is",
  see: "no text is laundered by a child agent",
} as const;

const STEPS_OF: Readonly<Record<keyof typeof PROMISES, Step>> = {
  /** What an agent may have done, each of those above it may: it is bounded already. */
  act: (tree, random) => {
    const asked = effectOf(random);
    const bounded = boundedBy(tree.member.capability, asked);
    if (!bounded.ok) return;
    for (const { capability } of tree.running) {
      const above = boundedBy(capability, bounded.effect);
      assert.ok(above.ok, `${JSON.stringify(bounded.effect)} by ${[...capability.effects]} in ${capability.folders}`);
      const { within: theirs, ...rest } = above.effect as Effect & { readonly within?: readonly string[] };
      const { within, ...own } = bounded.effect as Effect & { readonly within?: readonly string[] };
      assert.deepEqual(rest, own);
      if (theirs !== undefined)
        assert.ok(
          within?.every((folder) => theirs.some((whole) => folder.startsWith(whole))),
          `${within} of ${theirs}`,
        );
    }
    stayInBounds(tree.member.capability, bounded.effect);
  },
  /** A call of a model, and one of a tool: neither begins where the tree has used up what its root may. */
  call: (tree, random) => {
    const { budget } = tree.member;
    const isPast = STOPPING.some((name) => tree.spent[name] >= tree.ceilings[name]);
    if (budget.limitReached() !== null) return;
    assert.ok(!isPast, JSON.stringify([tree.spent, tree.ceilings]));
    const [tokens, usd, sent, ms] = [random.below(40), random.below(40), random.below(40), random.below(40)];
    budget.addReply({ input: tokens, cachedInput: 0, output: 0, usd });
    spend(tree, { tokens, usd });
    if (budget.beginCall() !== null) return;
    spend(tree, { calls: 1 });
    // Of the box as a whole: it is told to the session's budget, whoever runs.
    tree.root.addSent(sent);
    tree.now += ms;
    spend(tree, { egressBytes: sent, wallMs: ms });
    const room = Object.entries(tree.ceilings).every(([name, most]) => tree.spent[name as Quantity] < most + 40);
    assert.ok(room, JSON.stringify([tree.spent, tree.ceilings]));
  },
  /** What fits by the forecast is lent whole, and comes to no more than what was left. */
  delegate: (tree, random) => {
    const { budget, capability } = tree.member;
    if (tree.running.length >= DEPTH_MAX || budget.limitReached() !== null) return;
    const wanted = capabilityFor(random.pick(MAY), random.pick(FOLDERS), 1 + random.below(2));
    if (wanted === null) return;
    const { left } = budget;
    const first = { tokens: random.below(20), usd: random.below(2) === 0 ? null : random.below(5) };
    const wishes = Array.from({ length: 1 + random.below(4) }, () => ({
      percent: random.pick([0, 0, 10, 50, 100]),
      first,
    }));
    const found = forecast(left, wishes, { repliesMax: 5, largest: { tokens: 100, usd: null } });
    if (!found.fits) return;
    for (const name of QUANTITIES) {
      const all = found.shares.reduce((sum, share) => sum + share[name], name === "children" ? wishes.length : 0);
      assert.ok(all <= left[name] + 1e-9, `${name}: ${all} of ${left[name]}`);
    }
    assert.ok(found.shares.every((share) => share.tokens >= first.tokens && share.usd >= (first.usd ?? 0)));
    const [share] = found.shares;
    assert.ok(share);
    const lent = budget.lend(tree.id(), { ceilings: share, turnsMax: 5 });
    assert.ok(lent);
    for (const name of QUANTITIES) assert.ok(lent.left[name] >= share[name] - 1e-9, `${name} was cut`);
    spend(tree, { children: 1 });
    tree.running.push({ capability: attenuated(capability, wanted), budget: lent });
  },
  /** What an ended agent did not spend is its parent's again. */
  end: (tree) => {
    if (tree.running.length < 2) return;
    tree.running.pop();
    tree.member.budget.takeBack();
    const { left } = tree.root;
    if (tree.running.length > 1) return;
    for (const name of QUANTITIES) {
      const expected =
        tree.ceilings[name] === Infinity ? Infinity : Math.max(0, tree.ceilings[name] - tree.spent[name]);
      assert.ok(
        Math.abs(left[name] - expected) < 1e-6 || left[name] === expected,
        `${name}: ${left[name]}, not ${expected}`,
      );
    }
  },
  /** Whoever of the tree sees a text, the one label has it, and no answer takes it away. */
  see: (tree, random) => {
    const label: Label = {
      integrity: random.pick(["user", "external"] as const),
      secrecy: random.pick(["public", "private"] as const),
    };
    tree.label.enter({ kind: "carried", what: "a text", label });
    tree.seen.push(label);
    // At the next effect of whoever runs, and of its parent once it has answered.
    const at = tree.label.at({ kind: "delegate", task: "t", may: "", folder: "", percent: 0 });
    assert.ok(tree.seen.every((one) => isWithin(one, at)));
  },
};

const found = explore();
for (const [name, promise] of Object.entries(PROMISES)) test(promise, () => assert.equal(found.get(name), undefined));

/** Plays traces; a trace ends at the first breach, which is told with the promise that it is one of. */
function explore(): ReadonlyMap<string, string> {
  const breaches = new Map<string, string>();
  for (let number = 0; number < TRACES; number += 1) {
    const seed = SEED * 1_000_003 + number;
    const random = new Random(seed);
    const tree = new Tree(random);
    for (let step = 0; step < STEPS; step += 1) {
      const name = random.pick(Object.keys(PROMISES) as (keyof typeof PROMISES)[]);
      try {
        STEPS_OF[name](tree, random);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (!breaches.has(name)) breaches.set(name, `${message} (trace ${seed}, RINGFENCE_SEED=${SEED})`);
        break;
      }
    }
  }
  return breaches;
}

// By what a capability says, and not by how it is kept.
function stayInBounds({ effects, sinks, folders }: Capability, effect: Effect): void {
  assert.ok(effects.has(effect.kind));
  const isWhole = folders.includes("");
  if (effect.kind === "run") {
    if (effect.profile !== "read-only") assert.ok(isWhole && effects.has("write"), "a command could write");
    if (effect.profile === "net" || effect.background) assert.ok(sinks.size > 0 && effects.has("request"), "a socket");
  }
  if (effect.kind === "ask" && effect.about.startsWith("http")) assert.ok(effects.has("fetch"), "a page");
  if (effect.kind !== "write" && effect.kind !== "edit") return;
  assert.ok(isWhole || (effect.within !== undefined && effect.within.length > 0), "no folder for the box to look at");
  for (const folder of effect.within ?? []) assert.ok(folders.includes(folder) && !folder.startsWith("."), folder);
  if (!isWhole)
    assert.ok(["src/", "docs/"].some((folder) => effect.path.startsWith(folder) && !effect.path.includes("..")));
}

function effectOf(random: Random): Effect {
  const [path, background] = [random.pick(PATHS), random.below(3) === 0];
  return random.pick<Effect>([
    { kind: "read", path, offset: 1, limit: 1 },
    { kind: "write", path, content: "x" },
    { kind: "edit", path, oldString: "a", newString: "b", replaceAll: false },
    { kind: "run", command: "x", timeoutMs: 1, background, profile: background ? "net" : random.pick(RUN_PROFILES) },
    { kind: "fetch", url: "http://a.example/" },
    { kind: "ask", about: random.pick(["a", "http://a.example/"]), question: "?", answer: "boolean" },
    { kind: "kill", id: "bg1" },
    { kind: "delegate", task: "t", may: "write net", folder: "", percent: 0 },
    { kind: "land", paths: [], digest: "d", held: [], approvals: [], approvedBy: "none" },
  ]);
}

function spend(tree: Tree, cost: Partial<Amounts>): void {
  for (const [name, amount] of Object.entries(cost)) tree.spent[name as Quantity] += amount;
}

function amountsOf(of: (name: Quantity) => number): Record<Quantity, number> {
  return Object.fromEntries(QUANTITIES.map((name) => [name, of(name)])) as Record<Quantity, number>;
}

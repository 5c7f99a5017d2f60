import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Effect } from "../../src/core/effect.ts";
import { INTEGRITIES, join, type Label, SECRECIES } from "../../src/core/label.ts";
import type { NetRule } from "../../src/core/net-rules.ts";
import { decide } from "../../src/core/policy.ts";
import { decideWithin } from "../../src/core/policy-decide.ts";
import {
  makePolicy,
  NO_CEILINGS,
  type Policy,
  type Rule,
  type Scope,
  tighteningOnly,
} from "../../src/core/policy-rules.ts";
import { RUN_PROFILES } from "../../src/core/shell.ts";

const RUNS = process.env.RINGFENCE_FULL === "1" ? 30_000 : 2000;
/** What passed is what runs by itself; another seed explores further. */
const SEED = Number(process.env.RINGFENCE_SEED ?? 7);
const HOW = { numRuns: RUNS, seed: SEED };
const LENIENCE = { deny: 0, ask: 1, allow: 2 } as const;

const labels: fc.Arbitrary<Label> = fc
  .record({ integrity: fc.constantFrom(...INTEGRITIES), secrecy: fc.constantFrom(...SECRECIES) })
  .map((label) => ({ ...label }));
const approvedBy = fc.constantFrom("person" as const, "none" as const);
const paths = fc.constantFrom("src/a.ts", "src/deep/b.ts", "vendor/x", "Makefile", "secrets/k");
const hosts = fc.constantFrom("example.com", "api.example.com", "evil.example");
const netRequest = {
  protocol: fc.constantFrom("http" as const, "https" as const, "tunnel" as const, "ssh" as const),
  host: hosts,
  port: fc.constantFrom(443, 80, 22),
  method: fc.constantFrom("GET", "POST", "CONNECT"),
  path: fc.constantFrom("/", "/a", "/a/../b", "/group/thing.git/git-receive-pack"),
  hasBody: fc.boolean(),
  command: fc.constant(null),
  approvedBy,
};
const effects: fc.Arbitrary<Effect> = fc.oneof(
  fc.record({
    kind: fc.constant("request" as const),
    ...netRequest,
    listed: fc.constantFrom("allow" as const, "deny" as const, "unlisted" as const),
    rule: fc.constant("net.allow[0]"),
    origin: fc.constantFrom(...(["locked", "fetch", "typed", "service", "model", "composed"] as const)),
    shown: fc.option(fc.record({ label: labels, headers: fc.constant([]), body: fc.constant(null) })),
  }),
  fc.record({
    kind: fc.constant("push" as const),
    ...netRequest,
    remote: fc.constantFrom("tracked" as const, "other" as const),
    ref: fc.constantFrom("refs/heads/main", "refs/heads/release/1", ""),
    oldId: fc.constant(""),
    newId: fc.constant(""),
    found: fc.constantFrom("landed" as const, "absent" as const),
    digest: fc.constant(""),
    rule: fc.constantFrom(null, "net.push[0]"),
    isDenied: fc.boolean(),
    shownAt: fc.option(labels),
  }),
  fc
    .record({
      kind: fc.constant("run" as const),
      command: fc.constantFrom(
        "npm publish",
        "npm test",
        "npm publish --dry-run",
        "sh -c 'npm publish'",
        "rm -rf .",
        "$(npm publish)",
      ),
      timeoutMs: fc.constant(1),
      profile: fc.constantFrom(...RUN_PROFILES),
      background: fc.boolean(),
      approvedBy: fc.constantFrom(...(["person", undefined] as const)),
    })
    .map(({ approvedBy: by, ...run }) => (by === undefined ? run : { ...run, approvedBy: by })),
  fc.record({ kind: fc.constant("read" as const), path: paths, offset: fc.constant(0), limit: fc.constant(1) }),
  fc.record({ kind: fc.constant("write" as const), path: paths, content: fc.constant("") }),
  fc.record({
    kind: fc.constant("land" as const),
    paths: fc.subarray(["src/a.ts", "src/deep/b.ts", "vendor/x"], { minLength: 1 }),
    digest: fc.constant(""),
    held: fc.constant([]),
    approvals: fc.subarray([
      { path: "src/a.ts", hash: "1" },
      { path: "vendor/x", hash: "2" },
    ]),
    approvedBy,
  }),
);
const netRules: fc.Arbitrary<NetRule> = fc.record({
  id: fc.constant("r"),
  host: fc.constantFrom("*", "example.com", "*.example.com", "evil.example"),
  ports: fc.constantFrom(null, [443], [80, 443]),
  methods: fc.constantFrom(null, ["GET"], ["GET", "POST"]),
  paths: fc.constantFrom(null, ["/a"], ["/"]),
  body: fc.boolean(),
  tls: fc.constantFrom("terminate" as const, "tunnel" as const),
  private: fc.boolean(),
});
const globs = fc.constantFrom("src/**", "vendor", "**/*.ts", "secrets/*", "Makefile");
const repository = { host: "example.com", origin: "https://example.com", path: "group/thing", ssh: null };
const scopes: fc.Arbitrary<Scope> = fc.oneof(
  netRules.map((rule): Scope => ({ kind: "net", rule })),
  fc.record({ kind: fc.constantFrom("read" as const, "write" as const, "land" as const), glob: globs }),
  fc.record({ kind: fc.constant("run" as const), argv: fc.constantFrom(["npm", "publish"], ["npm"], ["rm"]) }),
  fc.record({
    kind: fc.constant("push" as const),
    repository: fc.constantFrom(null, repository),
    branch: fc.constantFrom("main", "release/*", "*"),
  }),
);
const rules: fc.Arbitrary<Rule> = fc.record({
  id: fc.constant("user policy.yaml:1"),
  tier: fc.constantFrom("managed" as const, "user" as const, "project" as const, "session" as const),
  verdict: fc.constantFrom("allow" as const, "ask" as const, "deny" as const),
  scope: scopes,
  because: fc.constant(null),
});
const lists = fc.array(rules, { maxLength: 6 });
const policyOf = (all: readonly Rule[]): Policy => makePolicy(all, NO_CEILINGS);
const lenience = (policy: Policy, effect: Effect, label: Label) =>
  LENIENCE[decideWithin(policy, effect, label).verdict];

test("no rule lets through what the table of sinks holds back", () => {
  fc.assert(
    fc.property(lists, effects, labels, (all, effect, label) => {
      assert.ok(lenience(policyOf(all), effect, label) <= LENIENCE[decide(effect, label).verdict]);
    }),
    HOW,
  );
});

test("with any rules, more taint never allows more", () => {
  fc.assert(
    fc.property(lists, effects, labels, labels, (all, effect, label, more) => {
      const policy = policyOf(all);
      assert.ok(lenience(policy, effect, join(label, more)) <= lenience(policy, effect, label));
    }),
    HOW,
  );
});

test("one more rule that denies or asks, of whatever tier, never enables anything", () => {
  fc.assert(
    fc.property(lists, rules, effects, labels, (all, rule, effect, label) => {
      fc.pre(rule.verdict !== "allow");
      assert.ok(lenience(policyOf([...all, rule]), effect, label) <= lenience(policyOf(all), effect, label));
    }),
    HOW,
  );
});

test("the order of rules changes no verdict", () => {
  fc.assert(
    fc.property(lists, effects, labels, (all, effect, label) => {
      assert.equal(lenience(policyOf(all.toReversed()), effect, label), lenience(policyOf(all), effect, label));
    }),
    HOW,
  );
});

test("what counts of a checkout's file that nobody approved only takes away", () => {
  fc.assert(
    fc.property(lists, lists, effects, labels, (all, own, effect, label) => {
      const counted = tighteningOnly(own.map((rule): Rule => ({ ...rule, tier: "project" })));
      assert.ok(counted.every(({ verdict }) => verdict !== "allow"));
      assert.ok(lenience(policyOf([...all, ...counted]), effect, label) <= lenience(policyOf(all), effect, label));
    }),
    HOW,
  );
});

test("what the managed list does not have is denied, whatever any lower tier allows", () => {
  let bounded = 0;
  fc.assert(
    fc.property(lists, lists, effects, labels, (managed, lower, effect, label) => {
      const bounds = managed.map((rule): Rule => ({ ...rule, tier: "managed" }));
      const others = lower.filter(({ tier }) => tier !== "managed");
      const all = policyOf([...bounds, ...others]);
      assert.ok(lenience(all, effect, label) <= lenience(policyOf(bounds), effect, label));
      const list = bounds.filter(({ verdict, scope }) => verdict === "allow" && scope.kind === "run");
      if (effect.kind !== "run" || list.length === 0) return;
      const isListed = list.some(({ scope }) => {
        const begin = scope.kind === "run" ? scope.argv.join(" ") : "";
        return effect.command === begin || effect.command.startsWith(`${begin} `);
      });
      if (isListed) return;
      bounded += 1;
      assert.equal(decideWithin(all, effect, label).verdict, "deny");
    }),
    HOW,
  );
  assert.ok(bounded > 10, `${bounded} commands were outside the managed list`);
});

test("a rule that denies holds against a person's yes, and one that asks until a person said yes", () => {
  const everything = {
    id: "r",
    host: "*",
    ports: null,
    methods: null,
    paths: null,
    body: true,
    private: false,
  } as const;
  const scopesOfAll: readonly Scope[] = [
    { kind: "net", rule: { ...everything, tls: "terminate" } },
    { kind: "run", argv: ["npm"] },
  ];
  const reached = new Set<string>();
  fc.assert(
    fc.property(lists, effects, labels, fc.constantFrom(...scopesOfAll), (all, effect, label, scope) => {
      const isMeant =
        scope.kind === "net" ? effect.kind === "request" || effect.kind === "push" : effect.kind === "run";
      if (!isMeant || (effect.kind === "run" && !effect.command.startsWith("npm "))) return;
      const rule = { id: "user policy.yaml:9", tier: "user", scope, because: null } as const;
      const withRule = (verdict: "ask" | "deny") => policyOf([...all, { ...rule, verdict }]);
      assert.equal(decideWithin(withRule("deny"), effect, label).verdict, "deny");
      const shownAt =
        effect.kind === "request" ? (effect.shown?.label ?? null) : effect.kind === "push" ? effect.shownAt : label;
      const isYes = "approvedBy" in effect && effect.approvedBy === "person" && isFresh(shownAt, label);
      const { verdict } = decideWithin(withRule("ask"), effect, label);
      const without = decideWithin(policyOf(all), effect, label).verdict;
      reached.add(`${effect.kind} ${isYes} ${without}`);
      assert.equal(verdict, isYes || without === "deny" ? without : "ask");
    }),
    HOW,
  );
  for (const way of [
    "request true allow",
    "request false allow",
    "push true allow",
    "run true allow",
    "run false allow",
  ])
    assert.ok(reached.has(way), way);
});

function isFresh(shown: Label | null, label: Label): boolean {
  if (shown === null) return false;
  const risen = join(shown, label);
  return risen.integrity === shown.integrity && risen.secrecy === shown.secrecy;
}

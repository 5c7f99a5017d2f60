import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../core/effect.ts";
import type { Label } from "../core/label.ts";
import { decideWithin } from "../core/policy-decide.ts";
import { makePolicy, NO_CEILINGS, type Policy, type Rule, type Scope } from "../core/policy-rules.ts";
import { decideOtherwise, withFile } from "./replay-policy.ts";

const EXTERNAL: Label = { integrity: "external", secrecy: "private" };
const NET: Scope = {
  kind: "net",
  rule: {
    id: "session p.yaml:2",
    host: "example.com",
    ports: null,
    methods: null,
    paths: null,
    body: false,
    tls: "terminate",
    private: false,
  },
};
const REQUEST: Effect = {
  kind: "request",
  protocol: "https",
  host: "example.com",
  port: 443,
  method: "GET",
  path: "/",
  hasBody: false,
  listed: "unlisted",
  rule: null,
  origin: "composed",
  command: null,
  approvedBy: "none",
  shown: null,
};
const PUSH: Effect = {
  kind: "push",
  protocol: "https",
  host: "git.example.com",
  port: 443,
  method: "POST",
  path: "/group/thing.git/git-receive-pack",
  hasBody: true,
  remote: "tracked",
  ref: "refs/heads/main",
  oldId: "0",
  newId: "1",
  found: "landed",
  digest: "d",
  rule: null,
  isDenied: false,
  command: 1,
  approvedBy: "none",
  shownAt: null,
};

function rule(verdict: Rule["verdict"], scope: Scope, more: Partial<Rule> = {}): Rule {
  return { id: "session p.yaml:2", tier: "session", verdict, scope, because: null, ...more };
}

function tried(effect: Effect, rules: readonly Rule[], label = EXTERNAL) {
  const recorded = makePolicy([], NO_CEILINGS);
  const decision = decideWithin(recorded, effect, label);
  const redecided = { seq: 7, effect, label, decision, policy: recorded, origin: "" };
  const found = decideOtherwise(redecided, makePolicy(rules, NO_CEILINGS));
  return found && [found.from, found.to, found.wouldBe];
}

test("a request is listed anew by the other policy, as the proxy would have", () => {
  assert.deepEqual(tried(REQUEST, [rule("allow", NET)]), [
    "deny",
    "ask",
    "external text and private data were within reach: a person looks at the address",
  ]);
  assert.deepEqual(tried(REQUEST, [rule("allow", NET)], { integrity: "repo", secrecy: "private" }), [
    "ask",
    "allow",
    "session p.yaml:2 allows it",
  ]);
  assert.equal(tried(REQUEST, [rule("deny", NET)]), null);
});

test("what the lock file names, or the tracked remote is fetched for, a deny takes away and no allow adds", () => {
  const denied = ["allow", "deny", "session p.yaml:2 denies it"];
  const locked: Effect = { ...REQUEST, listed: "allow", rule: "preset npm", origin: "locked" };
  assert.deepEqual(tried(locked, [rule("deny", NET)]), denied);
  assert.equal(tried(locked, []), null);
  const fetched: Effect = { ...REQUEST, listed: "allow", rule: "tracked remote", origin: "fetch" };
  assert.deepEqual(tried(fetched, [rule("deny", NET)]), denied);
  assert.equal(tried(fetched, []), null);
});

test("a rule that names a branch is seen to allow a push where nothing external was seen", () => {
  const repository = { origin: "https://git.example.com", path: "group/thing", host: "git.example.com", ssh: null };
  const label: Label = { integrity: "repo", secrecy: "private" };
  const named = rule("allow", { kind: "push", repository, branch: "main" } as Scope);
  assert.deepEqual(tried(PUSH, [named], label), ["ask", "allow", "session p.yaml:2 allows it"]);
  assert.equal(tried(PUSH, [rule("allow", { ...named.scope, branch: "next" } as Scope)], label), null);
});

test("a file stands in the place of the session's policy files, and takes nothing from the machine or config.yaml", () => {
  const scope: Scope = { kind: "run", argv: ["make"] };
  const recorded: Policy = makePolicy(
    [
      rule("deny", scope, { tier: "managed", id: "managed policy.yaml:1" }),
      rule("allow", NET, { tier: "user", id: "net.allow[0]" }),
      rule("ask", scope, { tier: "user", id: "user policy.yaml:9" }),
      rule("ask", scope, { tier: "project", id: "project policy.yaml:9" }),
    ],
    { ...NO_CEILINGS, usd: 3 },
  );
  const file = {
    rules: [rule("ask", scope)],
    ceilings: NO_CEILINGS,
    profiles: [],
    examples: [],
    tier: "user",
    path: "p",
    sha256: "",
  };
  const made = withFile(recorded, file as Parameters<typeof withFile>[1]);
  assert.deepEqual(
    made.rules.map(({ id }) => id),
    ["managed policy.yaml:1", "net.allow[0]", "session p.yaml:2"],
  );
  assert.equal(made.ceilings.usd, 3);
});

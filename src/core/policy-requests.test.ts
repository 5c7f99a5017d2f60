import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Effect } from "./effect.ts";
import { INTEGRITIES, join, type Label, SECRECIES, UNKNOWN_SOURCE } from "./label.ts";
import { judgeRules, type NetRequest, type NetRule } from "./net-rules.ts";
import { decide } from "./policy.ts";

type Request = Effect & { readonly kind: "request" };

const labels: fc.Arbitrary<Label> = fc
  .record({ integrity: fc.constantFrom(...INTEGRITIES), secrecy: fc.constantFrom(...SECRECIES) })
  .map((label) => ({ ...label }));
const BASE = {
  kind: "request",
  protocol: "https",
  host: "example.com",
  port: 443,
  method: "GET",
  path: "/",
  hasBody: false,
  listed: "allow",
  rule: "net.allow[0]",
  origin: "composed",
  command: 1,
  approvedBy: "none",
  shown: null,
} as const;
const request = (change: Partial<Request>) => ({ ...BASE, ...change }) as Request;
const requests = fc
  .record({
    protocol: fc.constantFrom("http" as const, "https" as const, "tunnel" as const),
    hasBody: fc.boolean(),
    listed: fc.constantFrom("allow" as const, "deny" as const, "unlisted" as const),
    origin: fc.constantFrom(...(["locked", "fetch", "typed", "service", "composed"] as const)),
  })
  .map(request);

test("with external text and private data within reach, nothing composed goes unasked and nothing unlisted at all", () => {
  const verdict = (change: Partial<Request>) => decide(request(change), UNKNOWN_SOURCE).verdict;
  assert.deepEqual(
    [
      verdict({}),
      verdict({ hasBody: true }),
      verdict({ protocol: "tunnel", method: "CONNECT" }),
      verdict({ listed: "unlisted", rule: null }),
      verdict({ listed: "deny" }),
      verdict({ listed: "deny", origin: "service" }),
      verdict({ listed: "unlisted", origin: "typed" }),
      verdict({ origin: "typed", hasBody: true }),
      verdict({ origin: "typed" }),
      verdict({ origin: "locked" }),
      verdict({ origin: "fetch" }),
      verdict({ origin: "service", hasBody: true }),
    ],
    ["ask", "ask", "ask", "deny", "deny", "deny", "deny", "ask", "allow", "allow", "allow", "allow"],
  );
});

test("a request is answered by what it can carry and by what was seen", () => {
  const answers = (change: Partial<Request>) =>
    (["repo", "local", "external"] as const).flatMap((integrity) =>
      (["public", "private"] as const).map((secrecy) => decide(request(change), { integrity, secrecy }).verdict),
    );
  assert.deepEqual(answers({}), ["allow", "allow", "allow", "allow", "allow", "ask"]);
  assert.deepEqual(answers({ hasBody: true }), ["allow", "allow", "ask", "ask", "ask", "ask"]);
  assert.deepEqual(answers({ listed: "unlisted" }), ["ask", "ask", "ask", "ask", "ask", "deny"]);
});

test("a question or a denial names the nearest way that is allowed", () => {
  const decision = decide(request({}), UNKNOWN_SOURCE);
  assert.ok(decision.verdict === "ask");
  assert.match(
    decision.nearest ?? "",
    /lock file, a fetch from the tracked remote and an address that the person types/,
  );
});

test("a request of an origin that nobody knows is denied", () => {
  fc.assert(
    fc.property(labels, fc.constantFrom("", "Typed", "constructor", "__proto__"), (label, origin) => {
      assert.equal(decide(request({ origin: origin as "typed" }), label).verdict, "deny");
    }),
  );
});

test("more taint never lets a request further", () => {
  const lenience = { deny: 0, ask: 1, allow: 2 } as const;
  fc.assert(
    fc.property(requests, labels, labels, (one, low, other) => {
      return lenience[decide(one, join(low, other)).verdict] <= lenience[decide(one, low).verdict];
    }),
    { numRuns: 3000 },
  );
});

const hosts = fc.constantFrom("example.com", "*.example.com", "api.example.com", "example.org");
const rules: fc.Arbitrary<NetRule> = fc.record({
  id: fc.string(),
  host: hosts,
  ports: fc.constantFrom([443], [80, 443]),
  methods: fc.constantFrom(null, ["GET"], ["GET", "POST"]),
  paths: fc.constantFrom(null, ["/a"], ["/"]),
  body: fc.boolean(),
  tls: fc.constantFrom("terminate" as const, "tunnel" as const),
  private: fc.boolean(),
});
const netRequests: fc.Arbitrary<NetRequest> = fc.record({
  protocol: fc.constantFrom("http" as const, "https" as const, "tunnel" as const),
  host: fc.constantFrom("example.com", "api.example.com", "example.org", "evil.example"),
  port: fc.constantFrom(80, 443, 22),
  method: fc.constantFrom("GET", "POST", "CONNECT"),
  path: fc.constantFrom("/", "/a", "/a/b", "/a/../b", "/%2e%2e/"),
  hasBody: fc.boolean(),
});

test("a line of deny never lets anything through, and the order of lines changes nothing", () => {
  const lists = fc.array(rules, { maxLength: 4 });
  fc.assert(
    fc.property(lists, lists, rules, netRequests, (allow, deny, more, one) => {
      const before = judgeRules({ allow, deny }, one).verdict;
      const after = judgeRules({ allow, deny: [...deny, more] }, one).verdict;
      assert.ok(after === before || after === "deny", `${before} became ${after}`);
      const turned = judgeRules({ allow: allow.toReversed(), deny: [more, ...deny.toReversed()] }, one).verdict;
      assert.equal(turned, after);
    }),
    { numRuns: 2000 },
  );
});

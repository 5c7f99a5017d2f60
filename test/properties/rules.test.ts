import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { judgeRules, type NetRequest, type NetRule } from "../../src/core/net-rules.ts";

const RUNS = process.env.RINGFENCE_FULL === "1" ? 30_000 : 2000;
/** What passed is what runs by itself; another seed explores further. */
const SEED = Number(process.env.RINGFENCE_SEED ?? 7);

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
    { numRuns: RUNS, seed: SEED },
  );
});

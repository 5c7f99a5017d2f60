import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { proposeRules, ruleLine } from "../core/net-propose.ts";
import { judgeRules, type NetRequest } from "../core/net-rules.ts";
import { parseNet } from "./config-net.ts";

const host = fc.constantFrom("a.example.com", "no", "null", "127.0.0.1", "[::1]", "xn--bcher-kva.example");
/** Of what a request that was read can have in its path. */
const segment = fc.string({ unit: fc.constantFrom(..."abcYNo0.~-_%41'\"\\{}[]:,"), maxLength: 6 });
const requests: fc.Arbitrary<NetRequest> = fc.record({
  protocol: fc.constantFrom("http" as const, "https" as const),
  host,
  port: fc.constantFrom(80, 443, 8080),
  method: fc.constantFrom("GET", "HEAD", "OPTIONS", "POST", "DELETE", "NULL", "YES"),
  path: fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`),
  hasBody: fc.boolean(),
});

test("what is proposed, pasted as it is, allows what was refused and no other host or method", () => {
  fc.assert(
    fc.property(fc.array(requests, { maxLength: 12 }), requests, (refused, other) => {
      const text = proposeRules(refused).map(ruleLine).join("\n");
      const { rules } = parseNet({ allow: parse(text) ?? [] });
      for (const one of refused) {
        const isImpossible = one.hasBody && ["GET", "HEAD", "OPTIONS"].includes(one.method);
        assert.equal(
          judgeRules(rules, one).verdict,
          isImpossible ? "unlisted" : "allow",
          `${text}\n${JSON.stringify(one)}`,
        );
      }
      const isReading = (method: string) => ["GET", "HEAD", "OPTIONS"].includes(method);
      const isNear = refused.some(
        ({ host: near, port, method }) =>
          near === other.host &&
          port === other.port &&
          (method === other.method || (isReading(method) && isReading(other.method))),
      );
      if (!isNear) assert.equal(judgeRules(rules, other).verdict, "unlisted", `${text}\n${JSON.stringify(other)}`);
    }),
    { numRuns: 2000 },
  );
});

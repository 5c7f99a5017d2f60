import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { requestOf } from "./effect.fixture.ts";
import type { Effect } from "./effect.ts";
import { INTEGRITIES, join, type Label, SECRECIES, UNKNOWN_SOURCE } from "./label.ts";
import { decide } from "./policy.ts";

type Request = Effect & { readonly kind: "request" };

const labels: fc.Arbitrary<Label> = fc
  .record({ integrity: fc.constantFrom(...INTEGRITIES), secrecy: fc.constantFrom(...SECRECIES) })
  .map((label) => ({ ...label }));
const requests = fc
  .record({
    protocol: fc.constantFrom("http" as const, "https" as const, "tunnel" as const),
    hasBody: fc.boolean(),
    listed: fc.constantFrom("allow" as const, "deny" as const, "unlisted" as const),
    origin: fc.constantFrom(...(["locked", "fetch", "typed", "service", "composed"] as const)),
  })
  .map(requestOf);

test("with external text and private data within reach, nothing composed goes unasked and nothing unlisted at all", () => {
  const verdict = (change: Partial<Request>) => decide(requestOf(change), UNKNOWN_SOURCE).verdict;
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
      (["public", "private"] as const).map((secrecy) => decide(requestOf(change), { integrity, secrecy }).verdict),
    );
  assert.deepEqual(answers({}), ["allow", "allow", "allow", "allow", "allow", "ask"]);
  assert.deepEqual(answers({ hasBody: true }), ["allow", "allow", "ask", "ask", "ask", "ask"]);
  assert.deepEqual(answers({ listed: "unlisted" }), ["ask", "ask", "ask", "ask", "ask", "deny"]);
});

test("a question or a denial names the nearest way that is allowed", () => {
  const decision = decide(requestOf({}), UNKNOWN_SOURCE);
  assert.ok(decision.verdict === "ask");
  assert.match(
    decision.nearest ?? "",
    /lock file, a fetch from the tracked remote and an address that the person types/,
  );
});

test("a request of an origin that nobody knows is denied", () => {
  fc.assert(
    fc.property(labels, fc.constantFrom("", "Typed", "constructor", "__proto__"), (label, origin) => {
      assert.equal(decide(requestOf({ origin: origin as "typed" }), label).verdict, "deny");
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

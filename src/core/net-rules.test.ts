import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressOf, isPlainPath, judgeRules, type NetRequest, type NetRule, typedAddresses } from "./net-rules.ts";

const RULE: NetRule = {
  id: "r",
  host: "api.example.com",
  ports: [443],
  methods: null,
  paths: null,
  body: false,
  tls: "terminate",
  private: false,
};
const ASK: NetRequest = {
  protocol: "https",
  host: "api.example.com",
  port: 443,
  method: "GET",
  path: "/v1/x",
  hasBody: false,
};

function verdict(rule: Partial<NetRule>, ask: Partial<NetRequest> = {}, deny: readonly Partial<NetRule>[] = []) {
  const rules = { allow: [{ ...RULE, ...rule }], deny: deny.map((one) => ({ ...RULE, ...one })) };
  return judgeRules(rules, { ...ASK, ...ask }).verdict;
}

test("nothing is listed without a rule", () => {
  assert.equal(judgeRules({ allow: [], deny: [] }, ASK).verdict, "unlisted");
});

test("a rule lists its host and port, reading methods, and no body", () => {
  assert.equal(verdict({}), "allow");
  for (const ask of [
    { host: "evil-api.example.com" },
    { host: "api.example.com.evil.test" },
    { host: "example.com" },
    { port: 8443 },
    { method: "POST" },
    { method: "get" },
    { hasBody: true },
    { protocol: "tunnel" as const, method: "CONNECT", path: "", hasBody: true },
  ])
    assert.equal(verdict({}, ask), "unlisted", JSON.stringify(ask));
});

test("a wildcard is every name below, and not the name itself nor one that only ends alike", () => {
  const host = "*.example.com";
  assert.equal(verdict({ host }), "allow");
  assert.equal(verdict({ host }, { host: "a.b.example.com" }), "allow");
  for (const other of ["example.com", "notexample.com", ".example.com", "example.com.evil.test"])
    assert.equal(verdict({ host }, { host: other }), "unlisted", other);
});

test("a path is matched by whole segments, and only where every server reads it alike", () => {
  const paths = ["/v1"];
  for (const path of ["/v1", "/v1/", "/v1/x?y=/../z", "/v1?x"])
    assert.equal(verdict({ paths }, { path }), "allow", path);
  for (const path of [
    "/v10",
    "/v1/../v2",
    "/v1/%2e%2e/v2",
    "/v1/..%2fv2",
    "/v1//x",
    "/v1\\..\\v2",
    "/v1/.%2E/",
    "/V1/x",
    "/",
    "*",
    "/v1;x",
  ])
    assert.equal(verdict({ paths }, { path }), "unlisted", path);
});

test("a denial wins over every rule that allows, in every spelling of its path, and closes tunnels", () => {
  assert.equal(verdict({}, {}, [{}]), "deny");
  assert.equal(verdict({ host: "*.example.com" }, {}, [{ host: "*.example.com" }]), "deny");
  assert.equal(verdict({}, { path: "/ok" }, [{ paths: ["/admin"] }]), "allow");
  for (const path of ["/admin", "/admin/x", "/x/../admin", "/%2e/admin", "//admin"])
    assert.equal(verdict({}, { path }, [{ paths: ["/admin"] }]), "deny", path);
  const tunnel = { protocol: "tunnel" as const, method: "CONNECT", path: "", hasBody: true };
  assert.equal(verdict({ tls: "tunnel" }, tunnel), "allow");
  assert.equal(verdict({ tls: "tunnel" }, tunnel, [{ paths: ["/admin"] }]), "deny");
});

test("a rule more never allows less, and a denial more never allows more", () => {
  const hosts = fc.constantFrom("api.example.com", "*.example.com", "other.example.com");
  const rules = fc.record({
    ...Object.fromEntries(Object.entries(RULE).map(([key, value]) => [key, fc.constant(value)])),
    host: hosts,
    methods: fc.constantFrom(null, ["GET"], ["POST"]),
    body: fc.boolean(),
    tls: fc.constantFrom("terminate", "tunnel"),
    paths: fc.constantFrom(null, ["/v1"], ["/v2"]),
  }) as unknown as fc.Arbitrary<NetRule>;
  const asks = fc.record({
    protocol: fc.constantFrom("http" as const, "https" as const, "tunnel" as const),
    host: fc.constantFrom("api.example.com", "other.example.com"),
    port: fc.constantFrom(443, 80),
    method: fc.constantFrom("GET", "POST", "CONNECT"),
    path: fc.constantFrom("/v1/x", "/v2", "/v1/../v2"),
    hasBody: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(rules), fc.array(rules), rules, asks, (allow, deny, more, ask) => {
      const before = judgeRules({ allow, deny }, ask).verdict;
      const wider = judgeRules({ allow: [...allow, more], deny }, ask).verdict;
      const narrower = judgeRules({ allow, deny: [...deny, more] }, ask).verdict;
      assert.ok(before === "unlisted" || wider === before);
      assert.ok(narrower === before || narrower === "deny");
    }),
    { numRuns: 2000 },
  );
});

test("what the person typed is named as the request for it is", () => {
  const typed = typedAddresses(
    "Read https://Docs.Example.com/a?b=1#part, then (http://x.test:8080/) and https://u:p@evil.test/ or ftp://y.test.",
  );
  assert.deepEqual(typed.includes("https://docs.example.com/a?b=1"), true);
  assert.deepEqual(typed.includes("http://x.test:8080/"), true);
  assert.equal(
    typed.some((address) => address.includes("evil") || address.includes("y.test")),
    false,
  );
  assert.equal(addressOf({ ...ASK, path: "/v1/x?y" }), "https://api.example.com/v1/x?y");
});

test("a plain path has nothing to resolve or to decode twice", () => {
  assert.deepEqual(
    ["/", "/a.b/c", "/a%20b", "/...", "/a?b=../c", "", "a", "/./a", "/%252e", "/a%00"].map(isPlainPath),
    [true, true, true, true, true, false, false, false, false, false],
  );
});

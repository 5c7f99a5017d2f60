import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { draw } from "./credential.fixture.ts";
import { originOf, placeholderFor, ruleCovers, Secret } from "./credential.ts";

const printable = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});

test("a secret shows itself in no text, no JSON and no inspector", () => {
  const secret = new Secret("canary-7Hq2mZ0x");
  const shown = [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
    String(Object.values(secret)),
  ];
  assert.deepEqual(
    shown.filter((text) => text.includes("7Hq2")),
    [],
  );
  assert.equal(shown[0], "[secret]");
  assert.equal(secret.reveal(), "canary-7Hq2mZ0x");
});

test("a placeholder has the length, the beginning and the classes of its value, and is another text", () => {
  const known: [value: string, shape: RegExp][] = [
    ["ghp_abcDEF0123456789abcDEF0123456789abcd", /^ghp_[A-Za-z0-9]{36}$/],
    ["npm_abcdefABCDEF0123456789abcdefABCDEF01", /^npm_[A-Za-z0-9]{36}$/],
    ["AKIAIOSFODNN7EXAMPLE", /^AKIA[A-Z0-9]{16}$/],
    ["sk-ant-api03-abcdefgh-IJKLMNOP_0123456789", /^sk-ant-api03-[A-Za-z0-9]{8}-[A-Za-z0-9]{8}_[A-Za-z0-9]{10}$/],
    ["0123456789abcdef0123456789abcdef", /^[0-9a-f]{32}$/],
    ["123e4567-e89b-12d3-a456-426614174000", /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
    ["correct/horse+battery=", /^[a-z]{7}\/[a-z]{5}\+[a-z]{7}=$/],
  ];
  for (const [value, shape] of known) {
    const placeholder = placeholderFor(value, draw);
    assert.match(placeholder ?? "", shape);
    assert.notEqual(placeholder, value);
    assert.equal(placeholder, placeholderFor(value, draw));
    assert.notEqual(
      placeholder,
      placeholderFor(value, (text) => draw(`other session ${text}`)),
    );
  }
});

test("placeholders of different values differ, and a value is never its own", () => {
  fc.assert(
    fc.property(printable, printable, (one, other) => {
      const [first, second] = [placeholderFor(one, draw), placeholderFor(other, draw)];
      assert.notEqual(first, one);
      if (first !== null) assert.equal(first.length, one.length);
      if (one !== other && first !== null) assert.notEqual(first, second);
    }),
  );
});

test("a value that is short, long, or no plain text has no placeholder", () => {
  for (const value of [
    "",
    "hunter2",
    "!!!!!!!!!!!!",
    "pass word 12345678",
    "pässwort12345678",
    "a\nb12345678",
    "ghp_short1",
    "x".repeat(4097),
  ])
    assert.equal(placeholderFor(value, draw), null, value);
});

const rule = {
  scheme: { kind: "bearer" as const },
  origins: ["https://api.example.com"],
  methods: ["GET"],
  pathPrefixes: ["/repos/person/thing"],
};
const covers = (path: string, method = "GET", origin = "https://api.example.com") =>
  ruleCovers(rule, origin, method, path);

test("a rule holds for its origin, methods and whole segments of its paths alone", () => {
  for (const path of [
    "/repos/person/thing",
    "/repos/person/thing/",
    "/repos/person/thing/pulls?page=2",
    "/repos/person/thing/a%2Fb",
    "/repos/person/thing?x=../y",
  ])
    assert.equal(covers(path), true, path);
  assert.equal(covers("/repos/person/thing", "POST"), false);
  assert.equal(covers("/repos/person/thing", "GET", "http://api.example.com"), false);
  assert.equal(covers("/repos/person/thing", "GET", "https://api.example.com:8443"), false);
  assert.equal(
    ruleCovers({ ...rule, pathPrefixes: [] }, "https://api.example.com", "GET", "/repos/person/thing"),
    false,
  );
  assert.equal(ruleCovers({ ...rule, pathPrefixes: ["/"] }, "https://api.example.com", "GET", "/any/thing"), true);
});

test("no spelling of a path leads out of what a rule covers", () => {
  const below = "/repos/person/thing";
  for (const path of [
    "/repos/person/thing2",
    "/repos/person",
    "/REPOS/person/thing",
    `${below}/../other`,
    `${below}/..`,
    `${below}/./x`,
    `${below}/%2e%2e/other`,
    `${below}/.%2E/other`,
    `${below}/%252e%252e/other`,
    `${below}/%25252e%25252e/other`,
    `${below}/..%2fother`,
    `${below}/..;/other`,
    `${below}/..%3bx/other`,
    `${below}/..\\other`,
    `${below}/..%5cother`,
    `${below}/x%00`,
    `${below}/x#y`,
    `${below}%2f..%2fother`,
    "//repos/person/thing",
    "/repos//person/thing",
    `${below}/%2525252525252e`,
    "repos/person/thing",
    "https://api.example.com/repos/person/thing",
    "*",
    "",
  ])
    assert.equal(covers(path), false, path);
});

test("an origin names the port where it is not the usual one", () => {
  assert.equal(originOf({ protocol: "https", host: "a.example", port: 443 }), "https://a.example");
  assert.equal(originOf({ protocol: "http", host: "a.example", port: 443 }), "http://a.example:443");
  assert.equal(originOf({ protocol: "http", host: "[::1]", port: 80 }), "http://[::1]");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import yaml from "yaml";
import { policyText } from "../../bench/decide.ts";
import { readPlainYaml } from "./plain-yaml.ts";

const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = process.env.RINGFENCE_FULL === "1" ? 100_000 : 1000;

/** What the library says of a text: its value, and the lines on which the items of its lists begin. */
function said(text: string) {
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter });
  if (document.errors.length + document.warnings.length > 0) return null;
  const lines: number[][] = [];
  yaml.visit(document, {
    Seq: (_, { items }) =>
      void lines.push(items.map((item) => lineCounter.linePos((yaml.isNode(item) && item.range?.[0]) || 0).line)),
  });
  return { value: document.toJS() as unknown, lines: lines.sort() };
}

/** Holds that what is read is what the library says; tells whether it is read. */
function compare(text: string): boolean {
  const read = readPlainYaml(text);
  if (read === null) return false;
  const lines = [...read.lines.values()].map((each) => [...each]).sort();
  assert.deepEqual({ value: read.value, lines }, said(text), JSON.stringify(text));
  return true;
}

test("a policy as policies are written is read, and as the library reads it", () => {
  for (const text of [
    policyText(),
    "rules: []\n",
    "budgets: {usd: 5, minutes: 0.25}\n",
    "# all\nrules:\n  # one\n  - deny: {read: secrets} # why\n\n  - ask:\n      land: src/**\n    because: 'it is ours'\n",
    "rules:\n- deny:\n    run: [npm, publish]\n  examples:\n    match:\n    - \"run: npm publish\"\n    not: [ 'run: npm ci' , run x:y ]\n",
    "profiles:\n  -   run: [npm, run, docs]\n      profile: build\nbudgets:\n  usd: 1\n",
  ])
    assert.ok(compare(text), text);
});

test("what means something else to YAML than it seems to is left to the library", () => {
  for (const text of [
    "",
    "a",
    "a:\n",
    "a: b\na: c\n",
    "a: {b: c, b: d}\n",
    "__proto__: {a: b}\n",
    "a: &x b\n",
    "a: *x\n",
    "a: !!str b\n",
    "a: b\n  c\n",
    "a: b: c\n",
    "a: 'it''s'\n",
    'a: "x\\u0041"\n',
    'a: "b\n  c"\n',
    "a: |\n  b\n",
    "a: [b\n  , c]\n",
    "a: yes\n",
    "a: True\n",
    "a: null\n",
    "a: ~\n",
    "a: 0x10\n",
    "a: 1e3\n",
    "a: .5\n",
    "a: 017\n",
    "a: -1\n",
    "a: [b c: d]\n",
    "a: [,]\n",
    "a: {b}\n",
    "a:\tb\n",
    "a: b\r\n",
    "a: \u00e9\n",
    "\ufeffa: b\n",
    "---\na: b\n",
    "a: b\n...\n",
    "a:\n - b\n  - c\n",
    "a:\n  - b\n - c\n",
    "a:\n  -\n    b: c\n",
    "a:\n  - - b\n",
    "  a: b\nc: d\n",
    "a: b #c\n#\n  d: e\n",
    "<<: {a: b}\n",
    "? a\n: b\n",
    `a: ${"[".repeat(20)}${"]".repeat(20)}\n`,
  ])
    assert.equal(readPlainYaml(text), null, JSON.stringify(text));
});

const piece = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "rules",
    "deny",
    "x.example",
    "src/**",
    "*",
    "**/a",
    "5",
    "0.5",
    "1.",
    "017",
    "1_0",
    "true",
    "on",
    "~",
  ),
  fc.constantFrom(
    "a:b",
    "http://a.b/",
    "run: x",
    "a b",
    "a #b",
    "a#b",
    "a, b",
    "a - b",
    "?",
    "? a",
    "-",
    "--- a",
    "%a",
    "@a",
    "`",
    "&a",
    "!a",
    "|",
    ">",
  ),
  fc.constantFrom(
    '"a"',
    "'a'",
    '"a: b"',
    "'a''b'",
    '"\\n"',
    '"a" b',
    "[]",
    "{}",
    "[a]",
    "[a, b]",
    "{a: b}",
    "{a: b, c: [d]}",
    "[a: b]",
    "{a}",
    "{a:b}",
    "[a,]",
    "[a ,b]",
    "{ a: b }",
    "[",
    "}",
    "",
  ),
  fc.string({ unit: fc.constantFrom(..."ab01 :-#,[]{}'\"*&!|>%@?./_=\\~"), maxLength: 8 }),
);
const line = fc
  .tuple(
    fc.nat({ max: 6 }),
    fc.constantFrom("", "- ", "-  ", "- - ", "# "),
    fc.constantFrom("", "a: ", "b: ", "a:", "k: - ", "rules: ", "y: "),
    piece,
    fc.constantFrom("", " ", " # c", ": ", ","),
  )
  .map(([indent, dash, key, text, end]) => `${" ".repeat(indent)}${dash}${key}${text}${end}`);

test(`whatever is read is read as the library reads it (${RUNS} texts, seed ${SEED})`, () => {
  let count = 0;
  const texts = fc.array(line, { minLength: 1, maxLength: 6 }).map((lines) => lines.join("\n"));
  // A policy with some characters put elsewhere is near enough to be read.
  const whole =
    'rules:\n  - deny: {net: "*.a.example", paths: [/api/]}\n    because: two people look\n  - ask: {land: src/x}\n    examples: {match: [land src/x]}\nbudgets: {usd: 5}\n';
  const spoiled = fc
    .array(
      fc.tuple(fc.nat({ max: whole.length }), fc.nat({ max: 2 }), fc.constantFrom("", ..." :-#,[]{}'\"*&\nab05")),
      { maxLength: 3 },
    )
    .map((cuts) => cuts.reduce((text, [at, length, put]) => text.slice(0, at) + put + text.slice(at + length), whole));
  fc.assert(
    fc.property(fc.oneof(texts, spoiled), (text) => {
      if (compare(text)) count += 1;
    }),
    { seed: SEED, numRuns: RUNS },
  );
  assert.ok(count > RUNS / 20, `${count} were read`);
});

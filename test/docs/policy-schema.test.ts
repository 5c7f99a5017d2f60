import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { fromJSONSchema } from "zod";
import { parseText } from "../../src/agent/config-policy.ts";
import { fences, readDocument } from "./document.ts";

const SCHEMA = JSON.parse(readFileSync(new URL("../../docs/policy.schema.json", import.meta.url), "utf8"));
const ruleOf = (rule: string) => `rules:\n  - ${rule}\n`;

const GOOD: readonly string[] = [
  "",
  "rules: []\n",
  "budgets: {usd: 0.5, minutes: 10, turns: 3}\n",
  'profiles:\n  - {run: [npm, run, docs], profile: build, because: no, examples: {match: ["run: npm run docs"]}}\n',
  'profiles:\n  - {run: ["*"], profile: read-only}\n',
  "budgets: {tokens: 1, calls: 2, sent_mb: 0.5, disk_mb: 10, processes: 3, agents: 1}\n",
  ruleOf("allow: {net: api.example.com}"),
  ruleOf('allow: {net: "*.example.com", ports: [443, 8443], methods: [GET, POST], paths: [/v1], private: true}'),
  ruleOf("allow: {net: pinned.example.com, tls: tunnel}"),
  ruleOf('deny: {net: "*"}'),
  ruleOf('ask: {net: "http://example.com/a"}'),
  ruleOf("deny: {read: secrets}"),
  ruleOf('deny: {write: "**/generated/*.ts"}'),
  ruleOf('ask: {land: "src/**"}'),
  ruleOf("allow: {land: src}"),
  ruleOf("deny: {run: [npm, publish]}"),
  ruleOf("allow: {run: [npm, test]}"),
  ruleOf('allow: {push: main, at: "https://git.example.com/group/thing.git"}'),
  ruleOf('deny: {push: "release/*"}'),
  ruleOf('allow: {credential: API_KEY, at: "https://api.example.com/v1", as: x-api-key, methods: [POST]}'),
  ruleOf('deny: {credential: "*", at: "https://api.example.com"}'),
  ruleOf("deny: {credential: GITHUB_TOKEN}\n    because: no\n    examples: {match: [credential GITHUB_TOKEN]}"),
];
const BAD: readonly string[] = [
  "[]\n",
  "rule: []\n",
  "rules: {}\n",
  "budgets: {usd: 0}\n",
  "budgets: {euros: 1}\n",
  "budgets: {agents: 0}\n",
  "profiles:\n  - {run: [npm], profile: net}\n",
  "profiles:\n  - {run: [npm]}\n",
  "profiles: {run: [npm], profile: build}\n",
  "budgets: {calls: 1.5}\n",
  "budgets: {sent_mb: much}\n",
  ruleOf("{}"),
  ruleOf("permit: {net: example.com}"),
  ruleOf("{allow: {net: a.example}, deny: {net: b.example}}"),
  ruleOf("allow: {}"),
  ruleOf("allow: {net: a.example, run: [npm]}"),
  ruleOf("allow: {net: 7}"),
  ruleOf("allow: {net: a.example, methods: []}"),
  ruleOf("allow: {net: a.example, methods: [get]}"),
  ruleOf("allow: {net: a.example, ports: [0]}"),
  ruleOf("allow: {net: a.example, tls: off}"),
  ruleOf("allow: {net: a.example, port: 443}"),
  ruleOf("allow: {read: a}"),
  ruleOf("ask: {read: a}"),
  ruleOf("ask: {write: a}"),
  ruleOf("deny: {read: /etc}"),
  ruleOf("deny: {read: a/../b}"),
  ruleOf('deny: {read: "{a,b}"}'),
  ruleOf('deny: {read: ""}'),
  ruleOf("deny: {run: npm publish}"),
  ruleOf("deny: {run: []}"),
  ruleOf("allow: {push: main}"),
  ruleOf('allow: {push: "*", at: "https://git.example.com/a/b.git"}'),
  ruleOf("allow: {credential: API_KEY}"),
  ruleOf("ask: {credential: API_KEY}"),
  ruleOf('deny: {credential: "A B"}'),
  ruleOf("deny: {read: a}\n    because: 7"),
  ruleOf("deny: {read: a}\n    examples: [read a]"),
];

test("the schema that editors read and the program take the same policies, and refuse the same", async () => {
  const schema = fromJSONSchema(SCHEMA);
  for (const [texts, isGood] of [
    [GOOD, true],
    [BAD, false],
  ] as const) {
    for (const text of texts) {
      assert.equal(schema.safeParse(parse(text) ?? {}).success, isGood, `schema: ${text}`);
      const parsed = await parseText("managed", "/x/policy.yaml", text).then(
        () => true,
        () => false,
      );
      assert.equal(parsed, isGood, `program: ${text}`);
    }
  }
});

test("each policy of the document is one", async () => {
  const texts = fences(readDocument("docs/policy.md"), "yaml");
  assert.ok(texts.length > 0);
  for (const text of texts) {
    assert.equal(fromJSONSchema(SCHEMA).safeParse(parse(text)).success, true);
    assert.ok((await parseText("user", "/x/policy.yaml", text)).rules.length > 0);
  }
});

import assert from "node:assert/strict";
import { verify } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "../core/json.ts";
import { hostileEvents } from "./export.fixture.ts";
import { exportLedger } from "./export.ts";
import { preAuthEncoding } from "./export-intoto.ts";
import { Seal } from "./seal.ts";

const AT = 1_795_992_554_000;
const LABEL = { integrity: "external", secrecy: "private" };
const decision = (call: string | null, effect: JsonObject, verdict = "allow"): JsonObject => {
  return { type: "decision", at: AT + 2000, call, effect, label: LABEL, verdict, reason: "because" };
};
const EVENTS: readonly JsonObject[] = [
  { type: "start", at: AT, session: "s1", checkout: "/home/ada/thing", version: "0.1.0" },
  { type: "source", at: AT, integrity: "external", secrecy: "private", what: "a page" },
  { type: "prompt", at: AT + 500, text: "a secret task" },
  { type: "request", at: AT + 1000, model: "anthropic/m1", messages: 1, system: "00" },
  {
    type: "reply",
    at: AT + 1500,
    parts: [
      { kind: "text", text: "a secret thought" },
      { kind: "call", id: "c1", name: "run", input: '{"command":"curl x"}' },
      { kind: "call", id: "c2", name: "write", input: "{}" },
    ],
    stop: "calls",
    usage: { input: 100, cachedInput: 10, output: 20, usd: 0.5 },
  },
  decision("c1", { kind: "run", command: "curl x" }),
  decision(
    null,
    { kind: "request", protocol: "https", host: "h.example", port: 443, method: "POST", path: "/a?b=c" },
    "deny",
  ),
  { type: "outcome", at: AT + 2500, call: "c1", ok: false, code: "exit", text: "a secret result" },
  decision("c2", { kind: "write", path: "src/a.ts", content: "one\ntwo\n" }),
  { type: "outcome", at: AT + 2600, call: "c2", ok: true, code: null, text: "wrote" },
  decision(null, { kind: "land-commits", branch: "main", oldId: "a".repeat(40), newId: "b".repeat(40) }),
  { type: "landed-commits", at: AT + 3000, branch: "main", commit: "b".repeat(40), refused: null },
  { type: "landed", at: AT + 3000, landed: ["src/a.ts"], failed: [{ path: "src/b.ts", why: "changed meanwhile" }] },
  { type: "head", note: "the note" },
];

function exported(t: TestContext, format: Parameters<typeof exportLedger>[0], events = EVENTS): string {
  const state = mkdtempSync(join(tmpdir(), "ringfence-export-"));
  t.after(() => rmSync(state, { recursive: true }));
  mkdirSync(join(state, "sessions", "s1"), { recursive: true });
  const seal = Seal.of(join(state, "sessions", "s1"));
  const text = exportLedger(
    format,
    events.map((event, seq) => ({ seq, event })),
    { seal, proof: "signed by nobody" },
  );
  if (format === "in-toto") checkSignature(text, seal);
  return text;
}

function checkSignature(text: string, seal: Seal): void {
  const { payloadType, payload, signatures } = JSON.parse(text);
  const bytes = preAuthEncoding(payloadType, Buffer.from(payload, "base64").toString());
  const [{ sig }] = signatures;
  assert.ok(verify(null, bytes, seal.publicKey?.key ?? assert.fail(), Buffer.from(sig, "base64")));
}

test("a trace has the session, each request and each call, with times, usage and errors, and no texts", (t) => {
  const text = exported(t, "otlp");
  assert.doesNotMatch(text, /secret|curl|h\.example/);
  const [{ scopeSpans }] = JSON.parse(text).resourceSpans;
  const { spans } = scopeSpans[0];
  const value = (span: { attributes: { key: string; value: object }[] }, key: string) =>
    Object.values(span.attributes.find((one) => one.key === key)?.value ?? {})[0];
  assert.deepEqual(
    spans.map(({ name }: { name: string }) => name),
    ["invoke_agent ringfence", "chat anthropic/m1", "execute_tool run", "execute_tool write"],
  );
  const [root, chat, run, write] = spans;
  for (const span of spans.slice(1)) assert.deepEqual([span.traceId, span.parentSpanId], [root.traceId, root.spanId]);
  assert.equal(new Set(spans.map(({ spanId }: { spanId: string }) => spanId)).size, 4);
  assert.match(root.traceId, /^[0-9a-f]{32}$/);
  assert.match(root.spanId, /^[0-9a-f]{16}$/);
  assert.equal(root.startTimeUnixNano, "1795992554000000000");
  assert.equal(chat.endTimeUnixNano, "1795992555500000000");
  assert.deepEqual(
    ["gen_ai.provider.name", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"].map((key) => value(chat, key)),
    ["anthropic", "100", "20"],
  );
  assert.deepEqual([value(run, "error.type"), run.status.code, write.status.code], ["exit", 2, undefined]);
  assert.equal(root.events.length, 4);
});

test("security monitoring is told what was decided and landed, in the classes of OCSF", (t) => {
  const events = exported(t, "ocsf")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.doesNotMatch(JSON.stringify(events), /secret/);
  assert.deepEqual(
    events.map(({ class_uid, activity_id, action_id }) => [class_uid, activity_id, action_id]),
    [
      [1007, 1, 1],
      [4002, 6, 2],
      [1001, 3, 1],
      [6003, 99, 1],
      [1001, 3, 1],
      [1001, 3, 2],
    ],
  );
  for (const event of events) {
    assert.equal(event.type_uid, event.class_uid * 100 + event.activity_id);
    assert.equal(event.category_uid, Math.floor(event.class_uid / 1000));
    assert.ok(event.time > AT && event.severity_id > 0 && event.metadata.version && event.metadata.product.name);
  }
  assert.deepEqual(events[1].http_request.url, {
    scheme: "https",
    hostname: "h.example",
    port: 443,
    path: "/a",
    query_string: "b=c",
  });
});

test("a signed statement says how landed commits came about, and there is none without a commit", (t) => {
  const statement = JSON.parse(Buffer.from(JSON.parse(exported(t, "in-toto")).payload, "base64").toString());
  assert.doesNotMatch(JSON.stringify(statement), /secret/);
  assert.equal(statement._type, "https://in-toto.io/Statement/v1");
  assert.deepEqual(statement.subject, [{ name: "main", digest: { gitCommit: "b".repeat(40) } }]);
  const { buildDefinition, runDetails } = statement.predicate;
  assert.deepEqual(buildDefinition.resolvedDependencies[0].digest, { gitCommit: "a".repeat(40) });
  assert.match(buildDefinition.externalParameters.prompts[0].sha256, /^[0-9a-f]{64}$/);
  assert.equal(runDetails.metadata.startedOn, "2026-11-29T22:49:14.000Z");
  assert.equal(Buffer.from(runDetails.byproducts[0].content, "base64").toString(), "the note");
  const refused = EVENTS.map((event) => (event.type === "landed-commits" ? { ...event, refused: "no" } : event));
  assert.throws(() => exported(t, "in-toto", refused), /no commit of session s1 landed/);
});

test("the page shows all of it, and no stranger's text is markup, a script, an address or hidden in it", (t) => {
  const page = exported(t, "html");
  for (const shown of ["$0.5000", "POST https:&#47;", "src/b.ts: changed meanwhile", "+one\n+two", "signed by nobody"])
    assert.ok(page.includes(shown.replaceAll("&#47;", "/")), shown);
  const hostile = exported(t, "html", hostileEvents("http://127.0.0.1:1"));
  const [, body = ""] = hostile.split("<main>");
  assert.deepEqual(
    new Set(body.match(/<[a-z!/][^\s>]*/g)),
    new Set(body.match(/<\/?(?:h[1-3]|table|tr|t[hd]|section|p|pre|details|summary|b|time|i|main|body|html)\b/g)),
  );
  assert.doesNotMatch(body, /[\u202e\u200b\u{e0041}]/u);
  assert.doesNotMatch(body, /\s(?:on\w+|href|src|style)=["']/);
});

test("a record of another version, or without what an export wants, is exported with what it has", (t) => {
  const strange: JsonObject[] = [
    {},
    { type: 7 },
    { type: "decision" },
    { type: "reply", parts: [1, null] },
    { type: "landed", landed: "x" },
  ];
  for (const format of ["html", "jsonl", "otlp", "ocsf"] as const) assert.ok(exported(t, format, strange).length > 0);
});

test("no line of an export holds what a terminal would obey or hide, and each still means the same", (t) => {
  const text = "a\u009b31m\u202eb\u200b\u0085";
  for (const format of ["jsonl", "ocsf"] as const) {
    const out = exported(t, format, [
      { type: "start", at: AT, session: "s1" },
      decision("c1", { kind: "run", command: text }),
    ]);
    assert.doesNotMatch(out, /[\u0080-\u009f\u202e\u200b]/u, format);
    assert.ok(
      JSON.stringify(
        out
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line)),
      ).includes(text),
      format,
    );
  }
});

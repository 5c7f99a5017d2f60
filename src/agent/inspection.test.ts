import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../core/credential.ts";
import type { SessionEvent } from "../core/event.ts";
import type { Vault } from "../egress/vault.ts";
import { Inspection } from "./inspection.ts";

const KNOWN = "key-canary-7f6e5d4c3b2a1908-QWVXYZU";
const STANDS_FOR_IT = `gh${"p_"}placeholder9placeholder9placeholder9`;
const TOKEN = `gh${"p_"}aB3dE5gH7jK9mN2pQ4rS6tU8vWxYz0123456`;

function opened(numbered?: ReadonlyMap<string, number>): Inspection {
  const inspection = new Inspection(numbered);
  const credential = { id: "1", source: "env MY_KEY", placeholder: STANDS_FOR_IT, value: new Secret(KNOWN), rules: [] };
  const credentials = [credential];
  const nothing = { variables: {}, files: [], notes: [], remote: null };
  const vault: Vault = { ...nothing, credentials: () => credentials, keep: () => null, fill: () => null };
  inspection.know(vault);
  return inspection;
}

/** What a front end is shown of pieces of text, each as soon as it is. */
function drawn(pieces: readonly string[]): string[] {
  const texts: string[] = [];
  const show = opened().showing((event) => event.type === "text" && texts.push(event.text));
  for (const text of pieces) show({ type: "text", text });
  show({ type: "reply", text: "", calls: [], usage: { input: 0, cachedInput: 0, output: 0, replies: 1, usd: null } });
  return texts;
}

test("text that is drawn as it comes shows no secret, wherever its pieces end", () => {
  const text = `one ${TOKEN} two\nAuthorization: Bearer ${TOKEN.slice(4)} three ${KNOWN} ${btoa(KNOWN)} four`;
  const whole = opened().redact(text);
  assert.equal(whole.includes(TOKEN.slice(6, 20)) || whole.includes(KNOWN.slice(4, 20)), false);
  for (let cut = 1; cut < text.length; cut += 1)
    assert.equal(drawn([text.slice(0, cut), text.slice(cut)]).join(""), whole, String(cut));
  assert.equal(drawn([...text]).join(""), whole);
});

test("a secret of a session that goes on never has the number that another one had before", () => {
  const first = opened();
  const outcome = first.recorded({ type: "outcome", text: `token ${TOKEN}` });
  const numbers = new Map(Object.entries(outcome.secrets as Record<string, number>));
  const [name = ""] = numbers.keys();
  assert.deepEqual([outcome.text, numbers.get(name)], [`token «secret:${name}#1»`, 1]);
  const second = opened(numbers);
  const other = TOKEN.replace("aB3d", "zY8x");
  assert.equal(second.redact(other), `«secret:${name}#2»`);
  // What stands in the conversation from before is no text for a file either.
  const effect = { kind: "write", path: "a", content: `token «secret:${name}#1»` } as const;
  assert.equal(second.refusal(effect)?.ok, false);
  assert.equal(second.refusal({ ...effect, content: `token «secret:${name}#3»` }), null);
});

test("of text that is drawn as it comes no more than the last word waits", () => {
  assert.deepEqual(drawn(["one tw", "o three", "\nfour"]), ["one ", "two ", "three\n", "four"]);
});

test("a try that failed takes with it what of its text waits", () => {
  const shown: SessionEvent[] = [];
  const show = opened().showing((event) => shown.push(event));
  show({ type: "text", text: "half" });
  show({ type: "retry", attempt: 1, waitMs: 1, reason: "again" });
  show({ type: "text", text: "whole " });
  assert.deepEqual(
    shown.map((event) => (event.type === "text" ? event.text : event.type)),
    ["retry", "whole "],
  );
});

test("what stands in the box for a credential is no secret, and every text of an event is looked at", () => {
  const inspection = opened();
  assert.equal(inspection.redact(`//r/:_authToken=${STANDS_FOR_IT}`), `//r/:_authToken=${STANDS_FOR_IT}`);
  assert.deepEqual(inspection.recorded({ type: "x", at: 1, list: [{ [KNOWN]: [KNOWN, null, true] }] }), {
    type: "x",
    at: 1,
    list: [{ "«secret:my-key#1»": ["«secret:my-key#1»", null, true] }],
  });
});

test("a placeholder that stands for two things in one file is resolved to neither", () => {
  const inspection = opened();
  const resolve = (content: string) => inspection.resolve([inspection.redact(KNOWN)], Buffer.from(content));
  assert.deepEqual(resolve(`a ${KNOWN}`), [KNOWN]);
  assert.deepEqual(resolve(`a ${btoa(KNOWN)}`), [btoa(KNOWN).slice(0, 46)]);
  assert.match(String(resolve(`a ${KNOWN} ${btoa(KNOWN)}`)), /^«secret:my-key#1» stands for a secret/);
  assert.match(String(resolve("nothing")), /^«secret:my-key#1» stands for a secret/);
});

test("an edit whose placeholders stand for secrets that hold more of them is resolved once, or refused for its size", () => {
  const inspection = opened();
  const key = (body: string) => `-----BEGIN PRIVATE KEY-----${body}-----END PRIVATE KEY-----`;
  const [small, large] = ["«secret:key#1»", "«secret:key#2»"];
  const first = key(large.repeat(1100));
  const content = Buffer.from(`${first}\n${key("QUJD".repeat(4000))}\n`);
  inspection.redact(content.toString());
  assert.deepEqual(inspection.resolve([`${small}x`, large], content)[0], `${first}x`);
  const [, many = ""] = inspection.resolve(["a", small.repeat(60) + large], content);
  assert.equal(many.startsWith(first.repeat(60)), true);
  assert.match(String(inspection.resolve(["a", large.repeat(3000)], content)), /too large$/);
});

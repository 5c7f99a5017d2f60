import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RequestQuestion } from "../agent/questions.ts";
import { pushOf, requestOf } from "../core/effect.fixture.ts";
import { requestText } from "./request-text.ts";

const QUESTION: RequestQuestion = {
  request: requestOf({ method: "POST", path: "/v1/items?a=1", hasBody: true, command: 7 }),
  headers: ["Content-Type", "application/json"],
  body: Buffer.from('{"a": 1}\n'),
  isUnseen: false,
  command: "curl -d @x https://api.example.com/v1/items?a=1",
  reason: "external text was seen: a person looks at what is sent",
  origin: "external by a page of example.com",
  mayLast: true,
};

test("a question says what would leave, and where it comes from", () => {
  assert.equal(
    requestText(QUESTION, 100),
    [
      "the command that asks",
      "  | curl -d @x https://api.example.com/v1/items?a=1",
      "why you are asked",
      "  | external text was seen: a person looks at what is sent (the host is listed by net.allow[0])",
      "what the session has seen",
      "  | external by a page of example.com",
      "its body, 9 bytes",
      '  | {"a": 1}',
      "  | ",
      "its headers",
      "  | Content-Type: application/json",
      "what it sends",
      "  | POST https://api.example.com/v1/items?a=1",
      "",
    ].join("\n"),
  );
});

test("a push says which commits go to which branch of which repository, and where all of it can be read", () => {
  const push = pushOf();
  const body = Buffer.from("bbbbbbb Ada: one\n\x1b[2Jwhat it sends\n a.txt | 1 +\n");
  const question = { ...QUESTION, request: push, headers: [], body, command: "git push" };
  assert.equal(
    requestText(question, 100),
    [
      "the command that asks",
      "  | git push",
      "why you are asked",
      "  | external text was seen: a person looks at what is sent (the branch is listed by net.push[0])",
      "what the session has seen",
      "  | external by a page of example.com",
      'its commits and files; in your checkout, "git diff aaaaaaaaaaaa bbbbbbbbbbbb" shows all of it',
      "  | bbbbbbb Ada: one",
      "  | \\x1b[2Jwhat it sends",
      "  |  a.txt | 1 +",
      "  | ",
      "what it sends",
      "  | commits to the branch main of https://git.example/group/thing.git",
      "",
    ].join("\n"),
  );
});

test("what cannot be seen is said to be unseen, and what is not text is not drawn", () => {
  const tunnel = { ...QUESTION.request, protocol: "tunnel", path: "", method: "CONNECT", port: 8443 } as const;
  const unseen = requestText({ ...QUESTION, request: tunnel, headers: [], body: null, isUnseen: true }, 80);
  assert.match(unseen, /what goes through it cannot be seen: it may send anything there/);
  assert.match(unseen, /what it opens\n {2}\| a tunnel to api\.example\.com:8443\n$/);
  assert.match(
    requestText({ ...QUESTION, body: Buffer.from([0xff, 0]) }, 80),
    /2 bytes that are no text.*\n {2}\| ff00/,
  );
  const long = requestText({ ...QUESTION, body: Buffer.from("a".repeat(5000)) }, 80);
  assert.match(long, /its body, 5,000 bytes, of which 3000 characters are NOT shown/);
});

test("no word of a stranger's begins a row, breaks out of one or is obeyed by the terminal", () => {
  const strange = fc.string({ unit: "binary", maxLength: 300 });
  fc.assert(
    fc.property(strange, strange, fc.integer({ min: 20, max: 200 }), (command, body, columns) => {
      const text = requestText({ ...QUESTION, command, origin: command, body: Buffer.from(body) }, columns);
      const ours =
        /^(?:the command that asks|why you are asked|what the session has seen|its body, .*|its headers|what it sends|)$/;
      for (const row of text.split("\n")) {
        assert.ok(row.startsWith("  | ") || ours.test(row), row);
        assert.doesNotMatch(row, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        if (row.startsWith("  | ")) assert.ok(row.length < columns, row);
      }
    }),
    { numRuns: 500 },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, type Question, replyOf } from "./question.ts";

const ASKED: Question = { approvals: [], offer: "x", preview: null, askedAt: 1000, hasDraft: false };
const SHOWN: Question = { ...ASKED, offer: null, preview: { port: 80, label: null } };
const HELD: Question = { ...ASKED, offer: null, approvals: [{ path: "Makefile", hash: "0" }] };

test("only the right word, begun after the question and no sooner than it can be read, is an answer", () => {
  const cases = [
    [ASKED, "y", 2000, "land"],
    [ASKED, "yes", 2000, "land"],
    [ASKED, "n", 2000, "decline"],
    [ASKED, "no", 900, "decline"],
    [{ ...ASKED, offer: null }, "n", 2000, "none"],
    [ASKED, "Y", 2000, "none"],
    [ASKED, "fix it", 2000, "none"],
    [ASKED, "y", 900, "ahead"],
    [ASKED, "y", 1100, "ahead"],
    [{ ...ASKED, hasDraft: true }, "y", 2000, "ahead"],
    [{ ...ASKED, offer: null }, "y", 2000, "none"],
    [SHOWN, "y", 2000, "preview"],
    [SHOWN, "n", 2000, "decline"],
    [SHOWN, "y", 1100, "ahead"],
    [SHOWN, "", 2000, "none"],
    [HELD, "yes", 2000, "approve"],
    [HELD, "y", 2000, "decline"],
    [HELD, "", 2000, "decline"],
    [HELD, "yes", 1100, "ahead"],
    [{ ...HELD, hasDraft: true }, "yes", 2000, "ahead"],
    // What is held is asked about alone: a question about it never lands anything else.
    [{ ...HELD, offer: "x" }, "y", 2000, "decline"],
  ] as const;
  for (const [question, text, typedAt, reply] of cases)
    assert.equal(replyOf(question, text, typedAt), reply, `${text} at ${typedAt}`);
});

test("a question that came up by itself is answered by a line that was begun a second later, and its silence is no", () => {
  const asked = { askedAt: 1000, hasDraft: false, mayLast: true };
  const once = { ...asked, mayLast: false };
  const cases = [
    [asked, "y", 2000, "yes"],
    [asked, "yes", 2000, "yes"],
    [asked, "s", 2000, "session"],
    [asked, "t", 2000, "minutes"],
    [asked, "s", 1999, "ahead"],
    [once, "y", 2000, "yes"],
    [once, "s", 2000, "no"],
    [once, "t", 2000, "no"],
    [asked, "", 2000, "no"],
    [asked, "n", 2000, "no"],
    [asked, "Y", 2000, "no"],
    [asked, "y y", 2000, "no"],
    [asked, "y", 1999, "ahead"],
    [{ ...asked, hasDraft: true }, "y", 9000, "ahead"],
  ] as const;
  for (const [question, text, typedAt, answer] of cases)
    assert.equal(answerOf(question, text, typedAt), answer, `${text} at ${typedAt}`);
});

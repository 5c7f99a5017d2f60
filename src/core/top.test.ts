import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "./json.ts";
import { GlanceFold } from "./top.ts";

const USAGE = { input: 10, cachedInput: 0, output: 5, usd: 0.25 };

function glanceOf(...events: JsonObject[]) {
  const fold = new GlanceFold();
  for (const event of events) fold.add(event);
  return fold.glance();
}

test("a glance has the cost, the label, the last effect, the alarms and what waits for the person", () => {
  const glance = glanceOf(
    { type: "start", at: 5, session: "s", checkout: "/c" },
    { type: "request", at: 6, model: "m" },
    { type: "reply", at: 7, parts: [], usage: USAGE },
    { type: "reply", at: 8, parts: [], usage: USAGE },
    { type: "source", integrity: "external", secrecy: "private", what: "a page" },
    { type: "decision", at: 9, call: "c1", verdict: "allow", effect: { kind: "run", command: "npm test" } },
    {
      type: "decision",
      at: 10,
      call: null,
      verdict: "ask",
      effect: { kind: "request", host: "a.example", path: "/x" },
    },
    { type: "waiting", at: 10, decision: 6 },
    { type: "waiting", at: 10, decision: 7 },
    { type: "answer", at: 11, decision: 6, answer: "no" },
    { type: "alarm", at: 12, kind: "loop", level: "note", seqs: [], words: "w" },
  );
  assert.deepEqual(glance, {
    startedAt: 5,
    model: "m",
    usd: 0.5,
    label: { integrity: "external", secrecy: "private" },
    last: { what: "request a.example", verdict: "ask", at: 10 },
    waiting: 1,
    alarms: 1,
    alarm: "loop",
    isKilled: false,
  });
});

test("a price that is not known makes the cost unknown, and a text that is kept apart is left out", () => {
  const unpriced = { ...USAGE, usd: null };
  assert.equal(glanceOf({ type: "reply", at: 7, parts: [], usage: unpriced }).usd, null);
  assert.equal(glanceOf({ type: "model-reply", usd: null }).usd, null);
  const effect = { kind: "run", command: { $content: "5", bytes: 4000 } };
  assert.equal(glanceOf({ type: "decision", at: 9, verdict: "allow", effect }).last?.what, "run");
});

test("questions end with the program that asked them", () => {
  const glance = glanceOf({ type: "waiting", decision: 3 }, { type: "killed", why: "w" }, { type: "resumed", at: 9 });
  assert.deepEqual([glance.waiting, glance.isKilled], [0, false]);
});

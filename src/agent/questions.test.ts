import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import type { Look } from "../egress/look.ts";
import type { Gated } from "./gate.ts";
import { type Answer, Questions, type RequestQuestion } from "./questions.ts";

type Request = Effect & { readonly kind: "request" };

const REQUEST: Request = {
  kind: "request",
  protocol: "https",
  host: "api.example.com",
  port: 443,
  method: "GET",
  path: "/",
  hasBody: false,
  listed: "allow",
  rule: "net.allow[0]",
  origin: "composed",
  command: 1,
  approvedBy: "none",
  shown: null,
};
const LABEL = { integrity: "external", secrecy: "private" } as const;
const ASKED: Gated & { readonly verdict: "ask" } = { verdict: "ask", reason: "why", seq: 5, label: LABEL };
const DENIED: Gated = { verdict: "deny", reason: "the gate has the last word" };
const LOOK: Look = { headers: ["X-Own", "1"], readBody: null, git: null, gone: () => new AbortController().signal };

function open(answer: (question: RequestQuestion) => Promise<Answer>) {
  const [passed, recorded]: [Effect[], JsonObject[]] = [[], []];
  const pass = (effect: Effect) => {
    passed.push(effect);
    return DENIED;
  };
  const questions = new Questions({ ask: answer, pass, record: (event) => recorded.push(event) });
  const ask = (request: Partial<Request> = {}, look: Partial<Look> = {}) =>
    questions
      .pass({ effect: { ...REQUEST, ...request }, look: { ...LOOK, ...look }, command: "curl" }, ASKED)
      .then(({ verdict, ...more }) => {
        assert.equal(verdict, "deny");
        return (more as { reason: string }).reason;
      });
  return { ask, passed, recorded };
}

test("a yes is recorded, and then passed to the gate for the very request that was shown", async () => {
  const { ask, passed, recorded } = open(async () => "yes");
  const body = { bytes: Buffer.from("hello"), sha256: "5" };
  const reason = await ask({ method: "POST", hasBody: true }, { readBody: async () => ({ ok: true, body }) });
  assert.equal(reason, "the gate has the last word");
  const shown = { label: LABEL, headers: ["X-Own", "1"], body: { bytes: 5, sha256: "5" } };
  assert.deepEqual(passed, [{ ...REQUEST, method: "POST", hasBody: true, approvedBy: "person", shown }]);
  assert.deepEqual(recorded, [{ type: "answer", decision: 5, answer: "yes" }]);
});

test("after a no, and after silence, a command is not heard again about that host, and others are", async () => {
  for (const said of ["no", "none"] as const) {
    const asked: string[] = [];
    const { ask, passed } = open(async ({ request }) => {
      asked.push(`${request.command} ${request.host}`);
      return said;
    });
    assert.equal(await ask(), said === "no" ? "why: they said no" : "why: nobody answered");
    assert.equal(await ask({ path: "/other" }), "why: they said no to this command and that host");
    await ask({ host: "other.example.com" });
    await ask({ command: 2 });
    assert.deepEqual(asked, ["1 api.example.com", "1 other.example.com", "2 api.example.com"]);
    assert.deepEqual(passed, []);
  }
});

test("one question stands at a time, four wait at most, and a no takes the others of its kind with it", async () => {
  const answers: ((answer: Answer) => void)[] = [];
  const { ask } = open(() => new Promise((resolve) => answers.push(resolve)));
  const waiting = ["/1", "/2", "/3", "/4", "/5"].map((path) => ask({ path }));
  assert.equal(await waiting[4], "why: too many have asked");
  assert.equal(answers.length, 1);
  answers[0]?.("no");
  await Promise.all(waiting);
  assert.equal(answers.length, 1);
});

test("what cannot be shown whole is refused unasked", async () => {
  const { ask, recorded } = open(async () => "yes");
  assert.match(await ask({ path: `/${"a".repeat(2000)}` }), /its address is too long/);
  assert.match(await ask({}, { headers: ["X-Own", "a".repeat(2000)] }), /its headers are too long/);
  const many = Array.from({ length: 21 }, () => ["a", "b"]).flat();
  assert.match(await ask({}, { headers: many }), /its headers are too long/);
  const readBody = async () => ({ ok: false, reason: "its body broke off" }) as const;
  assert.match(await ask({ hasBody: true }, { readBody }), /its body broke off/);
  assert.deepEqual(recorded, []);
});

test("who goes away before the answer is asked about again, and the third time not", async () => {
  let asked = 0;
  const { ask, passed } = open(async () => {
    asked += 1;
    controller.abort();
    return "yes";
  });
  let controller = new AbortController();
  for (const times of [1, 2, 3, 3]) {
    controller = new AbortController();
    await ask({}, { gone: () => controller.signal });
    assert.equal(asked, times);
  }
  assert.equal(await ask(), "why: they said no to this command and that host");
  assert.deepEqual(passed, []);
});

test("a question whose client is gone is not put, and counts as no refusal", async () => {
  let asked = 0;
  const { ask } = open(async () => {
    asked += 1;
    return "yes";
  });
  assert.equal(await ask({}, { gone: () => AbortSignal.abort() }), "why: nobody answered");
  assert.equal(asked, 0);
  assert.equal(await ask(), "the gate has the last word");
});

test("what cannot be recorded is not passed", async () => {
  const passed: Effect[] = [];
  const pass = (effect: Effect) => {
    passed.push(effect);
    return DENIED;
  };
  const record = () => {
    throw new Error("the disk is full");
  };
  const questions = new Questions({ ask: async () => "yes", pass, record });
  await assert.rejects(questions.pass({ effect: REQUEST, look: LOOK, command: null }, ASKED), /the disk is full/);
  assert.deepEqual(passed, []);
});

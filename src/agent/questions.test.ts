import assert from "node:assert/strict";
import { test } from "node:test";
import { pushOf, requestOf } from "../core/effect.fixture.ts";
import type { Effect } from "../core/effect.ts";
import { UNTIL_MS_MAX } from "../core/grant.ts";
import type { JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import type { Look } from "../egress/look.ts";
import type { Gated } from "./gate.ts";
import { type Answer, type AskedEffect, Questions, type RequestQuestion } from "./questions.ts";

type Request = Effect & { readonly kind: "request" };

const REQUEST: Request = requestOf();
const PLAN = { origin: () => "external by example.com", asksAll: () => false, session: "s", now: () => 1000 };
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
  let [now, isAskingAll] = [1000, false];
  const record = (event: JsonObject) => recorded.push(event);
  const plan = { ...PLAN, ask: answer, pass, record, asksAll: () => isAskingAll, now: () => now };
  const questions = new Questions(plan);
  const say = (effect: AskedEffect, look: Partial<Look> = {}, label: Label = LABEL) =>
    questions
      .pass({ effect, look: { ...LOOK, ...look }, command: { text: "curl", acts: "runs curl" } }, { ...ASKED, label })
      .then(({ verdict, ...more }) => {
        assert.equal(verdict, "deny");
        return (more as { reason: string }).reason;
      });
  const ask = (request: Partial<Request> = {}, look: Partial<Look> = {}, label: Label = LABEL) =>
    say({ ...REQUEST, ...request }, look, label);
  const wait = (ms: number) => {
    now += ms;
  };
  const alarm = () => {
    isAskingAll = true;
  };
  return { ask, say, wait, alarm, passed, recorded };
}

test("a yes is recorded, and then passed to the gate for the very request that was shown", async () => {
  const { ask, passed, recorded } = open(async () => "yes");
  const body = { bytes: Buffer.from("hello"), sha256: "5" };
  const reason = await ask({ method: "POST", hasBody: true }, { readBody: async () => ({ ok: true, body }) });
  assert.equal(reason, "the gate has the last word");
  const shown = { label: LABEL, headers: ["X-Own", "1"], body: { bytes: 5, sha256: "5" } };
  assert.deepEqual(passed, [{ ...REQUEST, method: "POST", hasBody: true, approvedBy: "person", shown }]);
  const [waiting, { hash, ...event } = {}] = recorded;
  assert.match(String(hash), /^[0-9a-f]{64}$/);
  assert.deepEqual(
    [waiting, event],
    [
      { type: "waiting", decision: 5 },
      { type: "answer", decision: 5, answer: "yes" },
    ],
  );
  assert.equal(recorded.length, 2);
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
  const questions = new Questions({ ...PLAN, ask: async () => "yes", pass, record });
  await assert.rejects(questions.pass({ effect: REQUEST, look: LOOK, command: null }, ASKED), /the disk is full/);
  assert.deepEqual(passed, []);
});

test("a yes for the session or for a while answers exactly what was shown, and nothing that differs from it", async () => {
  for (const said of ["session", "minutes"] as const) {
    const asked: string[] = [];
    const { ask, passed, recorded } = open(async ({ request, origin }) => {
      asked.push(request.path);
      assert.equal(origin, "external by example.com");
      return asked.length === 1 ? said : "yes";
    });
    const look = { headers: ["X-Own", "1"] };
    await ask({ path: "/a" }, look);
    // Whoever asks for the very same is answered by it, another command too.
    await ask({ path: "/a" }, look);
    await ask({ path: "/a", command: 9 }, look);
    assert.deepEqual([asked, passed.length], [["/a"], 3]);
    const answers = recorded.flatMap(({ answer }) => answer ?? []);
    assert.deepEqual(answers, [said, "given before", "given before"]);
    const body = { bytes: Buffer.from("hello"), sha256: "5" };
    const readBody = async () => ({ ok: true, body }) as const;
    const others: [Partial<Request>, Partial<Look>][] = [
      [{ path: "/b" }, look],
      [{ path: "/a", method: "DELETE" }, look],
      [{ path: "/a", host: "other.example.com" }, look],
      [{ path: "/a", port: 444 }, look],
      [{ path: "/a", protocol: "http" }, look],
      [{ path: "/a" }, { headers: ["X-Own", "2"] }],
      [{ path: "/a" }, { headers: [] }],
      [
        { path: "/a", hasBody: true },
        { ...look, readBody },
      ],
    ];
    for (const [request, how] of others) await ask(request, how);
    assert.equal(asked.length, 1 + others.length);
  }
});

test("a yes for a while ends in time, one for this once at once, and every yes when the label rises", async () => {
  const low: Label = { integrity: "local", secrecy: "private" };
  for (const [said, ms, label, asks] of [
    ["yes", 0, low, 2],
    ["session", UNTIL_MS_MAX * 3, low, 1],
    ["session", 0, LABEL, 2],
    ["minutes", 599_999, low, 1],
    ["minutes", 600_000, low, 2],
    ["minutes", 0, LABEL, 2],
  ] as const) {
    let asked = 0;
    const { ask, wait, recorded } = open(async () => {
      asked += 1;
      return said;
    });
    await ask({}, {}, low);
    wait(ms);
    await ask({}, {}, label);
    assert.equal(asked, asks, `${said} after ${ms} at ${label.integrity}`);
    const isRecorded = recorded.some(({ type }) => type === "grants-ended");
    assert.equal(isRecorded, asks === 2 && said !== "yes", "the end of a yes is in the record");
  }
});

test("an alarm that has everything ask ends each yes of before, and none holds for longer than once from then on", async () => {
  for (const said of ["session", "minutes"] as const) {
    const lasting: boolean[] = [];
    const { ask, alarm, recorded } = open(async ({ mayLast }) => {
      lasting.push(mayLast);
      return said;
    });
    await ask();
    await ask();
    assert.deepEqual(lasting, [true]);
    alarm();
    for (const time of [1, 2]) assert.equal(await ask(), "the gate has the last word", `time ${time}`);
    assert.deepEqual(lasting, [true, false, false]);
    const kinds = recorded.map(({ type, answer }) => answer ?? type);
    assert.deepEqual(kinds, ["waiting", said, "given before", "grants-ended", "waiting", "yes", "waiting", "yes"]);
  }
});

test("an alarm while a question stands there ends what its answer would have held for", async () => {
  let asked = 0;
  const { ask, alarm } = open(async () => {
    asked += 1;
    alarm();
    return "session";
  });
  await ask();
  await ask();
  assert.equal(asked, 2);
});

test("what cannot be seen, and a push, are never answered for longer than once, whatever the answer says", async () => {
  let asked = 0;
  const { say, passed } = open(async ({ mayLast }) => {
    asked += 1;
    assert.equal(mayLast, false);
    return "session";
  });
  const tunnel = requestOf({ protocol: "tunnel", method: "CONNECT", path: "", hasBody: true });
  for (const one of [tunnel, tunnel, pushOf(), pushOf()]) await say(one);
  assert.equal(asked, 4);
  const pushed = passed[2];
  assert.ok(pushed?.kind === "push");
  assert.deepEqual([pushed.approvedBy, pushed.shownAt], ["person", LABEL], "bound to the label that it was shown at");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { messagesAt } from "./conversation.ts";
import type { JsonObject } from "./json.ts";
import { INTEGRITIES, SECRECIES } from "./label.ts";
import { foldSession, LOST_TEXT, type SessionState, UNDONE_TEXT } from "./session-fold.ts";

const START = { type: "start", at: 1000, session: "s", checkout: "/c", policy: "p" };
const PROMPT = {
  type: "prompt",
  at: 1100,
  text: "<ringfence>x</ringfence>\nread https://docs.example/a",
  typed: "read https://docs.example/a",
};
const decision = (call: string, effect: JsonObject, verdict = "allow") => ({ type: "decision", call, effect, verdict });
const outcome = (call: string, text: string, more: JsonObject = {}) => ({
  type: "outcome",
  call,
  ok: true,
  text,
  image: null,
  ...more,
});
const replyOf = (usd: number | null, ...parts: JsonObject[]) => ({
  type: "reply",
  at: 1200,
  parts,
  usage: { input: 10, cachedInput: 4, output: 5, usd },
});
const callPart = (id: string, name = "run") => ({ kind: "call", id, name, input: "{}", vendor: { a: 1 } });
const checkpoint = (number: number, lookedAt = 900) => ({ type: "checkpoint", at: 1050, number, lookedAt });

test("a fold gives the conversation, what was spent and what is lost of a session that broke off", () => {
  const state = foldSession([
    START,
    { type: "source", integrity: "external", secrecy: "private", what: "a file" },
    checkpoint(1),
    PROMPT,
    { type: "request", at: 1150 },
    replyOf(0.5, { kind: "text", text: "I look" }, callPart("a"), callPart("b"), callPart("c")),
    decision("a", { kind: "run", command: "sleep 9", background: true }),
    outcome("a", "started in the background as bg1", { image: "ab", running: 1 }),
    { type: "asked", used: 7 },
    { type: "answered", usage: { input: 1, cachedInput: 0, output: 1, usd: 0.25 } },
    { type: "sent", sentBytes: 12 },
    decision("b", { kind: "run", command: "make", background: false }),
  ]);
  assert.deepEqual(state.messages, [
    { role: "user", text: PROMPT.text },
    {
      role: "assistant",
      parts: [{ kind: "text", text: "I look" }, callPart("a"), callPart("b"), callPart("c")],
    },
    {
      role: "tool",
      results: [
        {
          id: "a",
          name: "run",
          ok: true,
          text: "started in the background as bg1\n(the image that was here is not kept)",
        },
        { id: "b", name: "run", ok: false, text: LOST_TEXT },
        { id: "c", name: "run", ok: false, text: UNDONE_TEXT },
      ],
    },
  ]);
  assert.deepEqual(state.lost, [
    { id: "b", name: "run", isBegun: true },
    { id: "c", name: "run", isBegun: false },
  ]);
  assert.deepEqual(state.spent, {
    totals: { input: 11, cachedInput: 4, output: 6, replies: 2, usd: 0.75 },
    wallMs: 200,
    calls: 3,
    sentBytes: 12,
    agents: 0,
  });
  assert.deepEqual([state.label.integrity, state.label.secrecy], ["external", "private"]);
  assert.equal(state.typed.has("https://docs.example/a"), true);
  assert.deepEqual([state.readerBits, state.isPrompted, state.end, state.background], [7, true, null, ["sleep 9"]]);
});

test("a rewind takes the conversation back, and the way there can be taken again", () => {
  const turn = (number: number, text: string) => [
    checkpoint(number),
    { ...PROMPT, text },
    replyOf(0, { kind: "text", text: `re ${text}` }),
  ];
  const events = [
    START,
    ...turn(1, "one"),
    ...turn(2, "two"),
    { type: "rewound", to: 2, left: 3, what: "both" },
    ...turn(4, "three"),
  ];
  const state = foldSession(events);
  const said = (messages: SessionState["messages"]) =>
    messages.flatMap((one) => (one.role === "user" ? [one.text] : []));
  assert.deepEqual(said(state.messages), ["one", "three"]);
  const mark = state.marks.get(3);
  assert.deepEqual(mark && said(messagesAt(mark)), ["one", "two"]);
  const files = foldSession([...events, { type: "rewound", to: 1, left: 5, what: "files" }]);
  assert.deepEqual([said(files.messages), files.news.length], [["one", "three"], 1]);
});

test("a fork begins with what its record says of the other session, and goes on from there", () => {
  const spent = {
    totals: { input: 5, cachedInput: 1, output: 2, replies: 1, usd: 0.5 },
    wallMs: 70,
    calls: 3,
    sentBytes: 9,
    agents: 2,
  };
  const state = foldSession([
    { ...START, from: { session: "other", seq: 7, hash: "00", turn: 2 } },
    { type: "source", integrity: "external", secrecy: "public", what: "a page" },
    { type: "forked", at: 1000, readerBits: 6, spent, lookedAt: 800, secrets: { github: 2 } },
    { type: "inherited", message: { role: "user", text: "one https://docs.example/b" } },
    { type: "inherited", message: { role: "assistant", parts: [{ kind: "text", text: "t" }, callPart("a")] } },
    { type: "inherited", message: { role: "tool", results: [{ id: "a", name: "run", ok: true, text: "x" }] } },
    { type: "inherited", text: "a file was taken back" },
    { ...PROMPT, secrets: { github: 1, npm: 4 } },
  ]);
  assert.deepEqual(
    state.messages.map(({ role }) => role),
    ["user", "assistant", "tool", "user"],
  );
  assert.deepEqual(state.from, { session: "other", turn: 2 });
  assert.deepEqual([state.label.integrity, state.readerBits, state.lookedAt], ["external", 6, 800]);
  assert.deepEqual(state.spent, { ...spent, wallMs: 170 });
  assert.deepEqual(
    [...state.secrets],
    [
      ["github", 2],
      ["npm", 4],
    ],
  );
  // What was typed in the other session opens nothing here.
  assert.deepEqual([...state.typed], [...foldSession([START, PROMPT]).typed]);
});

test("a session of which no text is kept begins its conversation anew, and says so", () => {
  const gone = { purged: true, bytes: 9 };
  const events: JsonObject[] = [
    START,
    checkpoint(1),
    { ...PROMPT, text: gone, typed: gone },
    replyOf(0, { kind: "text", text: gone }, { ...callPart("a"), input: gone }),
  ];
  const state = foldSession(events);
  const mark = state.marks.get(1);
  assert.deepEqual([state.messages, mark && messagesAt(mark)], [[], []]);
  assert.deepEqual([state.isForgotten, state.isPrompted, state.lost.length], [true, false, 1]);
  const one = foldSession([...events, { type: "request" }, replyOf(0, { kind: "text", text: "kept" })]);
  assert.deepEqual(
    [one.isForgotten, one.messages[0]],
    [false, { role: "user", text: "(this text is not kept any more)" }],
  );
});

test("no text of a conversation is read before somebody looks at it", () => {
  let reads = 0;
  const later = (text: string) => ({
    get text() {
      reads += 1;
      return text;
    },
  });
  const events = ["a", "b", "c"].flatMap((text, at) => {
    const event = { type: "prompt", at: 1 } as JsonObject;
    return [checkpoint(at + 1), Object.defineProperties({ ...event }, Object.getOwnPropertyDescriptors(later(text)))];
  });
  const state = foldSession([START, ...events]);
  // Whether there is any.
  assert.equal(reads, 1);
  assert.deepEqual(state.messages, [{ role: "user", text: "a\n\nb\n\nc" }]);
});

test("what belongs to another agent of the session changes its label and what was spent, and no more", () => {
  const own = [START, checkpoint(1), PROMPT];
  const child = [
    { type: "agent-start", agent: "a1" },
    { type: "source", integrity: "external", secrecy: "secret", what: "a page", agent: "a1" },
    { ...replyOf(1, callPart("x")), agent: "a1" },
    { ...outcome("x", "no"), agent: "a1" },
  ];
  const [alone, both] = [foldSession(own), foldSession([...own, ...child])];
  assert.deepEqual(both.messages, alone.messages);
  assert.deepEqual([both.label.integrity, both.spent.totals.usd, both.spent.agents], ["external", 1, 1]);
});

test("any beginning of any record is a conversation that every vendor takes, with a label that only rises", () => {
  const seed = Number(process.env.RINGFENCE_SEED ?? Date.now() % 1_000_000);
  const random = generator(seed);
  for (let round = 0; round < 40; round += 1) {
    const events = drawn(random);
    let before: SessionState | null = null;
    for (let end = 0; end <= events.length; end += 1) {
      const state = foldSession(events.slice(0, end));
      const where = `seed ${seed}, round ${round}, event ${end}: ${JSON.stringify(events.slice(0, end))}`;
      assertValid(state.messages, where);
      for (const mark of state.marks.values()) assertValid(messagesAt(mark), where);
      if (before !== null) assert.ok(rank(state) >= rank(before), where);
      before = state;
    }
  }
});

function assertValid(messages: SessionState["messages"], where: string): void {
  let calls: readonly string[] = [];
  let last = "";
  for (const message of messages) {
    if (message.role === "tool")
      assert.deepEqual(
        message.results.map(({ id }) => id),
        calls,
        where,
      );
    else assert.deepEqual(calls, [], where);
    if (message.role === "user") assert.notEqual(last, "user", where);
    if (message.role === "assistant") assert.ok(last === "user" || last === "tool", where);
    calls =
      message.role === "assistant" ? message.parts.flatMap((part) => (part.kind === "call" ? [part.id] : [])) : [];
    last = message.role;
  }
  assert.deepEqual(calls, [], where);
}

function rank({ label }: SessionState): number {
  return INTEGRITIES.indexOf(label.integrity) + SECRECIES.indexOf(label.secrecy);
}

/** What a session may record, in an order that one could be killed in; now and then with what belongs to nothing. */
function drawn(random: (below: number) => number): JsonObject[] {
  const events: JsonObject[] = [START];
  let number = 0;
  // Whether the model is to be asked next.
  let isAsked = false;
  while (events.length < 50) {
    const kind = random(12);
    if (kind < 3) {
      number += 1;
      isAsked = true;
      events.push(checkpoint(number), { ...PROMPT, text: `prompt ${number}` });
    } else if (kind < 8 && isAsked) {
      const ids = Array.from({ length: random(4) }, (_, index) => `call_${index + random(2) * events.length}`);
      const distinct = [...new Set(ids)];
      const text = random(2) === 0 ? [{ kind: "text", text: "t" }] : [];
      events.push({ type: "request" }, replyOf(0, ...text, ...distinct.map((id) => callPart(id))));
      for (const id of distinct) events.push(...actsOf(id, random));
      isAsked = distinct.length > 0;
    } else if (kind === 8) events.push({ type: "source", integrity: "external", secrecy: "private", what: "w" });
    else if (kind === 9 && number > 1) {
      number += 1;
      isAsked = false;
      const what = ["files", "conversation", "both"][random(3)] ?? "both";
      events.push({ type: "rewound", to: 1 + random(number - 1), left: number, what });
    } else if (kind === 10) events.push({ type: "resumed", policy: "p" }, outcome("nobody", "z"));
    else if (kind === 11) events.push({ type: "end", reason: "done" }, { type: "unheard-of", call: "call_1" });
  }
  return events;
}

function actsOf(id: string, random: (below: number) => number): JsonObject[] {
  const effect = { kind: "run", command: "x", background: random(2) === 0 };
  const decided = random(4) > 0 ? [decision(id, effect, random(5) > 0 ? "allow" : "ask")] : [];
  return random(4) > 0 ? [...decided, outcome(id, "y")] : decided;
}

function generator(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

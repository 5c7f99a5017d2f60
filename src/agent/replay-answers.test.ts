import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import type { Label } from "../core/label.ts";
import { begin, end, PUSH, REQUEST, type Recording, replay } from "./replay.fixture.ts";

type Request = Effect & { readonly kind: "request" | "push" };

/** Asks about a request, writes the answer down, and passes it as the person's own. */
function ask({ gate, ledger }: Recording, request: Request, answer: JsonObject): number {
  const gated = gate.pass(request, null);
  if (gated.verdict !== "ask") return assert.fail(gated.verdict);
  ledger.append({ type: "answer", at: 10, decision: gated.seq, ...answer });
  gate.pass(approved(request, gated.label, answer.with), null);
  return gated.seq;
}

function approved(request: Request, { integrity, secrecy }: Label, covering: unknown): Effect {
  const label = { integrity, secrecy };
  if (request.kind === "push") return { ...request, approvedBy: "person", shownAt: label } as const;
  const shown = { label, headers: [], body: null, ...(typeof covering === "number" ? { answeredWith: covering } : {}) };
  return { ...request, approvedBy: "person", shown } as const;
}

async function told(events: readonly JsonObject[]): Promise<string> {
  return (await replay(events)).differences.map(({ text }) => text).join("\n");
}

const NO_YES = "it claims a yes of the person's, and none stands before it";
const NO_YES_OF = new RegExp(NO_YES);

for (const request of [REQUEST, PUSH] as const) {
  test(`a yes that a ${request.kind} claims stands before it, about just that, and is used once`, async (t: TestContext) => {
    const recording = begin(t, []);
    ask(recording, request, { answer: "yes", hash: "h" });
    const events = end(recording);
    assert.equal(await told(events), "");
    const at = events.findIndex(({ type }) => type === "answer");
    const answer = events[at] ?? assert.fail();
    assert.equal(await told(events.toSpliced(at, 1)), NO_YES);
    assert.equal(await told(events.with(at, { ...answer, answer: "no" })), NO_YES);
    assert.equal(await told(events.with(at, { ...answer, decision: 999 })), NO_YES);
    const last = events.at(-1) ?? assert.fail();
    assert.equal(await told([...events, last]), NO_YES);
    const other = { ...(last.effect as JsonObject), host: "elsewhere.example.com" };
    assert.equal(await told(events.with(-1, { ...last, effect: other })), NO_YES);
  });
}

test("a yes for a while covers the same question until its time is over, and no other", async (t) => {
  const recording = begin(t, []);
  ask(recording, REQUEST, { answer: "minutes", hash: "m" });
  ask(recording, REQUEST, { answer: "given before", hash: "m" });
  ask(recording, { ...REQUEST, host: "b.example.com" }, { answer: "session", hash: "s" });
  ask(recording, { ...REQUEST, host: "b.example.com" }, { answer: "given before", hash: "s" });
  const events = end(recording);
  assert.equal(await told(events), "");
  const given = events.flatMap(({ answer }, at) => (answer === "given before" ? [at] : []));
  for (const [index, at] of given.entries()) {
    const answer = events[at] ?? assert.fail();
    const before = /said to have been given before, and none was/;
    assert.match(await told(events.with(at, { ...answer, hash: "other" })), before);
    const late = await told(events.with(at, { ...answer, at: 10 * 60_000 + 11 }));
    if (index === 0) assert.match(late, before);
    else assert.equal(late, "");
  }
});

test("an answer about one package covers its other requests only where it was a yes", async (t) => {
  const recording = begin(t, []);
  recording.label.enter({ kind: "carried", what: "a page", label: { integrity: "external", secrecy: "private" } });
  const named = { ...REQUEST, origin: "package", listed: "allow", rule: "preset npm" } as const;
  const file = { ...named, path: "/a.tgz" } as const;
  const seq = ask(recording, named, { answer: "yes", hash: "p" });
  ask(recording, file, { answer: "given before", with: seq });
  const read = { ...named, rule: "registry", command: null } as const;
  recording.gate.pass(approved(read, recording.label.current, null), null);
  const events = end(recording);
  assert.equal(await told(events), "");
  const at = events.findIndex(({ answer }) => answer === "yes");
  const refused = await told(events.with(at, { ...events[at], answer: "no" }));
  assert.match(refused, /an answer is said to cover it that was no yes/);
  assert.equal(refused.split(NO_YES).length, 4);
  // What the host asks a registry by that yes is a question of its own, without a word of the box.
  const last = events.at(-1) ?? assert.fail();
  for (const other of [{ command: 1 }, { method: "HEAD" }, { hasBody: true }, { origin: "composed" }])
    assert.match(
      await told(events.with(-1, { ...last, effect: { ...(last.effect as JsonObject), ...other } })),
      NO_YES_OF,
    );
});

test("what a name leads to is believed only behind the question to the box, and beside the name itself", async (t) => {
  const scope = { kind: "write", glob: "secret/**" } as const;
  const recording = begin(t, [{ id: "user policy.yaml:3", tier: "user", verdict: "deny", scope, because: null }]);
  const { ledger, gate } = recording;
  const input = JSON.stringify({ path: "link/a", content: "x" });
  ledger.append({ type: "reply", at: 3, parts: [{ kind: "call", id: "c", name: "write", input }] });
  gate.pass({ kind: "resolve", path: "link/a" }, null);
  gate.pass({ kind: "write", path: "link/a", content: "x", places: ["link/a", "secret/a"] }, "c");
  ledger.append({ type: "outcome", at: 4, call: "c", ok: false, code: "denied", text: "no" });
  const events = end(recording);
  const at = events.findIndex(({ call, type }) => call === "c" && type === "decision");
  const decision = events[at] ?? assert.fail();
  assert.equal(decision.verdict, "deny");
  assert.equal(await told(events), "");
  const forge = (places: readonly string[]) =>
    told(
      events.with(at, {
        ...decision,
        verdict: "allow",
        reason: "",
        effect: { ...(decision.effect as JsonObject), places },
      }),
    );
  for (const places of [["harmless"], [], ["link/a", "harmless", "secret/a"], ["secret/a", "link/a"]])
    assert.match(await forge(places), /verdict is recorded as "allow" and comes out as "deny"/, String(places));
  const asked = events.findIndex(({ effect }) => (effect as JsonObject)?.kind === "resolve");
  assert.match(await told(events.toSpliced(asked, 1)), /where that path leads could not be told/);
  const elsewhere = { ...events[asked], effect: { kind: "resolve", path: "other" } };
  assert.match(await told(events.with(asked, elsewhere)), /where that path leads could not be told/);
});

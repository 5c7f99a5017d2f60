import assert from "node:assert/strict";
import { test } from "node:test";
import { requestOf } from "../core/effect.fixture.ts";
import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import { HIGHEST, UNKNOWN_SOURCE } from "../core/label.ts";
import { explain, rebuiltFrom } from "../core/session-label.ts";
import { readerAnswer, SessionLabel } from "./session-label.ts";

const PERSONS: Effect = { kind: "discard", approvedBy: "person" };
const REQUEST = requestOf({ host: "example.com", origin: "typed" });
const REACHING: readonly Effect[] = [
  { kind: "read", path: "a.ts", offset: 1, limit: 1 },
  { kind: "write", path: "a.ts", content: "" },
  { kind: "edit", path: "a.ts", oldString: "a", newString: "b", replaceAll: false },
  { kind: "search", pattern: "a", path: ".", glob: null },
  { kind: "list", path: ".", glob: null },
  { kind: "run", command: "true", timeoutMs: 1, background: false, profile: "net" },
  { kind: "output", id: "bg1" },
  { kind: "kill", id: "bg1" },
  { kind: "sync", paths: ["a.ts"], digest: "d" },
];

test("the first effect that reads or runs anything is decided as a stranger's and private, and so is all after it", () => {
  for (const effect of REACHING) {
    const events: JsonObject[] = [];
    const label = new SessionLabel((event) => events.push(event));
    const { integrity, secrecy } = label.at(effect);
    assert.deepEqual({ integrity, secrecy }, UNKNOWN_SOURCE, effect.kind);
    assert.deepEqual(rebuiltFrom(events), label.current, "the record alone gives the same label");
    assert.equal(label.at(PERSONS), label.current);
    label.enter({ kind: "person", openness: "private" });
    label.at(effect);
    assert.equal(events.length, 1, "what raises nothing more is not recorded");
  }
});

test("the answer of a reader is private like what it was about, and no stranger's", () => {
  const label = new SessionLabel(() => {});
  assert.equal(label.at({ kind: "names" }).secrecy, "public");
  const { integrity, secrecy } = label.at({ kind: "ask", about: "a", question: "b", answer: "boolean" });
  assert.deepEqual({ integrity, secrecy }, { integrity: "system", secrecy: "private" });
});

test("an identifier is a text that some file of the view chose, and no better than what is known of all of them", () => {
  const ask = { kind: "ask", about: "a", question: "b", answer: "identifier" } as const;
  const unknown = new SessionLabel(() => {}).at(ask);
  assert.deepEqual([unknown.integrity, unknown.secrecy], ["external", "private"]);
  const known = new SessionLabel(() => {});
  known.foresee(ask, readerAnswer({ integrity: "local", secrecy: "public" }));
  assert.deepEqual([known.at(ask).integrity, known.at(ask).secrecy], ["local", "private"]);
});

test("what the person does themselves brings nothing into the session, nor does a request before its answer", () => {
  const label = new SessionLabel(() => assert.fail("nothing is recorded"));
  const by = { approvedBy: "person" } as const;
  const land = { paths: ["a"], digest: "d" };
  const acts: readonly Effect[] = [
    PERSONS,
    // It is decided at what the session has seen before its answer.
    REQUEST,
    { kind: "preview", port: 80, ...by, shownAt: null },
    { kind: "land", ...land, held: [], approvals: [], ...by },
    { kind: "undo", landing: 1, ...land, ...by },
    { kind: "keep", ...by },
  ];
  for (const effect of acts)
    assert.deepEqual([label.at(effect).integrity, label.at(effect).secrecy], ["system", "public"]);
});

test("what raises the label is in the record first, and counts only once it is there", () => {
  const label = new SessionLabel(() => {
    throw new Error("no space left");
  });
  assert.throws(() => label.at({ kind: "output", id: "bg1" }), /no space left/);
  assert.equal(explain(label.current), "");
});

test("the label names what raised it, and rises on from there", () => {
  const events: JsonObject[] = [];
  const label = new SessionLabel((event) => events.push(event));
  label.enter({ kind: "person", openness: "private" });
  label.at({ kind: "read", path: "README.md", offset: 1, limit: 1 });
  label.enter({ kind: "secret", path: "prod.env" });
  assert.equal(
    explain(label.current),
    "external by README.md (of no commit that you approved), prod.env, which may hold secrets; secret by prod.env, which may hold secrets",
  );
  assert.deepEqual([rebuiltFrom(events).integrity, rebuiltFrom(events).secrecy], [HIGHEST.integrity, HIGHEST.secrecy]);
});

test("what the host has foreseen of this very effect counts, and of no other; whoever waits is told once it has risen", () => {
  const risen: string[] = [];
  const label = new SessionLabel(
    () => {},
    () => risen.push(label.current.integrity),
  );
  const [first, second] = ["a", "b"].map(
    (command) => ({ kind: "run", command, timeoutMs: 1, background: false, profile: "net" }) as const,
  );
  assert.ok(first && second);
  label.foresee(first, null);
  assert.equal(label.at(first).integrity, "system");
  label.foresee(first, { kind: "carried", what: "the view", label: { integrity: "local", secrecy: "public" } });
  assert.deepEqual([label.at(first).integrity, label.at(first).secrecy], ["local", "public"]);
  assert.equal(label.at({ ...first }).integrity, "external");
  assert.equal(label.at(second).integrity, "external");
  assert.deepEqual(risen, ["local", "external"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../core/effect.ts";
import type { JsonObject } from "../core/json.ts";
import { HIGHEST, UNKNOWN_SOURCE } from "../core/label.ts";
import { explain, rebuiltFrom } from "../core/session-label.ts";
import { SessionLabel } from "./session-label.ts";

const PERSONS: Effect = { kind: "discard", approvedBy: "person" };
const REQUEST = {
  kind: "request",
  protocol: "https",
  host: "example.com",
  port: 443,
  method: "GET",
  path: "/",
  hasBody: false,
  listed: "allow",
  rule: "net.allow[0]",
  origin: "typed",
  command: 1,
  approvedBy: "none",
  shown: null,
} as const;
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
  REQUEST,
];

test("the first effect that reads, runs or hears anything is decided as a stranger's and private, and so is all after it", () => {
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

test("the answer of a reader is private like what it was about, and no stranger's; what the reader is sent is nobody's", () => {
  const label = new SessionLabel(() => {});
  assert.equal(label.at({ ...REQUEST, isForReader: true }).secrecy, "public");
  assert.equal(label.at({ kind: "names" }).secrecy, "public");
  const { integrity, secrecy } = label.at({ kind: "ask", about: "a", question: "b", answer: "boolean" });
  assert.deepEqual({ integrity, secrecy }, { integrity: "system", secrecy: "private" });
});

test("what the person does themselves brings nothing into the session", () => {
  const label = new SessionLabel(() => assert.fail("nothing is recorded"));
  const by = { approvedBy: "person" } as const;
  const land = { paths: ["a"], digest: "d" };
  const acts: readonly Effect[] = [
    PERSONS,
    { kind: "preview", port: 80, ...by },
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
  assert.throws(() => label.at(REQUEST), /no space left/);
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
    "external by README.md (of the checkout, in which you approved no commit), prod.env, which may hold secrets; secret by prod.env, which may hold secrets",
  );
  assert.deepEqual([rebuiltFrom(events).integrity, rebuiltFrom(events).secrecy], [HIGHEST.integrity, HIGHEST.secrecy]);
});

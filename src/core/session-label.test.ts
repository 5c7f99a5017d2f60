import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { INTEGRITIES, join, type Label, SECRECIES, UNKNOWN_SOURCE } from "./label.ts";
import {
  explain,
  NAMED_MAX,
  raised,
  rebuiltFrom,
  sourceEvent,
  UNTOUCHED,
  wouldRaise,
  writerOf,
} from "./session-label.ts";

const labels: fc.Arbitrary<Label> = fc
  .record({ integrity: fc.constantFrom(...INTEGRITIES), secrecy: fc.constantFrom(...SECRECIES) })
  .map((label) => ({ ...label }));
const sources = fc.array(fc.record({ by: labels, what: fc.string({ unit: "binary" }) }));

test("a session's label is the join of all that entered, and the record alone rebuilds it with its reasons", () => {
  fc.assert(
    fc.property(sources, (list) => {
      const label = list.reduce((all, { by, what }) => raised(all, by, what), UNTOUCHED);
      const { integrity, secrecy } = list.reduce((all, { by }) => join(all, by), { ...UNTOUCHED } as Label);
      assert.deepEqual([label.integrity, label.secrecy], [integrity, secrecy]);
      const events = list.map(({ by, what }) => sourceEvent(by, what.toWellFormed()));
      const others = [{ type: "decision", integrity: "external", secrecy: "secret" }, {}];
      const wellFormed = list.reduce((all, { by, what }) => raised(all, by, what.toWellFormed()), UNTOUCHED);
      assert.deepEqual(rebuiltFrom([...others, ...events, ...others]), wellFormed);
    }),
  );
});

test("an event of a source that cannot be read raises the session to the top", () => {
  for (const broken of [{}, { integrity: "repo" }, { secrecy: "public" }, { integrity: 3, secrecy: "x" }]) {
    const { integrity, secrecy } = rebuiltFrom([{ type: "source", ...broken }]);
    const expected = { integrity: "repo", secrecy: "public", ...broken };
    assert.equal(integrity, expected.integrity === "repo" && "integrity" in broken ? "repo" : "external");
    assert.equal(secrecy, expected.secrecy === "public" && "secrecy" in broken ? "public" : "secret");
  }
});

test("each half names what raised it, in plain words, and nothing that lies below", () => {
  let label = raised(UNTOUCHED, { integrity: "user", secrecy: "private" }, "what you typed");
  label = raised(label, { integrity: "external", secrecy: "public" }, "a reply of example.com");
  label = raised(label, { integrity: "local", secrecy: "public" }, "README.md");
  label = raised(label, { integrity: "external", secrecy: "private" }, "a reply of\n\x1b[31mexample.org");
  assert.equal(
    explain(label),
    "external by a reply of example.com, a reply of \\x1b[31mexample.org; private by what you typed, a reply of \\x1b[31mexample.org",
  );
  assert.equal(explain(UNTOUCHED), "");
});

test("what is named stays short, whatever enters", () => {
  let label = UNTOUCHED;
  const by = { integrity: "external", secrecy: "secret" } as const;
  for (let number = 0; number < 50; number += 1) label = raised(label, by, `${number}${"x".repeat(10_000)}`);
  assert.deepEqual([label.integrityFrom.length, label.secrecyFrom.length], [NAMED_MAX, NAMED_MAX]);
  assert.ok(explain(label).length < 2000);
  assert.ok(label.integrityFrom[0]?.startsWith("0x"), "the first one raised it");
});

test("what would raise nothing need not be recorded, and everything else does", () => {
  fc.assert(
    fc.property(labels, labels, (first, second) => {
      const label = raised(UNTOUCHED, first, "first");
      const after = raised(label, second, "second");
      const isSame = after.integrity === label.integrity && after.secrecy === label.secrecy;
      assert.equal(wouldRaise(label, second), !isSame);
    }),
  );
});

test("what a session without a model wrote may be anybody's", () => {
  const events = [sourceEvent({ integrity: "user", secrecy: "private" }, "what you typed")];
  assert.deepEqual(writerOf(events), UNKNOWN_SOURCE);
  const { integrity, secrecy } = writerOf([...events, { type: "prompt", text: "x" }]);
  assert.deepEqual([integrity, secrecy], ["user", "private"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  HIGHEST,
  INTEGRITIES,
  isWithin,
  join,
  joinAll,
  type Label,
  LOWEST,
  parseLabel,
  SECRECIES,
  UNKNOWN_SOURCE,
} from "./label.ts";

const labels: fc.Arbitrary<Label> = fc
  .record({
    integrity: fc.constantFrom(...INTEGRITIES),
    secrecy: fc.constantFrom(...SECRECIES),
  })
  .map((label) => ({ ...label }));

test("joining does not depend on order or grouping, and a label joined with itself stays", () => {
  fc.assert(
    fc.property(labels, labels, labels, (a, b, c) => {
      assert.deepEqual(join(a, b), join(b, a));
      assert.deepEqual(join(a, join(b, c)), join(join(a, b), c));
      assert.deepEqual(join(a, a), a);
    }),
  );
});

test("joining never makes a value more trusted or less secret than either side, nor worse than both", () => {
  fc.assert(
    fc.property(labels, labels, (a, b) => {
      const joined = join(a, b);
      const integrity = [a, b, joined].map((label) => INTEGRITIES.indexOf(label.integrity));
      const secrecy = [a, b, joined].map((label) => SECRECIES.indexOf(label.secrecy));
      assert.equal(integrity[2], Math.max(integrity[0] ?? 0, integrity[1] ?? 0));
      assert.equal(secrecy[2], Math.max(secrecy[0] ?? 0, secrecy[1] ?? 0));
    }),
  );
});

test("the most trusted, open label changes nothing, and the least trusted, secret one swallows all", () => {
  const bottom: Label = { integrity: "system", secrecy: "public" };
  const top: Label = { integrity: "external", secrecy: "secret" };
  fc.assert(
    fc.property(labels, (label) => {
      assert.deepEqual([join(label, bottom), join(label, top)], [label, top]);
    }),
  );
});

test("a session whose sources are not told apart counts as external and private", () => {
  assert.deepEqual(UNKNOWN_SOURCE, { integrity: "external", secrecy: "private" });
});

test("a label is within a bound when joining it raises the bound in neither half", () => {
  fc.assert(
    fc.property(labels, labels, (label, bound) => {
      const halves = [
        INTEGRITIES.indexOf(label.integrity) <= INTEGRITIES.indexOf(bound.integrity),
        SECRECIES.indexOf(label.secrecy) <= SECRECIES.indexOf(bound.secrecy),
      ];
      assert.equal(isWithin(label, bound), halves[0] && halves[1]);
    }),
  );
  assert.deepEqual(joinAll([]), LOWEST);
  assert.deepEqual(joinAll([{ integrity: "repo", secrecy: "secret" }, UNKNOWN_SOURCE]), HIGHEST);
});

test("a label that a record does not spell out counts as the highest", () => {
  assert.deepEqual(parseLabel("repo", "private"), { integrity: "repo", secrecy: "private" });
  for (const strange of [undefined, null, "", "Repo", 0, "constructor", ["system"], {}])
    assert.deepEqual(
      [parseLabel(strange, "public"), parseLabel("system", strange)],
      [
        { integrity: "external", secrecy: "public" },
        { integrity: "system", secrecy: "secret" },
      ],
    );
});

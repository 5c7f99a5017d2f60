import assert from "node:assert/strict";
import { test } from "node:test";
import { INTEGRITIES, join, type Label, SECRECIES } from "./label.ts";
import { atSink, columnOf, SINKS, type Sink } from "./sinks.ts";

const LABELS: readonly Label[] = INTEGRITIES.flatMap((integrity) =>
  SECRECIES.map((secrecy): Label => ({ integrity, secrecy })),
);
const NAMES = Object.keys(SINKS) as Sink[];
const LENIENCE = { deny: 0, ask: 1, allow: 2 } as const;

test("the table of sinks is the one that the promises name", () => {
  assert.deepEqual(
    NAMES.map((name) => `${name}: ${SINKS[name].verdicts.join(" ")}`),
    [
      "locked-package: allow allow allow",
      "fetch: allow allow allow",
      "service: allow allow allow",
      "new-package: allow allow ask",
      "typed-get: allow allow allow",
      "composed-get: allow allow ask",
      "send: allow ask ask",
      "unlisted: ask ask deny",
      "land-source: allow ask ask",
      "land-held: ask ask ask",
      "preview: allow allow ask",
      "push: allow ask ask",
      "unruled-push: ask ask ask",
      "publish: deny deny deny",
      "widen: ask deny deny",
      "authority: deny deny deny",
    ],
  );
});

test("a label falls in the column of what was seen, and what is no known label in the last", () => {
  const columns = INTEGRITIES.map((integrity) => SECRECIES.map((secrecy) => columnOf({ integrity, secrecy })).join(""));
  assert.deepEqual(columns, ["000", "000", "000", "112", "122"]);
  const strange = (integrity: string, secrecy: string) => columnOf({ integrity, secrecy } as unknown as Label);
  assert.deepEqual([strange("", "private"), strange("local", ""), strange("Repo", "secret")], [2, 2, 2]);
});

test("no sink ever lets more through when either half of the label rises", () => {
  for (const name of NAMES)
    for (const low of LABELS)
      for (const other of LABELS) {
        const [before, after] = [atSink(name, low).verdict, atSink(name, join(low, other)).verdict];
        assert.ok(LENIENCE[after] <= LENIENCE[before], `${name}: ${JSON.stringify([low, other])}`);
      }
});

test("a question or a denial says why, in words for that column, and names the nearest way that is allowed", () => {
  for (const name of NAMES)
    for (const label of LABELS) {
      const { verdict, why, nearest } = atSink(name, label);
      assert.ok(verdict === "allow" || (why.length >= 10 && nearest.length >= 10), name);
    }
  const at = (name: Sink, integrity: Label["integrity"]) => atSink(name, { integrity, secrecy: "private" }).why;
  assert.equal(at("unlisted", "repo"), "not listed");
  assert.equal(at("unlisted", "external"), "not listed, and external text and private data were within reach");
  assert.equal(at("widen", "external"), "external text was seen: the box stays as it is");
});

test("what is no sink is denied at every label", () => {
  for (const name of ["", "Send", "constructor", "__proto__", "toString", undefined])
    for (const label of LABELS) assert.equal(atSink(name as Sink, label).verdict, "deny");
});

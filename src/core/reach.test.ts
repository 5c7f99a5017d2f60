import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { INTEGRITIES, isWithin, type Label, LOWEST, SECRECIES, UNKNOWN_SOURCE } from "./label.ts";
import { heardBy, type Reach, reachOf } from "./reach.ts";

const NOTHING: Reach = { session: LOWEST, view: LOWEST, shared: LOWEST, programs: LOWEST, network: "none" };
const labels: fc.Arbitrary<Label> = fc
  .record({ integrity: fc.constantFrom(...INTEGRITIES), secrecy: fc.constantFrom(...SECRECIES) })
  .map((label) => ({ ...label }));

test("all that a command could read or hear is in its output's label", () => {
  for (const place of ["session", "view", "shared", "programs"] as const) {
    fc.assert(fc.property(labels, (label) => assert.deepEqual(reachOf({ ...NOTHING, [place]: label }), label)));
    fc.assert(
      fc.property(labels, labels, (label, other) =>
        isWithin(
          label,
          reachOf({ ...NOTHING, session: other, view: other, shared: other, programs: other, [place]: label }),
        ),
      ),
    );
  }
  assert.deepEqual(reachOf(NOTHING), LOWEST);
});

test("a place of which nobody knows what it holds counts as a stranger's, and private", () => {
  for (const place of ["view", "shared", "programs"] as const)
    assert.deepEqual(reachOf({ ...NOTHING, [place]: null }), UNKNOWN_SOURCE);
});

test("whoever has the network could have heard a stranger, and private data from a host of the person's own", () => {
  assert.deepEqual(reachOf({ ...NOTHING, network: "public" }), { integrity: "external", secrecy: "public" });
  assert.deepEqual(reachOf({ ...NOTHING, network: "private" }), { integrity: "external", secrecy: "private" });
});

test("what a command without a socket prints is no stranger's for having been heard, and with one it is", () => {
  for (const profile of ["read-only", "build"] as const)
    assert.deepEqual(reachOf({ ...NOTHING, network: heardBy(profile) }), LOWEST);
  assert.deepEqual(reachOf({ ...NOTHING, network: heardBy("net") }), UNKNOWN_SOURCE);
});

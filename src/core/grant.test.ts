import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asked, answered, type Grant, surviving, UNTIL_MS_MAX } from "./grant.ts";
import { INTEGRITIES, type Label, SECRECIES } from "./label.ts";

const LABEL: Label = { integrity: "local", secrecy: "private" };
const GRANT: Grant = { hash: "h", session: "s", label: LABEL, madeAt: 100, span: { kind: "session" } };
const ASKED: Asked = { hash: "h", session: "s", label: LABEL, now: 100 };
const isGranted = (grant: Partial<Grant>, asked: Partial<Asked> = {}) =>
  answered([{ ...GRANT, ...grant }], { ...ASKED, ...asked }).isGranted;

test("a yes counts for exactly what was shown, in its own session", () => {
  assert.equal(isGranted({}), true);
  assert.equal(isGranted({}, { hash: "other" }), false);
  assert.equal(isGranted({}, { session: "other" }), false);
  assert.deepEqual(answered([], ASKED), { isGranted: false, grants: [] });
});

test("a yes dies when either half of the label rises, for good", () => {
  for (const integrity of INTEGRITIES)
    for (const secrecy of SECRECIES) {
      const isNoHigher =
        INTEGRITIES.indexOf(integrity) <= INTEGRITIES.indexOf("local") && SECRECIES.indexOf(secrecy) <= 1;
      assert.equal(isGranted({}, { label: { integrity, secrecy } }), isNoHigher, `${integrity} ${secrecy}`);
    }
  const risen = surviving([GRANT], { ...ASKED, label: { integrity: "external", secrecy: "private" } });
  assert.deepEqual(answered(risen, ASKED), { isGranted: false, grants: [] });
});

test("a yes for once counts once, one for the session as often as is asked, and one of two is used up", () => {
  const once: Grant = { ...GRANT, span: { kind: "once" } };
  const first = answered([once, once], ASKED);
  assert.deepEqual(first, { isGranted: true, grants: [once] });
  assert.deepEqual(answered(answered(first.grants, ASKED).grants, ASKED), { isGranted: false, grants: [] });
  assert.deepEqual(answered([GRANT], ASKED), { isGranted: true, grants: [GRANT] });
  assert.deepEqual(answered([once], { ...ASKED, hash: "other" }).grants, [once], "another question uses nothing up");
});

test("a yes with a time ends at that moment, after at most so many hours, and when the clock goes back", () => {
  const until = (at: number) => ({ span: { kind: "until", at } }) as const;
  assert.deepEqual(
    [
      isGranted(until(200), { now: 199 }),
      isGranted(until(200), { now: 200 }),
      isGranted(until(Number.POSITIVE_INFINITY), { now: 100 + UNTIL_MS_MAX - 1 }),
      isGranted(until(Number.POSITIVE_INFINITY), { now: 100 + UNTIL_MS_MAX }),
      isGranted(until(Number.NaN)),
      isGranted({}, { now: 99 }),
      isGranted({ madeAt: Number.NaN }),
      isGranted({}, { now: Number.NaN }),
    ],
    [true, false, true, false, false, false, false, false],
  );
});

import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createLedger } from "./append.ts";
import { Tampered } from "./failure.ts";
import { FIRST_CHAIN } from "./frame.ts";
import { readLedger, verifyLedger } from "./verify.ts";

test("every single flipped bit is found", (t) => {
  const file = write(t, 3);
  const bytes = readFileSync(file);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(file, changed);
    assert.equal(verifyLedger(file, UNSIGNED).ok, false, `bit ${bit}`);
  }
});

test("a ledger without events is whole", (t) => {
  const lastHash = Buffer.from(FIRST_CHAIN).toString("hex");
  assert.deepEqual(verifyLedger(write(t, 0), UNSIGNED), { ok: true, events: 0, lastHash, signed: 0 });
});

test("a torn tail is reported by verify and left out by reading", (t) => {
  const file = write(t, 2);
  truncateSync(file, readFileSync(file).length - 3);
  assert.deepEqual(verifyLedger(file, UNSIGNED), { ok: false, seq: 1, reason: "torn tail of 40 bytes" });
  assert.deepEqual([...readLedger(file)], [{ seq: 0, event: { n: 0 } }]);
});

test("reading gives the events before the damage, then throws", (t) => {
  const file = write(t, 2);
  appendFileSync(file, "x".repeat(100));
  const events = readLedger(file);
  assert.deepEqual(events.next().value, { seq: 0, event: { n: 0 } });
  assert.deepEqual(events.next().value, { seq: 1, event: { n: 1 } });
  assert.throws(
    () => events.next(),
    (thrown) => thrown instanceof Tampered && thrown.seq === 2,
  );
});

const UNSIGNED = { session: "one", key: null, kept: null };

function write(t: TestContext, events: number): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-ledger-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "a.ledger");
  const ledger = createLedger(file, null);
  for (let n = 0; n < events; n++) ledger.append({ n });
  ledger.close();
  return file;
}

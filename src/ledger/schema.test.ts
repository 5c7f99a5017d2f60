import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SCHEMA } from "../core/schema.ts";
import { createLedger, openLedger } from "./append.ts";
import { LedgerFailure } from "./failure.ts";
import { readLedger, readRaw, verifyLedger } from "./verify.ts";

function write(t: TestContext, ...events: Parameters<ReturnType<typeof createLedger>["append"]>[0][]): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-schema-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "ledger.log");
  const ledger = createLedger(file, null);
  for (const event of events) ledger.append(event);
  ledger.close();
  return file;
}

test("a log of a newer program is neither read nor appended to, and can be verified and shown", (t) => {
  const events = [
    { type: "start", schema: SCHEMA + 1 },
    { type: "prompt", words: ["of another shape"] },
  ];
  const file = write(t, ...events);
  const before = readFileSync(file);
  assert.throws(
    () => [...readLedger(file)],
    (error) => error instanceof LedgerFailure && /newer program/.test(error.message),
  );
  assert.throws(
    () => openLedger(file, null),
    (error) => error instanceof LedgerFailure && /newer program/.test(error.message),
  );
  assert.deepEqual(readFileSync(file), before);
  assert.ok(verifyLedger(file, { session: "s", key: null, kept: null }).ok);
  assert.deepEqual(
    [...readRaw(file)].map(({ event }) => event),
    events,
  );
});

test("a log whose schema cannot be told is refused as well", (t) => {
  const file = write(t, { type: "start", schema: "1" });
  assert.throws(() => [...readLedger(file)], /schema unknown/);
});

test("a log without a schema is read as this program writes one, and goes on as it is", (t) => {
  const file = write(t, { type: "start", session: "s" }, { type: "prompt", text: "t" });
  assert.deepEqual(
    [...readLedger(file)].map(({ event }) => event),
    [
      { type: "start", session: "s", schema: 0, build: "unknown" },
      { type: "prompt", text: "t" },
    ],
  );
  openLedger(file, null).close();
  assert.deepEqual([...readRaw(file)][0]?.event, { type: "start", session: "s" });
});

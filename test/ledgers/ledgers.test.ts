import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { replayEvents } from "../../src/agent/replay.ts";
import { SCHEMA } from "../../src/core/schema.ts";
import { explain, rebuiltFrom } from "../../src/core/session-label.ts";
import { tell } from "../../src/ledger/export-read.ts";
import { parseVerifier } from "../../src/ledger/head.ts";
import { readLedger, readRaw, verifyLedger } from "../../src/ledger/verify.ts";

const NAMES = [
  ["ledger.log", "ledger.log"],
  ["ledger.log.content", "ledger.log.content"],
  ["opens-texts", "ledger.log.key"],
] as const;
const folders = readdirSync(import.meta.dirname).filter((name) => name.startsWith("schema-"));

test("a log of every schema there has been is kept", () => {
  assert.deepEqual(
    folders,
    Array.from({ length: SCHEMA + 1 }, (_, schema) => `schema-${schema}`),
  );
});

for (const folder of folders) {
  const file = placed(join(import.meta.dirname, folder));
  const read = () => [...readLedger(file)];
  const textOf = (seq: number) => JSON.stringify(read()[seq]?.event);

  test(`the log of ${folder} is whole, and signed to its end`, () => {
    const key = parseVerifier(readFileSync(join(import.meta.dirname, folder, "key"), "utf8").trim());
    const { session } = tell(read());
    const verdict = verifyLedger(file, { session, key, kept: null });
    assert.ok(key !== null && verdict.ok, JSON.stringify(verdict));
    assert.equal(verdict.signed, verdict.events - 1);
    const [first] = readRaw(file);
    assert.equal(`schema-${first?.event.schema ?? 0}`, folder);
  });

  test(`every decision of ${folder} comes out the same`, async () => {
    const { decisions, identical, givenLabels, ...rest } = await replayEvents(read());
    assert.deepEqual(rest, { differences: [], unreplayed: [] });
    assert.ok(decisions > 20 && identical === decisions);
    // Where a label came from is in no log that has no schema.
    assert.equal(givenLabels, folder === "schema-0" ? decisions : 0);
  });

  test(`the log of ${folder} tells what it told: the label, the questions, the landings`, () => {
    const events = read().map(({ event }) => event);
    assert.match(explain(rebuiltFrom(events)), /^external by .*; private by what you typed/);
    const answers = events.flatMap(({ type, answer }) => (type === "answer" ? [answer] : []));
    assert.deepEqual([...new Set(answers)], ["no", "yes"]);
    assert.ok(events.some(({ type, verdict }) => type === "decision" && verdict === "deny"));
    const landed = events.flatMap((event) => (event.type === "landed" ? (event.landed as string[]) : []));
    assert.deepEqual(landed.sort(), ["made", "notes/long.txt", "package.json", "shop.js"]);
    assert.equal(events.filter(({ type }) => type === "undone").length, 1);
  });

  test(`no secret is in the log of ${folder}, and no place of the machine that made it`, () => {
    const all = read()
      .map(({ seq }) => textOf(seq))
      .join("\n");
    assert.doesNotMatch(all, /canary-|\/(?:home|root|work|Users)\//);
  });
}

/** Gives a log as the program has it; here the key of its texts has a name by which no session takes it for a secret. */
function placed(kept: string): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-ledger-"));
  after(() => rmSync(folder, { recursive: true }));
  for (const [from, to] of NAMES) if (existsSync(join(kept, from))) copyFileSync(join(kept, from), join(folder, to));
  return join(folder, "ledger.log");
}

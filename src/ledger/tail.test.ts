import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createLedger } from "./append.ts";
import { Tail } from "./tail.ts";

function makeFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-tail-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "a.ledger");
}

const readBy = (tail: Tail) => [...tail.read()].map(({ seq, event }) => [seq, event.n]);

test("a log is read while it is written: each event once, none before it is whole, and nothing of before again", (t) => {
  const file = makeFile(t);
  const ledger = createLedger(file, null);
  t.after(() => ledger.close());
  const tail = new Tail(file);
  t.after(() => tail.close());
  assert.deepEqual(readBy(tail), []);
  for (const n of [0, 1, 2]) ledger.append({ n });
  assert.deepEqual(
    readBy(tail),
    [0, 1, 2].map((n) => [n, n]),
  );
  // Whoever read this again would find it damaged.
  const fd = openSync(file, "r+");
  writeSync(fd, "x", 60);
  closeSync(fd);
  ledger.append({ n: 3 });
  assert.deepEqual([readBy(tail), readBy(tail)], [[[3, 3]], []]);
  ledger.append({ n: 4 });
  tail.goToEnd();
  ledger.append({ n: 5 });
  assert.deepEqual(readBy(tail), [[5, 5]]);
});

test("a log that is copied byte by byte gives each of its events when it is whole, and no other", (t) => {
  const [file, copy] = [makeFile(t), makeFile(t)];
  const ledger = createLedger(file, null);
  for (const n of [0, 1, 2]) ledger.append({ n });
  ledger.close();
  const bytes = readFileSync(file);
  writeFileSync(copy, "");
  const tail = new Tail(copy);
  t.after(() => tail.close());
  const found: unknown[] = [];
  const fd = openSync(copy, "a");
  for (const byte of bytes) {
    writeSync(fd, Buffer.of(byte));
    found.push(...readBy(tail));
  }
  closeSync(fd);
  assert.deepEqual(
    found,
    [0, 1, 2].map((n) => [n, n]),
  );
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { createLedger, openLedger } from "./append.ts";
import { Tampered } from "./failure.ts";
import { readLedger, verifyLedger } from "./verify.ts";

test("from every point of truncation, exactly the events whole before it come back, and the cut is recorded", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  const { bytes, ends } = writeThree(file);
  for (let cut = 0; cut <= bytes.length; cut++) {
    writeFileSync(file, bytes.subarray(0, cut));
    openLedger(file, null).close();
    const end = ends.findLast((each) => each <= cut) ?? 0;
    const kept = Math.max(0, ends.indexOf(end));
    const events = [0, 1, 2].slice(0, kept).map((n) => ({ seq: n, event: { n } }));
    const recovered = { seq: kept, event: { type: "recovered", cutBytes: cut - end } };
    const isWhole = cut > 0 && cut === end;
    assert.deepEqual([...readLedger(file)], isWhole ? events : [...events, recovered], `cut at ${cut}`);
    assert.equal(verifyLedger(file, UNSIGNED).ok, true);
  }
});

test("a zeroed tail is cut and recorded", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  const { bytes, ends } = writeThree(file);
  writeFileSync(file, Buffer.concat([bytes.subarray(0, (ends[2] ?? 0) + 20), Buffer.alloc(600_000)]));
  openLedger(file, null).close();
  assert.deepEqual(
    [...readLedger(file)].map(({ event }) => event),
    [{ n: 0 }, { n: 1 }, { type: "recovered", cutBytes: 600_020 }],
  );
});

test("damage before the end is cut with what follows and recorded with its reason, where no head covers it", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  const { bytes, ends } = writeThree(file);
  for (const [seq, end] of ends.slice(0, 3).entries()) {
    for (const at of [end, end + 3, end + 4, end + 36]) {
      const changed = Buffer.from(bytes);
      changed[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(file, changed);
      assert.throws(
        () => [...readLedger(file)],
        (thrown) => thrown instanceof Tampered && thrown.seq === seq,
      );
      openLedger(file, null).close();
      const [last, ...before] = [...readLedger(file)].reverse();
      assert.equal(before.length, seq);
      assert.deepEqual([last?.event.type, last?.event.cutBytes], ["recovered", bytes.length - end]);
      assert.match(String(last?.event.reason), /its (?:hash|length)/);
    }
  }
});

test("a file whose first line is another's, or gone, is refused and left as it is", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  const { bytes } = writeThree(file);
  const beginnings = [Buffer.from("ringfence-ledger 2"), Buffer.alloc(19), Buffer.from("another file of theirs")];
  for (const beginning of beginnings) {
    const changed = Buffer.concat([beginning, bytes.subarray(beginning.length)]);
    writeFileSync(file, changed);
    assert.throws(() => openLedger(file, null), Tampered);
    assert.deepEqual(readFileSync(file), changed);
  }
});

test("a file of another version is refused", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  writeFileSync(file, "ringfence-ledger 2\n");
  assert.throws(() => openLedger(file, null), /does not begin with "ringfence-ledger 1"/);
});

test("a process killed while it appends loses no event that it acknowledged", { timeout: 60_000 }, async (t) => {
  const folder = temporaryFolder(t);
  for (const linesBeforeKill of [1, 100, 3000]) {
    const file = join(folder, `${linesBeforeKill}.ledger`);
    const script = `
      import { writeSync } from "node:fs";
      import { createLedger } from ${JSON.stringify(new URL("append.ts", import.meta.url).href)};
      const ledger = createLedger(${JSON.stringify(file)}, null);
      for (let n = 0; ; n++) writeSync(1, ledger.append({ n, text: "x".repeat(n % 3000) }).seq + "\\n");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    let acknowledged = -1;
    for await (const line of createInterface(child.stdout)) {
      acknowledged = Number(line);
      if (acknowledged === linesBeforeKill) child.kill("SIGKILL");
    }
    await exited;
    openLedger(file, null).close();
    const events = [...readLedger(file)];
    assert.ok(acknowledged >= linesBeforeKill);
    assert.ok(events.length > acknowledged);
    for (const { seq, event } of events.slice(0, acknowledged + 1)) assert.equal(event.n, seq);
  }
});

function writeThree(file: string): { bytes: Buffer; ends: number[] } {
  const ledger = createLedger(file, null);
  const ends = [readFileSync(file).length];
  for (let n = 0; n < 3; n++) {
    ledger.append({ n });
    ends.push(readFileSync(file).length);
  }
  ledger.close();
  return { bytes: readFileSync(file), ends };
}

const UNSIGNED = { session: "one", key: null, kept: null };

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-ledger-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

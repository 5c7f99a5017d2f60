import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "../core/json.ts";
import { mint, recordDecision, spend } from "../core/permit.ts";
import { createLedger, openLedger } from "./append.ts";
import { LedgerFailure } from "./failure.ts";
import { readLedger, verifyLedger } from "./verify.ts";

test("events read back in order, over several openings, under the hash of the last receipt", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  const created = createLedger(file, null);
  created.append({ type: "start", schema: 1, z: 1, a: "é" });
  created.sync();
  created.close();
  const opened = openLedger(file, null);
  const receipt = opened.append({ type: "end" });
  opened.close();
  assert.equal(receipt.seq, 1);
  assert.deepEqual(
    [...readLedger(file)],
    [
      { seq: 0, event: { type: "start", schema: 1, z: 1, a: "é" } },
      { seq: 1, event: { type: "end" } },
    ],
  );
  assert.deepEqual(verifyLedger(file, UNSIGNED), { ok: true, events: 2, lastHash: receipt.hash, signed: 0 });
});

test("equal events make equal bytes", (t) => {
  const folder = temporaryFolder(t);
  const [one, two] = ["one", "two"].map((name) => {
    const ledger = createLedger(join(folder, name), null);
    ledger.append(name === "one" ? { a: 1, b: 2 } : { b: 2, a: 1 });
    ledger.close();
    return readFileSync(join(folder, name));
  });
  assert.deepEqual(one, two);
});

test("a receipt mints one permit, a permit is spent once, and a copy of a receipt mints none", (t) => {
  const ledger = createLedger(join(temporaryFolder(t), "a.ledger"), null);
  const effect = { kind: "output", id: "1" } as const;
  const allow = { verdict: "allow", reason: "stays in the box" } as const;
  const event = recordDecision(effect, allow, String);
  const receipt = ledger.append(event);
  assert.throws(() => mint(effect, allow, { ...receipt }, String), /without a recorded decision/);
  const permit = mint(effect, allow, receipt, String);
  assert.throws(() => mint(effect, allow, receipt, String), /used twice/);
  assert.deepEqual(spend(permit), effect);
  assert.throws(() => spend(permit), /spent twice/);
  const ofSomethingElse = ledger.append({ ...event, type: "outcome" });
  assert.throws(() => mint(effect, allow, ofSomethingElse, String), /receipt of something else/);
  ledger.close();
});

test("the file is for its owner alone, and closing leaves nothing else in the folder", (t) => {
  const folder = temporaryFolder(t);
  const ledger = createLedger(join(folder, "a.ledger"), null);
  ledger.close();
  ledger.close();
  assert.equal(lstatSync(join(folder, "a.ledger")).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ["a.ledger"]);
});

test("a symlink at the path is refused and its target stays as it was", (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "target"), "ringfence-ledger 1\n");
  symlinkSync("target", join(folder, "a.ledger"));
  symlinkSync("absent", join(folder, "b.ledger"));
  assert.throws(() => createLedger(join(folder, "a.ledger"), null), LedgerFailure);
  assert.throws(() => createLedger(join(folder, "b.ledger"), null), LedgerFailure);
  assert.throws(() => openLedger(join(folder, "a.ledger"), null), LedgerFailure);
  assert.throws(() => verifyLedger(join(folder, "a.ledger"), UNSIGNED), LedgerFailure);
  assert.equal(readFileSync(join(folder, "target"), "utf8"), "ringfence-ledger 1\n");
  assert.deepEqual(readdirSync(folder).sort(), ["a.ledger", "b.ledger", "target"]);
});

test("what is there is not created again, and what is not there is not opened", (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "a.ledger"), "mine");
  assert.throws(() => createLedger(join(folder, "a.ledger"), null), /cannot create ledger .*EEXIST/);
  assert.throws(() => openLedger(join(folder, "b.ledger"), null), /cannot open ledger .*ENOENT/);
  assert.throws(() => createLedger(join(folder, "no", "c.ledger"), null), /cannot lock ledger .*ENOENT/);
  assert.throws(() => openLedger("/dev/null/x", null), LedgerFailure);
  spawnSync("sh", ["-c", 'mkfifo "$0"', join(folder, "fifo")]);
  assert.throws(() => [...readLedger(join(folder, "fifo"))], /not a regular file/);
  assert.deepEqual(readdirSync(folder).sort(), ["a.ledger", "fifo"]);
});

test("after an event that cannot be written down, the ledger only refuses and stays whole", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  let deep: JsonObject = {};
  for (let depth = 0; depth < 20_000; depth++) deep = { deep };
  const ledger = createLedger(file, null);
  ledger.append({ n: 0 });
  assert.throws(() => ledger.append(deep), /cannot record event 1 .*cannot be written as JSON/);
  assert.throws(() => ledger.append({ n: 1 }), /cannot record event 1/);
  assert.throws(() => ledger.sync(), LedgerFailure);
  ledger.close();
  assert.throws(() => ledger.append({ n: 1 }), LedgerFailure);
  assert.deepEqual([...readLedger(file)], [{ seq: 0, event: { n: 0 } }]);
});

const LIMITS = {
  "a file may not grow": (script: string) => ["prlimit", "--fsize=20000", process.execPath, "-e", script],
  "the disk is full": (script: string) => {
    const mount = 'mkdir "$0" && mount -t tmpfs -o size=16k none "$0" && "$1" -e "$2" && cp "$0/a.ledger" "$0.copy"';
    return ["unshare", "-rm", "sh", "-c", mount, "FOLDER", process.execPath, script];
  },
};

for (const [limit, commandOf] of Object.entries(LIMITS)) {
  test(`when ${limit}, the ledger dies with a message and every acknowledged event is kept`, (t) => {
    const folder = join(temporaryFolder(t), "small");
    const isMounted = limit === "the disk is full";
    const file = join(folder, "a.ledger");
    const script = `
      const { createLedger } = await import(${JSON.stringify(new URL("append.ts", import.meta.url).href)});
      ${isMounted ? "" : `(await import("node:fs")).mkdirSync(${JSON.stringify(folder)});`}
      const ledger = createLedger(${JSON.stringify(file)}, null);
      let seq = -1;
      const errors = [];
      try { for (;;) seq = ledger.append({ text: "x".repeat(700) }).seq; } catch (error) { errors.push(String(error)); }
      try { ledger.append({}); } catch (error) { errors.push(String(error)); }
      console.log(JSON.stringify({ seq, errors }));`;
    const [command = "", ...args] = commandOf(script).map((arg) => (arg === "FOLDER" ? folder : arg));
    const child = spawnSync(command, args, { encoding: "utf8" });
    const { seq, errors } = JSON.parse(child.stdout || child.stderr);
    assert.ok(seq > 10);
    assert.match(
      errors[0],
      new RegExp(`LedgerFailure: cannot write event ${seq + 1} to ledger ${file}: E(FBIG|NOSPC)`),
    );
    assert.equal(errors[1], errors[0]);
    const left = isMounted ? `${folder}.copy` : file;
    assert.match(JSON.stringify(verifyLedger(left, UNSIGNED)), /torn tail of/);
    openLedger(left, null).close();
    const events = [...readLedger(left)];
    assert.equal(events.length, seq + 2);
    assert.equal(events.at(-1)?.event.type, "recovered");
  });
}

const UNSIGNED = { session: "one", key: null, kept: null };

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-ledger-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createLedger, openLedger } from "./append.ts";
import { descendantsOf, isLocked, lockHolder, signalTo } from "./lock.ts";
import { readLedger } from "./verify.ts";

test("a second process is refused while the first lives, and let in when it was killed", async (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  const holder = hold(t, file);
  await once(holder.stdout, "data");
  assert.throws(() => openLedger(file, null), new RegExp(`in use by process ${holder.pid}; end that session first`));
  assert.equal(isLocked(file), true);
  holder.kill("SIGKILL");
  await once(holder, "exit");
  assert.equal(isLocked(file), false);
  const ledger = openLedger(file, null);
  ledger.append({ n: 1 });
  ledger.close();
  assert.deepEqual(
    [...readLedger(file)].map(({ event }) => event),
    [{ n: 0 }, { n: 1 }],
  );
  assert.deepEqual(readdirSync(join(file, "..")), ["a.ledger"]);
});

test("one process opens a ledger once at a time", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  const ledger = createLedger(file, null);
  assert.throws(() => openLedger(file, null), /this process has it open already/);
  ledger.append({ n: 0 });
  ledger.close();
  openLedger(file, null).close();
});

test("a lock whose process id was given to another process is stale", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  createLedger(file, null).close();
  writeFileSync(`${file}.lock-${process.ppid}-1`, "");
  openLedger(file, null).close();
  assert.deepEqual(readdirSync(join(file, "..")), ["a.ledger"]);
});

test("only the very process that holds a lock is signalled, never another that has its number by now", async (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  const holder = hold(t, file);
  await once(holder.stdout, "data");
  const found = lockHolder(file);
  assert.ok(found);
  assert.equal(found.pid, holder.pid);
  const [pid, start] = [process.pid, descendantsOf({ pid: process.ppid, start: "" })];
  assert.ok(start.some((one) => one.pid === pid) && start.some((one) => one.pid === holder.pid));
  assert.equal(signalTo({ pid: found.pid, start: "1" }, "SIGKILL"), false);
  assert.equal(isLocked(file), true);
  assert.equal(signalTo(found, "SIGKILL"), true);
  await once(holder, "exit");
  assert.equal(lockHolder(file), null);
  assert.equal(signalTo(found, "SIGKILL"), false);
});

test("a lock that names nobody is refused, and the refusal leaves no lock", (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  createLedger(file, null).close();
  writeFileSync(`${file}.lock-x`, "");
  assert.throws(() => openLedger(file, null), /in use by process \?.*its lock is a\.ledger\.lock-x/);
  assert.deepEqual(readdirSync(join(file, "..")).sort(), ["a.ledger", "a.ledger.lock-x"]);
});

test("of processes that open together beside a stale lock, never two get in", { timeout: 60_000 }, async (t) => {
  const file = join(temporaryFolder(t), "a.ledger");
  createLedger(file, null).close();
  writeFileSync(`${file}.lock-${2 ** 30}-1`, "");
  const startAt = Date.now() + 1500;
  const racers = Array.from({ length: 6 }, () => hold(t, file, startAt));
  const answers = await Promise.all(racers.map(async (racer) => String((await once(racer.stdout, "data"))[0]).trim()));
  assert.ok(answers.filter((answer) => answer === "held").length <= 1, answers.join());
});

/** Starts a process that opens the ledger, or creates it when it is not to race, and keeps it until it is killed. */
function hold(t: TestContext, file: string, startAt = 0) {
  const script = `
    import { createLedger, openLedger } from ${JSON.stringify(new URL("append.ts", import.meta.url).href)};
    while (Date.now() < ${startAt});
    try {
      const ledger = ${startAt === 0 ? "createLedger" : "openLedger"}(${JSON.stringify(file)});
      if (${startAt === 0}) ledger.append({ n: 0 });
      console.log("held");
    } catch (error) { console.log(error.name); }
    setInterval(() => {}, 1000);`;
  const args = ["--input-type=module", "-e", script];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-ledger-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { createLedger, openLedger } from "./append.ts";
import { LedgerFailure, Tampered } from "./failure.ts";
import { openHead, parseVerifier, publicHalf, signHead, toHeadKey, verifierOf } from "./head.ts";
import { checkProof, proveEvent } from "./prove.ts";
import { Seal } from "./seal.ts";
import { readLedger, verifyLedger } from "./verify.ts";

const FULL = Boolean(process.env.RINGFENCE_FULL);
const SEED = 20_261_129;

test("a sealed log verifies up to its last head, and says whose signature it bears", (t) => {
  const { file, seal } = write(t, [3, 2]);
  assert.deepEqual(
    Array.from(readLedger(file), ({ event }) => event.n ?? event.type),
    [0, 1, 2, "head", 3, 4, "head"],
  );
  const verdict = verifyLedger(file, seal.signer());
  assert.ok(verdict.ok);
  assert.deepEqual([verdict.events, verdict.signed], [7, 6]);
  const key = seal.publicKey ?? assert.fail();
  assert.match(verifierOf(key), /^ringfence\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/);
  assert.deepEqual(parseVerifier(verifierOf(key))?.key.export({ format: "jwk" }), key.key.export({ format: "jwk" }));
});

test("what is sealed is signed by another thread while nobody waits, and before anything else is appended", async (t) => {
  const { file, seal } = write(t, []);
  const names = () => Array.from(readLedger(file), ({ event }) => event.n ?? event.type);
  const ledger = openLedger(file, seal);
  ledger.append({ n: 0 });
  ledger.seal();
  assert.deepEqual(names(), [0], "the caller goes on with what it sealed, before anything is signed");
  while (seal.kept() === null) await setImmediate();
  assert.deepEqual([names(), seal.kept()?.size], [[0, "head"], 1]);
  ledger.append({ n: 1 });
  ledger.seal();
  ledger.seal();
  ledger.append({ n: 2 });
  assert.deepEqual([names(), seal.kept()?.size], [[0, "head", 1, "head", 2], 3]);
  ledger.seal();
  ledger.close();
  await setTimeout(20);
  assert.deepEqual([names(), seal.kept()?.size], [[0, "head", 1, "head", 2, "head"], 5]);
  assert.deepEqual(
    { ...verifyLedger(file, seal.signer()), lastHash: null },
    { ok: true, events: 6, lastHash: null, signed: 5 },
  );
});

test("a head that cannot be kept ends the ledger, though nobody waited for it", async (t) => {
  const { state, file, seal } = write(t, []);
  const ledger = openLedger(file, seal);
  t.after(() => ledger.close());
  mkdirSync(join(state, "seals", "one.head"), { recursive: true });
  ledger.append({ n: 0 });
  ledger.seal();
  for (let events = 0; events < 2; events = [...readLedger(file)].length) await setImmediate();
  await setImmediate();
  assert.throws(() => ledger.append({ n: 1 }), /cannot keep the signed head of one .*EISDIR/);
});

test("who dies after the sync and before the signature leaves events that the next head covers", (t) => {
  const { file, seal } = write(t, []);
  const script = `
    import { openLedger } from ${JSON.stringify(new URL("append.ts", import.meta.url).href)};
    import { Seal } from ${JSON.stringify(new URL("seal.ts", import.meta.url).href)};
    const ledger = openLedger(${JSON.stringify(file)}, Seal.of(${JSON.stringify(dirname(file))}));
    ledger.append({ n: 0 });
    ledger.seal();
    process.kill(process.pid, "SIGKILL");`;
  const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
  assert.equal(signal, "SIGKILL");
  assert.equal(seal.kept(), null);
  openLedger(file, seal).close();
  assert.deepEqual([...readLedger(file)], [{ seq: 0, event: { n: 0 } }]);
  const again = openLedger(file, seal);
  again.append({ n: 1 });
  again.seal();
  again.close();
  assert.deepEqual([verifyLedger(file, seal.signer()).ok, seal.kept()?.size], [true, 2]);
});

test("whole events cut from the end are found, and the session is not opened again", (t) => {
  const { file, seal, ends } = write(t, [3, 2]);
  const bytes = readFileSync(file);
  for (const [events, end] of ends.entries()) {
    writeFileSync(file, bytes.subarray(0, end));
    // The newest head covers six events; its own, the seventh, may be lost as long as those are there.
    const isSignedGone = events < 5;
    assert.equal(verifyLedger(file, seal.signer()).ok, !isSignedGone, `${events}`);
    const found = verifyLedger(file, { ...seal.signer(), kept: null });
    assert.equal(found.ok, true, "without the head that is kept outside nothing shows it");
    if (isSignedGone) assert.throws(() => openLedger(file, seal), Tampered);
  }
});

test("a log written anew with a right chain is found by its signatures", (t) => {
  const { file, seal } = write(t, [3, 2]);
  const other = `${file}.other`;
  const forged = createLedger(other, null);
  for (const { event } of readLedger(file)) forged.append(event.n === 1 ? { n: 99 } : event);
  forged.close();
  assert.equal(
    verifyLedger(other, { session: "one", key: null, kept: null }).ok,
    false,
    "a head is there, and no key to check it",
  );
  const verdict = verifyLedger(other, { ...seal.signer(), kept: null });
  assert.deepEqual(verdict, { ok: false, seq: 3, reason: "its signature does not fit the events before it" });
  cpSync(other, file);
  assert.throws(() => openLedger(file, seal), /are not those that were signed/);
});

test("the heads of one session do not pass for those of another", (t) => {
  const { state, file, seal } = write(t, [2]);
  const path = join(state, "sessions", "other");
  mkdirSync(path);
  cpSync(file, join(path, "ledger.log"));
  const other = Seal.of(path);
  assert.equal(other.kept(), null);
  const verdict = verifyLedger(join(path, "ledger.log"), other.signer());
  assert.match(JSON.stringify(verdict), /its signature does not fit/);
  cpSync(join(state, "seals", "one.head"), join(state, "seals", "other.head"));
  assert.throws(() => other.kept(), /is not signed by your key for this session/);
  assert.equal(seal.kept()?.size, 2);
});

test("a head of a foreign key, a changed one and one that somebody wrote by hand are none", (t) => {
  const { seal } = write(t, [1]);
  const key = seal.publicKey ?? assert.fail();
  const privateKey = toHeadKey(generateKeyPairSync("ed25519").privateKey);
  const publicKey = publicHalf(privateKey);
  const head = { session: "one", size: 7, root: Buffer.alloc(32, 7) };
  const note = signHead(head, privateKey);
  assert.equal(openHead(note, key), null);
  assert.deepEqual(openHead(note, publicKey), head);
  for (let at = 0; at < note.length; at++) {
    const changed = note.slice(0, at) + String.fromCharCode(note.charCodeAt(at) ^ 1) + note.slice(at + 1);
    assert.equal(openHead(changed, publicKey), null, `${at}`);
  }
  for (const text of ["", "\n\n", note.slice(0, -1), `${note}x`, `x${note}`, note.repeat(2), "x".repeat(100_000)])
    assert.equal(openHead(text, publicKey), null);
});

test("a proof convinces whoever has the key, of that event and of no other", (t) => {
  const { file, seal } = write(t, [5, 4]);
  const key = seal.publicKey ?? assert.fail();
  for (const seq of [0, 4, 5, 9]) {
    const proof = proveEvent(file, seq, key);
    const { note: _, ...event } = [...readLedger(file)][seq]?.event ?? {};
    const checked = checkProof(JSON.parse(JSON.stringify(proof)), key);
    assert.ok(checked.ok);
    assert.deepEqual([checked.seq, checked.size, checked.session], [seq, 10, "one"]);
    assert.equal(checked.event.n ?? checked.event.type, event.n ?? event.type);
    for (const change of [
      { event: '{"n":77}' },
      { seq: seq + 1 },
      { path: [] },
      { head: "" },
      { format: "x" },
      { seq: "0" },
    ])
      assert.equal(checkProof({ ...proof, ...change }, key).ok, false, JSON.stringify(change));
    assert.equal(checkProof(proof, toHeadKey(generateKeyPairSync("ed25519").publicKey)).ok, false);
  }
  for (const none of [null, 7, "x", [], {}]) assert.equal(checkProof(none, key).ok, false);
  assert.throws(() => proveEvent(file, 10, key), /no signature covers event 10/);
  assert.throws(() => proveEvent(file, 11, key), /there is no event 11/);
});

test("the key is the person's alone, of two that begin at once one makes it, and none is made through a link", (t) => {
  const { state } = write(t, [1]);
  const folder = join(state, "seals");
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(folder).sort(), ["key.pem", "newest.head", "one.head"]);
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  rmSync(join(folder, "key.pem"));
  symlinkSync("elsewhere", join(folder, "key.pem"));
  assert.throws(() => Seal.of(join(state, "sessions", "one")).sign({ size: 0, root: Buffer.alloc(32) }), LedgerFailure);
  assert.equal(readdirSync(folder).includes("elsewhere"), false);
});

test("whatever one bit is changed, and wherever the file ends, signed events are whole or the loss is found", (t) => {
  const { file, seal } = write(t, [6, 5, 7]);
  const bytes = readFileSync(file);
  const whole = [...readLedger(file)].map(({ event }) => JSON.stringify(event));
  const kept = seal.kept()?.size ?? assert.fail();
  const outcomes = { found: 0, recovered: 0 };
  const reopen = (changed: Uint8Array) => {
    writeFileSync(file, changed);
    try {
      openLedger(file, seal).close();
    } catch (thrown) {
      assert.ok(thrown instanceof Tampered);
      outcomes.found += 1;
      return;
    }
    const now = [...readLedger(file)].map(({ event }) => JSON.stringify(event));
    assert.deepEqual(now.slice(0, kept), whole.slice(0, kept));
    outcomes.recovered += 1;
    for (const name of ["one.head", "newest.head"]) cpSync(join(seals, `${name}.saved`), join(seals, name));
  };
  const seals = join(file, "../../../seals");
  for (const name of ["one.head", "newest.head"]) cpSync(join(seals, name), join(seals, `${name}.saved`));
  const numRuns = FULL ? 2500 : 150;
  fc.assert(
    fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      reopen(changed);
    }),
    { numRuns, seed: SEED },
  );
  // A power cut leaves a beginning, a beginning and zeros, or pieces of which an earlier one is missing.
  fc.assert(
    fc.property(fc.nat(bytes.length), fc.nat(4096), fc.nat(600), (at, zeros, hole) => {
      const torn = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(zeros)]);
      if (hole % 3 === 0) torn.fill(0, Math.max(0, at - hole), at);
      reopen(torn);
    }),
    { numRuns, seed: SEED },
  );
  t.diagnostic(`${2 * numRuns} damaged files: ${outcomes.found} found, ${outcomes.recovered} recovered`);
  assert.ok(outcomes.found > 0 && outcomes.recovered > 0);
});

function write(t: TestContext, turns: readonly number[]) {
  const state = mkdtempSync(join(tmpdir(), "ringfence-seal-"));
  t.after(() => rmSync(state, { recursive: true }));
  const path = join(state, "sessions", "one");
  mkdirSync(path, { recursive: true });
  const file = join(path, "ledger.log");
  const seal = Seal.of(path);
  const ledger = createLedger(file, seal);
  const ends: number[] = [];
  let n = 0;
  for (const events of turns) {
    for (let each = 0; each < events; each++) {
      ledger.append({ n: n++ });
      ends.push(readFileSync(file).length);
    }
    ledger.seal();
    ends.push(readFileSync(file).length);
  }
  ledger.close();
  return { state, file, seal, ends };
}

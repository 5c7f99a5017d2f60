import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { appendHead, readHeadFile } from "./anchor-file.ts";
import { compareAnchored } from "./anchored.ts";
import { createLedger } from "./append.ts";
import { writeAnew } from "./resigned.fixture.ts";
import { Seal } from "./seal.ts";
import { verifyLedger } from "./verify.ts";

test("a log that was written anew and signed again verifies, and an anchor tells from where on it is another one", async (t) => {
  const { file, seal, anchor, verdict } = await anchored(t);
  assert.deepEqual(verdict(), { ok: true, heads: 2, size: 7, events: 11 });

  writeAnew(file, seal, (event, seq) => (seq === 5 ? { n: 99 } : event));
  assert.equal(verifyLedger(file, seal.signer()).ok, true, "the key is the person's: without an anchor nothing shows");
  assert.deepEqual(verdict(), {
    ok: false,
    seq: 3,
    reason: "its first 7 events are not those that were anchored",
  });
  // What came after the newest anchored head is not vouched for.
  const other = await anchored(t);
  writeAnew(other.file, other.seal, (event, seq) => (seq === 8 ? { n: 99 } : event));
  assert.deepEqual(other.verdict(), { ok: true, heads: 2, size: 7, events: 11 });

  writeFileSync(anchor, "");
  assert.match(JSON.stringify(verdict()), /the anchor has no head of this session/);
});

test("an anchor finds a log that is shorter than it was, and one that another key signed", async (t) => {
  const { state, file, seal, verdict } = await anchored(t);
  const ends = [...frameEnds(readFileSync(file))];
  truncateSync(file, ends[4]);
  assert.deepEqual(verdict(), { ok: false, seq: 3, reason: "7 events were anchored, and it has 4" });

  rmSync(join(state, "seals"), { recursive: true });
  const forged = Seal.of(join(state, "sessions/one"));
  writeAnew(file, forged, (event) => event);
  assert.equal(verifyLedger(file, forged.signer()).ok, true);
  assert.notDeepEqual(forged.publicKey?.hash, seal.publicKey);
  assert.match(JSON.stringify(verdict()), /"seq":0.*a head of 3 events is anchored that this key did not sign/);
});

test("an anchor that a stranger filled with beginnings of notes is read in no time", async (t) => {
  const { file, anchor, verdict } = await anchored(t);
  const own = readFileSync(anchor, "utf8");
  writeFileSync(anchor, `${"ringfence/session/".repeat(40_000)}\n1\n\n${own}`);
  const startedAt = performance.now();
  assert.deepEqual(verdict(), { ok: true, heads: 2, size: 7, events: 11 });
  // Read anew from each beginning to the end of the line it took over a minute.
  assert.ok(performance.now() - startedAt < 5000, file);
});

test("what else stands in an anchor changes nothing: heads of other sessions, a note that was torn, any text", async (t) => {
  const { file, anchor, verdict } = await anchored(t);
  const own = readFileSync(anchor, "utf8");
  const others = own.replaceAll("session/one", "session/two");
  writeFileSync(anchor, `hello\n${others}${own.slice(0, 40)}${own}\n\nringfence/session/one\n7\n`);
  assert.deepEqual(verdict(), { ok: true, heads: 2, size: 7, events: 11 });
  assert.equal(statSync(file).isFile(), true);
});

test("the file of an anchor is the person's alone, never behind a link, and a FIFO makes nobody wait", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-anchor-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [file, link, fifo] = ["heads", "link", "fifo"].map((name) => join(folder, name)) as [string, string, string];
  await appendHead(file, "one\n");
  await appendHead(file, "two\n");
  assert.equal(await readHeadFile(file), "one\ntwo\n");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  symlinkSync(file, link);
  await assert.rejects(appendHead(link, "three\n"), { code: "ELOOP" });
  spawnSync("mkfifo", [fifo]);
  await assert.rejects(appendHead(fifo, "three\n"), { code: "ENXIO" });
  await assert.rejects(readHeadFile(fifo), /is no regular file/);
  await assert.rejects(appendHead(join(folder, "none/heads"), "three\n"), { code: "ENOENT" });
});

/** A ledger of 0, 1, 2, head, 4, 5, 6, head, 8, 9, head of which the first two heads are in a file. */
async function anchored(t: TestContext) {
  const state = mkdtempSync(join(tmpdir(), "ringfence-anchored-"));
  t.after(() => rmSync(state, { recursive: true }));
  mkdirSync(join(state, "sessions/one"), { recursive: true });
  const [file, anchor] = [join(state, "sessions/one/ledger.log"), join(state, "elsewhere")];
  const seal = Seal.of(join(state, "sessions/one"));
  const ledger = createLedger(file, seal);
  const notes: string[] = [];
  ledger.watchHeads((note) => void notes.push(note));
  for (const count of [3, 3, 2]) {
    for (let n = 0; n < count; n += 1) ledger.append({ n });
    assert.equal(ledger.sealed().note, notes.at(-1));
  }
  ledger.close();
  for (const note of notes.slice(0, 2)) await appendHead(anchor, note);
  const verdict = () =>
    compareAnchored(file, readFileSync(anchor, "utf8"), Seal.of(join(state, "sessions/one")).signer());
  return { state, file, seal, anchor, verdict };
}

function* frameEnds(bytes: Buffer): Generator<number> {
  for (let at = bytes.indexOf("\n") + 1; at < bytes.length; at += 36 + bytes.readUInt32BE(at)) yield at;
}

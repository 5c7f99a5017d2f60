import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { JsonObject } from "../../src/core/json.ts";
import { createLedger, openLedger } from "../../src/ledger/append.ts";
import { Tampered } from "../../src/ledger/failure.ts";
import { FIRST_LINE } from "../../src/ledger/frame.ts";
import { Seal } from "../../src/ledger/seal.ts";
import { readLedger, verifyLedger } from "../../src/ledger/verify.ts";
import { type Recording, record, writeFiles } from "./disk-model.ts";
import { Random } from "./random.ts";

const SEED = Number(process.env.RINGFENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const [SESSIONS, CUTS] = process.env.RINGFENCE_FULL === "1" ? [40, 75] : [4, 30];
const LOG = "sessions/one/ledger.log";
const HEADS = "seals/one.head";
const HEADER_BYTES = 36;

test(`after a power cut every event that was on the disk is there, and what is cut is recorded (RINGFENCE_SEED=${SEED})`, async (t) => {
  const random = new Random(SEED);
  const seen = { whole: 0, cut: 0, empty: 0 };
  for (let number = 0; number < SESSIONS; number++) {
    const session = await play(t, random);
    for (let cut = 0; cut < CUTS; cut++) {
      const steps = random.below(session.recording.steps + 1);
      const files = session.recording.leave(steps, random);
      const sure = session.acknowledged.findLast((each) => each.steps <= steps)?.events ?? 0;
      const about = `session ${number}, cut ${cut}, after step ${steps}`;
      if (!files.has(LOG)) {
        assert.equal(sure, 0, about);
        seen.empty += 1;
        continue;
      }
      const { left, kept } = judge(session, files);
      assert.ok(left >= sure, `${about}: ${left} events are left of ${sure} that were on the disk`);
      assert.ok(left >= kept, `${about}: a head of ${kept} events was kept while ${left} were on the disk`);
      const isCut = recoverInto(t, session, files, { sure, about }) === "cut";
      seen[isCut ? "cut" : "whole"] += 1;
    }
  }
  t.diagnostic(`${SESSIONS * CUTS} power cuts: ${JSON.stringify(seen)}`);
  assert.ok(seen.cut > 0 && seen.whole > 0);
});

test(`what is lost beyond a power cut is refused exactly where a signed head covers more (RINGFENCE_SEED=${SEED})`, async (t) => {
  const random = new Random(SEED);
  const seen = { whole: 0, cut: 0, refused: 0 };
  for (let number = 0; number < SESSIONS; number++) {
    const session = await play(t, random);
    for (let cut = 0; cut < CUTS; cut++) {
      const steps = session.recording.steps - random.below(6);
      const sure = session.acknowledged.findLast((each) => each.steps <= steps)?.events ?? 0;
      const files = session.recording.leave(steps, random);
      const bytes = files.get(LOG) ?? assert.fail();
      files.set(LOG, spoiled(bytes, random));
      seen[recoverInto(t, session, files, { sure, about: `session ${number}, loss ${cut}` })] += 1;
    }
  }
  t.diagnostic(`${SESSIONS * CUTS} losses: ${JSON.stringify(seen)}`);
  assert.ok(seen.cut > 0 && seen.refused > 0);
});

interface Played {
  readonly recording: Recording;
  /** How many events were on the disk for sure after so many steps. */
  readonly acknowledged: readonly { readonly steps: number; readonly events: number }[];
  readonly events: readonly JsonObject[];
  readonly bytes: Buffer;
  /** Where each event ends in the file; before them, where the first one begins. */
  readonly ends: readonly number[];
}

/** Writes a log as sessions do, with all its files recorded. */
async function play(t: TestContext, random: Random): Promise<Played> {
  const state = freshFolder(t);
  const file = join(state, LOG);
  mkdirSync(dirname(file), { recursive: true });
  mkdirSync(join(state, "seals"));
  const seal = Seal.of(dirname(file));
  const acknowledged: { steps: number; events: number }[] = [];
  const recording = await record(state, async (stepsSoFar) => {
    let ledger = createLedger(file, seal);
    let events = 0;
    const acts: readonly (() => Promise<void> | void)[] = [
      () => {},
      () => ledger.sync(),
      () => ledger.seal(),
      async () => {
        ledger.seal();
        while ((seal.kept()?.size ?? 0) < events) await setImmediate();
      },
      () => {
        ledger.close();
        ledger = openLedger(file, seal);
      },
    ];
    for (let act = 4 + random.below(12); act > 0; act--) {
      for (let count = random.below(4); count >= 0; count--) {
        const text = "x".repeat(random.chance(5) ? random.below(5000) : random.below(200));
        events = ledger.append({ type: "prompt", n: random.below(1e6), text }).seq + 1;
      }
      const chosen = random.below(acts.length);
      await acts[chosen]?.();
      if (chosen > 0) acknowledged.push({ steps: stepsSoFar(), events });
    }
    ledger.close();
  });
  for (const [path, bytes] of recording.whole())
    assert.deepEqual(readFileSync(join(state, path)), bytes, `something wrote ${path} that was not recorded`);
  const bytes = readFileSync(file);
  const ends = [FIRST_LINE.length];
  for (let at = FIRST_LINE.length; at < bytes.length; ends.push(at)) at += HEADER_BYTES + bytes.readUInt32BE(at);
  const events = Array.from(readLedger(file), ({ event }) => event);
  assert.equal(ends.length, events.length + 1);
  rmSync(state, { recursive: true });
  return { recording, acknowledged, events, bytes, ends };
}

/** How many events are left whole from the first on and where the last of them ends, and how many the newest head covers. */
function judge({ bytes, ends }: Played, files: ReadonlyMap<string, Buffer>) {
  const now = files.get(LOG) ?? Buffer.alloc(0);
  const left = ends.findLastIndex((end) => end <= now.length && now.subarray(0, end).equals(bytes.subarray(0, end)));
  const heads = files.get(HEADS) ?? Buffer.alloc(0);
  const sizes = [0, 512].map((at) => Number(heads.toString("latin1", at, at + 512).split("\n")[1] ?? 0));
  return { left: Math.max(0, left), end: ends[left] ?? 0, kept: Math.max(0, ...sizes) };
}

/** Opens what is left to go on with it, and checks that it is what a reader may rely on; `sure` events were on the disk. */
function recoverInto(
  t: TestContext,
  session: Played,
  files: ReadonlyMap<string, Buffer>,
  { sure, about }: { readonly sure: number; readonly about: string },
): "whole" | "cut" | "refused" {
  const state = freshFolder(t);
  const file = join(state, LOG);
  // The process that held the lock is gone with the machine.
  writeFiles(state, new Map([...files].filter(([path]) => !path.includes(".lock-"))));
  const { left, end, kept } = judge(session, files);
  const before = readFileSync(file);
  const seal = Seal.of(dirname(file));
  try {
    openLedger(file, seal).close();
  } catch (thrown) {
    assert.ok(thrown instanceof Tampered && kept > left, `${about}: ${left} left, ${kept} signed: ${thrown}`);
    assert.deepEqual(readFileSync(file), before, `${about}: what is refused stays as it is`);
    rmSync(state, { recursive: true });
    return "refused";
  }
  assert.ok(kept <= left, `${about}: ${kept} events were signed, ${left} are left, and nothing says so`);
  const events = Array.from(readLedger(file), ({ event }) => event);
  const texts = Math.min(sure, left);
  assert.deepEqual(events.slice(0, texts), session.events.slice(0, texts), about);
  // Of one that nothing waited for, the text may be lost, and no other stands in its place.
  for (let at = texts; at < left; at++) {
    const [told, was] = [events[at], session.events[at]];
    const isLost = typeof told?.text === "object";
    assert.deepEqual(isLost ? { ...told, text: was?.text ?? null } : told, was, about);
  }
  const [first, ...rest] = events.slice(left);
  const isWhole = end > 0 && end === before.length;
  if (isWhole) assert.equal(first, undefined, about);
  else {
    assert.deepEqual([first?.type, first?.cutBytes], ["recovered", before.length - end], about);
    assert.deepEqual(
      rest.map(({ type }) => type),
      ["head"],
      about,
    );
  }
  assert.equal(verifyLedger(file, seal.signer()).ok, true, about);
  rmSync(state, { recursive: true });
  return isWhole ? "whole" : "cut";
}

/** Loses what was on the disk: a sector, a bit, the end. */
function spoiled(bytes: Buffer, random: Random): Buffer {
  const at = FIRST_LINE.length + random.below(Math.max(1, bytes.length - FIRST_LINE.length));
  const now = Buffer.from(bytes);
  switch (random.below(3)) {
    case 0:
      return now.subarray(0, at);
    case 1:
      now[at] = (now[at] ?? 0) ^ (1 << random.below(8));
      return now;
    default:
      return now.fill(0, at, Math.min(now.length, at - (at % 512) + 512));
  }
}

function freshFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "ringfence-power-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

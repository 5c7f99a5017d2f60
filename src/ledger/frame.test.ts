import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "../core/json.ts";
import { PAYLOAD_BYTES_MAX } from "./event.ts";
import { decodeFrames, type Ending, encodeFrame, FIRST_CHAIN, FIRST_LINE } from "./frame.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test("the first frame has the bytes that the format promises", () => {
  const first = createHash("sha256").update("ringfence-ledger 1\n").digest();
  const payload = Buffer.from('{"a":1}');
  const chain = createHash("sha256").update(first).update(payload).digest();
  assert.deepEqual(layOut([{ a: 1 }]).bytes, Buffer.concat([FIRST_LINE, Buffer.from([0, 0, 0, 7]), chain, payload]));
});

test("frames decode to what was encoded, in pieces of any size", (t) => {
  t.diagnostic(`SEED=${seed}`);
  const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 60 }));
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string(), fc.string()), { maxLength: 8 }), sizes, (events, sizesOfPieces) => {
      const { bytes, ends } = layOut(events);
      const { texts, ending } = decode(split(bytes, sizesOfPieces));
      assert.deepEqual(
        texts.map((text) => JSON.parse(text)),
        events.map((event) => ({ ...event })),
      );
      assert.deepEqual([ending.kind, ending.events, ending.end], ["whole", events.length, ends.at(-1)]);
    }),
    { seed },
  );
});

test("no more of the file is taken than the next frame needs", () => {
  const { bytes, ends } = layOut([{ n: 1 }, { text: "x".repeat(500) }, { n: 3 }]);
  let taken = 0;
  function* pieces() {
    for (; taken < bytes.length; ) yield bytes.subarray(taken++, taken);
  }
  for (const frame of decodeFrames(pieces())) assert.deepEqual([frame.end, taken], [ends[frame.seq + 1], frame.end]);
});

test("no byte of a ledger can be given another value unseen", () => {
  const { bytes, ends } = layOut([{ n: 1 }, { n: "two" }, { n: [3] }]);
  for (let at = 0; at < bytes.length; at++) {
    for (let flip = 1; flip < 256; flip++) {
      const changed = Buffer.from(bytes);
      changed[at] = (bytes[at] ?? 0) ^ flip;
      const { ending } = decode([changed]);
      const wholeBefore = Math.max(0, ends.filter((end) => end <= at).length - 1);
      assert.equal(ending.events, wholeBefore, `byte ${at} flip ${flip}`);
      // Only a last byte that became zero looks like a tear; everything else could hide events and is damage.
      const isTear = at === bytes.length - 1 && changed[at] === 0;
      assert.equal(ending.kind, isTear ? "torn" : "damaged", `byte ${at} flip ${flip}`);
    }
  }
});

test("a beginning of a ledger is torn at the last whole frame, also with zeros behind it", () => {
  const { bytes, ends } = layOut([{ n: 1 }, { text: "é".repeat(200) }, { n: 3 }]);
  for (let cut = 0; cut < bytes.length; cut++) {
    const end = ends.findLast((each) => each <= cut) ?? 0;
    const isWhole = end === cut && cut > 0;
    for (const zeros of [0, 1, 3, 40, 5000]) {
      const { ending } = decode([bytes.subarray(0, cut), new Uint8Array(zeros)]);
      const wanted = isWhole && zeros === 0 ? { kind: "whole" } : { kind: "torn", bytes: cut - end + zeros };
      const events = Math.max(0, ends.indexOf(end));
      assert.deepEqual(
        { ...ending, chain: null },
        { events, end, chain: null, ...wanted },
        `cut ${cut} zeros ${zeros}`,
      );
    }
  }
});

test("a length changed so that later frames seem to be missing is damage, not a tear", () => {
  const { bytes, ends } = layOut([{ n: 1 }, { n: 2 }, { n: 3 }]);
  for (const start of ends.slice(0, 3)) {
    for (const length of [PAYLOAD_BYTES_MAX, 1000, 8, 6, 2, 1, 0]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt32BE(length, start);
      const { ending } = decode([changed]);
      assert.deepEqual([ending.kind, ending.events], ["damaged", ends.indexOf(start)], `length ${length} at ${start}`);
    }
  }
});

test("frames that changed places, repeat or are missing are damage", () => {
  const { bytes, ends } = layOut([{ n: 1 }, { n: 2 }, { n: 3 }]);
  const frames = [0, 1, 2].map((n) => bytes.subarray(ends[n], ends[n + 1]));
  for (const order of [
    [1, 0, 2],
    [0, 0, 1, 2],
    [0, 2],
    [1, 2],
    [0, 1, 2, 2],
  ]) {
    const moved = Buffer.concat([FIRST_LINE, ...order.map((n) => frames[n] ?? Buffer.alloc(0))]);
    assert.equal(decode([moved]).ending.kind, "damaged", order.join());
  }
});

test("data behind zeros is damage", () => {
  const { bytes } = layOut([{ n: 1 }]);
  assert.equal(decode([bytes, new Uint8Array(5000), Buffer.from("x")]).ending.kind, "damaged");
  assert.equal(decode([new Uint8Array(5000), bytes]).ending.kind, "damaged");
});

function layOut(events: readonly JsonObject[]): { bytes: Buffer; ends: number[] } {
  const frames: Uint8Array[] = [FIRST_LINE];
  const ends = [FIRST_LINE.length];
  let chain = FIRST_CHAIN;
  for (const event of events) {
    const frame = encodeFrame(chain, event);
    assert.ok(frame.ok);
    frames.push(frame.bytes);
    ends.push((ends.at(-1) ?? 0) + frame.bytes.length);
    chain = frame.chain;
  }
  return { bytes: Buffer.concat(frames), ends };
}

function decode(pieces: Iterable<Uint8Array>): { texts: string[]; ending: Ending } {
  const texts: string[] = [];
  const frames = decodeFrames(pieces);
  for (let step = frames.next(); ; step = frames.next()) {
    if (step.done) return { texts, ending: step.value };
    texts.push(Buffer.from(step.value.payload).toString());
  }
}

function* split(bytes: Uint8Array, sizes: Iterator<number>): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const size = sizes.next().value ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

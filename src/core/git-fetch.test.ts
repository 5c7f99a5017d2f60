import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FETCH_BYTES_MAX, type FetchCall, readFetch, writeFetch } from "./git-fetch.ts";
import { writePackets } from "./git-packet.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0), numRuns: 500 });

const [A, B, C, D] = ["a", "b", "c", "d"].map((sign) => sign.repeat(40)) as [string, string, string, string];
const bytes = (...packets: readonly string[]) => Buffer.from(writePackets(packets));
const known = (id: string) => id !== D;
const read = (version: 0 | 2, ...packets: readonly string[]) => readFetch(bytes(...packets), version);
/** What the remote gets of a body; null where it gets nothing. */
const sent = (version: 0 | 2, ...packets: readonly string[]) => {
  const call = read(version, ...packets);
  return call && writeFetch(call, known);
};

const HEAD_2 = ["agent=git/2.39.5", "object-format=sha1", "delimiter"];

test("what git sends is read, and goes on without what its sender chose", () => {
  assert.equal(
    sent(2, "command=ls-refs", ...HEAD_2, "peel", "symrefs", "ref-prefix refs/heads/x", "flush"),
    writePackets(["command=ls-refs", "object-format=sha1", "delimiter", "peel", "symrefs", "flush"]),
  );
  assert.equal(
    sent(
      2,
      "command=fetch",
      ...HEAD_2,
      "ofs-delta",
      "thin-pack",
      `want ${B}`,
      `want ${A}`,
      `have ${D}`,
      `have ${C}`,
      "done",
      "flush",
    ),
    writePackets([
      ...["command=fetch", "object-format=sha1", "delimiter", "thin-pack", "ofs-delta"],
      ...[`want ${A}`, `want ${B}`, `have ${C}`, "done", "flush"],
    ]),
  );
  assert.equal(
    sent(
      0,
      `want ${B} multi_ack_detailed no-done thin-pack deepen-since deepen-not agent=git/2.39.5`,
      `want ${A}`,
      "flush",
      `have ${D}`,
      `have ${C}`,
      "flush",
    ),
    writePackets([`want ${A} multi_ack_detailed no-done thin-pack`, `want ${B}`, "flush", `have ${C}`, "flush"]),
  );
  assert.equal(sent(0, `want ${A}`, "flush", "done"), writePackets([`want ${A}`, "flush", "done"]));
  assert.equal(
    sent(2, "command=fetch", ...HEAD_2, `want ${A}`, `have ${D}`, "flush"),
    writePackets(["command=fetch", "object-format=sha1", "delimiter", `want ${A}`, `have ${"f".repeat(40)}`, "flush"]),
  );
  // Only where the history will end is asked: an answer to more would be another one.
  assert.equal(
    sent(0, `want ${A} ofs-delta`, `shallow ${B}`, `shallow ${D}`, "deepen 3", "flush"),
    writePackets([`want ${A} ofs-delta`, `shallow ${B}`, "deepen 3", "flush"]),
  );
  for (const version of [0, 2] as const) assert.equal(sent(version, "flush"), "0000");
});

for (const [title, version, packets] of [
  ["a command that is none of the two", 2, ["command=object-info", ...HEAD_2, `oid ${A}`, "flush"]],
  ["an option of the server's", 2, ["command=ls-refs", ...HEAD_2.slice(0, 2), "server-option=x", "delimiter", "flush"]],
  ["a ref by name", 2, ["command=fetch", ...HEAD_2, "want-ref refs/heads/x", "flush"]],
  ["a filter", 2, ["command=fetch", ...HEAD_2, `want ${A}`, "filter blob:none", "flush"]],
  ["a history up to a name", 2, ["command=fetch", ...HEAD_2, `want ${A}`, "deepen-not x", "flush"]],
  ["a depth that is none", 2, ["command=fetch", ...HEAD_2, `want ${A}`, "deepen 01", "flush"]],
  ["a depth of a message", 2, ["command=fetch", ...HEAD_2, `want ${A}`, "deepen 1869771365", "flush"]],
  ["two depths", 2, ["command=fetch", ...HEAD_2, `want ${A}`, "deepen 1", "deepen 2", "flush"]],
  ["nothing that is wanted", 2, ["command=fetch", ...HEAD_2, `have ${A}`, "flush"]],
  ["something behind the end", 2, ["command=fetch", ...HEAD_2, `want ${A}`, "flush", `have ${B}`]],
  ["two ends", 2, ["command=fetch", ...HEAD_2, `want ${A}`, "flush", "flush"]],
  ["no end", 2, ["command=fetch", ...HEAD_2, `want ${A}`]],
  ["something behind done", 2, ["command=fetch", ...HEAD_2, `want ${A}`, "done", `have ${B}`, "flush"]],
  ["an id with something behind it", 2, ["command=fetch", ...HEAD_2, `want ${A} x`, "flush"]],
  ["an id of another format", 2, ["command=fetch", ...HEAD_2, `want ${A}${"a".repeat(24)}`, "flush"]],
  ["another format", 2, ["command=fetch", "object-format=sha256", "delimiter", `want ${A}`, "flush"]],
  ["an unknown capability", 0, [`want ${A} x=y`, "flush", "done"]],
  ["a want behind the wants", 0, [`want ${A}`, "flush", `want ${B}`, "done"]],
  ["a first line that wants nothing", 0, [`have ${A}`, "flush", "done"]],
  ["haves without an end", 0, [`want ${A}`, "flush", `have ${B}`]],
  ["a body of the other version", 0, ["command=fetch", ...HEAD_2, `want ${A}`, "flush"]],
] as const)
  test(`${title} is no fetch`, () => assert.equal(read(version, ...packets), null));

test("bytes that are no packets, or too many, are no fetch", () => {
  const whole = bytes(`want ${A}`, "flush", "done");
  for (const body of [
    Buffer.alloc(0),
    whole.subarray(0, -1),
    Buffer.concat([whole, Buffer.from("x")]),
    Buffer.from("0003"),
    Buffer.from("0004"),
    Buffer.from("fff1"),
    Buffer.concat([bytes(`want ${A}`), Buffer.alloc(FETCH_BYTES_MAX, "0000")]),
  ])
    assert.equal(readFetch(body, 0), null);
});

const id = fc.stringMatching(/^[0-9a-f]{40}$/);
const ids = fc.array(
  fc.constantFrom(A, B, C, D).chain((one) => fc.oneof(fc.constant(one), id)),
  { maxLength: 5 },
);
const names = (...all: readonly string[]) => fc.subarray([...all]);
const calls: fc.Arbitrary<FetchCall> = fc.oneof(
  fc.record({ kind: fc.constant("refs" as const), features: names("peel", "symrefs", "unborn") }),
  fc.record({
    kind: fc.constant("fetch" as const),
    version: fc.constantFrom(0 as const, 2 as const),
    features: names("thin-pack", "no-progress", "include-tag", "ofs-delta"),
    wants: fc.array(id, { minLength: 1, maxLength: 4 }),
    haves: ids,
    shallow: ids,
    depth: fc.option(fc.integer({ min: 1, max: 1000 })),
    end: fc.constantFrom("done" as const, "flush" as const),
  }),
);

test("what is written reads as the same call, and writes the same again", () => {
  fc.assert(
    fc.property(calls, (call) => {
      const version = call.kind === "fetch" ? call.version : 2;
      const text = writeFetch(call, known);
      const again = readFetch(Buffer.from(text), version);
      assert.notEqual(again, null);
      assert.equal(again && writeFetch(again, known), text);
      assert.equal(text.includes(D) && call.kind === "fetch" && !call.wants.includes(D), false);
    }),
  );
});

test("of any bytes that are read, only words of git's own and ids leave", () => {
  const line = fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 60 }),
    fc.constantFrom(
      "command=fetch",
      "command=ls-refs",
      "agent=x",
      "peel",
      "done",
      `want ${A}`,
      `have ${D}`,
      "flush",
      "delimiter",
    ),
    id.map((one) => `have ${one}`),
  );
  const bodies = fc.oneof(
    fc.array(line, { maxLength: 12 }).map((lines) => bytes(...lines)),
    fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw)),
  );
  const plain =
    /^(?:[0-9a-f]{4}(?:(?:command=(?:fetch|ls-refs)|object-format=sha1|peel|symrefs|unborn|done|(?:want|have|shallow) [0-9a-f]{40}|deepen \d+| ?(?:multi_ack_detailed|multi_ack|no-done|side-band-64k|side-band|thin-pack|no-progress|include-tag|ofs-delta|deepen-relative))+\n)?)*$/;
  fc.assert(
    fc.property(bodies, fc.constantFrom(0 as const, 2 as const), (body, version) => {
      const call = readFetch(body, version);
      if (call !== null) assert.match(writeFetch(call, known), plain);
    }),
  );
});

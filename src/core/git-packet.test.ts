import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketRun, writePackets } from "./git-packet.ts";

test("where packets end is found in whatever pieces they come, and only there", () => {
  const text = `${writePackets(["one", "delimiter", "x".repeat(3000)])}0000`;
  const bytes = Buffer.from(`${text}rest`);
  for (const size of [1, 3, 4, 7, 1000, bytes.length]) {
    const run = new PacketRun();
    let end: number | null = null;
    for (let at = 0; end === null && at < bytes.length; at += size) {
      const found = run.push(bytes.subarray(at, at + size));
      assert.notEqual(found, "broken");
      if (typeof found === "number") end = at + found;
    }
    assert.equal(end, text.length, String(size));
    assert.ok(run.isWhole);
  }
});

test("what are no packets is told at the first byte that cannot be one, and half a packet is not whole", () => {
  for (const text of ["Welcome", "000g", "0002", "0003", "0004", "ffff", "0008one\nPACK"])
    assert.equal(new PacketRun().push(Buffer.from(text)), "broken", text);
  for (const text of ["0", "0008", "0008one"]) {
    const run = new PacketRun();
    assert.deepEqual([run.push(Buffer.from(text)), run.isWhole], ["more", false], text);
  }
});

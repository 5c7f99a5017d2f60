import assert from "node:assert/strict";
import { test } from "node:test";
import { bitString, boolean, choice, flags, integer, octets, oid, pem, sequence, set, time, utf8 } from "./der.ts";

test("each kind is written as X.690 has it", () => {
  const hex = (bytes: Buffer) => bytes.toString("hex");
  assert.equal(hex(oid("1.2.840.10045.4.3.2")), "06082a8648ce3d040302");
  assert.equal(hex(oid("2.5.29.30")), "0603551d1e");
  assert.equal(hex(sequence(boolean(true), integer(0))), "30060101ff020100");
  assert.equal(hex(integer(Buffer.from([1, 255]))), "020201ff");
  assert.equal(hex(octets(Buffer.from("a"))), "040161");
  assert.equal(hex(bitString(Buffer.from([7]))), "03020007");
  // digitalSignature and keyCertSign, as RFC 5280 counts them.
  assert.deepEqual([hex(flags(0)), hex(flags(5))], ["03020780", "03020204"]);
  assert.equal(hex(set(utf8("é"))), "31040c02c3a9");
  assert.equal(time(new Date("2026-11-29T01:02:03.456Z")).toString("latin1"), "\x17\x0d261129010203Z");
  assert.equal(time(new Date("2050-01-01T00:00:00Z")).toString("latin1"), "\x18\x0f20500101000000Z");
});

test("a length has as many bytes as it needs", () => {
  for (const [length, head] of [
    [127, "047f"],
    [128, "048180"],
    [255, "0481ff"],
    [256, "04820100"],
    [65_535, "0482ffff"],
  ] as const)
    assert.equal(choice(4, Buffer.alloc(length)).toString("hex").slice(0, head.length), head);
});

test("a certificate as text has lines of 64 signs", () => {
  assert.match(
    pem(Buffer.alloc(100)),
    /^-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE-----\n$/,
  );
});

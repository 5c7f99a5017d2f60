import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { type AddressKind, addressKind, parseAddress } from "./address.ts";

const KINDS: Readonly<Record<AddressKind, readonly string[]>> = {
  public: [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "172.15.255.255",
    "100.63.255.255",
    "100.128.0.1",
    "2606:4700::1111",
    "64:ff9b::808:808",
  ],
  loopback: [
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "[::1]",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "::127.0.0.1",
  ],
  private: [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "fd12::1",
    "::ffff:10.0.0.1",
    "2002:a00:1::1",
    "fec0::1",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.80",
    "2001:db8::1",
  ],
  "link-local": ["169.254.1.1", "fe80::1", "::ffff:169.254.1.1"],
  metadata: [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
  ],
  reserved: [
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "ff02::1",
    "100::1",
    "4000::1",
    "no address",
    "127.1",
    "fe80::1%eth0",
    "1.2.3.4.5",
    "",
  ],
};

for (const [kind, addresses] of Object.entries(KINDS)) {
  test(`${addresses.length} addresses are ${kind}`, () => {
    for (const address of addresses) assert.equal(addressKind(address), kind, address);
  });
}

test("bytes of an address are those that Node reads", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      const bytes = parseAddress(address);
      assert.ok(bytes, address);
      const family = address.includes(":") ? "ipv6" : "ipv4";
      const list = new BlockList();
      list.addAddress(address, family);
      const again = family === "ipv4" ? bytes.join(".") : toColons(bytes);
      assert.ok(list.check(again, family), `${address} is not ${again}`);
    }),
    { numRuns: 1000 },
  );
});

test("whatever carries an address of IPv4 is of its kind, or is refused", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const kind = addressKind(address);
      assert.equal(addressKind(`::ffff:${address}`), kind);
      if (kind === "public") return;
      const words = toColons(parseAddress(address) ?? []);
      for (const carrier of [`64:ff9b::${words}`, `2002:${words}::1`, `::${words}`])
        assert.notEqual(addressKind(carrier), "public");
    }),
    { numRuns: 1000 },
  );
});

function toColons(bytes: readonly number[]): string {
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 2)
    words.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  return words.join(":");
}

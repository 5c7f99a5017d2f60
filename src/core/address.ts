/** What kind of place an IP address is. Only `public` is reached without a rule that names the host as private. */
export type AddressKind = "public" | "loopback" | "private" | "link-local" | "metadata" | "reserved";

type Range = readonly [address: string, bits: number, kind: AddressKind];

// The first that matches counts: what is narrower stands before what is wider. IANA's special-purpose registries. What is
// kept for examples and measurements is on nobody's internet; who meets it has it in a network of their own.
const RANGES_4: readonly Range[] = [
  ["169.254.169.254", 32, "metadata"],
  ["169.254.170.2", 32, "metadata"],
  ["100.100.100.200", 32, "metadata"],
  ["168.63.129.16", 32, "metadata"],
  ["192.0.0.192", 32, "metadata"],
  ["127.0.0.0", 8, "loopback"],
  ["10.0.0.0", 8, "private"],
  ["172.16.0.0", 12, "private"],
  ["192.168.0.0", 16, "private"],
  ["100.64.0.0", 10, "private"],
  ["169.254.0.0", 16, "link-local"],
  ["0.0.0.0", 8, "reserved"],
  ["192.0.0.0", 24, "reserved"],
  ["192.0.2.0", 24, "private"],
  ["192.88.99.0", 24, "reserved"],
  ["198.18.0.0", 15, "private"],
  ["198.51.100.0", 24, "private"],
  ["203.0.113.0", 24, "private"],
  ["224.0.0.0", 4, "reserved"],
  ["240.0.0.0", 4, "reserved"],
];
const RANGES_6: readonly Range[] = [
  ["fd00:ec2::254", 128, "metadata"],
  ["fd20:ce::254", 128, "metadata"],
  ["::1", 128, "loopback"],
  ["fc00::", 7, "private"],
  ["fec0::", 10, "private"],
  ["fe80::", 10, "link-local"],
  ["2001::", 23, "reserved"],
  ["2001:db8::", 32, "private"],
  ["3fff::", 20, "private"],
];
/** IPv6 that carries an IPv4 address: where in its 16 bytes. */
const CARRIERS: readonly (readonly [address: string, bits: number, at: number])[] = [
  ["::ffff:0:0", 96, 12],
  ["::ffff:0:0:0", 96, 12],
  ["64:ff9b::", 96, 12],
  ["2002::", 16, 2],
  ["::", 96, 12],
];

/** Tells what kind of place an address is, in dotted or colon form, with or without brackets; `reserved` when it is no address. */
export function addressKind(text: string): AddressKind {
  const bytes = parseAddress(text.replace(/^\[(.*)\]$/, "$1"));
  if (bytes === null) return "reserved";
  if (bytes.length === 4) return kindIn(RANGES_4, bytes, "public");
  // The loopback and "none" are of the range of old carriers.
  const own = kindIn(RANGES_6, bytes, "public");
  if (own !== "public") return own;
  const carrier = CARRIERS.find(([address, bits]) => isWithin(bytes, address, bits));
  if (carrier) return kindIn(RANGES_4, bytes.slice(carrier[2], carrier[2] + 4), "public");
  // Nothing else outside 2000::/3 is reached over the internet.
  return isWithin(bytes, "2000::", 3) ? "public" : "reserved";
}

/** Reads an address into its 4 or 16 bytes; null when it is none. A scope makes it none. */
export function parseAddress(text: string): readonly number[] | null {
  if (!text.includes(":")) return parseDotted(text);
  if (!/^[0-9a-f:.]+$/i.test(text)) return null;
  const last = text.slice(text.lastIndexOf(":") + 1);
  const dotted = last.includes(".") ? parseDotted(last) : null;
  if (last.includes(".") && dotted === null) return null;
  const words = dotted === null ? text : `${text.slice(0, -last.length)}${toWords(dotted)}`;
  const halves = words.split("::");
  if (halves.length > 2) return null;
  const [before = [], after = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - before.length - after.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const all = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  if (!all.every((word) => /^[0-9a-f]{1,4}$/i.test(word))) return null;
  return all.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]);
}

function parseDotted(text: string): readonly number[] | null {
  const parts = text.split(".");
  const isWhole = parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isWhole ? parts.map(Number) : null;
}

function toWords([a = 0, b = 0, c = 0, d = 0]: readonly number[]): string {
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function kindIn(ranges: readonly Range[], bytes: readonly number[], otherwise: AddressKind): AddressKind {
  return ranges.find(([address, bits]) => isWithin(bytes, address, bits))?.[2] ?? otherwise;
}

function isWithin(bytes: readonly number[], address: string, bits: number): boolean {
  const start = parseAddress(address);
  if (start?.length !== bytes.length) return false;
  return bytes.every((byte, index) => {
    const mask = 255 & ~(255 >> Math.min(8, Math.max(0, bits - index * 8)));
    return (byte & mask) === ((start[index] ?? 0) & mask);
  });
}

/** Writes the few kinds of DER (X.690) that a certificate is made of. */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return choice(TAG.sequence, ...parts);
}

/** Of one member, whose order is no question. */
export function set(part: Uint8Array): Buffer {
  return choice(TAG.set, part);
}

export function boolean(value: boolean): Buffer {
  return choice(TAG.boolean, Buffer.from([value ? 255 : 0]));
}

/** A small number, or bytes whose first is from 1 to 127. */
export function integer(value: number | Uint8Array): Buffer {
  return choice(TAG.integer, typeof value === "number" ? Buffer.from([value]) : value);
}

export function octets(bytes: Uint8Array): Buffer {
  return choice(TAG.octets, bytes);
}

/** Whole bytes. */
export function bitString(bytes: Uint8Array): Buffer {
  return choice(TAG.bits, Buffer.from([0]), bytes);
}

/** One flag of at most eight, counted from the highest; what is below it is left out. */
export function flags(bit: number): Buffer {
  return choice(TAG.bits, Buffer.from([7 - bit, 0x80 >> bit]));
}

export function utf8(text: string): Buffer {
  return choice(TAG.utf8, Buffer.from(text, "utf8"));
}

/** An instant in seconds; in two digits of the year up to 2049, in four after, as X.509 wants it. */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]|\.\d+/g, "");
  const isShort = at.getUTCFullYear() < 2050;
  return choice(isShort ? TAG.utcTime : TAG.time, Buffer.from(isShort ? digits.slice(2) : digits, "latin1"));
}

/** An identifier by its numbers: "2.5.29.17". */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return choice(TAG.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** Parts behind a tag, with their length. */
export function choice(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const lengths = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...lengths]), ...parts]);
}

/** A certificate as text. */
export function pem(bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function base128(value: number): number[] {
  const digits = [value & 127];
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 127) | 128);
  return digits;
}

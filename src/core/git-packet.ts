/** One packet of git's protocol: what a line holds, or one of the two marks. */
export type Packet = Uint8Array | "flush" | "delimiter";

/** What stands at a place: a packet and where the next begins, too little for one, or what is none. */
export type Taken = { readonly packet: Packet; readonly end: number } | "short" | "broken";

const HEAD_BYTES = 4;
/** As git has it, its head included. */
const PACKET_BYTES_MAX = 65_520;

/** Takes the packet that begins at a place. */
export function takePacket(bytes: Uint8Array, at: number): Taken {
  const head = latin1(bytes.subarray(at, at + HEAD_BYTES));
  if (head.length < HEAD_BYTES) return "short";
  if (head === "0000") return { packet: "flush", end: at + HEAD_BYTES };
  if (head === "0001") return { packet: "delimiter", end: at + HEAD_BYTES };
  const length = /^[0-9a-f]{4}$/i.test(head) ? Number.parseInt(head, 16) : 0;
  // An empty line is one that git never sends.
  if (length <= HEAD_BYTES || length > PACKET_BYTES_MAX) return "broken";
  const end = at + length;
  return end > bytes.length ? "short" : { packet: bytes.subarray(at + HEAD_BYTES, end), end };
}

/** Follows packets that come in pieces, up to the first flush, without keeping them. */
export class PacketRun {
  /** Bytes of the packet that has begun which are still to come. */
  #left = 0;
  #head = "";

  /** Whether what came so far ends with a packet. */
  get isWhole(): boolean {
    return this.#left === 0 && this.#head === "";
  }

  /** Takes a piece: where in it the first flush ends, `more` where that is still to come, `broken` for what are no packets. */
  push(piece: Uint8Array): number | "more" | "broken" {
    for (let at = 0; at < piece.length; ) {
      const step = Math.min(this.#left, piece.length - at);
      this.#left -= step;
      at += step;
      if (this.#left > 0 || at >= piece.length) continue;
      const head = latin1(piece.subarray(at, at + HEAD_BYTES - this.#head.length));
      this.#head += head;
      at += head.length;
      if (!/^[0-9a-f]*$/i.test(this.#head)) return "broken";
      if (this.#head.length < HEAD_BYTES) continue;
      const length = Number.parseInt(this.#head, 16);
      this.#head = "";
      if (length === 0) return at;
      if (length === 1) continue;
      if (length <= HEAD_BYTES || length > PACKET_BYTES_MAX) return "broken";
      this.#left = length - HEAD_BYTES;
    }
    return "more";
  }
}

/** Reads packets to the end of the bytes; null where they are none, do not end with one, or are more than `packetsMax`. */
export function readPackets(bytes: Uint8Array, packetsMax: number): Packet[] | null {
  const packets: Packet[] = [];
  for (let at = 0; at < bytes.length; ) {
    const taken = takePacket(bytes, at);
    if (typeof taken === "string" || packets.length >= packetsMax) return null;
    packets.push(taken.packet);
    at = taken.end;
  }
  return packets;
}

/** The line of a packet without its line break; null for a mark, and for what is no printable ASCII. */
export function lineOf(packet: Packet | undefined): string | null {
  if (packet === undefined || typeof packet === "string") return null;
  const text = latin1(packet).replace(/\n$/, "");
  return /^[\x20-\x7e]+$/.test(text) ? text : null;
}

/** Writes packets: a line each, with its line break, or a mark. */
export function writePackets(packets: readonly string[]): string {
  return packets
    .map((packet) => {
      if (packet === "flush") return "0000";
      if (packet === "delimiter") return "0001";
      return `${(packet.length + HEAD_BYTES + 1).toString(16).padStart(4, "0")}${packet}\n`;
    })
    .join("");
}

/** The id of an object, in SHA-1. */
export const OBJECT_ID = /^[0-9a-f]{40}$/;

export function latin1(bytes: Uint8Array): string {
  let text = "";
  // An argument each, of which a call can have only so many.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

import { latin1, takePacket } from "./git-packet.ts";

/** More are not kept: what a remote shows beyond them cannot be fetched. */
const IDS_MAX = 500_000;
const LINE = /^([0-9a-f]{40}) [^\n]*?(?: peeled:([0-9a-f]{40}))?\n?$/;

/** Reads the ids that a remote shows, from the pieces of its answer, in both versions of the protocol. */
export class ShownRefs {
  readonly #ids: Set<string>;
  #rest: Uint8Array = new Uint8Array();
  #isBroken = false;

  /** Adds to the ids that are known already. */
  constructor(ids: Set<string>) {
    this.#ids = ids;
  }

  push(piece: Uint8Array): void {
    if (this.#isBroken) return;
    const bytes = new Uint8Array(this.#rest.length + piece.length);
    bytes.set(this.#rest);
    bytes.set(piece, this.#rest.length);
    let at = 0;
    for (;;) {
      const taken = takePacket(bytes, at);
      this.#isBroken = taken === "broken";
      if (typeof taken === "string") break;
      if (typeof taken.packet !== "string") this.#take(taken.packet);
      at = taken.end;
    }
    this.#rest = this.#isBroken ? new Uint8Array() : bytes.slice(at);
  }

  #take(packet: Uint8Array): void {
    const [, id, peeled] = LINE.exec(latin1(packet)) ?? [];
    for (const one of [id, peeled]) if (one !== undefined && this.#ids.size < IDS_MAX) this.#ids.add(one);
  }
}

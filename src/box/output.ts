/** Most that is kept of a command's output in full; past it only the end is kept. */
const HEAD_BYTES_MAX = 8 << 20;
const TAIL_BYTES = 64 << 10;

/** Collects output in bounded memory: the beginning up to 8 MiB, and the last 64 KiB of what follows. */
export class Output {
  readonly #head: Uint8Array[] = [];
  #headBytes = 0;
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #droppedBytes = 0;

  add(bytes: Uint8Array): void {
    const room = HEAD_BYTES_MAX - this.#headBytes;
    const head = bytes.subarray(0, room);
    if (head.length > 0) {
      this.#head.push(head);
      this.#headBytes += head.length;
    }
    if (bytes.length > room) this.#addTail(bytes.subarray(Math.max(0, room)));
  }

  get bytesTotal(): number {
    return this.#headBytes + this.#tailBytes + this.#droppedBytes;
  }

  /** How much lies between the beginning and the end that are kept. */
  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  bytes(): Buffer {
    return Buffer.concat([...this.#head, ...this.#tail]);
  }

  /** Returns what was added since the last take, and forgets it. */
  take(): Buffer {
    const bytes = this.bytes();
    this.#head.length = 0;
    this.#tail = [];
    this.#headBytes = this.#tailBytes = this.#droppedBytes = 0;
    return bytes;
  }

  #addTail(bytes: Uint8Array): void {
    this.#tail.push(bytes);
    this.#tailBytes += bytes.length;
    while (this.#tail.length > 1 && this.#tailBytes - (this.#tail[0]?.length ?? 0) >= TAIL_BYTES) {
      const dropped = this.#tail.shift()?.length ?? 0;
      this.#tailBytes -= dropped;
      this.#droppedBytes += dropped;
    }
  }
}

/** Numbers that a seed fixes, so that what they found can be found again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds give unlike sequences, and zero would give none.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
    for (let warm = 0; warm < 4; warm += 1) this.#next();
  }

  /** A whole number from 0 up to, and without, `limit`. */
  below(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit);
  }

  /** True once in `times` on average. */
  chance(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }

  /** Each with a chance of one half. */
  some<T>(from: readonly T[]): T[] {
    return from.filter(() => this.chance(2));
  }

  #next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }
}

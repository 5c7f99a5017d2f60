import type { Holder } from "./holder.ts";
import { type Cgroups, type Limits, makeOneShotGroup } from "./limits.ts";
import { OneShot } from "./oneshot.ts";
import { BoxUnavailable } from "./programs.ts";
import { explainRefusal } from "./refusal.ts";

/** Sandboxes kept warm: with one a call waits for the next, a third gains nothing measurable. */
const WARM = 2;

export interface PoolPlan {
  readonly holder: Holder;
  readonly cgroups: Cgroups;
  readonly limits: Limits;
}

/** Keeps sandboxes ready so that a call does not wait for one to be set up. */
export class Pool {
  readonly #plan: PoolPlan;
  #warm: OneShot[] = [];
  /** Handed to a call that still waits for it to be up. */
  readonly #taken = new Set<OneShot>();
  /** Control groups that no process is in; each serves one sandbox after the other, since making one costs a millisecond. */
  readonly #freeGroups: number[] = [];
  #groupsMade = 0;
  #nextId = 1;
  #isOpen = true;
  #last: Promise<unknown> = Promise.resolve();

  constructor(plan: PoolPlan) {
    this.#plan = plan;
    this.refill();
  }

  /** Takes a sandbox that is up; throws BoxUnavailable, with the reason, when none can be set up. */
  take(): Promise<OneShot> {
    // One after the other: the holder makes the pipes of a sandbox only once it has started the fourth before it.
    const taken = this.#last.then(() => this.#takeNext());
    this.#last = taken.catch(() => {});
    return taken;
  }

  async #takeNext(): Promise<OneShot> {
    if (!this.#isOpen) throw new BoxUnavailable("the box is over; start a new session");
    this.#warm = this.#warm.filter(({ isGone }) => !isGone);
    const oneShot = this.#warm.shift() ?? this.#make();
    this.#taken.add(oneShot);
    const isUp = await oneShot.isUp;
    this.#taken.delete(oneShot);
    if (!isUp) throw new BoxUnavailable(explainRefusal("a sandbox could not be set up:", oneShot.setupErrors));
    // The next one is built while this one works: not before it has its command.
    setImmediate(() => this.refill());
    return oneShot;
  }

  /** Fills the pool up to its size. */
  refill(): void {
    while (this.#isOpen && this.#warm.length < WARM) this.#warm.push(this.#make());
  }

  /** Ends every warm sandbox and waits until they are gone; `refill` starts afresh. */
  async drain(): Promise<void> {
    const warm = this.#warm;
    this.#warm = [];
    for (const oneShot of warm) {
      await oneShot.isUp;
      oneShot.kill();
    }
    await Promise.all(warm.map((oneShot) => oneShot.gone));
  }

  /** Ends for good; whoever waits for a sandbox is told that there is none. */
  close(): void {
    this.#isOpen = false;
    for (const oneShot of [...this.#warm, ...this.#taken]) oneShot.close();
    this.#warm = [];
  }

  #make(): OneShot {
    const { holder, cgroups, limits } = this.#plan;
    const id = this.#nextId++;
    const group = this.#freeGroups.shift() ?? this.#makeGroup(cgroups, limits);
    const oneShot = new OneShot(holder, { id, group });
    oneShot.gone.then(() => this.#freeGroups.push(group)).catch(() => {});
    return oneShot;
  }

  #makeGroup(cgroups: Cgroups, limits: Limits): number {
    this.#groupsMade += 1;
    makeOneShotGroup(cgroups, this.#groupsMade, limits);
    return this.#groupsMade;
  }
}

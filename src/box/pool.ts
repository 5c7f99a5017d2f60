import type { RunProfile } from "../core/shell.ts";
import type { Holder } from "./holder.ts";
import { type Cgroups, type Limits, makeOneShotGroup } from "./limits.ts";
import { OneShot } from "./oneshot.ts";
import { BoxUnavailable } from "./programs.ts";
import { explainRefusal } from "./refusal.ts";

/**
 * Sandboxes kept warm of each profile once it was used, and one before: with one a call waits for the next, a third gains
 * nothing measurable. A build takes longer than its sandbox.
 */
const WARM = 2;

interface Warm {
  readonly oneShot: OneShot;
  readonly profile: RunProfile;
}

export interface PoolPlan {
  readonly holder: Holder;
  readonly cgroups: Cgroups;
  readonly limits: Limits;
}

/** Keeps sandboxes ready so that a call does not wait for one to be set up. */
export class Pool {
  readonly #plan: PoolPlan;
  #warm: Warm[] = [];
  readonly #used = new Set<RunProfile>();
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

  /** Takes a sandbox of a profile that is up; throws BoxUnavailable, with the reason, when none can be set up. */
  take(profile: RunProfile): Promise<OneShot> {
    // One after the other: the holder makes the pipes of a sandbox only once it has started the fourth before it.
    const taken = this.#last.then(() => this.#takeNext(profile));
    this.#last = taken.catch(() => {});
    return taken;
  }

  async #takeNext(profile: RunProfile): Promise<OneShot> {
    if (!this.#isOpen) throw new BoxUnavailable("the box is over; start a new session");
    this.#used.add(profile);
    this.#warm = this.#warm.filter(({ oneShot }) => !oneShot.isGone);
    const at = this.#warm.findIndex((warm) => warm.profile === profile);
    const oneShot = at < 0 ? this.#make(profile) : this.#warm.splice(at, 1)[0]!.oneShot;
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
    for (const profile of ["net", "read-only"] as const) {
      const target = this.#used.has(profile) ? WARM : 1;
      const count = this.#warm.filter((warm) => warm.profile === profile).length;
      for (let more = count; this.#isOpen && more < target; more += 1)
        this.#warm.push({ oneShot: this.#make(profile), profile });
    }
  }

  /** Ends every warm sandbox and waits until they are gone; `refill` starts afresh. */
  async drain(): Promise<void> {
    const warm = this.#warm;
    this.#warm = [];
    for (const { oneShot } of warm) {
      await oneShot.isUp;
      oneShot.kill();
    }
    await Promise.all(warm.map(({ oneShot }) => oneShot.gone));
  }

  /** Ends for good; whoever waits for a sandbox is told that there is none. */
  close(): void {
    this.#isOpen = false;
    for (const oneShot of [...this.#warm.map(({ oneShot }) => oneShot), ...this.#taken]) oneShot.close();
    this.#warm = [];
  }

  #make(profile: RunProfile): OneShot {
    const { holder, cgroups, limits } = this.#plan;
    const id = this.#nextId++;
    const group = this.#freeGroups.shift() ?? this.#makeGroup(cgroups, limits);
    const oneShot = new OneShot(holder, { id, group, profile });
    oneShot.gone.then(() => this.#freeGroups.push(group)).catch(() => {});
    return oneShot;
  }

  #makeGroup(cgroups: Cgroups, limits: Limits): number {
    this.#groupsMade += 1;
    makeOneShotGroup(cgroups, this.#groupsMade, limits);
    return this.#groupsMade;
  }
}

import { answered, type Grant, UNTIL_MS_MAX } from "../../src/core/grant.ts";
import { INTEGRITIES, join, type Label, SECRECIES } from "../../src/core/label.ts";
import { hold, isLabelBelow } from "./promises.ts";
import type { Random } from "./random.ts";

interface Given {
  readonly hash: string;
  readonly session: string;
  readonly label: Label;
  readonly madeAt: number;
  readonly deadline: number;
  readonly isOnce: boolean;
  used: number;
}

/** What a person said yes to, kept twice: as grants, and as a plain list of all that was ever said. */
export class YesBook {
  readonly #random: Random;
  readonly #reached: Set<string>;
  readonly #given: Given[] = [];
  #grants: readonly Grant[] = [];
  #now = 1000;

  constructor(random: Random, reached: Set<string>) {
    this.#random = random;
    this.#reached = reached;
  }

  wait(): void {
    this.#now += this.#random.pick([1, 1000, 1000, UNTIL_MS_MAX / 2, UNTIL_MS_MAX + 1]);
  }

  /** Whether an earlier yes answers this; the person may say another, for the next time. */
  ask(hash: string, session: string, label: Label): boolean {
    const { isGranted, grants } = answered(this.#grants, { hash, session, label, now: this.#now });
    if (grants.length < this.#grants.length) this.#reached.add("a yes ended");
    this.#grants = grants;
    if (isGranted) this.#count(hash, session, label);
    const isSaid = this.#random.chance(3);
    if (isSaid) this.#say(hash, session, label);
    if ((isSaid || isGranted) && this.#random.chance(2)) this.#retry(hash, session, label);
    return isGranted;
  }

  /** Whoever got a yes tries the same again: at once, later, or after it has seen more. */
  #retry(hash: string, session: string, label: Label): void {
    if (this.#random.chance(2)) this.wait();
    const more = { integrity: this.#random.pick(INTEGRITIES), secrecy: this.#random.pick(SECRECIES) };
    this.ask(hash, session, this.#random.chance(2) ? label : join(label, more));
  }

  #count(hash: string, session: string, label: Label): void {
    this.#reached.add("a yes counted");
    const given = this.#given.find(
      (one) =>
        one.hash === hash &&
        one.session === session &&
        one.madeAt <= this.#now &&
        this.#now < one.deadline &&
        isLabelBelow(label, one.label) &&
        !(one.isOnce && one.used > 0),
    );
    const at = `${label.integrity} ${label.secrecy}, ${this.#now}`;
    hold(given !== undefined, "grants", `nobody said yes to ${hash} at ${at}`);
    given.used += 1;
  }

  #say(hash: string, session: string, label: Label): void {
    const madeAt = this.#now;
    const span = this.#random.pick([
      { kind: "once" },
      { kind: "once" },
      { kind: "session" },
      { kind: "until", at: madeAt + 1000 },
      { kind: "until", at: madeAt + 10 * UNTIL_MS_MAX },
    ] as const);
    const deadline = span.kind === "until" ? Math.min(span.at, madeAt + UNTIL_MS_MAX) : Number.POSITIVE_INFINITY;
    this.#grants = [...this.#grants, { hash, session, label, madeAt, span }];
    this.#given.push({ hash, session, label, madeAt, deadline, isOnce: span.kind === "once", used: 0 });
  }
}

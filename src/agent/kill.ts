import { bound } from "../core/text.ts";
import type { Ledger } from "../ledger/append.ts";
import type { SessionMonitor } from "./monitor.ts";
import { wellFormed } from "./recorded.ts";

/** What of a session ends at once. */
export interface Killed {
  readonly box: { kill(): void };
  /** Ends every connection of the box. */
  readonly drop: () => void;
}

/** Why a signal aborts that kills: everything ends at once, and nothing is waited for. */
export const KILL = "kill";

const WHY_CHARS_MAX = 400;

/** Ends all of a session at once: every process of its box, its network and what was allowed; the record says so and is signed. */
export class KillSwitch {
  readonly #ledger: Ledger;
  readonly #monitor: SessionMonitor;
  readonly #now: () => number;
  #armed: Killed | null = null;
  #why: string | null = null;

  constructor(ledger: Ledger, monitor: SessionMonitor, now: () => number) {
    this.#ledger = ledger;
    this.#monitor = monitor;
    this.#now = now;
  }

  get isKilled(): boolean {
    return this.#why !== null;
  }

  /** Names what a kill ends; where it was asked for before there was any of it, that ends now. */
  arm(killed: Killed): void {
    this.#armed = killed;
    if (this.#why !== null) this.#end(killed);
  }

  /** Kills; a second time does nothing. What the box changed stays in its layer. */
  kill(why: string): void {
    if (this.#why !== null) return;
    this.#why = why;
    if (this.#armed !== null) this.#end(this.#armed);
    this.#monitor.end(why);
    const text = wellFormed(bound(why, WHY_CHARS_MAX).text);
    this.#ledger.append({ type: "killed", at: this.#now(), why: text });
    this.#ledger.sealNow();
  }

  #end({ box, drop }: Killed): void {
    box.kill();
    drop();
  }
}

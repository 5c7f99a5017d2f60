import type { Session } from "../agent/session.ts";

/** So soon after the first, a second Ctrl-C means the whole session. */
const TWICE_MS_MAX = 1000;

/** What kills the session of a terminal: Ctrl-C twice within a second, SIGTERM, or that the terminal is gone. */
export class KillKeys {
  readonly #session: Pick<Session, "kill">;
  readonly #onKilled: () => void;
  readonly #listeners: (readonly [name: NodeJS.Signals, listener: () => void])[] = [];
  #pressedAt = Number.NEGATIVE_INFINITY;
  /** The number of the signal that killed it; 0 for none. */
  signalNumber = 0;

  /** `onKilled` is called once the box is dead and the record signed. */
  constructor(session: Pick<Session, "kill">, onKilled: () => void) {
    this.#session = session;
    this.#onKilled = onKilled;
    for (const [name, number] of [
      ["SIGTERM", 15],
      ["SIGHUP", 1],
    ] as const) {
      const listener = () => {
        this.signalNumber ||= number;
        this.#kill(`${name} was sent`);
      };
      process.on(name, listener);
      this.#listeners.push([name, listener]);
    }
    // While no line is read, Ctrl-C is a signal.
    const interrupt = () => this.press();
    process.on("SIGINT", interrupt);
    this.#listeners.push(["SIGINT", interrupt]);
  }

  /** Takes a Ctrl-C; says whether it killed. */
  press(): boolean {
    const isTwice = performance.now() - this.#pressedAt < TWICE_MS_MAX;
    this.#pressedAt = performance.now();
    if (isTwice) this.#kill("Ctrl-C was pressed twice");
    return isTwice;
  }

  close(): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
  }

  #kill(why: string): void {
    this.#session.kill(why);
    this.#onKilled();
  }
}

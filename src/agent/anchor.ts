import type { JsonObject } from "../core/json.ts";
import { causeOf, LedgerFailure } from "../ledger/failure.ts";
import { anchorWithin, placeWords } from "./config-anchor.ts";
import type { AnchorConfig, AnchorPlace } from "./config-log.ts";

/** How often heads are taken away at most, but for the first of a required anchor and the last. */
const REST_MS = 60_000;

/** Whose sessions the ledger is of, the clock, and how the person is told. */
export interface Told {
  readonly checkout: string;
  readonly now: () => number;
  readonly say: (text: string) => void;
}

/** What of a ledger an anchor uses. */
interface Anchored {
  append(event: JsonObject): unknown;
  sealed(): { readonly note: string; readonly size: number };
  watchHeads(told: (note: string, size: number) => void): void;
  stop(why: string): void;
}

/**
 * Takes signed heads of a ledger to the person's anchor, and records what came of it.
 *
 * Nothing waits for it between begin and finish. Where the person requires it, a failure ends the ledger, and with it all that must
 * be recorded; elsewhere they are told once.
 */
export class Anchor {
  readonly #config: AnchorConfig;
  readonly #ledger: Anchored;
  readonly #now: () => number;
  readonly #say: (text: string) => void;
  #isSaid = false;
  #isOver = false;
  #takenAt = Number.NEGATIVE_INFINITY;
  #going: Promise<void> | null = null;

  /** Throws LedgerFailure where the place is one that sessions of the checkout could reach. */
  constructor(config: AnchorConfig, ledger: Anchored, { checkout, now, say }: Told) {
    const unfit = anchorWithin(config, checkout);
    if (unfit !== null) throw new LedgerFailure(unfit);
    this.#config = config;
    this.#ledger = ledger;
    this.#now = now;
    this.#say = say;
    ledger.watchHeads((note, size) => this.#onHead(note, size));
  }

  /** Where the anchor is required, returns once a first head is there; throws LedgerFailure where that cannot be. */
  async begin(): Promise<void> {
    if (this.#config.isRequired) await this.#takeNewest();
  }

  /** Takes the last head there; the ledger is to be closed after it. Throws LedgerFailure where that was required and failed. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#going;
    try {
      await this.#takeNewest();
    } catch (error) {
      // What ended the ledger was said by whoever met it first.
      if (this.#config.isRequired) throw error;
    }
  }

  async #takeNewest(): Promise<void> {
    this.#takenAt = this.#now();
    const { note, size } = this.#ledger.sealed();
    // A ledger that was opened again and to which nothing came.
    if (note === "") return;
    const failed = await this.#take(note, size);
    if (failed !== null && this.#config.isRequired) throw new LedgerFailure(failed);
  }

  #onHead(note: string, size: number): void {
    const now = this.#now();
    if (this.#isOver || this.#going !== null || now - this.#takenAt < REST_MS) return;
    this.#takenAt = now;
    this.#going = this.#take(note, size)
      .then((failed) => {
        if (failed !== null && this.#config.isRequired) this.#ledger.stop(failed);
      })
      // Nobody waits here: a ledger that takes no more says so at the next append.
      .catch(() => {})
      .finally(() => {
        this.#going = null;
      });
  }

  /** Returns what to tell the person where it failed, else null. */
  async #take(note: string, size: number): Promise<string | null> {
    const place = placeWords(this.#config);
    const error = await put(this.#config, note);
    this.#ledger.append({ type: "anchored", at: this.#now(), place, size, error });
    if (error === null) return null;
    const failed = `the signed head of the log could not be taken to ${place}: ${error}`;
    if (this.#config.isRequired) return `${failed}; log.anchor is required, so nothing goes on without it`;
    if (!this.#isSaid) this.#say(`${failed}; the session goes on`);
    this.#isSaid = true;
    return failed;
  }
}

async function put(place: AnchorPlace, note: string): Promise<string | null> {
  try {
    switch (place.kind) {
      case "file":
        await (await import("../ledger/anchor-file.ts")).appendHead(place.path, note);
        return null;
      case "git":
        await (await import("../box/anchor-git.ts")).commitHead(place, note);
        return null;
      case "url":
        await (await import("../egress/anchor-url.ts")).postHead(place.url, note);
        return null;
    }
  } catch (thrown) {
    return causeOf(thrown);
  }
}

/** Reads what an anchor holds. Throws LedgerFailure where it cannot. */
export async function readAnchor(place: AnchorPlace): Promise<string> {
  try {
    switch (place.kind) {
      case "file":
        return await (await import("../ledger/anchor-file.ts")).readHeadFile(place.path);
      case "git":
        return await (await import("../box/anchor-git.ts")).readHeadRef(place);
      case "url":
        return await (await import("../egress/anchor-url.ts")).getHeads(place.url);
    }
  } catch (thrown) {
    throw new LedgerFailure(`cannot read the anchor ${placeWords(place)}: ${causeOf(thrown)}`);
  }
}

import { readFacts, type SessionFolder } from "../box/folder.ts";
import { readLayers } from "../box/layers.ts";
import { markOf } from "../core/conversation.ts";
import type { JsonObject } from "../core/json.ts";
import { LOST_TEXT, SessionFold, type SessionState, UNDONE_TEXT } from "../core/session-fold.ts";
import type { Ledger } from "../ledger/append.ts";
import { LedgerFailure } from "../ledger/failure.ts";
import { reopenLedger } from "../ledger/reopen.ts";
import { Seal } from "../ledger/seal.ts";
import { releaseFor } from "./changeset.ts";
import type { Record } from "./record.ts";
import { recoverFor } from "./undo.ts";

/** A session that another program began: its record, open to be gone on with, and what it is by that record. */
export class Resumption {
  readonly ledger: Ledger;
  readonly state: SessionState;
  readonly watched: WatchedBefore;
  readonly #path: string;
  readonly #hasLayer: boolean;

  private constructor(
    path: string,
    parts: { ledger: Ledger; state: SessionState; watched: WatchedBefore; hasLayer: boolean },
  ) {
    this.#path = path;
    this.ledger = parts.ledger;
    this.state = parts.state;
    this.watched = parts.watched;
    this.#hasLayer = parts.hasLayer;
  }

  /**
   * Opens the record of a session that is over or broke off, and rebuilds the session from it.
   *
   * Nothing of a record counts before all of it was checked against what was signed; one that fails that is left as it is.
   */
  static open(folder: SessionFolder, checkout: string, hasLayer: boolean): Resumption {
    const file = `${folder.path}/ledger.log`;
    const fold = new SessionFold();
    const watching = new Watching();
    const ledger = reopenLedger(file, Seal.of(folder.path), (event) => {
      fold.add(event);
      watching.add(event);
    });
    try {
      const state = withCheckpoints(fold.state(), folder.path);
      if (state.start?.session !== folder.id || state.start.checkout !== checkout)
        throw new LedgerFailure(`ledger ${file} is the record of another session: keep it as evidence, and start anew`);
      return new Resumption(folder.path, { ledger, state, watched: watching, hasLayer });
    } catch (error) {
      ledger.abandon();
      throw error;
    }
  }

  /** Records that the session goes on, and what is known of the calls that the end of the last program cut off. */
  record(facts: {
    readonly version: string;
    readonly build: string;
    readonly policy: string;
    readonly at: number;
  }): void {
    const { ledger, state } = this;
    ledger.append({ type: "resumed", ...facts });
    for (const { id: call, isBegun } of state.lost) {
      const text = isBegun ? LOST_TEXT : UNDONE_TEXT;
      ledger.append({ type: "outcome", at: facts.at, call, ok: false, code: "cancelled", text, image: null });
    }
    ledger.seal();
  }

  /** Puts right what a landing, an undo or a landing of commits left when it broke off. */
  async putRight(record: Record): Promise<void> {
    const session = { path: this.#path, facts: readFacts(this.#path) };
    await recoverFor(session, record);
    await releaseFor(session, record);
  }

  /** Says what the end of the last program took with it, a sentence each, for the model and the person. */
  get gone(): readonly string[] {
    const { background, isForgotten } = this.state;
    const how = howItGoesOn(this.state);
    const named = background.map((command) => JSON.stringify(command)).join(", ");
    return [
      `${how}, in a new box: /tmp and the home are empty, and no command of before runs.`,
      ...(isForgotten ? ["What was said in this session is not kept any more: it goes on without that."] : []),
      ...(background.length > 0 ? [`What ran in the background has ended: ${named}.`] : []),
      ...(this.#hasLayer ? [] : ["No changes of before wait any more: the files are those of the checkout."]),
    ];
  }
}

function howItGoesOn({ end, from, wasResumed }: SessionState): string {
  if (from !== null && !wasResumed) return `This session was forked from ${from.session}${beforeTurn(from.turn)}`;
  return end === null ? "This session broke off and goes on now" : "This session goes on";
}

/** Says where in a session a fork of it begins. */
export function beforeTurn(turn: number | null): string {
  return turn === null ? " as it was" : `, from before its turn ${turn}`;
}

/** What the monitor is to know of a session before it went on. */
export interface WatchedBefore {
  /** From the first on; the monitor takes them out. */
  readonly events: JsonObject[];
  /** Why every request asks since; null while none has to. */
  readonly asksAll: string | null;
}

class Watching implements WatchedBefore {
  readonly events: JsonObject[] = [];
  asksAll: string | null = null;

  add(event: JsonObject): void {
    this.events.push(event);
    if (event.type === "alarm" && event.level !== "note")
      this.asksAll ??= `the monitor raised an alarm, ${String(event.kind)}: ${String(event.words)}`;
  }
}

/** Adds checkpoints that have no event: the program can end between the two, and nothing was said in between. */
export function withCheckpoints(state: SessionState, sessionPath: string): SessionState {
  const marks = new Map(state.marks);
  for (const { number } of readLayers(sessionPath).checkpoints)
    if (!marks.has(number)) marks.set(number, markOf(state.messages));
  return { ...state, marks };
}

import { closeSync } from "node:fs";
import { migrated, schemaOf } from "../core/schema.ts";
import { parseEvent } from "./event.ts";
import { openFile, readPieces } from "./file.ts";
import { decodeFrames, type Place } from "./frame.ts";
import { knownSchema, type RecordedEvent } from "./verify.ts";

/**
 * Reads a ledger while another process writes it: each time what is new since the last, with references in place of texts.
 *
 * An event that is half written is read the next time; what is damaged ends the reading. Each frame is checked against
 * the one before it, no signature is.
 */
export class Tail {
  readonly #fd: number;
  readonly #file: string;
  #place: Place | undefined;
  #schema: number | null = null;

  /** Throws LedgerFailure where there is none. */
  constructor(file: string) {
    this.#file = file;
    this.#fd = openFile(file, "read");
  }

  /** Gives the events that were not given yet. Take all of them. Throws LedgerFailure for a ledger of a newer program. */
  *read(): Generator<RecordedEvent, void> {
    for (const { seq, event } of this.#events()) {
      this.#schema ??= knownSchema(event, this.#file);
      yield { seq, event: migrated(event, this.#schema) };
    }
  }

  /** Goes past all that is there. */
  goToEnd(): void {
    for (const { seq, event } of this.#events()) if (seq === 0) this.#schema = schemaOf(event);
  }

  close(): void {
    closeSync(this.#fd);
  }

  *#events(): Generator<RecordedEvent, void> {
    const frames = decodeFrames(readPieces(this.#fd, this.#place?.end ?? 0), this.#place);
    for (let step = frames.next(); ; step = frames.next()) {
      if (step.done) {
        this.#place = step.value;
        return;
      }
      const parsed = parseEvent(step.value.payload);
      if (!parsed.ok) return;
      yield { seq: step.value.seq, event: parsed.event };
    }
  }
}

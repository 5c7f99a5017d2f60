import { closeSync } from "node:fs";
import type { JsonObject } from "../core/json.ts";
import { parseEvent } from "./event.ts";
import { Tampered } from "./failure.ts";
import { openFile, readPieces } from "./file.ts";
import { decodeFrames, type Ending } from "./frame.ts";

export type Verdict =
  | { readonly ok: true; readonly events: number; readonly lastHash: string }
  /** `seq` is the first event that is not there or cannot be trusted. */
  | { readonly ok: false; readonly seq: number; readonly reason: string };

export interface RecordedEvent {
  readonly seq: number;
  readonly event: JsonObject;
}

/** Checks every byte of a ledger. Events removed whole from the end leave no trace in the file, and so are not found. */
export function verifyLedger(file: string): Verdict {
  const events = decodeFile(file);
  let step = events.next();
  while (!step.done) step = events.next();
  const ending = step.value;
  switch (ending.kind) {
    case "whole":
      return { ok: true, events: ending.events, lastHash: Buffer.from(ending.chain).toString("hex") };
    case "torn":
      return { ok: false, seq: ending.events, reason: `torn tail of ${ending.bytes} bytes` };
    case "damaged":
      return { ok: false, seq: ending.events, reason: ending.reason };
  }
}

/** Reads the events of a ledger, also of one being written: an unfinished last event is left out. Throws Tampered. */
export function* readLedger(file: string): Generator<RecordedEvent, void> {
  const ending = yield* decodeFile(file);
  if (ending.kind === "damaged") throw new Tampered(file, ending.events, ending.reason);
}

function* decodeFile(file: string): Generator<RecordedEvent, Ending> {
  const fd = openFile(file, "read");
  try {
    const frames = decodeFrames(readPieces(fd));
    for (let step = frames.next(); ; step = frames.next()) {
      if (step.done) return step.value;
      const { seq, chain, payload, end } = step.value;
      const parsed = parseEvent(payload);
      if (!parsed.ok) return { kind: "damaged", events: seq, chain, end, reason: parsed.reason };
      yield { seq, event: parsed.event };
    }
  } finally {
    closeSync(fd);
  }
}

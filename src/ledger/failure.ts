/** Says that the ledger cannot be written, opened or locked: the session is over. The message is for a person. */
export class LedgerFailure extends Error {
  override readonly name = "LedgerFailure";
}

/** Says that bytes before the end of a ledger are not what was written. `seq` is the first event that cannot be trusted. */
export class Tampered extends Error {
  override readonly name = "Tampered";
  readonly seq: number;

  constructor(file: string, seq: number, reason: string) {
    super(`ledger ${file} was changed at event ${seq}: ${reason}; keep the file as evidence and start a new session`);
    this.seq = seq;
  }
}

/** Gives the system's words for a caught value. */
export function causeOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

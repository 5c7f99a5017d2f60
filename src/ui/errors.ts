import { UsageError } from "../agent/config.ts";
import { BoxUnavailable } from "../box/programs.ts";
import { LedgerFailure, Tampered } from "../ledger/failure.ts";
import { ModelFailure, UnusableModel } from "../model/port.ts";

/** Chooses the exit status that says what kind of thing went wrong (the table in README.md). */
export function exitCodeOfError(error: unknown): number {
  if (error instanceof UsageError || error instanceof UnusableModel) return 2;
  if (error instanceof BoxUnavailable) return 23;
  if (error instanceof ModelFailure) return error.kind === "auth" ? 40 : 50;
  return 1;
}

/** Says whether an error is one that a person can act on, and so needs no stack. */
export function isExpected(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    error instanceof UnusableModel ||
    error instanceof BoxUnavailable ||
    error instanceof ModelFailure ||
    error instanceof LedgerFailure ||
    error instanceof Tampered
  );
}

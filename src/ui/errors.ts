import { statePath, UsageError } from "../agent/config.ts";
// Not loaded when it is needed: a program that became the owner of a checkout may not be able to read its own files any more.
import { diskTrouble } from "../agent/config-disk.ts";
import type { Start } from "../agent/workplace.ts";
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

/** Says an error in words, and what helps where a disk stopped the program. Our own bugs, and nothing else, with their stack. */
export function wordsOf(error: unknown, environment: Start["environment"]): string {
  const trouble = diskWords(error, environment);
  if (trouble !== null) return trouble;
  if (isExpected(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Says what helps where a disk stopped the program; null where none did. */
export function diskWords(error: unknown, environment: Start["environment"]): string | null {
  return diskTrouble(error, statePath(environment));
}

/** Says whether an error is one that a person can act on, and so needs no stack. */
function isExpected(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    error instanceof UnusableModel ||
    error instanceof BoxUnavailable ||
    error instanceof ModelFailure ||
    error instanceof LedgerFailure ||
    error instanceof Tampered
  );
}

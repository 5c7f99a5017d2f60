import { readConfig } from "../agent/config.ts";
import type { Start } from "../agent/workplace.ts";
import type { Ledger } from "../ledger/append.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

/**
 * Makes what takes the last head of a session that is over to the anchor, where the person has one. That throws LedgerFailure
 * where it is required and fails.
 */
export function anchorLast(
  { facts }: { readonly facts: { readonly checkout: string } },
  { environment }: Start,
  { stderr }: Terminal,
): (ledger: Ledger) => Promise<void> {
  return async (ledger) => {
    const { log } = await readConfig(environment);
    if (log.anchor === null) return;
    const { Anchor } = await import("../agent/anchor.ts");
    const say = (text: string) => writeSafe(stderr, row(text));
    await new Anchor(log.anchor, ledger, { checkout: facts.checkout, now: Date.now, say }).finish();
  };
}

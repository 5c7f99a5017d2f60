import type { Ledger } from "../ledger/append.ts";
import type { Anchor, Told } from "./anchor.ts";
import type { AnchorConfig } from "./config-log.ts";

/**
 * Opens the person's anchor for a ledger, null where they name none; where they require it, a first head is there on return.
 * Throws LedgerFailure where that cannot be, or the place is one that the session could reach.
 */
export async function beginAnchor(config: AnchorConfig | null, ledger: Ledger, told: Told): Promise<Anchor | null> {
  if (config === null) return null;
  const { Anchor } = await import("./anchor.ts");
  const anchor = new Anchor(config, ledger, told);
  await anchor.begin();
  return anchor;
}

/** Takes the last head to the anchor and closes the ledger. Throws LedgerFailure where that was required and failed. */
export async function closeAnchored(ledger: Ledger, anchor: Anchor | null): Promise<void> {
  try {
    await anchor?.finish();
  } finally {
    ledger.close();
  }
}

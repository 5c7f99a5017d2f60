import { rmSync } from "node:fs";
import { join } from "node:path";
import { forgetTitles } from "../box/layers.ts";
import { holdsTexts, purgeTexts, unused } from "../ledger/purge.ts";
import { releaseFor, removeFor } from "./changeset.ts";
import { forgetName } from "./config-name.ts";
import type { StoredSession } from "./config-sessions.ts";
import { withRecord } from "./record.ts";
import { recoverFor } from "./undo.ts";

/** What of a session that is over a purge destroys: the texts of its log alone, or its files as well. */
export type Purged = "texts" | "all";

/**
 * Destroys the texts of a session's log; with `all` also what else it holds, as `gc` does. What is left is the record of
 * what was decided, which says that this was done. Throws LedgerFailure while the session goes on.
 */
export async function purgeFor(session: StoredSession, what: Purged, why: string): Promise<void> {
  const file = join(session.path, "ledger.log");
  await unused(file, () =>
    withRecord(session, async (record) => {
      if (what === "all") {
        // A draft of a landing that broke off may lie in the checkout, and only this session's copies tell what it is.
        await recoverFor(session, record);
        await releaseFor(session, record);
        await removeFor(session, record);
      } else forgetTitles(session.path);
      forgetName(session.path);
      if (holdsTexts(file)) purgeTexts(record.ledger, file, { at: Date.now(), why });
      // It was measured with them.
      rmSync(join(session.path, "size.json"), { force: true });
    }),
  );
}

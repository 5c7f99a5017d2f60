import type { Box } from "../box/box.ts";
import type { Streamed, Streams } from "../box/stream.ts";
import { UNKNOWN_SOURCE } from "../core/label.ts";
import { createLedger } from "../ledger/append.ts";
import { abandon } from "./changeset.ts";
import { Gate } from "./gate.ts";
import { droppedNotes, type Ended, endBox } from "./keep.ts";
import { openBox, type Workplace } from "./workplace.ts";

const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/**
 * Runs one command in a new session's box, without a model.
 *
 * Its changes stay in the session's layer; a session that changed nothing is told apart by `hasChanges`.
 */
export async function execInBox(
  workplace: Workplace,
  command: string,
  streams: Streams,
): Promise<Streamed & { readonly session: string; readonly hasChanges: boolean; readonly notes: readonly string[] }> {
  const { folder, start, checkout } = workplace;
  const ledger = createLedger(`${folder.path}/ledger.log`);
  ledger.append({ type: "start", at: Date.now(), session: folder.id, checkout: checkout.path, version: start.version });
  const gate = new Gate(ledger, () => UNKNOWN_SOURCE, Date.now);
  const opening = openBox(workplace);
  const done = await opening
    .then((box) => streamInto(box, gate, command, streams))
    .catch(async (error: unknown) => {
      await abandon(folder.path, await opening.catch(() => null), { gate, ledger });
      throw error;
    });
  const box = await opening;
  let ended: Ended;
  try {
    const { status, message } = done;
    ledger.append({ type: "outcome", at: Date.now(), call: null, ok: status === 0, status, message });
  } finally {
    ended = await endBox(box, { gate, ledger }).finally(() => ledger.close());
  }
  const notes = [...box.notes, ...droppedNotes(box), ...ended.notes];
  return { ...done, session: folder.id, hasChanges: ended.hasChanges, notes };
}

async function streamInto(box: Box, gate: Gate, command: string, streams: Streams): Promise<Streamed> {
  const gated = gate.pass({ kind: "run", command, timeoutMs: TIMEOUT_MS_MAX, background: false }, null);
  if (gated.verdict !== "allow") return { status: 20, stopped: null, message: gated.reason };
  return box.stream(gated.permit, streams);
}

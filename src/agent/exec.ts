import type { Streamed, Streams } from "../box/stream.ts";
import type { Label } from "../core/label.ts";
import { createLedger } from "../ledger/append.ts";
import { abandon } from "./changeset.ts";
import { Gate } from "./gate.ts";
import { droppedNotes, type Ended, endBox } from "./keep.ts";
import { Net, type NetPlan } from "./net.ts";
import { openBox, type Workplace } from "./workplace.ts";

/** The person typed the command, and what it reads of theirs is private. */
const PERSONS_COMMAND: Label = { integrity: "user", secrecy: "private" };
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
  const gate = new Gate(ledger, () => PERSONS_COMMAND, Date.now);
  const opening = openBox(workplace);
  const done = await opening
    .then((box) =>
      streamInto(
        {
          box,
          gate,
          ledger,
          place: workplace.box,
          vault: workplace.vault,
          config: workplace.config.net,
          typed: new Set(),
          now: Date.now,
        },
        command,
        streams,
      ),
    )
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
  const refused = done.refusals.map((refusal) => `no answer from the network: ${refusal}`);
  const notes = [...refused, ...box.notes, ...droppedNotes(box), ...ended.notes];
  return { ...done, session: folder.id, hasChanges: ended.hasChanges, notes };
}

async function streamInto(
  plan: NetPlan,
  command: string,
  streams: Streams,
): Promise<Streamed & { readonly refusals: readonly string[] }> {
  const gated = plan.gate.pass({ kind: "run", command, timeoutMs: TIMEOUT_MS_MAX, background: false }, null);
  if (gated.verdict !== "allow") return { status: 20, stopped: null, message: gated.reason, refusals: [] };
  const net = await Net.open(plan);
  try {
    const network = net.enter(gated.permit.seq);
    const done = await plan.box.stream(gated.permit, { ...streams, network });
    return { ...done, refusals: network.refusals };
  } finally {
    net.close();
  }
}

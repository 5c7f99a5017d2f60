import { dirname } from "node:path";

import { type Replayed, replayEvents } from "../agent/replay.ts";
import { counted, visibleJson } from "../core/text.ts";
import { Seal } from "../ledger/seal.ts";
import { readLedger, verifyLedger } from "../ledger/verify.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

/** `ringfence log replay`: makes every decision of a recorded session again; 1 where one comes out otherwise. */
export async function replayCommand(file: string, isJson: boolean, { stdout }: Terminal): Promise<number> {
  const verdict = verifyLedger(file, Seal.of(dirname(file)).signer());
  if (!verdict.ok) {
    writeSafe(stdout, row(`${file}: damaged at event ${verdict.seq}: ${verdict.reason}`));
    return 1;
  }
  const replayed = await replayEvents(readLedger(file));
  if (isJson) stdout.write(`${visibleJson(JSON.stringify({ file, ...replayed }))}\n`);
  else writeSafe(stdout, replayText(file, replayed));
  return replayed.differences.length + replayed.unreplayed.length > 0 ? 1 : 0;
}

function replayText(file: string, { decisions, identical, differences, unreplayed, givenLabels }: Replayed): string {
  return [
    `${file}: ${counted(decisions, "decision")} replayed, ${identical} identical, ${differences.length} different, ${unreplayed.length} not replayed`,
    ...differences.map(({ seq, text }) => `event ${seq} differs: ${text}`),
    ...unreplayed.map(({ seq, text }) => `event ${seq} not replayed: ${text}`),
    ...(givenLabels > 0
      ? [
          `an older program wrote this log: ${counted(givenLabels, "label")} had to be taken from it as they are, and only what follows from them was made again`,
        ]
      : []),
  ]
    .map(row)
    .join("");
}

import type { ledgerOf } from "../agent/config-sessions.ts";
import { counted, visibleJson } from "../core/text.ts";
import { readLedger, verifyLedger } from "../ledger/verify.ts";
import type { Terminal } from "./terminal.ts";

/** `ringfence log show|verify`: prints the events of a session, one JSON object a line, or checks its chain. */
export function logCommand(action: "show" | "verify", file: ReturnType<typeof ledgerOf>, { stdout }: Terminal): number {
  if (action === "show") {
    for (const { seq, event } of readLedger(file)) stdout.write(`${visibleJson(JSON.stringify({ seq, ...event }))}\n`);
    return 0;
  }
  const verdict = verifyLedger(file);
  if (!verdict.ok) {
    stdout.write(`${file}: damaged at event ${verdict.seq}: ${verdict.reason}\n`);
    return 1;
  }
  stdout.write(`${file}: ${counted(verdict.events, "event")}, chain whole, last hash ${verdict.lastHash}\n`);
  stdout.write(
    "The chain shows damage and edits; it is not signed yet, so it proves nothing against a program of the same user.\n",
  );
  return 0;
}

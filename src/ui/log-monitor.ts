import { UNWATCHED, watch } from "../core/monitor.ts";
import { counted } from "../core/text.ts";
import type { RecordedEvent } from "../ledger/verify.ts";
import { row, type Terminal, writeSafe } from "./terminal.ts";

/** `ringfence log monitor`: what this program's monitor says to a record, a line an alarm. */
export function showAlarms(events: Iterable<RecordedEvent>, { stdout }: Terminal): number {
  let [monitor, seen, raised] = [UNWATCHED, 0, 0];
  for (const { seq, event } of events) {
    const step = watch(monitor, seq, event);
    monitor = step.monitor;
    seen += 1;
    raised += step.alarms.length;
    for (const { kind, seqs, words } of step.alarms)
      writeSafe(stdout, row(`${seqs.join(",").padEnd(8)} ${kind}: ${words}`));
  }
  stdout.write(`${counted(raised, "alarm")} in ${counted(seen, "event")}\n`);
  return 0;
}

import { explain, type TracedLabel } from "../core/session-label.ts";
import { columnOf } from "../core/sinks.ts";
import { bold, row, type Terminal, writeSafe } from "./terminal.ts";

/** Says beside what would run later that a stranger may have led whoever wrote it, so that it stands out; nothing for other labels. */
export function warnOfLabel(label: TracedLabel, { stdout }: Pick<Terminal, "stdout">): void {
  if (columnOf(label) < 2) return;
  const warning = "this would run later, and external text and private data were within reach of who wrote it";
  stdout.write(`${process.env.NO_COLOR ? warning : bold(stdout, warning)}\n`);
  writeSafe(stdout, row(explain(label)));
}

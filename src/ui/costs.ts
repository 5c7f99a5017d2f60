import type { Costs } from "../agent/costs.ts";
import type { Totals } from "../core/event.ts";
import { counted } from "../core/text.ts";

/** Where the calls and bytes of a run went. */
export type CostRows = Pick<Costs, "tools" | "hosts">;

export const NO_COSTS: CostRows = { tools: [], hosts: [] };
/** Rows of each list that a line names. */
const NAMED_MAX = 5;

/** Says in one line what a run took; "" for one that asked no model. */
export function costsText({ tools, hosts }: CostRows, { replies, input, output, usd }: Totals): string {
  if (replies === 0) return "";
  const money = usd === null ? "at a price that is not known" : `$${usd.toFixed(4)}`;
  const byTool = tools
    .slice(0, NAMED_MAX)
    .map(
      ({ tool, calls, outputBytes, ms }) => `${tool} ${calls}× ${kibibytes(outputBytes)} ${(ms / 1000).toFixed(1)} s`,
    );
  const byHost = hosts.slice(0, NAMED_MAX).map(({ host, sentBytes }) => `${kibibytes(sentBytes)} to ${host}`);
  const total = `${counted(replies, "reply", "replies")}, ${counted(input + output, "token")}, ${money}`;
  return `took: ${[total, ...byTool, ...byHost].join("; ")}\n`;
}

/** Writes the same for the `result` event. */
export function costsJson({ tools, hosts }: CostRows): object {
  return {
    tools: tools.map(({ tool, calls, outputBytes, ms }) => ({ tool, calls, output_bytes: outputBytes, ms })),
    hosts: hosts.map(({ host, requests, sentBytes, receivedBytes }) => ({
      host,
      requests,
      sent_bytes: sentBytes,
      received_bytes: receivedBytes,
    })),
  };
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KB`;
}

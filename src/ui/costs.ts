import type { Costs } from "../agent/costs.ts";
import type { Totals } from "../core/event.ts";
import { counted } from "../core/text.ts";

/** Where the calls and bytes of a run went. */
export type CostRows = Pick<Costs, "tools" | "hosts" | "agents">;

export const NO_COSTS: CostRows = { tools: [], hosts: [], agents: [] };
/** Rows of each list that a line names. */
const NAMED_MAX = 5;

/** Says in one line what a run took; "" for one that asked no model. */
export function costsText({ tools, hosts, agents }: CostRows, { replies, input, output, usd }: Totals): string {
  if (replies === 0) return "";
  const byTool = tools
    .slice(0, NAMED_MAX)
    .map(
      ({ tool, calls, outputBytes, ms }) => `${tool} ${calls}× ${kibibytes(outputBytes)} ${(ms / 1000).toFixed(1)} s`,
    );
  const byHost = hosts.slice(0, NAMED_MAX).map(({ host, sentBytes }) => `${kibibytes(sentBytes)} to ${host}`);
  const byAgent = agents.slice(0, NAMED_MAX).map(({ agent, totals }) => `${agent} ${totalsText(totals)}`);
  const total = totalsText({ replies, input, output, usd });
  return `took: ${[total, ...byAgent, ...byTool, ...byHost].join("; ")}\n`;
}

function totalsText({ replies, input, output, usd }: Pick<Totals, "replies" | "input" | "output" | "usd">): string {
  const money = usd === null ? "at a price that is not known" : `$${usd.toFixed(4)}`;
  return `${counted(replies, "reply", "replies")}, ${counted(input + output, "token")}, ${money}`;
}

/** Writes totals as every event of the program's does. */
export function usageJson(totals: Totals): object {
  return {
    num_turns: totals.replies,
    total_cost_usd: totals.usd,
    usage: {
      input_tokens: totals.input - totals.cachedInput,
      cache_read_input_tokens: totals.cachedInput,
      output_tokens: totals.output,
    },
  };
}

/** Writes the same for the `result` event. */
export function costsJson({ tools, hosts, agents }: CostRows): object {
  return {
    tools: toolsJson(tools),
    agents: agents.map(({ agent, parent, reason, totals, ms, tools: own }) => ({
      agent,
      parent,
      reason,
      ...usageJson(totals),
      ms,
      tools: toolsJson(own),
    })),
    hosts: hosts.map(({ host, requests, sentBytes, receivedBytes }) => ({
      host,
      requests,
      sent_bytes: sentBytes,
      received_bytes: receivedBytes,
    })),
  };
}

function toolsJson(tools: CostRows["tools"]): object[] {
  return tools.map(({ tool, calls, outputBytes, ms }) => ({ tool, calls, output_bytes: outputBytes, ms }));
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KB`;
}

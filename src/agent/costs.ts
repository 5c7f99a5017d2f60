import type { EndReason, Totals } from "../core/event.ts";

/** What calls of one tool took: all of it measured. What their text costs as input of later replies is not in it. */
export interface ToolCost {
  readonly tool: string;
  readonly calls: number;
  /** Of the text that the model was given. */
  readonly outputBytes: number;
  readonly ms: number;
}

/** What went to one host and came from it. */
export interface HostCost {
  readonly host: string;
  readonly requests: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** What one child agent took; what its own child agents took is in it. */
export interface AgentCost {
  readonly agent: string;
  /** The agent that started it; null for the session's own. */
  readonly parent: string | null;
  readonly reason: EndReason;
  readonly totals: Totals;
  readonly ms: number;
  readonly tools: readonly ToolCost[];
}

/** Rows of each list: a command can make up any number of hosts. */
const ROWS_MAX = 200;
const OTHERS = "(others)";

/** Where a session's calls and bytes went: by tool, by host and by child agent. What a child agent's calls took is its parent's too. */
export class Costs {
  readonly #tools = new Map<string, ToolCost>();
  readonly #hosts = new Map<string, HostCost>();
  readonly #agents: AgentCost[] = [];
  readonly #parent: Costs | null;

  constructor(parent: Costs | null = null) {
    this.#parent = parent;
  }

  addAgent(cost: AgentCost): void {
    this.#parent?.addAgent(cost);
    if (this.#agents.length < ROWS_MAX) this.#agents.push(cost);
  }

  addCall(name: string, outputBytes: number, ms: number): void {
    this.#parent?.addCall(name, outputBytes, ms);
    const tool = rowOf(this.#tools, name);
    const so = this.#tools.get(tool) ?? { tool, calls: 0, outputBytes: 0, ms: 0 };
    this.#tools.set(tool, {
      tool,
      calls: so.calls + 1,
      outputBytes: so.outputBytes + outputBytes,
      ms: so.ms + Math.round(ms),
    });
  }

  addRequest(name: string, sentBytes: number, receivedBytes: number): void {
    const host = rowOf(this.#hosts, name);
    const so = this.#hosts.get(host) ?? { host, requests: 0, sentBytes: 0, receivedBytes: 0 };
    this.#hosts.set(host, {
      host,
      requests: so.requests + 1,
      sentBytes: so.sentBytes + sentBytes,
      receivedBytes: so.receivedBytes + receivedBytes,
    });
  }

  /** Dearest first. */
  get tools(): readonly ToolCost[] {
    return [...this.#tools.values()].sort((a, b) => b.outputBytes - a.outputBytes);
  }

  /** In the order in which they ended. */
  get agents(): readonly AgentCost[] {
    return this.#agents;
  }

  /** Those that were sent most first. */
  get hosts(): readonly HostCost[] {
    return [...this.#hosts.values()].sort((a, b) => b.sentBytes - a.sentBytes);
  }
}

function rowOf(rows: ReadonlyMap<string, unknown>, name: string): string {
  return rows.has(name) || rows.size < ROWS_MAX ? name : OTHERS;
}

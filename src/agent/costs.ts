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

/** Rows of each list: a command can make up any number of hosts. */
const ROWS_MAX = 200;
const OTHERS = "(others)";

/** Where a session's calls and bytes went: by tool and by host. */
export class Costs {
  readonly #tools = new Map<string, ToolCost>();
  readonly #hosts = new Map<string, HostCost>();

  addCall(name: string, outputBytes: number, ms: number): void {
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

  /** Those that were sent most first. */
  get hosts(): readonly HostCost[] {
    return [...this.#hosts.values()].sort((a, b) => b.sentBytes - a.sentBytes);
  }
}

function rowOf(rows: ReadonlyMap<string, unknown>, name: string): string {
  return rows.has(name) || rows.size < ROWS_MAX ? name : OTHERS;
}

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  /** When the request arrived, on the clock of performance.now(). */
  readonly at: number;
  readonly body: string;
}

/** A conversation of `steps` calls of `run`, one a reply, and a last reply without any. */
export interface Play {
  readonly steps: number;
  readonly asked: Asked[];
}

export interface ModelServer {
  readonly url: string;
  /** Starts a new conversation; the one before is over. */
  play(steps: number): Play;
  close(): Promise<void>;
}

/** What the command of a step prints. */
function printed(step: number): string {
  return `step-${step}.`;
}

/** Starts a model that thinks for no time at all, behind OpenAI's Chat Completions protocol on the loopback. */
export async function startServer(): Promise<ModelServer> {
  let current: Play = { steps: 0, asked: [] };
  const server = createServer(async (request, response) => {
    const at = performance.now();
    const { steps, asked } = current;
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    asked.push({ at, body });
    reply(response, asked.length, steps);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    play: (steps) => {
      current = { steps, asked: [] };
      return current;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function reply(response: ServerResponse, number: number, steps: number): void {
  const input = JSON.stringify({ command: `echo ${printed(number)}` });
  const call = { index: 0, id: `call_${number}`, type: "function", function: { name: "run", arguments: input } };
  const isLast = number > steps;
  const chunk = (delta: object, finish: string | null) => ({
    id: `reply-${number}`,
    object: "chat.completion.chunk",
    created: 1,
    model: "bench",
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const usage = { prompt_tokens: 100, completion_tokens: 7, total_tokens: 107 };
  const events = [
    chunk({ role: "assistant", ...(isLast ? { content: "Done." } : { tool_calls: [call] }) }, null),
    chunk({}, isLast ? "stop" : "tool_calls"),
    { ...chunk({}, null), choices: [], usage },
  ];
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(`${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}data: [DONE]\n\n`);
}

/** Throws unless every step was done and every request is an exact extension of the one before. */
export function checkPlay({ steps, asked }: Play): void {
  if (asked.length !== steps + 1) throw new Error(`${asked.length} requests came, not ${steps + 1}`);
  let before: { readonly rest: string; readonly messages: string } | null = null;
  for (const { body } of asked) {
    const { messages, ...others } = JSON.parse(body) as { messages: readonly unknown[] };
    const now = { rest: JSON.stringify(others), messages: JSON.stringify(messages).slice(0, -1) };
    if (before !== null && (now.rest !== before.rest || !now.messages.startsWith(`${before.messages},`))) {
      throw new Error("prefix: no. A request is not an exact extension of the one before");
    }
    before = now;
  }
  const { messages } = JSON.parse(asked.at(-1)?.body ?? "") as {
    messages: readonly { role: string; content: unknown }[];
  };
  const results = messages.filter(({ role }) => role === "tool").map(({ content }) => JSON.stringify(content));
  const wrong = results.findIndex((content, index) => !content.includes(printed(index + 1)));
  if (results.length !== steps || wrong >= 0)
    throw new Error(`step ${wrong + 1} of ${steps} was not done: ${results[wrong]}`);
}

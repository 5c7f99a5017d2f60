import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a scripted model says: a text, or a call of one of the tools that the agent offers. */
export type Say = (
  tools: readonly string[],
) => { readonly text: string } | { readonly tool: string; readonly input: object };

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Whoever says when the server is not needed any more. */
export interface Ending {
  readonly after: (end: () => void) => void;
}

export interface ModelServer {
  readonly port: number;
  readonly asked: readonly Asked[];
}

type Fields = Record<string, unknown>;

/** Every reply took so many tokens. */
const USAGE = { input: 1000, output: 100 };

/**
 * Serves a scripted model in four protocols, streamed, on the machine's loopback. A conversation gets the reply of as many
 * results as it has, so that it is the same however often an agent asks; one that offers no tools gets a title.
 */
export async function serveModel(t: Ending, script: readonly Say[]): Promise<ModelServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const { method = "", url: path = "", headers } = request;
    asked.push({ method, path, headers, body });
    answer(path, body, script, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

function answer(path: string, body: string, script: readonly Say[], response: ServerResponse): void {
  const protocol = PROTOCOLS.find((one) => one.path.test(path));
  if (!protocol || body === "") {
    response.writeHead(404, { "content-type": "application/json" }).end("{}");
    return;
  }
  const request = JSON.parse(body) as Fields;
  const tools = protocol.tools(request);
  const at = JSON.stringify(request).split(protocol.result).length - 1;
  const said = tools.length === 0 ? { text: "A title" } : (script[at]?.(tools) ?? { text: "Done." });
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of protocol.events(said, `call_${at}`)) {
    const { type } = event as Fields;
    const name = typeof type === "string" ? `event: ${type}\n` : "";
    response.write(`${name}data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
  }
  response.end();
}

interface Protocol {
  readonly path: RegExp;
  /** What stands in a request for each result of a call. */
  readonly result: string;
  readonly tools: (request: Fields) => string[];
  readonly events: (said: ReturnType<Say>, id: string) => unknown[];
}

const list = (value: unknown) => (Array.isArray(value) ? (value as Fields[]) : []);

const PROTOCOLS: readonly Protocol[] = [
  {
    path: /\/responses$/,
    result: '"type":"function_call_output"',
    tools: ({ tools }) => list(tools).map(({ name }) => String(name)),
    events: (said, id) => {
      const item =
        "text" in said
          ? {
              type: "message",
              id: "m",
              role: "assistant",
              status: "completed",
              content: [{ type: "output_text", text: said.text, annotations: [] }],
            }
          : {
              type: "function_call",
              id: `f${id}`,
              call_id: id,
              name: said.tool,
              arguments: JSON.stringify(said.input),
              status: "completed",
            };
      const response = {
        id: "r",
        object: "response",
        status: "in_progress",
        output: [] as unknown[],
        usage: null as unknown,
      };
      const usage = {
        input_tokens: USAGE.input,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: USAGE.output,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: USAGE.input + USAGE.output,
      };
      return [
        { type: "response.created", response },
        { type: "response.output_item.added", output_index: 0, item },
        { type: "response.output_item.done", output_index: 0, item },
        { type: "response.completed", response: { ...response, status: "completed", output: [item], usage } },
      ];
    },
  },
  {
    path: /\/chat\/completions$/,
    result: '"role":"tool"',
    tools: ({ tools }) => list(tools).map((tool) => String((tool.function as Fields | undefined)?.name)),
    events: (said, id) => {
      const chunk = (delta: object, reason: string | null) => ({
        id: "c",
        object: "chat.completion.chunk",
        created: 1,
        model: "m",
        choices: [{ index: 0, delta, finish_reason: reason }],
      });
      const delta =
        "text" in said
          ? { role: "assistant", content: said.text }
          : {
              role: "assistant",
              tool_calls: [
                {
                  index: 0,
                  id,
                  type: "function",
                  function: { name: said.tool, arguments: JSON.stringify(said.input) },
                },
              ],
            };
      const usage = {
        prompt_tokens: USAGE.input,
        completion_tokens: USAGE.output,
        total_tokens: USAGE.input + USAGE.output,
      };
      return [
        chunk(delta, null),
        chunk({}, "text" in said ? "stop" : "tool_calls"),
        { ...chunk({}, null), choices: [], usage },
        "[DONE]",
      ];
    },
  },
];

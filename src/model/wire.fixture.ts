import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { Message, ReplyPart } from "../core/message.ts";
import type { Model, ModelEvent, ModelRequest } from "./port.ts";
import type { Clock } from "./retry.ts";

/** A request as the server got it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Settles when the socket of this request closes, with whether the answer was complete by then. */
  readonly closed: Promise<boolean>;
}

export type Answer = (response: ServerResponse, seen: Seen) => void;

export interface WireServer {
  readonly url: string;
  readonly seen: readonly Seen[];
}

/** Starts a server on a real socket that gives the answers in order, and the last one again and again. */
export async function serve(test: TestContext, ...answers: readonly Answer[]): Promise<WireServer> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const closed = once(response, "close").then(() => response.writableFinished);
    const { method = "", url: path = "", headers } = request;
    const entry: Seen = { method, path, headers, body, closed };
    const answer = answers[Math.min(seen.length, answers.length - 1)];
    seen.push(entry);
    answer?.(response, entry);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen };
}

/** Answers with a status, headers and a JSON body. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** Streams server-sent events and ends. Anthropic names each event by its type; others do not read the name. */
export function sse(...events: readonly unknown[]): Answer {
  return (response) => {
    writeEvents(response, events);
    response.end();
  };
}

/** Streams events and then breaks the connection. */
export function sseThenReset(...events: readonly unknown[]): Answer {
  return (response) => {
    writeEvents(response, events);
    // The events are let through first, so that the break comes in the middle of the reply.
    setImmediate(() => setImmediate(() => response.socket?.resetAndDestroy()));
  };
}

/** Streams events and then stays silent with the connection open. */
export function sseThenSilence(...events: readonly unknown[]): Answer {
  return (response) => writeEvents(response, events);
}

function writeEvents(response: ServerResponse, events: readonly unknown[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  for (const event of events) {
    response.write(typeof event === "string" ? `data: ${event}\n\n` : `data: ${JSON.stringify(event)}\n\n`);
  }
}

/** A clock that never waits and notes for how long it would have. */
export function fakeClock(): Clock & { readonly waits: readonly number[] } {
  const waits: number[] = [];
  return {
    waits,
    sleep: async (ms) => {
      waits.push(ms);
    },
    random: () => 0.5,
  };
}

export const USER: Message = { role: "user", text: "What is in a.txt?" };

export function request(...messages: readonly Message[]): ModelRequest {
  return {
    system: "You are careful.",
    tools: [
      {
        name: "read",
        description: "Reads a file.",
        schema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
      },
    ],
    messages: messages.length === 0 ? [USER] : messages,
    outputTokensMax: 1000,
    cacheKey: "session-1",
  };
}

export async function collect(
  model: Model,
  asked: ModelRequest,
  signal = new AbortController().signal,
): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of model.reply(asked, signal)) events.push(event);
  return events;
}

/** Gives the parts of the reply that ended the events. */
export function partsOf(events: readonly ModelEvent[]): readonly ReplyPart[] {
  const last = events.at(-1);
  if (last?.type !== "done") throw new Error(`no done event but ${JSON.stringify(last)}`);
  return last.parts;
}

/** Answers every call of a reply, as the agent would, and gives the longer history. */
export function answered(history: readonly Message[], events: readonly ModelEvent[]): readonly Message[] {
  const parts = partsOf(events);
  const calls = parts.filter((part) => part.kind === "call");
  const results = calls.map(({ id, name }) => ({ id, name, ok: true, text: `result of ${id}` }));
  const reply: Message = { role: "assistant", parts };
  return results.length === 0 ? [...history, reply] : [...history, reply, { role: "tool", results }];
}

/** Parses the body of a request the server got. */
export function bodyOf(seen: Seen | undefined): Record<string, unknown> {
  if (seen === undefined) throw new Error("the server got no such request");
  return JSON.parse(seen.body) as Record<string, unknown>;
}

import net, { type Socket } from "node:net";
import type { TestContext } from "node:test";
import { type SecureContext, TLSSocket } from "node:tls";
import { startServer } from "./proxy.fixture.ts";

/** A request as a server outside sees it. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export interface Origin {
  readonly port: number;
  readonly seen: Seen[];
  /** Of each request, the number of the connection that it came on. */
  readonly on: number[];
  /** What came and was no request in the strictest reading. */
  readonly broken: string[];
  /** Connections that were made so far. */
  readonly made: () => number;
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Starts a server with a reader of its own, which shares nothing with the proxy's and forgives nothing; ended with the test. */
export async function openOrigin(
  t: TestContext,
  {
    answer = () => OK,
    tls = null,
  }: { answer?: (seen: Seen, socket: Socket) => string | Buffer | null; tls?: SecureContext | null } = {},
): Promise<Origin> {
  const [seen, on, broken]: [Seen[], number[], string[]] = [[], [], []];
  const open = new Set<Socket>();
  let made = 0;
  const server = net.createServer((plain) => {
    const socket = tls === null ? plain : new TLSSocket(plain, { isServer: true, secureContext: tls });
    const number = made++;
    let text = "";
    open.add(plain);
    for (const one of [plain, socket]) one.on("error", () => {});
    plain.on("close", () => open.delete(plain));
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
      try {
        for (let read = readRequest(text); read !== null; read = readRequest(text)) {
          text = read.rest;
          seen.push(read.seen);
          on.push(number);
          const reply = answer(read.seen, socket);
          if (reply !== null) socket.write(reply);
        }
      } catch (error) {
        broken.push(`${(error as Error).message}: ${JSON.stringify(text.slice(0, 200))}`);
        socket.destroy();
      }
    });
  });
  const port = await startServer(t, server);
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  return { port, seen, on, broken, made: () => made };
}

/** Takes the first request off; null when it is not whole yet. Throws where a reader could see anything else. */
export function readRequest(text: string): { readonly seen: Seen; readonly rest: string } | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  const [, method, target] = /^([A-Z-]+) ([\x21-\x7e]+) HTTP\/1\.1$/.exec(line) ?? [];
  if (method === undefined || target === undefined) throw new Error("the first line is none");
  const headers = lines.map((header): [string, string] => {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(header) ?? [];
    if (name === undefined || value === undefined) throw new Error(`a header is none: ${JSON.stringify(header)}`);
    return [name.toLowerCase(), value];
  });
  const valuesOf = (name: string) => headers.filter(([one]) => one === name).map(([, value]) => value);
  if (valuesOf("host").length !== 1) throw new Error("there is not one Host");
  const [encodings, lengths] = [valuesOf("transfer-encoding"), valuesOf("content-length")];
  if (encodings.length + lengths.length > 1) throw new Error("the body has two ends");
  const after = text.slice(end + 4);
  if (encodings.length > 0) {
    if (encodings[0] !== "chunked") throw new Error("an encoding");
    const chunks = readChunks(after);
    return chunks && { seen: { method, target, headers, body: chunks.body }, rest: chunks.rest };
  }
  const length = lengths[0] ?? "0";
  if (!/^(?:0|[1-9]\d*)$/.test(length)) throw new Error("a length");
  if (after.length < Number(length)) return null;
  const body = after.slice(0, Number(length));
  return { seen: { method, target, headers, body }, rest: after.slice(Number(length)) };
}

function readChunks(text: string): { readonly body: string; readonly rest: string } | null {
  let [body, rest] = ["", text];
  for (;;) {
    const end = rest.indexOf("\r\n");
    if (end < 0) return null;
    const size = rest.slice(0, end);
    if (!/^[0-9a-f]{1,8}$/i.test(size)) throw new Error(`a chunk's size is ${JSON.stringify(size)}`);
    const count = Number.parseInt(size, 16);
    if (rest.length < end + 2 + count + 2) return null;
    if (rest.slice(end + 2 + count, end + 4 + count) !== "\r\n") throw new Error("a chunk has no end, or trailers");
    body += rest.slice(end + 2, end + 2 + count);
    rest = rest.slice(end + 4 + count);
    if (count === 0) return { body, rest };
  }
}

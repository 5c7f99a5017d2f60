import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";

/** A listener and everything that ever reached it. */
export interface Listener {
  readonly address: string;
  connections: number;
  received: string;
  close(): void;
}

const KEPT_CHARS_MAX = 4 << 20;
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
/** A peer that waits for more than it got is answered all the same: the attack is over by then. */
const PATIENCE_MS = 400;

/** Listens on a port of the loopback (0 chooses one) or on a path, records all bytes, answers HTTP when asked in it. */
export async function listen(
  where: { readonly host: string; readonly port: number } | string,
  onReach: () => void = () => {},
): Promise<Listener> {
  const listener = { address: "", connections: 0, received: "", close: () => {} };
  const server = createServer((socket) => {
    listener.connections += 1;
    onReach();
    serve(socket, (text) => {
      listener.received = (listener.received + text).slice(-KEPT_CHARS_MAX);
    });
  });
  if (typeof where === "string") mkdirSync(dirname(where), { recursive: true });
  const ready = once(server, "listening");
  if (typeof where === "string") server.listen(where);
  else server.listen(where.port, where.host);
  await ready;
  listener.address = addressOf(server);
  listener.close = () => server.close();
  return listener;
}

/** Answers every question for a name with nothing, and records the question. */
export async function listenForNames(port: number): Promise<Listener> {
  const listener = { address: `127.0.0.1:${port}`, connections: 0, received: "", close: () => {} };
  const socket = createSocket("udp4", (message, from) => {
    listener.connections += 1;
    listener.received = `${listener.received}${message.toString("latin1")}\n`.slice(-KEPT_CHARS_MAX);
    const answer = Buffer.from(message);
    // Response, name does not exist.
    if (answer.length > 3) answer.writeUInt16BE(0x8183, 2);
    socket.send(answer, from.port, from.address);
  });
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  listener.close = () => socket.close();
  return listener;
}

function serve(socket: Socket, keep: (text: string) => void): void {
  let text = "";
  let isAnswered = false;
  const answer = () => {
    if (!isAnswered) socket.end(ANSWER);
    isAnswered = true;
  };
  const timer = setTimeout(answer, PATIENCE_MS);
  socket.setEncoding("latin1").on("data", (piece: string) => {
    keep(piece);
    text = (text + piece).slice(-KEPT_CHARS_MAX);
    timer.refresh();
    if (/^expect: 100-continue/im.test(text) && !text.includes("\r\n\r\n", text.indexOf("\r\n\r\n") + 4))
      socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (isWhole(text)) answer();
  });
  socket.on("error", () => {});
  socket.on("close", () => clearTimeout(timer));
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = text.slice(0, end).match(/^content-length: *(\d+)/im)?.[1];
  return length === undefined
    ? !/^transfer-encoding/im.test(text.slice(0, end))
    : text.length >= end + 4 + Number(length);
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null) throw new Error("bug: a listener without an address");
  return typeof address === "string" ? address : `${address.address}:${address.port}`;
}

/** Writes nothing but a file: what a listener does when an attacker reaches it and it obeys. */
export function touch(file: string): void {
  writeFileSync(file, "");
}

import { type ClientRequest, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Head } from "./head.ts";

/** How long a client that was refused may go on talking to nobody. */
const LINGER_MS = 1000;

/** Gives the head of a request as the parser read it. */
export function headOf({ method = "", url = "", rawHeaders }: IncomingMessage): Head {
  return { method, target: url, rawHeaders };
}

/** Refuses a request in a sentence. */
export function sayNo(answer: ServerResponse, status: number, reason: string): void {
  if (answer.headersSent || answer.destroyed) return;
  const text = `${explanation(reason)}\n`;
  // What is left of the request is not read.
  answer.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    Connection: "close",
  });
  answer.end(text);
}

/** Passes the head of an answer on; false when it is none that a server may give. */
export function passHead(
  reply: IncomingMessage,
  { message, headers }: { readonly message: string; readonly headers: string[] },
  answer: ServerResponse,
): boolean {
  const status = reply.statusCode ?? 0;
  if (status < 200) return false;
  try {
    answer.sendDate = false;
    answer.writeHead(status, message, headers);
    return true;
  } catch {
    return false;
  }
}

/**
 * Passes a body on as it is, and gives the memory of each piece back once it is sent: whoever else listens keeps none of
 * it. Left to the collector, that memory is most of what a large body costs.
 */
export function pour(body: IncomingMessage, to: ServerResponse | ClientRequest): void {
  body.on("data", (piece: Buffer) => {
    if (to.destroyed) return;
    const goesOn = to.write(piece, (error) => {
      if (!error) release(piece);
    });
    if (!goesOn) body.pause();
  });
  to.on("drain", () => body.resume());
  body.on("end", () => to.end());
}

// One that shares its memory with others, as small ones do, is left alone.
function release({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}

/** Says the last words to a client, and lets go of it soon after, whatever it does. */
export function dismiss(socket: Duplex, words = ""): void {
  socket.end(words);
  // Read on: with bytes unread, the system would take the last words back.
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/** Refuses in a sentence what asked for a connection. */
export function endWith(socket: Duplex, status: number, reason: string): void {
  if (socket.destroyed || !socket.writable) return void socket.destroy();
  const text = `${explanation(reason)}\n`;
  const headers = [
    "Content-Type",
    "text/plain; charset=utf-8",
    "Content-Length",
    String(Buffer.byteLength(text)),
    "Connection",
    "close",
  ];
  dismiss(socket, `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}\r\n${written(headers)}\r\n${text}`);
}

function explanation(reason: string): string {
  return `ringfence: ${reason}`;
}

/** Writes headers, names and values in turn, as they stand in a head. */
export function written(headers: readonly string[]): string {
  let text = "";
  for (let at = 0; at + 1 < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return text;
}

/**
 * Gives a connection back what was read of it too early; at once, since later the client may have closed its half, and
 * nothing can be put before an end.
 */
export function giveBack(socket: Duplex, first: Buffer): void {
  if (first.length > 0) socket.unshift(first);
}

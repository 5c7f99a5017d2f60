import type { IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

const WAIT_MS = 10_000;
const BYTES_MAX = 16 << 20;

/** Sends a signed head to an address. No redirect is followed, and nothing but the head goes along. */
export async function postHead(url: string, note: string): Promise<void> {
  await exchange(url, "POST", note);
}

/** Asks an address for the heads that it has. */
export function getHeads(url: string): Promise<string> {
  return exchange(url, "GET", "");
}

async function exchange(url: string, method: "GET" | "POST", body: string): Promise<string> {
  const { protocol } = new URL(url);
  const { request } = protocol === "https:" ? await import("node:https") : await import("node:http");
  const over = new AbortController();
  const late = sleep(WAIT_MS, null, { signal: over.signal, ref: false }).then(() => {
    throw new Error(`it did not answer in ${WAIT_MS / 1000} s`);
  });
  const bytes = Buffer.from(body);
  const headers = {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": bytes.length,
    "User-Agent": "ringfence",
  };
  // Said, so that no variable of the environment takes it back.
  const options: RequestOptions = { method, headers, agent: false, rejectUnauthorized: true, minVersion: "TLSv1.2" };
  const outgoing = request(url, options);
  const answered = new Promise<string>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (reply) => void read(reply).then(resolve, reject));
  });
  outgoing.end(bytes);
  try {
    return await Promise.race([answered, late]);
  } finally {
    over.abort();
    late.catch(() => {});
    answered.catch(() => {});
    outgoing.destroy();
  }
}

async function read(reply: IncomingMessage): Promise<string> {
  const status = reply.statusCode ?? 0;
  if (status < 200 || status > 299) throw new Error(`it answered ${status}`);
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of reply as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BYTES_MAX) throw new Error(`its answer has more than ${BYTES_MAX >> 20} MiB`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

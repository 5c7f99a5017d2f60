import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import type { NetRequest } from "../core/net-rules.ts";
import type { Broker } from "./broker.ts";
import { answerHeaders } from "./head.ts";

export type PutOn =
  /** `body` is what was read of it already, whole; null: it is still to come. */
  | { readonly ok: true; readonly headers: readonly string[]; readonly body: Buffer | null }
  | { readonly ok: false; readonly reason: string };

/** A signature that covers its body makes the host hold that whole. */
const SIGNED_BYTES_MAX = 16 << 20;

/** Puts a session's credentials on a request, or says why it does not go; `incoming` is its body, null where none comes. */
export async function putOn(
  broker: Broker | null,
  request: NetRequest & { readonly headers: readonly string[]; readonly isPlain: boolean },
  incoming: IncomingMessage | Buffer | null,
): Promise<PutOn> {
  if (broker === null || request.protocol === "tunnel") return { ok: true, headers: request.headers, body: null };
  const { protocol } = request;
  if (protocol === "ssh") throw new Error("bug: a credential for what goes by ssh");
  const empty = incoming === null || !request.hasBody ? sha256(Buffer.alloc(0)) : null;
  const first = broker.outgoing({ ...request, protocol, bodySha256: empty });
  if (first.kind === "send") return { ok: true, headers: first.headers, body: null };
  if (first.kind === "refused") return refusal(first);
  const body = incoming === null ? null : await readWhole(incoming);
  if (body === null) return { ok: false, reason: "its signed body is too large to be signed anew" };
  const second = broker.outgoing({ ...request, protocol, bodySha256: sha256(body) });
  if (second.kind === "send") return { ok: true, headers: second.headers, body };
  return refusal(second.kind === "refused" ? second : { reason: "its signature cannot be read", alarm: null });
}

export type Shown =
  | {
      readonly kind: "send";
      readonly message: string;
      readonly headers: string[];
      /** What the body passes through, in this order. */
      readonly body: readonly Transform[];
    }
  | { readonly kind: "refused"; readonly reason: string };

/** Takes the values of credentials out of a reply; only who is sent one can say it again. */
export function showReply(broker: Broker | null, host: string, reply: IncomingMessage): Shown {
  const headers = answerHeaders(reply.rawHeaders);
  if (!broker?.isBrokered(host)) {
    const message = (reply.statusMessage ?? "").replace(/[^\t\x20-\x7e]/g, "?");
    return { kind: "send", message, headers, body: [] };
  }
  const masked = broker.maskReply(headers);
  return masked.kind === "send" ? { ...masked, message: "" } : masked;
}

function refusal({ reason, alarm }: { readonly reason: string; readonly alarm: string | null }): PutOn {
  return { ok: false, reason: alarm === null ? reason : `alarm: ${reason}` };
}

async function readWhole(incoming: IncomingMessage | Buffer): Promise<Buffer | null> {
  if (Buffer.isBuffer(incoming)) return incoming;
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > SIGNED_BYTES_MAX) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

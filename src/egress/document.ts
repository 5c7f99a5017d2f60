import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { addressOf } from "../core/net-rules.ts";
import { type Permit, spend } from "../core/permit.ts";
import type { Broker } from "./broker.ts";
import type { Reach, Resolver } from "./dial.ts";
import type { Dialler } from "./dialler.ts";
import { putOn } from "./put-on.ts";
import { GONE, type Running } from "./route.ts";

/** What the host asks a document for. */
export interface ReadOptions {
  readonly accept: string;
  readonly bytesMax: number;
  readonly signal: AbortSignal | null;
}

/** An answer to the host itself, whatever its status, or why there is none. */
export type Document =
  | { readonly ok: true; readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }
  | { readonly ok: false; readonly reason: string };

/** How often as long as for a sign of life it is waited for the whole. */
const WAITS_MAX = 4;

interface Reading {
  readonly dialler: Dialler;
  readonly resolver: Resolver;
  readonly broker: Broker | null;
  readonly outcome: Running;
  readonly waitMs: number;
}

interface Wanted {
  readonly permit: Permit;
  readonly reach: Reach;
  /** The limit of the session that is reached; null while none is. */
  readonly ceiling: string | null;
}

/** Asks for a document for the host itself, with a permit for it. Nothing is sent but the address, and no redirect followed. */
export async function readDocument(
  { dialler, resolver, broker, outcome, waitMs }: Reading,
  { permit, reach, ceiling }: Wanted,
  { accept, bytesMax, signal }: ReadOptions,
): Promise<Document> {
  const effect = spend(permit);
  if (effect.kind !== "request") throw new Error("bug: a permit for something else");
  const fail = (reason: string): Document => {
    outcome.end(reason);
    return { ok: false, reason };
  };
  if (ceiling !== null) return fail(ceiling);
  const found = await resolver.resolve(effect.host, reach);
  if (!found.ok) return fail(found.reason);
  const host = addressOf(effect).split("/")[2] ?? "";
  const headers = ["Host", host, "Accept", accept, "User-Agent", "ringfence"];
  // What stands for a credential is an alarm in an address.
  const put = await putOn(broker, { ...effect, headers, isPlain: true }, null);
  if (!put.ok) return fail(put.reason);
  if (signal?.aborted) return fail(GONE);
  const way = { addresses: found.addresses, isPlain: true, isAsked: false, isModel: false, again: null };
  const outgoing = dialler.request({ seq: permit.seq, request: effect, ...way }, put.headers, outcome);
  let stopped: string | null = null;
  const stop = (reason: string) => {
    stopped ??= reason;
    outgoing.destroy(new Error(reason));
  };
  const onAbort = () => stop(GONE);
  signal?.addEventListener("abort", onAbort, { once: true });
  // Behind an answer too, and where there is none at all.
  outgoing.on("error", () => {});
  outgoing.once("close", () => outgoing.emit("error", new Error("it gave no answer")));
  outgoing.setTimeout(waitMs, () => stop("it did not answer"));
  // A server that sends a byte now and then is never idle.
  const timer = setTimeout(() => stop("it did not come whole in time"), WAITS_MAX * waitMs);
  outgoing.end();
  try {
    const [reply] = (await once(outgoing, "response")) as [IncomingMessage];
    outcome.status = reply.statusCode ?? null;
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of reply as AsyncIterable<Buffer>) {
      outcome.receive(piece.length);
      bytes += piece.length;
      if (bytes > bytesMax) throw new Error(`it has more than ${bytesMax >> 20} MiB`);
      pieces.push(piece);
    }
    outcome.end(null);
    return { ok: true, status: reply.statusCode ?? 0, headers: reply.headers, body: Buffer.concat(pieces) };
  } catch (error) {
    outgoing.destroy();
    return fail(stopped ?? (error instanceof Error ? error.message : String(error)));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

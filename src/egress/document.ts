import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { addressOf } from "../core/net-rules.ts";
import { type Permit, spend } from "../core/permit.ts";
import type { Reach, Resolver } from "./dial.ts";
import type { Dialler } from "./dialler.ts";
import type { Running } from "./route.ts";

const DOCUMENT_BYTES_MAX = 32 << 20;

interface Reading {
  readonly dialler: Dialler;
  readonly resolver: Resolver;
  readonly outcome: Running;
  readonly waitMs: number;
}

/** Reads a document for the host itself, with a permit for it; null when it cannot be had, or has more than 32 MiB. */
export async function readDocument(
  { dialler, resolver, outcome, waitMs }: Reading,
  { permit, reach, accept }: { readonly permit: Permit; readonly reach: Reach; readonly accept: string },
): Promise<string | null> {
  const effect = spend(permit);
  if (effect.kind !== "request") throw new Error("bug: a permit for something else");
  const found = await resolver.resolve(effect.host, reach);
  if (!found.ok) {
    outcome.end(found.reason);
    return null;
  }
  const host = addressOf(effect).split("/")[2] ?? "";
  const route = {
    seq: permit.seq,
    request: effect,
    addresses: found.addresses,
    isPlain: true,
    isAsked: false,
    isModel: false,
    again: null,
  };
  const outgoing = dialler.request(route, ["Host", host, "Accept", accept, "User-Agent", "ringfence"], outcome);
  // Behind an answer too, and where there is none at all.
  outgoing.on("error", () => {});
  outgoing.once("close", () => outgoing.emit("error", new Error("it gave no answer")));
  outgoing.setTimeout(waitMs, () => outgoing.destroy(new Error("it did not answer")));
  outgoing.end();
  try {
    const [reply] = (await once(outgoing, "response")) as [IncomingMessage];
    outcome.status = reply.statusCode ?? null;
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of reply as AsyncIterable<Buffer>) {
      outcome.receive(piece.length);
      bytes += piece.length;
      if (bytes > DOCUMENT_BYTES_MAX) throw new Error("it is too large");
      pieces.push(piece);
    }
    outcome.end(null);
    return reply.statusCode === 200 ? Buffer.concat(pieces).toString("utf8") : null;
  } catch (error) {
    outgoing.destroy();
    outcome.end(error instanceof Error ? error.message : String(error));
    return null;
  }
}

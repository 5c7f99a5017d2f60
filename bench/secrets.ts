import { createHash, randomBytes } from "node:crypto";
import { Readable, type Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Broker } from "../src/egress/broker.ts";
import { Keep } from "../src/egress/vault-keep.ts";
import { type Measured, median, rounded } from "./report.ts";

const CREDENTIALS = 20;
const CHUNK_BYTES = 64 * 1024;
const BODY_BYTES = 100e6;

/** Measures how long 100 MB take through the search of a request's body and the mask of a reply's, with 20 credentials. */
export async function measureSecrets(rounds: number): Promise<Measured[]> {
  const keep = new Keep(randomBytes(32));
  for (let number = 0; number < CREDENTIALS; number += 1) keep.add(tokenOf(number), `token ${number}`, []);
  const broker = new Broker(() => keep.credentials());
  const bodies = {
    random: randomBytes(CHUNK_BYTES),
    text: chunkOf("const total = items.reduce((sum, item) => sum + item.price, 0);\n"),
    percent: chunkOf("%61%20b%2Fc+d=e&"),
  };
  const times = async (open: () => readonly Transform[], chunk: Buffer) => {
    const all: number[] = [];
    for (let round = 0; round <= rounds; round += 1) all.push(await timed(chunk, open()));
    return median(all.slice(1));
  };
  const scan = (chunk: Buffer) => times(() => [broker.scanBody(null)], chunk);
  const mask = (chunk: Buffer) => times(() => maskOf(broker), chunk);
  const floor = rounded(await times(() => [], bodies.random));
  const note = async (measure: (chunk: Buffer) => Promise<number>) =>
    `random bytes; source code ${rounded(await measure(bodies.text))} ms, a form ${rounded(await measure(bodies.percent))} ms; no transform ${floor} ms`;
  return [
    { key: "scan_100mb_ms", value: await scan(bodies.random), note: await note(scan) },
    { key: "mask_100mb_ms", value: await mask(bodies.random), note: await note(mask) },
  ];
}

function tokenOf(number: number): string {
  return `ghp_${createHash("sha256").update(String(number)).digest("hex").slice(0, 36)}`;
}

function maskOf(broker: Broker): readonly Transform[] {
  const reply = broker.maskReply([]);
  return reply.kind === "send" ? reply.body : [];
}

function chunkOf(text: string): Buffer {
  return Buffer.from(text.repeat(Math.ceil(CHUNK_BYTES / text.length)).slice(0, CHUNK_BYTES));
}

async function timed(chunk: Buffer, transforms: readonly Transform[]): Promise<number> {
  const startedAt = performance.now();
  const source = Readable.from(Array.from({ length: Math.ceil(BODY_BYTES / CHUNK_BYTES) }, () => chunk));
  let bytes = 0;
  const sink = new Writable({
    write(written: Buffer, _, done) {
      bytes += written.length;
      done();
    },
  });
  await pipeline([source, ...transforms, sink]);
  if (bytes < BODY_BYTES) throw new Error(`${bytes} bytes came through`);
  return performance.now() - startedAt;
}

import assert from "node:assert/strict";
import { Readable, type Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { type Credential, Secret } from "../core/credential.ts";
import { BodyRefused, Broker } from "./broker.ts";

const PLACEHOLDER = "ghp_Pl4ceh0lderAAAABBBBCCCCDDDDEEEEFFFF00";
const VALUE = "ghp_Canary7Hq2mZ0xTq9LmWv4Rk8Nb3Yc6Pd1Sf0";
const credential: Credential = {
  id: "env GITHUB_TOKEN",
  source: "env GITHUB_TOKEN",
  placeholder: PLACEHOLDER,
  value: new Secret(VALUE),
  rules: [{ scheme: { kind: "bearer" }, origins: ["https://api.example.com"], methods: ["GET"], pathPrefixes: ["/a"] }],
};
const credentials = [credential];
const broker = new Broker(() => credentials);
const noise = "0123456789 not a secret\n".repeat(9000);

/** Cuts a body into pieces that do not respect anything. */
function pieces(body: Uint8Array, size: number): Readable {
  return Readable.from(
    Array.from({ length: Math.ceil(body.length / size) }, (_, at) => body.subarray(at * size, (at + 1) * size)),
  );
}

/** What came out before the end or the error. */
async function through(body: Readable, transforms: readonly Transform[]): Promise<{ out: Buffer; error: unknown }> {
  const got: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _, done) {
      got.push(Buffer.from(chunk));
      done();
    },
  });
  const error = await pipeline([body, ...transforms, sink]).then(
    () => null,
    (problem: unknown) => problem,
  );
  return { out: Buffer.concat(got), error };
}

const scanned = (body: Uint8Array, size: number, encoding: string | null) =>
  through(pieces(body, size), [broker.scanBody(encoding)]);

test("a body without placeholders passes byte for byte, packed or not", async () => {
  const body = Buffer.from(noise);
  assert.deepEqual(await scanned(body, 700, null), { out: body, error: null });
  assert.deepEqual(await scanned(body, 700, "identity"), { out: body, error: null });
  for (const [encoding, packed] of [
    ["gzip", gzipSync(noise)],
    ["deflate", deflateSync(noise)],
    ["br", brotliCompressSync(noise)],
    ["zstd", zstdCompressSync(noise)],
  ] as const)
    assert.deepEqual(await scanned(packed, 100, encoding), { out: packed, error: null }, encoding);
});

test("a body with a placeholder or a value fails before that has left whole", async () => {
  for (const secret of [
    PLACEHOLDER,
    VALUE,
    btoa(`x:${PLACEHOLDER}`),
    encodeURIComponent(PLACEHOLDER).replace("P", "%50"),
  ]) {
    const { out, error } = await scanned(Buffer.from(`${noise}${secret}${noise}`), 777, null);
    assert.ok(error instanceof BodyRefused);
    assert.equal(error.alarm, "env GITHUB_TOKEN");
    assert.match(error.message, /^the credential of env GITHUB_TOKEN stands in its body$/);
    // Behind the noise come at most the signs of base64 that the placeholder alone does not determine.
    assert.ok(out.length <= noise.length + 3);
  }
});

test("a placeholder in a packed body is found too, and the piece that completes it does not leave", async () => {
  for (const [encoding, pack] of [
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
  ] as const) {
    const packed = pack(`${noise}${PLACEHOLDER}`);
    const { out, error } = await scanned(packed, 50, encoding);
    assert.ok(error instanceof BodyRefused, encoding);
    assert.equal(error.alarm, "env GITHUB_TOKEN");
    assert.ok(out.length < packed.length);
  }
});

test("a body that cannot be unpacked, in an unknown packing, or a bomb is refused", async () => {
  const refusal = async (body: Uint8Array, encoding: string) => String((await scanned(body, 4096, encoding)).error);
  assert.match(await refusal(Buffer.from(noise), "gzip"), /cannot be unpacked/);
  assert.match(await refusal(gzipSync(noise).subarray(0, -9), "gzip"), /cannot be unpacked/);
  assert.match(await refusal(Buffer.from(noise), "compress"), /packed in an unknown way/);
  assert.match(await refusal(gzipSync(gzipSync(noise)), "gzip, gzip"), /packed in an unknown way/);
  assert.match(await refusal(gzipSync(Buffer.alloc(70 * 2 ** 20), { level: 1 }), "gzip"), /unpacks to far more/);
});

test("a reply has the value masked at the same length, and one that is packed is unpacked", async () => {
  const text = `${noise}{"authorization":"Bearer ${VALUE}"}${noise}`;
  const masked = text.replace(VALUE, PLACEHOLDER);
  const plain = broker.maskReply([
    "Content-Type",
    "text/plain",
    "Content-Length",
    String(text.length),
    "Set-Cookie",
    "a=b",
    "X-Echo",
    VALUE,
  ]);
  assert.ok(plain.kind === "send");
  assert.deepEqual(plain.headers, [
    "content-type",
    "text/plain",
    "content-length",
    String(text.length),
    "x-echo",
    PLACEHOLDER,
  ]);
  assert.deepEqual(String((await through(pieces(Buffer.from(text), 333), plain.body)).out), masked);
  for (const [encoding, body] of [
    ["gzip", gzipSync(text)],
    ["GZip , br", brotliCompressSync(gzipSync(text))],
    ["zstd", zstdCompressSync(text)],
  ] as const) {
    const packed = broker.maskReply(["Content-Encoding", encoding, "Content-Length", "1", "ETag", "x"]);
    assert.ok(packed.kind === "send");
    assert.deepEqual(packed.headers, ["etag", "x"]);
    assert.deepEqual(String((await through(pieces(body, 333), packed.body)).out), masked, encoding);
  }
  assert.deepEqual(broker.maskReply(["Content-Encoding", "compress"]), {
    kind: "refused",
    reason: "its body is packed in an unknown way",
  });
});

test("a credential that comes later is known from then on", () => {
  let list: readonly Credential[] = [];
  const later = new Broker(() => list);
  const request = {
    protocol: "https",
    host: "api.example.com",
    port: 443,
    method: "GET",
    path: "/a",
    bodySha256: null,
    isPlain: false,
  } as const;
  const headers = ["Authorization", `Bearer ${PLACEHOLDER}`];
  assert.equal(later.isBrokered("api.example.com"), false);
  assert.deepEqual(later.outgoing({ ...request, headers }), { kind: "send", headers, used: [] });
  list = [credential];
  assert.equal(later.isBrokered("api.example.com"), true);
  const answer = later.outgoing({ ...request, headers });
  assert.deepEqual(answer, {
    kind: "send",
    headers: ["authorization", `Bearer ${VALUE}`, "accept-encoding", "identity"],
    used: ["env GITHUB_TOKEN"],
  });
});

import assert from "node:assert/strict";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { type Credential, Secret } from "../core/credential.ts";
import { Broker } from "./broker.ts";
import { echoServer, openProxy, rule, startServer } from "./proxy.fixture.ts";

const KEY_ID = "AKIAPLACEHOLDER00000";
const MIB = 1 << 20;
/** Below what one body may have. */
const PIECE = Buffer.alloc(12 * MIB, "a");

function signer(origin: string): Credential {
  const pair = { placeholder: KEY_ID, value: new Secret("AKIACANARY0000000000") };
  const scheme = { kind: "sigv4", keyId: pair, session: null } as const;
  const rules = [{ scheme, origins: [origin], methods: ["PUT"], pathPrefixes: ["/"] }];
  const secret = {
    placeholder: "pLaceHolderSecretKey0123456789abcdefABCD",
    value: new Secret("cAnarySecretKey0123456789abcdefABCDEFGHI"),
  };
  return { id: "aws", source: "aws", ...secret, rules };
}

/** Waits until something is so; what is read here is much, and others may use the machine too. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tried = 0; tried < 2000 && !isSo(); tried += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(isSo(), "it never came to that");
}

/** Begins a request whose body is signed and does not end; tells what it was answered so far. */
function begin(
  t: TestContext,
  port: number,
  origin: string,
): { readonly socket: net.Socket; readonly text: () => string } {
  const socket = net.connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    text += piece;
  });
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  const scope = "20150830/eu-west-1/s3/aws4_request";
  const signature = `AWS4-HMAC-SHA256 Credential=${KEY_ID}/${scope}, SignedHeaders=host;x-amz-date, Signature=${"0".repeat(64)}`;
  const head = [`PUT ${origin}/data HTTP/1.1`, `Host: ${origin.slice(7)}`, "X-Amz-Date: 20150830T123600Z"];
  socket.write([...head, `Authorization: ${signature}`, `Content-Length: ${13 * MIB}`, "", ""].join("\r\n"));
  socket.write(PIECE);
  return { socket, text: () => text };
}

test("bodies that are held to be signed anew are bounded together, and one that ends makes room", async (t) => {
  const port = await startServer(t, echoServer());
  const origin = `http://127.0.0.1:${port}`;
  const credentials = [signer(origin)];
  const broker = new Broker(() => credentials);
  const place = await openProxy(t, { broker, rules: { allow: [rule("127.0.0.1", port)] } });
  const open = Array.from({ length: 5 }, () => begin(t, place.port, origin));
  await until(() => open.every(({ socket }) => socket.writableLength === 0));
  assert.deepEqual(
    open.map(({ text }) => text()),
    ["", "", "", "", ""],
  );
  const sixth = begin(t, place.port, origin);
  await until(() => sixth.text() !== "");
  assert.match(sixth.text(), /^HTTP\/1\.1 403 /);
  assert.match(place.malformed.join(), /its signed body is too large to be signed anew, alone or beside others/);
  for (const { socket } of [...open.slice(0, 2), sixth]) socket.destroy();
  await until(() => place.outcomes.length >= 3);
  const seventh = begin(t, place.port, origin);
  await until(() => seventh.socket.writableLength === 0);
  seventh.socket.write(Buffer.alloc(MIB, "a"));
  // It was held whole: what is wrong with it now is the signature.
  await until(() => seventh.text() !== "");
  assert.match(place.malformed.at(-1) ?? "", /its signature does not fit the request/);
});

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { getHeads, postHead } from "./anchor-url.ts";

test("a head goes to its address and nothing with it, and what is kept there comes back", async (t) => {
  const kept: string[] = [];
  const asked: IncomingMessage[] = [];
  const url = await serve(t, async (request, reply) => {
    asked.push(request);
    if (request.method === "GET") return void reply.end(kept.join(""));
    kept.push(await textOf(request));
    reply.writeHead(201).end();
  });
  await postHead(`${url}/heads?key=1`, "one — \n");
  await postHead(`${url}/heads?key=1`, "two\n");
  assert.equal(await getHeads(`${url}/heads?key=1`), "one — \ntwo\n");
  assert.deepEqual(
    asked.map(({ method, url: path }) => [method, path]),
    [
      ["POST", "/heads?key=1"],
      ["POST", "/heads?key=1"],
      ["GET", "/heads?key=1"],
    ],
  );
  assert.deepEqual(Object.keys(asked[0]?.headers ?? {}).sort(), [
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
  ]);
});

test("no redirect is followed, and an answer that is none, too long or broken off is a failure that says so", async (t) => {
  const reached: string[] = [];
  const other = await serve(t, (request, reply) => {
    reached.push(request.url ?? "");
    reply.end();
  });
  const answers: Record<string, RequestListener> = {
    "/redirect": (_, reply) => reply.writeHead(307, { location: other }).end(),
    "/refused": (_, reply) => reply.writeHead(403).end("no"),
    "/long": (_, reply) => reply.end(Buffer.alloc(17 << 20)),
    "/broken": (_, reply) => {
      reply.writeHead(200, { "content-length": 10 }).write("12");
      setTimeout(() => reply.destroy(), 20);
    },
  };
  const url = await serve(t, (request, reply) => answers[request.url ?? ""]?.(request, reply));
  await assert.rejects(postHead(`${url}/redirect`, "x"), /it answered 307/);
  assert.deepEqual(reached, []);
  await assert.rejects(postHead(`${url}/refused`, "x"), /it answered 403/);
  await assert.rejects(getHeads(`${url}/long`), /more than 16 MiB/);
  await assert.rejects(getHeads(`${url}/broken`), /aborted/);
  await assert.rejects(postHead("http://127.0.0.1:1/", "x"), /ECONNREFUSED/);
});

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request.setEncoding("utf8") as AsyncIterable<string>) text += piece;
  return text;
}

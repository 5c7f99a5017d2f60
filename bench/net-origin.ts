// The server of the network's numbers, in a process of its own: one port plain, two behind TLS. Prints the ports as JSON.
// Arguments: a file with key and chain in PEM, as JSON.
import { readFileSync } from "node:fs";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";

const PIECE = Buffer.alloc(1 << 17, "x");
const secrets = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as {
  readonly key: string;
  readonly cert: string;
};
const servers = [http.createServer(answer), https.createServer(secrets, answer), https.createServer(secrets, answer)];
const ports = await Promise.all(
  servers.map(async (server) => {
    await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 2048 }, resolve));
    return (server.address() as AddressInfo).port;
  }),
);
process.stdout.write(`${JSON.stringify(ports)}\n`);

/** Sends as many bytes as the path says, behind all that it was sent. */
function answer(request: IncomingMessage, reply: ServerResponse): void {
  const bytes = Number(request.url?.slice(1));
  request.on("data", () => {});
  request.on("end", () => {
    reply.writeHead(200, { "Content-Length": bytes });
    let left = bytes;
    const more = () => {
      while (left > 0 && !reply.destroyed) {
        const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
        left -= piece.length;
        if (!reply.write(piece)) return void reply.once("drain", more);
      }
      reply.end();
    };
    more();
  });
}

import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { NetRequest } from "../../src/core/net-rules.ts";
import type { Told } from "../../src/core/package-age.ts";

/** A server in front of another that passes everything on, and remembers what was asked. */
export interface Recorder {
  readonly port: number;
  readonly url: string;
  /** What was asked since the last call. */
  take(): NetRequest[];
  close(): void;
}

/** Starts a recorder in front of a port of this machine's loopback. */
export async function record(target: number): Promise<Recorder> {
  const seen: NetRequest[] = [];
  const server: Server = createServer((incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
    seen.push({ protocol: "http", host: "127.0.0.1", port, method, path: url, hasBody });
    // With the host that the client named, so that the registry's documents point back here.
    const passed = request({ host: "127.0.0.1", port: target, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port, url: `http://127.0.0.1:${port}/`, take: () => seen.splice(0), close };
}

/** Reads a document over the network as the program's proxy does for a judge. */
export async function get(url: string, accept: string): Promise<Told | null> {
  const answer = await fetch(url, { headers: { accept }, signal: AbortSignal.timeout(10_000) });
  return answer.ok ? { text: await answer.text(), modified: answer.headers.get("last-modified") } : null;
}

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { endWith, giveBack, headOf, written } from "./answer.ts";
import { answerHeaders, readHead, tokenOf } from "./head.ts";
import { join } from "./join.ts";
import { RequestLook } from "./look.ts";
import { putOn } from "./put-on.ts";
import { GONE, sentHeaders, type Traffic } from "./route.ts";

/** WebSocket: judged as a request with a body, since what follows is not seen as requests. */
export async function upgrade(traffic: Traffic, incoming: IncomingMessage, socket: Socket): Promise<void> {
  const client = traffic.clientOf(socket);
  const head = headOf(incoming);
  const token = client ? client.token : tokenOf(head);
  const read = readHead(head, client?.origin ?? null);
  if (!read.ok) {
    traffic.malformed(read.reason, token);
    return endWith(socket, 400, read.reason);
  }
  const look = new RequestLook(read.headers, socket, null);
  const found = await traffic.judge({ ...read.request, hasBody: true }, token, look);
  if (!found.ok) return endWith(socket, found.status, found.reason);
  const outcome = traffic.run(found.route);
  if (socket.destroyed) return outcome.end(GONE);
  const broker = traffic.broker();
  const headers = sentHeaders(found.route, read.headers, broker);
  const put = await putOn(broker, { ...read.request, headers, isPlain: found.route.isPlain }, null);
  // What goes by after it is not masked.
  const isOpen = put.ok && !broker?.isBrokered(read.request.host);
  if (!isOpen) {
    const reason = put.ok ? "a host that a credential is put on for does not switch protocols" : put.reason;
    outcome.end(reason);
    traffic.malformed(reason, token);
    return endWith(socket, 403, reason);
  }
  const switching = ["Connection", "Upgrade", "Upgrade", "websocket"];
  // On a connection of its own, since what is read from one that is kept is written over by what comes next.
  const outgoing = traffic.dialler.request(found.route, [...headers, ...switching], outcome, false);
  const fail = (reason: string) => {
    outcome.end(reason);
    endWith(socket, 502, `${read.request.host}: ${reason}`);
  };
  let isThere = false;
  outgoing.on("upgrade", (reply, upstream: Socket, rest) => {
    isThere = true;
    outcome.status = reply.statusCode ?? null;
    traffic.track(upstream);
    if (reply.headers.upgrade?.toLowerCase() !== "websocket") {
      upstream.destroy();
      return fail("it switches to another protocol");
    }
    const headers = [...answerHeaders(reply.rawHeaders), ...switching];
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${written(headers)}\r\n`, "latin1");
    giveBack(upstream, rest);
    join(traffic, { socket, upstream, outcome });
  });
  outgoing.on("response", (reply) => {
    outcome.status = reply.statusCode ?? null;
    outcome.end(null);
    reply.destroy();
    endWith(socket, reply.statusCode ?? 502, "the server does not switch protocols");
  });
  outgoing.on("error", (error) => fail(error.message));
  outgoing.on("close", () => {
    if (!isThere) fail("it gave no answer");
  });
  socket.on("close", () => {
    outcome.end(GONE);
    outgoing.destroy();
  });
  outgoing.end();
}

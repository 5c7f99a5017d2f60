import type { Socket } from "node:net";
import type { Running, Traffic } from "./route.ts";
import type { Tunnel } from "./tunnel.ts";

interface Joined {
  readonly socket: Socket;
  readonly upstream: Socket;
  readonly outcome: Running;
  readonly tunnel?: Tunnel;
}

/** Passes bytes on between a connection of the box and a server, counted, until one of them ends; `tunnel` looks at the first. */
export function join(
  { meter, track }: Pick<Traffic, "meter" | "track">,
  { socket, upstream, outcome, tunnel }: Joined,
): void {
  track(upstream);
  socket.on("data", (piece: Buffer) => {
    outcome.send(piece.length);
    const ceiling = meter.send(piece.length);
    if (ceiling === null) return;
    outcome.end(ceiling);
    // First, so that this piece does not leave either.
    upstream.destroy();
    socket.destroy();
  });
  if (tunnel === undefined) socket.pipe(upstream);
  else socket.pipe(tunnel).pipe(upstream);
  upstream.on("data", (piece: Buffer) => outcome.receive(piece.length));
  upstream.pipe(socket);
  socket.on("close", () => upstream.destroy());
  upstream.on("close", () => {
    outcome.end(null);
    socket.destroy();
  });
}

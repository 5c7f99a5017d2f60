import net, { type Server, type Socket } from "node:net";

/** What listens in the box's network, as it was handed out. */
export type Listener = Parameters<Server["listen"]>[0];

/** Goes on with a connection that nothing was read from; `listener` is the number of the one it came by. */
export type Take = (socket: Socket, listener: number) => void;

/** As many connections as may be open at once may wait. */
const WAITING_MAX = 2048;

/**
 * Accepts what connects in the box, and has what answers it loaded when the first connection has come: many a session makes
 * none.
 *
 * Nothing is read from a connection before it is taken. What cannot be loaded is not tried again, and nothing is answered.
 */
export class Acceptor {
  readonly #load: () => Promise<Take>;
  readonly #waitingMax: number;
  readonly #servers: Server[] = [];
  /** Connections that wait for the load, with the number of their listener. */
  readonly #waiting = new Map<Socket, number>();
  #take: Take | null = null;
  #isLoading = false;
  #isClosed = false;

  constructor(load: () => Promise<Take>, waitingMax = WAITING_MAX) {
    this.#load = load;
    this.#waitingMax = waitingMax;
  }

  listen(listeners: readonly Listener[]): void {
    for (const [number, listener] of listeners.entries()) {
      const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
      server.on("connection", (socket) => this.#accept(socket, number));
      server.listen(listener);
      this.#servers.push(server);
    }
  }

  /** Accepts nothing any more, and ends what waits. */
  close(): void {
    this.#isClosed = true;
    for (const server of this.#servers) server.close();
    for (const socket of this.#waiting.keys()) socket.destroy();
    this.#waiting.clear();
  }

  #accept(socket: Socket, number: number): void {
    if (this.#take !== null) {
      this.#take(socket, number);
      return;
    }
    // What breaks is a peer's matter.
    socket.on("error", () => socket.destroy());
    if (this.#waiting.size >= this.#waitingMax) return void socket.destroy();
    this.#waiting.set(socket, number);
    socket.once("close", () => this.#waiting.delete(socket));
    if (this.#isLoading) return;
    this.#isLoading = true;
    this.#load().then(
      (take) => this.#begin(take),
      () => this.#begin((refused) => refused.destroy()),
    );
  }

  #begin(take: Take): void {
    if (this.#isClosed) return;
    this.#take = take;
    for (const [socket, number] of this.#waiting) take(socket, number);
    this.#waiting.clear();
  }
}

import { createHash, randomBytes } from "node:crypto";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Permit, spend } from "../core/permit.ts";
import { endWith, headOf, passHead, sayNo, written } from "./answer.ts";
import { answerHeaders } from "./head.ts";
import {
  type Asked,
  appHeaders,
  appPolicy,
  type PreviewNames,
  readAsked,
  wrapperPage,
  wrapperPolicy,
} from "./preview-head.ts";

/** Connects to a port of the box's loopback; null when nothing listens there. */
export type ConnectBox = (port: number) => Promise<object | null>;

/** So many that no other user and no page of the machine guesses the name. */
const NAME_BYTES = 10;
const CONNECTIONS_MAX = 512;
const SERVER: http.ServerOptions = {
  maxHeaderSize: 64 << 10,
  headersTimeout: 30_000,
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
  requireHostHeader: false,
  insecureHTTPParser: false,
};

type ForApp = Asked & { readonly what: "app" };

/**
 * Shows a port of the box's loopback to the browsers of the machine, at 127.0.0.1 and under names of its own.
 *
 * What the box serves is a stranger's page in the person's browser, with their data in it: it may speak with its own server
 * and with nobody else.
 */
export class Preview {
  /** Port of the box. */
  readonly port: number;
  readonly seq: number;
  readonly #server: http.Server;
  readonly #agent: BoxAgent;
  readonly #open = new Set<Duplex>();
  #names: PreviewNames;

  private constructor(seq: number, port: number, connect: ConnectBox) {
    this.seq = seq;
    this.port = port;
    this.#agent = new BoxAgent(port, connect);
    this.#names = { wrapper: "", app: "", boxPort: port };
    this.#server = http.createServer(SERVER, (request, answer) => this.#serve(request, answer));
    this.#server.on("upgrade", (request, socket: Socket, first) => this.#upgrade(request, socket, first));
    this.#server.on("clientError", (_error, socket) => endWith(socket, 400, "that is no request"));
    this.#server.on("connection", (socket) => this.#track(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Begins to answer for the port that a permit names. */
  static async open(permit: Permit, connect: ConnectBox): Promise<Preview> {
    const effect = spend(permit);
    if (effect.kind !== "preview") throw new Error("bug: a permit for something else");
    const preview = new Preview(permit.seq, effect.port, connect);
    await preview.#listen();
    return preview;
  }

  /** What the person opens. */
  get address(): string {
    return `http://${this.#names.wrapper}/`;
  }

  /** Ends every connection. */
  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    this.#agent.destroy();
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    const { port } = this.#server.address() as AddressInfo;
    const wrapper = `preview-${randomBytes(NAME_BYTES).toString("hex")}.localhost:${port}`;
    this.#names = { wrapper, app: `app.${wrapper}`, boxPort: this.port };
  }

  #track(socket: Duplex): void {
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    // What breaks is a peer's matter.
    socket.on("error", () => socket.destroy());
  }

  #serve(incoming: IncomingMessage, answer: ServerResponse): void {
    const asked = readAsked(headOf(incoming), this.#names, false);
    answer.sendDate = false;
    const isOurs = asked.what === "wrapper";
    say(answer, isOurs ? wrapperPolicy(this.#names, digestOf) : appPolicy(this.#names));
    if (asked.what === "refused") sayNo(answer, asked.status, asked.reason);
    else if (asked.what === "wrapper") answer.end(wrapperPage(asked.path, this.#names));
    else if (asked.what === "redirect") answer.writeHead(302, { Location: asked.to }).end();
    else this.#pass(asked, incoming, answer);
  }

  #pass(asked: ForApp, incoming: IncomingMessage, answer: ServerResponse): void {
    const outgoing = this.#request(asked, asked.headers);
    outgoing.on("response", (reply) => {
      const headers = appHeaders(reply.rawHeaders, asked.path, this.#names);
      if (headers === null || !passHead(reply, { message: "", headers }, answer)) {
        sayNo(answer, 502, headers === null ? "it leads to another site" : "its answer cannot be passed on");
        return void outgoing.destroy();
      }
      reply.on("aborted", () => answer.destroy());
      reply.pipe(answer);
    });
    outgoing.on("error", (error) => {
      if (answer.headersSent) return void answer.destroy();
      // The page tries again by itself until the server is up.
      if (error instanceof NothingListens) answer.setHeader("Refresh", "1");
      sayNo(answer, 502, `port ${this.port} of the box: ${error.message}`);
    });
    // A server that switches protocols unasked is closed without an error.
    outgoing.on("close", () => sayNo(answer, 502, "the server broke off"));
    answer.on("close", () => outgoing.destroy());
    incoming.on("aborted", () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  #upgrade(incoming: IncomingMessage, socket: Socket, first: Buffer): void {
    const asked = readAsked(headOf(incoming), this.#names, true);
    if (asked.what === "refused") return void endWith(socket, asked.status, asked.reason);
    if (asked.what !== "app" || !/^websocket$/i.test(incoming.headers.upgrade ?? ""))
      return void endWith(socket, 400, "only a WebSocket is opened so");
    const outgoing = this.#request(asked, [...asked.headers, ...SWITCH]);
    outgoing.on("upgrade", (reply, upstream, rest) => {
      this.#track(upstream);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\n${written([...answerHeaders(reply.rawHeaders), ...SWITCH])}\r\n`,
      );
      if (rest.length > 0) socket.write(rest);
      if (first.length > 0) upstream.write(first);
      socket.pipe(upstream).pipe(socket);
      upstream.on("close", () => socket.destroy());
      socket.on("close", () => upstream.destroy());
    });
    outgoing.on("response", (reply) => {
      reply.destroy();
      endWith(socket, 502, "the server opens no WebSocket there");
    });
    outgoing.on("error", (error) => endWith(socket, 502, `port ${this.port} of the box: ${error.message}`));
    socket.on("close", () => outgoing.destroy());
    outgoing.end();
  }

  #request({ method, path }: ForApp, headers: readonly string[]): http.ClientRequest {
    return http.request({
      agent: this.#agent,
      host: "localhost",
      port: this.port,
      method,
      path,
      headers: [...headers] as unknown as http.OutgoingHttpHeaders,
      setHost: false,
    });
  }
}

const SWITCH = ["Connection", "Upgrade", "Upgrade", "websocket"];

class NothingListens extends Error {
  constructor() {
    super("nothing listens there yet");
  }
}

/** Connections into the box, kept for the next request. */
class BoxAgent extends http.Agent {
  readonly #port: number;
  readonly #connect: ConnectBox;

  constructor(port: number, connect: ConnectBox) {
    super({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
    this.#port = port;
    this.#connect = connect;
  }

  override createConnection(_options: object, done?: (error: Error | null, socket: Duplex) => void): undefined {
    const failed = done as ((error: Error) => void) | undefined;
    this.#connect(this.#port).then(
      (handle) => (handle === null ? failed?.(new NothingListens()) : done?.(null, socketOf(handle))),
      (error: Error) => failed?.(error),
    );
  }
}

// What is known of a handle is that it is one of Node's own, of a socket that is connected.
function socketOf(handle: object): Socket {
  return new net.Socket({ handle, readable: true, writable: true } as net.SocketConstructorOpts).setNoDelay(true);
}

function say(answer: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) answer.setHeader(name, value);
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

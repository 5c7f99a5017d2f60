import type { Socket } from "node:net";
import { type Authority, parseAuthority } from "../core/host.ts";

export interface SocksRequest {
  readonly place: Authority;
  /** Of the user name and password, where the client gave some. */
  readonly token: string | null;
  /** Tells the client how it went; from then on the connection is its own. */
  readonly answer: (code: SocksCode) => void;
}

/** RFC 1928, 6. */
export const SOCKS = { granted: 0, failed: 1, denied: 2, unsupported: 7, wrongAddress: 8 } as const;
export type SocksCode = (typeof SOCKS)[keyof typeof SOCKS];

const [VERSION, AUTH_VERSION] = [5, 1];
const METHOD = { none: 0, password: 2, refused: 255 } as const;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 } as const;
const CONNECT = 1;

/** Speaks the server's part of SOCKS 5 (RFC 1928, 1929) up to the request; null when the client ended it or broke the rules, as it has been told. */
export async function acceptSocks(
  socket: Socket,
  readToken: (user: string, password: string) => string | null,
): Promise<SocksRequest | null> {
  const reader = new Reader(socket);
  try {
    return await readSocks(socket, reader, readToken);
  } finally {
    reader.release();
  }
}

async function readSocks(
  socket: Socket,
  reader: Reader,
  readToken: (user: string, password: string) => string | null,
): Promise<SocksRequest | null> {
  const fail = (bytes: readonly number[] = []) => {
    socket.write(Buffer.from(bytes));
    return null;
  };
  const greeting = await reader.take(2);
  if (greeting?.[0] !== VERSION) return fail();
  const methods = await reader.take(greeting[1] ?? 0);
  if (!methods) return fail();
  let token: string | null = null;
  if (methods.includes(METHOD.password)) {
    socket.write(Buffer.from([VERSION, METHOD.password]));
    const version = await reader.take(1);
    const user = await reader.takeCounted();
    const password = await reader.takeCounted();
    if (version?.[0] !== AUTH_VERSION || !user || !password) return fail();
    token = readToken(user.toString("latin1"), password.toString("latin1"));
    socket.write(Buffer.from([AUTH_VERSION, 0]));
  } else if (methods.includes(METHOD.none)) socket.write(Buffer.from([VERSION, METHOD.none]));
  else return fail([VERSION, METHOD.refused]);
  const request = await reader.take(4);
  if (request?.[0] !== VERSION) return fail();
  if (request[1] !== CONNECT) return fail(reply(SOCKS.unsupported));
  const host = await readHost(reader, request[3] ?? 0);
  const port = await reader.take(2);
  if (host === null || !port) return fail(reply(SOCKS.wrongAddress));
  return {
    place: parseAuthority(`${host}:${port.readUInt16BE()}`, null),
    token,
    answer: (code) => socket.write(Buffer.from(reply(code))),
  };
}

async function readHost(reader: Reader, kind: number): Promise<string | null> {
  if (kind === ADDRESS.name) return (await reader.takeCounted())?.toString("latin1") ?? null;
  if (kind === ADDRESS.ipv4) return (await reader.take(4))?.join(".") ?? null;
  if (kind !== ADDRESS.ipv6) return null;
  const bytes = await reader.take(16);
  const words = bytes && Array.from({ length: 8 }, (_none, index) => bytes.readUInt16BE(index * 2).toString(16));
  return words ? `[${words.join(":")}]` : null;
}

function reply(code: SocksCode): number[] {
  return [VERSION, code, 0, ADDRESS.ipv4, 0, 0, 0, 0, 0, 0];
}

/** Takes a count of bytes at a time from a socket; what is not taken stays there. */
class Reader {
  readonly #socket: Socket;
  #wake = () => {};
  // One for all waits: a new listener would be told at once of what is too little.
  readonly #onMore = () => this.#wake();

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("readable", this.#onMore).on("end", this.#onMore).on("close", this.#onMore);
  }

  async take(count: number): Promise<Buffer | null> {
    if (count === 0) return Buffer.alloc(0);
    for (;;) {
      const taken: Buffer | null = this.#socket.read(count);
      if (taken !== null) return taken.length === count ? taken : null;
      if (this.#socket.readableEnded || this.#socket.destroyed) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async takeCounted(): Promise<Buffer | null> {
    const count = await this.take(1);
    return count ? this.take(count[0] ?? 0) : null;
  }

  release(): void {
    this.#socket.off("readable", this.#onMore).off("end", this.#onMore).off("close", this.#onMore);
  }
}

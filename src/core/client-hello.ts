/** What the first bytes of a connection say about the TLS in it. */
export type FirstBytes =
  /** Not enough yet, and nothing wrong so far. */
  | { readonly kind: "more" }
  /** No TLS, or a hello that breaks its rules or the bounds here; `why` is for people. */
  | { readonly kind: "other"; readonly why: string }
  | ClientHello;

export interface ClientHello {
  readonly kind: "hello";
  /** The name that the client asks for, as it wrote it; null when it names none. */
  readonly sni: string | null;
  /** Protocols that it offers, most wanted first; one character a byte. */
  readonly alpn: readonly string[];
  /**
   * Whether a second, encrypted hello is inside, so that the name above need not be the one that is meant.
   *
   * Some browsers send random bytes there when they have nothing to hide; nobody can tell these from the real thing.
   */
  readonly hasEch: boolean;
}

export const HELLO_BYTES_MAX = 16 << 10;
/** A hello is one record, or a few where its key shares are large. */
const RECORDS_MAX = 8;
const RECORD_BYTES_MAX = 1 << 14;
/** How much of a connection `parseClientHello` looks at; with so much it never asks for more. */
export const FIRST_BYTES_MAX = HELLO_BYTES_MAX + RECORDS_MAX * 5;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;
/** The standard's extension, the drafts' and, last, the older one that hid only the name. */
const ENCRYPTED = [0xfe0d, 0xfe0c, 0xfe0b, 0xfe0a, 0xfe09, 0xfe08, 0xffce];

/**
 * Reads the ClientHello that a connection begins with, out of all that has come of it so far.
 *
 * Call it again with more bytes for as long as it says so. Until the hello is whole it looks at the records' headers
 * alone, so that a client that sends a byte at a time costs nothing. What two readers could understand differently is no
 * hello: an extension named twice, a list that does not fill its frame, bytes behind the hello in its last record.
 */
export function parseClientHello(bytes: Uint8Array): FirstBytes {
  try {
    const hello = joinRecords(bytes);
    return hello === null ? { kind: "more" } : readHello(new Reader(hello));
  } catch (error) {
    if (error instanceof Broken) return { kind: "other", why: error.message };
    throw error;
  }
}

class Broken extends Error {}

/** Puts the body of the first handshake message together; null while a part of it is missing. */
function joinRecords(bytes: Uint8Array): Uint8Array | null {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let at = 0; parts.length < RECORDS_MAX; ) {
    // Each byte is judged as soon as it is there, so that what is no TLS is known from its first one.
    if (at < bytes.length && bytes[at] !== HANDSHAKE) throw new Broken("it is not TLS");
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) throw new Broken("it is not TLS");
    if (at + 5 > bytes.length) return null;
    const size = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (size === 0 || size > RECORD_BYTES_MAX) throw new Broken("a record of that size is not TLS");
    const part = bytes.subarray(at + 5, at + 5 + size);
    parts.push(part);
    length += part.length;
    at += 5 + size;
    const wanted = messageSize(parts, length);
    if (wanted !== null && length > wanted) throw new Broken("something follows the hello in its record");
    if (part.length < size) return null;
    if (length === wanted) return join(parts, length).subarray(4);
  }
  throw new Broken("the hello lies in too many records");
}

/** Says how long the message is, with its own header; null as long as that header is not there. */
function messageSize(parts: readonly Uint8Array[], length: number): number | null {
  if (length === 0) return null;
  // A record may hold a single byte, so the header can lie in four of them.
  const head = join(parts, length, 4);
  if (head[0] !== CLIENT_HELLO) throw new Broken("it begins with no ClientHello");
  if (head.length < 4) return null;
  const size = 4 + ((head[1]! << 16) | (head[2]! << 8) | head[3]!);
  if (size > HELLO_BYTES_MAX) throw new Broken("the hello is too long");
  return size;
}

function join(parts: readonly Uint8Array[], length: number, bytesMax = length): Uint8Array {
  const whole = new Uint8Array(Math.min(length, bytesMax));
  let at = 0;
  for (const part of parts) {
    const piece = part.subarray(0, whole.length - at);
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function readHello(hello: Reader): ClientHello {
  if (hello.number(1) !== 3) throw new Broken("the hello is of no version of TLS");
  hello.take(1 + 32);
  if (hello.vector(1).rest > 32) throw new Broken("the hello's session id is too long");
  const suites = hello.vector(2).rest;
  if (suites === 0 || suites % 2 !== 0) throw new Broken("the hello's list of ciphers is broken");
  if (hello.vector(1).rest === 0) throw new Broken("the hello's list of compressions is broken");
  const extensions = hello.rest === 0 ? new Map<number, Reader>() : readExtensions(hello.vector(2));
  hello.end();
  const name = extensions.get(SERVER_NAME);
  const protocols = extensions.get(ALPN);
  return {
    kind: "hello",
    sni: name === undefined ? null : readName(name),
    alpn: protocols === undefined ? [] : readProtocols(protocols),
    hasEch: ENCRYPTED.some((type) => extensions.has(type)),
  };
}

function readExtensions(list: Reader): Map<number, Reader> {
  const found = new Map<number, Reader>();
  while (list.rest > 0) {
    const type = list.number(2);
    if (found.has(type)) throw new Broken("the hello has the same extension twice");
    found.set(type, list.vector(2));
  }
  return found;
}

function readName(extension: Reader): string {
  const list = extension.vector(2);
  extension.end();
  if (list.number(1) !== 0) throw new Broken("the hello names a server by no host name");
  const name = list.vector(2).text();
  list.end();
  if (!/^[\w.-]{1,255}$/.test(name)) throw new Broken("the hello's server name is no host name");
  return name;
}

function readProtocols(extension: Reader): string[] {
  const list = extension.vector(2);
  extension.end();
  const protocols: string[] = [];
  do {
    const protocol = list.vector(1).text();
    if (protocol === "") throw new Broken("the hello offers a protocol without a name");
    protocols.push(protocol);
  } while (list.rest > 0);
  return protocols;
}

/** Takes numbers and pieces from the front of some bytes; what is not there breaks the hello. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Uint8Array {
    if (length > this.rest) throw new Broken("the hello ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  number(width: 1 | 2): number {
    return this.take(width).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** Takes a piece that has its length before it. */
  vector(width: 1 | 2): Reader {
    return new Reader(this.take(this.number(width)));
  }

  text(): string {
    return String.fromCharCode(...this.take(this.rest));
  }

  end(): void {
    if (this.rest > 0) throw new Broken("a part of the hello is longer than what it holds");
  }
}

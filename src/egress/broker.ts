import { createHash, createHmac } from "node:crypto";
import { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import type { Credential } from "../core/credential.ts";
import { type Held, incoming, isBrokered, type Outbound, type Outgoing, outgoing } from "../core/credential-broker.ts";
import { needlesOf } from "../core/credential-forms.ts";
import { searchFor } from "../core/credential-search.ts";
import type { Hashes } from "../core/credential-sigv4.ts";
import { type MaskingStream, openStream } from "../core/credential-stream.ts";

/** A body has a placeholder, or a value, or is of no form in which one could be seen. */
export class BodyRefused extends Error {
  /** Id of the credential that was met, or null. */
  readonly alarm: string | null;

  constructor(message: string, alarm: string | null) {
    super(message);
    this.alarm = alarm;
  }
}

export type Reply =
  | {
      readonly kind: "send";
      readonly headers: string[] /** To pass the body through, in this order. */;
      readonly body: readonly Transform[];
    }
  | { readonly kind: "refused"; readonly reason: string };

/** What a body may grow to when it is unpacked only to be searched. */
const UNPACKED_BYTES_MAX = 64 * 2 ** 20;
const UNPACKED_TIMES_MAX = 100;

const HASHES: Hashes = {
  sha256: (text) => createHash("sha256").update(text).digest("hex"),
  hmacSha256: (key, text) => createHmac("sha256", key).update(text).digest(),
};

/** Puts credentials on requests and takes their values out of replies; all of it is decided in `core/credential-broker.ts`. */
export class Broker {
  readonly #credentials: () => readonly Credential[];
  #held: Held = { credentials: [], search: searchFor([]) };

  /** The credentials of a session; another list when some have come, while masked copies are made. */
  constructor(credentials: () => readonly Credential[]) {
    this.#credentials = credentials;
  }

  isBrokered(host: string): boolean {
    return isBrokered(this.#current(), host);
  }

  outgoing(request: Outbound): Outgoing {
    return outgoing(this.#current(), request, HASHES);
  }

  /**
   * Reads a request's body on its way and fails with `BodyRefused` before a placeholder or a value has left whole. A packed
   * body is unpacked beside, to be searched, and sent on as it is.
   */
  scanBody(contentEncoding: string | null): Transform {
    const { search, credentials } = this.#current();
    const stream = openStream(search);
    const refuse: Refuse = ([owner]) => {
      const credential = owner === undefined ? undefined : credentials[owner];
      return credential && new BodyRefused(`the credential of ${credential.source} stands in its body`, credential.id);
    };
    const encoding = contentEncoding?.trim().toLowerCase() ?? "identity";
    const beside = encoding === "identity" ? null : new UnpackedScan(encoding, openStream(search), refuse);
    return new Transform({
      transform(chunk: Buffer, _, done) {
        const { bytes, found } = stream.push(chunk);
        const error = refuse(found);
        if (error || beside === null) return done(error, bytes);
        beside.write(chunk, (problem) => done(problem, bytes));
      },
      flush(done) {
        const { bytes, found } = stream.end();
        const error = refuse(found);
        if (error || beside === null) return done(error, bytes);
        beside.end((problem) => done(problem, bytes));
      },
      destroy(error, done) {
        beside?.destroy();
        done(error);
      },
    });
  }

  /**
   * Masks a reply: its headers, and its body by the transforms that are returned. The origin was asked not to pack it; one
   * that is packed all the same is unpacked for good. The length of a body stays, but for one that was packed.
   */
  maskReply(headers: readonly string[]): Reply {
    const { search } = this.#current();
    const shown = incoming({ search }, headers);
    const encodings = valuesOf(shown, "content-encoding").flatMap((value) => value.toLowerCase().split(","));
    const packings = encodings.map((each) => each.trim()).filter((each) => each !== "" && each !== "identity");
    const unpackers = packings.reverse().map(unpackerFor);
    if (unpackers.some((unpacker) => unpacker === null))
      return { kind: "refused", reason: "its body is packed in an unknown way" };
    const gone = packings.length > 0 ? ["content-encoding", "content-length"] : [];
    return {
      kind: "send",
      headers: shown.filter((_, at) => !gone.includes(shown[at - (at % 2)] ?? "")),
      body: [...unpackers.filter((unpacker) => unpacker !== null), maskingTransform(openStream(search))],
    };
  }

  #current(): Held {
    const credentials = this.#credentials();
    if (credentials !== this.#held.credentials) {
      const needles = credentials.flatMap(({ placeholder, value }, owner) => [
        ...needlesOf(placeholder, placeholder, owner),
        ...needlesOf(value.reveal(), placeholder, owner),
      ]);
      this.#held = { credentials, search: searchFor(needles) };
    }
    return this.#held;
  }
}

type Refuse = (found: readonly number[]) => BodyRefused | undefined;
type Done = (problem?: Error | null) => void;

/** Unpacks a body for the search alone. Done with a piece means that all that it unpacked to has been searched. */
class UnpackedScan {
  readonly #unpacker: Transform | null;
  #problem: BodyRefused | null = null;
  /** Whoever waits for a piece, or for the end. */
  #waiting: Done | null = null;
  #packedBytes = 0;
  #bytes = 0;

  constructor(encoding: string, stream: MaskingStream, refuse: Refuse) {
    this.#unpacker = unpackerFor(encoding);
    if (this.#unpacker === null) this.#problem = new BodyRefused("its body is packed in an unknown way", null);
    this.#unpacker?.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.length;
      this.#problem ??= refuse(stream.push(chunk).found) ?? this.#tooLarge();
      if (this.#problem !== null) this.#unpacker?.destroy();
    });
    // After an error no callback of a write is called, so these settle as well.
    this.#unpacker?.on("error", () => this.#settle(true));
    this.#unpacker?.on("close", () => this.#settle(false));
  }

  write(chunk: Buffer, done: Done): void {
    this.#packedBytes += chunk.length;
    this.#waiting = done;
    if (this.#problem !== null || this.#unpacker === null) this.#settle(false);
    else this.#unpacker.write(chunk, (error) => this.#settle(error !== null && error !== undefined));
  }

  end(done: Done): void {
    this.#waiting = done;
    if (this.#problem !== null || this.#unpacker === null) this.#settle(false);
    else this.#unpacker.end();
  }

  destroy(): void {
    this.#unpacker?.destroy();
  }

  #settle(isBroken: boolean): void {
    if (isBroken) this.#problem ??= new BodyRefused("its body cannot be unpacked", null);
    const done = this.#waiting;
    this.#waiting = null;
    done?.(this.#problem);
  }

  #tooLarge(): BodyRefused | null {
    const isTooLarge = this.#bytes > UNPACKED_BYTES_MAX && this.#bytes > UNPACKED_TIMES_MAX * this.#packedBytes;
    return isTooLarge ? new BodyRefused("its body unpacks to far more than it is", null) : null;
  }
}

function maskingTransform(stream: MaskingStream): Transform {
  return new Transform({
    transform: (chunk: Buffer, _, done) => done(null, stream.push(chunk).bytes),
    flush: (done) => done(null, stream.end().bytes),
  });
}

function unpackerFor(encoding: string): Transform | null {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      return null;
  }
}

function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, at) => at % 2 === 1 && headers[at - 1] === name);
}

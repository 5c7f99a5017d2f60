import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/**
 * How many events a ledger had at some moment, and the root of their Merkle tree.
 *
 * Written as a checkpoint of the transparency logs and signed as a note, both by the specifications of C2SP
 * (tlog-checkpoint, signed-note), so that tools of others can check it.
 */
export interface Head {
  /** The id of the session. */
  readonly session: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** A key that signs heads, or its public half alone, and the hash by which signatures name it. */
export interface HeadKey {
  readonly key: KeyObject;
  readonly hash: Uint8Array;
}

/** The name of every key in signatures; keys are told apart by their hash. */
const KEY_NAME = "ringfence";
const ORIGIN = "ringfence/session/";
const ED25519 = 1;
const HASH_BYTES = 4;
const NOTE_CHARS_MAX = 2000;

/** Takes an Ed25519 key, of either half, as one of heads. */
export function toHeadKey(key: KeyObject): HeadKey {
  return { key, hash: hashOf(rawPublic(key)) };
}

/** Gives the half of a key by which its signatures are checked. */
export function publicHalf({ key, hash }: HeadKey): HeadKey {
  return { key: createPublicKey(key), hash };
}

/** Signs a head with a private key. */
export function signHead(head: Head, own: HeadKey): string {
  const text = textOf(head);
  return noteOf(text, sign(null, Buffer.from(text), own.key), own);
}

/** Has a head signed by another thread, and hands over what signHead would return; null when it could not be signed. */
export function signHeadAside(head: Head, own: HeadKey, done: (note: string | null) => void): void {
  const text = textOf(head);
  sign(null, Buffer.from(text), own.key, (error, signature) =>
    done(error === null ? noteOf(text, signature, own) : null),
  );
}

/** Reads a head whose signature is that of a public key; null for every other text. */
export function openHead(note: string, { key, hash }: HeadKey): Head | null {
  if (note.length > NOTE_CHARS_MAX) return null;
  const [, text = "", signed = ""] = /^([\s\S]*?\n)\n— ringfence ([A-Za-z0-9+/]+=*)\n$/.exec(note) ?? [];
  const bytes = Buffer.from(signed, "base64");
  // One signature has one spelling: what the decoder passes over would be another.
  if (bytes.toString("base64") !== signed || !bytes.subarray(0, HASH_BYTES).equals(hash)) return null;
  if (!verify(null, Buffer.from(text), key, bytes.subarray(HASH_BYTES))) return null;
  return parseHead(text);
}

/** Reads the text of a head, whoever signed it; null for every other text. */
export function parseHead(text: string): Head | null {
  const [, session, size, root] =
    /^ringfence\/session\/([^\n]+)\n(0|[1-9]\d{0,14})\n([A-Za-z0-9+/]{43}=)\n$/.exec(text) ?? [];
  if (session === undefined || size === undefined || root === undefined) return null;
  return { session, size: Number(size), root: Buffer.from(root, "base64") };
}

/** Writes a public key in the form that checkers of signed notes take: name, hash and key. */
export function verifierOf({ key, hash }: HeadKey): string {
  const typed = Buffer.concat([Uint8Array.of(ED25519), rawPublic(key)]).toString("base64");
  return `${KEY_NAME}+${Buffer.from(hash).toString("hex")}+${typed}`;
}

/** Reads such a key; null for every other text. */
export function parseVerifier(text: string): HeadKey | null {
  const [, hash, typed = ""] = /^ringfence\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(text.trim()) ?? [];
  const bytes = Buffer.from(typed, "base64");
  if (bytes.length !== 33 || bytes[0] !== ED25519) return null;
  const raw = bytes.subarray(1);
  if (hashOf(raw).toString("hex") !== hash) return null;
  const x = raw.toString("base64url");
  return toHeadKey(createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }));
}

function noteOf(text: string, signature: Uint8Array, { hash }: HeadKey): string {
  return `${text}\n— ${KEY_NAME} ${Buffer.concat([hash, signature]).toString("base64")}\n`;
}

function textOf({ session, size, root }: Head): string {
  return `${ORIGIN}${session}\n${size}\n${Buffer.from(root).toString("base64")}\n`;
}

function rawPublic(key: KeyObject): Buffer {
  const { x = "" } = (key.type === "public" ? key : createPublicKey(key)).export({ format: "jwk" });
  return Buffer.from(x, "base64url");
}

function hashOf(raw: Uint8Array): Buffer {
  const whole = createHash("sha256")
    .update(`${KEY_NAME}
`)
    .update(Uint8Array.of(ED25519))
    .update(raw)
    .digest();
  return whole.subarray(0, HASH_BYTES);
}

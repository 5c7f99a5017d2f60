import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { ContentKey } from "./content-key.ts";

/**
 * One text as it is kept: iv (12 bytes), ciphertext, tag (16). What is encrypted: salt (16 bytes), form (1), body.
 *
 * The iv and the salt come from the text and the key, so equal texts of a session are equal bytes and are kept once.
 */
const CIPHER = "aes-256-gcm";
const IV_BYTES = 12;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const PLAIN = 0;
const ZSTD = 1;
/** Less is not worth compressing. */
const COMPRESSED_BYTES_MIN = 512;
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** A text with the salt that its hash needs. */
export interface Salted {
  readonly salt: Uint8Array;
  readonly text: string;
}

/** What stands for a text: the SHA-256 of its salt and itself, and how to encrypt it. */
export interface Named {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly seal: () => Uint8Array;
}

/** Names a text by a key. */
export function nameText(text: string, key: ContentKey): Named {
  const bytes = Buffer.from(text);
  const drawn = createHmac("sha256", key.salt).update(bytes).digest();
  const salt = drawn.subarray(0, SALT_BYTES);
  const iv = drawn.subarray(SALT_BYTES, SALT_BYTES + IV_BYTES);
  return { id: hashOf(salt, bytes), bytes, seal: () => encrypt({ salt, iv, bytes }, key) };
}

/** The SHA-256 of a salt and a text, hex. */
export function hashOf(salt: Uint8Array, text: Uint8Array | string): string {
  return createHash("sha256").update(salt).update(text).digest("hex");
}

/** Decrypts a text; null where the bytes are not what the key made, or have another name. */
export function openText(sealed: Uint8Array, id: string, bytesMax: number, key: ContentKey): Salted | null {
  try {
    const decipher = createDecipheriv(CIPHER, key.lock, sealed.subarray(0, IV_BYTES));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const head = decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES));
    const plain = Buffer.concat([head, decipher.final()]);
    const salt = plain.subarray(0, SALT_BYTES);
    const body = plain.subarray(SALT_BYTES + 1);
    const bytes = plain[SALT_BYTES] === ZSTD ? zstdDecompressSync(body, { maxOutputLength: bytesMax }) : body;
    return hashOf(salt, bytes) === id ? { salt, text: bytes.toString("utf8") } : null;
  } catch {
    return null;
  }
}

function encrypt(
  { salt, iv, bytes }: { readonly salt: Uint8Array; readonly iv: Uint8Array; readonly bytes: Uint8Array },
  key: ContentKey,
): Uint8Array {
  const packed = bytes.length < COMPRESSED_BYTES_MIN ? bytes : zstdCompressSync(bytes, FAST);
  const [form, body] = packed.length < bytes.length ? [ZSTD, packed] : [PLAIN, bytes];
  const cipher = createCipheriv(CIPHER, key.lock, iv);
  const head = cipher.update(Buffer.concat([salt, Uint8Array.of(form), body]));
  return Buffer.concat([iv, head, cipher.final(), cipher.getAuthTag()]);
}

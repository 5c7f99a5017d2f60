import { createHash, createHmac } from "node:crypto";
import { type Credential, type CredentialRule, type Draw, placeholderFor, Secret } from "./credential.ts";
import type { Held } from "./credential-broker.ts";
import { needlesOf } from "./credential-forms.ts";
import { searchFor } from "./credential-search.ts";
import type { Hashes } from "./credential-sigv4.ts";

export const draw: Draw = (text) => createHmac("sha256", "key of a session").update(text).digest();

export const hashes: Hashes = {
  sha256: (text) => createHash("sha256").update(text).digest("hex"),
  hmacSha256: (key, text) => createHmac("sha256", key).update(text).digest(),
};

/** A credential with its own placeholder, or with the one that is given. */
export function credentialOf(
  value: string,
  rules: readonly CredentialRule[],
  placeholder = placeholderFor(value, draw),
) {
  if (placeholder === null) throw new Error(`no placeholder for ${value}`);
  const credential: Credential = {
    id: `id-${value.slice(-4)}`,
    source: "a test",
    placeholder,
    value: new Secret(value),
    rules,
  };
  return credential;
}

/** Prepares credentials as the broker does: placeholders and values are looked for. */
export function held(...credentials: readonly Credential[]): Held {
  const needles = credentials.flatMap(({ placeholder, value }, owner) => [
    ...needlesOf(placeholder, placeholder, owner),
    ...needlesOf(value.reveal(), placeholder, owner),
  ]);
  return { credentials, search: searchFor(needles) };
}

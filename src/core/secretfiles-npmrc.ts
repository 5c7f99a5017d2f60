import type { Fill } from "./secretfiles.ts";

const MASK = "ringfence-masked";
const AUTH = /auth|token|pass|user|mail|cert|key|secret|otp|proxy|login|^_|:_/i;
const URL_PARTS = /^(https?:\/\/)(?:[^\s/?#]*@)?([a-z0-9.:-]+)((?:\/[\w.~%@+-]*)*)$/i;
/** A path part like this may be a token, as some registries put one in their address. */
const TOKEN_LIKE = /^(?=.*\d)[\w-]{16,}$/;

/**
 * Keeps the registries and the plain switches of an npmrc, without user names and passwords in addresses; masks every
 * other value, but where `fill` puts something in its place. Comments go: nothing reads them, and old tokens live there.
 */
export function maskNpmrc(text: string, fill: Fill): string {
  const kept = readNpmrc(text).map(({ key, value }) => `${withoutUser(key)}=${shownValue(key, value, fill)}`);
  return `${kept.join("\n")}\n`;
}

/** Reads the settings of an npmrc whose keys are of a known form. */
export function readNpmrc(text: string): { readonly key: string; readonly value: string }[] {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n?|\n/);
  return lines.flatMap((line) => {
    const [, key = "", value = ""] = /^\s*([^\s=;#[][^=]*?)\s*=\s*(.*?)\s*$/.exec(line.slice(0, 4096)) ?? [];
    return /^(?:@?[\w.-]+:|\/\/[\w.:%~/@-]*:)?[\w.-]+(?:\[\])?$/.test(key) ? [{ key, value }] : [];
  });
}

function shownValue(key: string, value: string, fill: Fill): string {
  if (value === "") return "";
  const filled = /(?:^|:)(?:_auth|_authToken|_password|username)$/.test(key) ? fill(key, value) : null;
  if (filled !== null) return filled;
  if (/^(?:@[\w.-]+:)?registry$/.test(key)) return registry(value);
  const isSwitch = /^[a-z-]+$/.test(key) && /^(?:true|false|null|\d{1,4}|[a-z]{1,12})$/.test(value);
  return isSwitch && !AUTH.test(key) ? value : MASK;
}

function registry(value: string): string {
  const [, scheme, host, path = ""] = URL_PARTS.exec(value) ?? [];
  if (scheme === undefined || host === undefined) return MASK;
  return `${scheme}${host}${path.split("/").map(withoutToken).join("/")}`;
}

function withoutUser(key: string): string {
  if (!key.startsWith("//")) return key;
  const end = key.lastIndexOf(":");
  const place = key.slice(2, end).replace(/^[^/]*@/, "");
  return `//${place.split("/").map(withoutToken).join("/")}${key.slice(end)}`;
}

function withoutToken(part: string): string {
  return TOKEN_LIKE.test(part) ? MASK : part;
}

import { type Authority, parseAuthority } from "../core/host.ts";
import { type NetRequest, PROXY_USER } from "../core/net-rules.ts";

/** The head of a request as the parser gave it: names and values in turn. */
export interface Head {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
}

/** Where a connection leads whose requests name no host of their own: what CONNECT was asked for. */
export interface Origin {
  readonly protocol: "http" | "https";
  readonly host: string;
  readonly port: number;
}

export type ReadHead =
  | { readonly ok: true; readonly request: NetRequest; readonly headers: string[] }
  | { readonly ok: false; readonly reason: string };

const TARGET_CHARS_MAX = 16_384;
/** Of one connection, not of the request: RFC 9110, 7.6.1. */
const HOP_BY_HOP = new Set(
  "connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade expect".split(
    " ",
  ),
);
const ONCE = ["host", "content-length", "transfer-encoding", "authorization", "expect", "upgrade"];
/** What a `Connection` header must not take away: RFC 9110, 7.6.1. */
const NEEDED = ["host", "content-length", "transfer-encoding", "authorization"];
/** Methods whose requests are whole without a length. */
const BODILESS = ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"];

/**
 * Reads the head of a request: what it asks of whom, and the headers to send on.
 *
 * Whatever two readers could take in two ways is refused: a second Host or length, a length beside chunks, a Host that is
 * not the host asked for, a target that is no plain address.
 */
export function readHead({ method, target, rawHeaders }: Head, origin: Origin | null): ReadHead {
  const refuse = (reason: string): ReadHead => ({ ok: false, reason });
  const headers = pairs(rawHeaders);
  const valuesOf = (name: string) => headers.filter((header) => header.name === name).map(({ value }) => value);
  const twice = ONCE.find((name) => valuesOf(name).length > 1);
  if (twice !== undefined) return refuse(`it has ${twice} twice`);
  const [encoding] = valuesOf("transfer-encoding");
  const [length] = valuesOf("content-length");
  if (encoding !== undefined && encoding.toLowerCase() !== "chunked")
    return refuse("its transfer-encoding is not chunked");
  if (encoding !== undefined && length !== undefined) return refuse("it has a length and chunks");
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return refuse("its content-length is no number");
  const [expected = "100-continue"] = valuesOf("expect");
  if (expected.toLowerCase() !== "100-continue") return refuse("it expects what nobody knows");
  const taken = NEEDED.find((name) => listedIn(headers).includes(name));
  if (taken !== undefined) return refuse(`it takes ${taken} for one of the connection`);
  const asked = origin === null ? readAbsolute(target) : readRelative(target, origin);
  if (!asked.ok) return asked;
  const { protocol, host, port, path } = asked;
  if (path === "*" && method !== "OPTIONS") return refuse("only OPTIONS asks about a server as a whole");
  const [named] = valuesOf("host");
  const authority = parseAuthority(named ?? "", protocol === "https" ? 443 : 80);
  if (!authority.ok || authority.host !== host || authority.port !== port)
    return refuse("its Host header is not the host that it asks for");
  const hasBody = encoding !== undefined || Number(length ?? 0) > 0;
  // In the spelling that was judged; the port as it was written, since a client may have signed it.
  const canonical = named?.endsWith(`:${port}`) ? `${host}:${port}` : host;
  const kept = headers
    .filter(({ name }) => name !== "content-length")
    .map((header) => (header.name === "host" ? { ...header, value: canonical } : header));
  return {
    ok: true,
    request: { protocol, host, port, method, path, hasBody },
    headers: [...onward(kept), ...framing(method, encoding, length)],
  };
}

/** Reads the head of a CONNECT: the host and port that it asks for. */
export function readConnect(head: Head): Authority {
  const place = parseAuthority(head.target, null);
  if (!place.ok) return place;
  const names = pairs(head.rawHeaders).map(({ name }) => name);
  if (names.includes("content-length") || names.includes("transfer-encoding"))
    return { ok: false, reason: "a CONNECT has no body" };
  if (!names.includes("host")) return place;
  const named = parseAuthority(headerOf(head, "host") ?? "", place.port);
  return named.ok && named.host === place.host && named.port === place.port
    ? place
    : { ok: false, reason: "its Host header is not the host that it asks for" };
}

/** The headers of an answer that are the next reader's too. */
export function answerHeaders(rawHeaders: readonly string[]): string[] {
  return onward(pairs(rawHeaders));
}

/** The value of a header that stands there once. */
export function headerOf({ rawHeaders }: Head, name: string): string | null {
  const values = pairs(rawHeaders).filter((header) => header.name === name);
  return values.length === 1 ? (values[0]?.value ?? null) : null;
}

type Asked = (Origin & { readonly ok: true; readonly path: string }) | { readonly ok: false; readonly reason: string };

function readAbsolute(target: string): Asked {
  const [, authority, rest = ""] = /^http:\/\/([^/?#]*)([/?][^#]*)?$/i.exec(target) ?? [];
  if (authority === undefined)
    return { ok: false, reason: "a proxy is asked by a whole http:// address, or by CONNECT" };
  const place = parseAuthority(authority, 80);
  if (!place.ok) return { ok: false, reason: `${place.reason}: in its address` };
  if (place.port === 443) return { ok: false, reason: "nothing goes to the port of TLS without it" };
  return readPath(rest.startsWith("/") ? rest : `/${rest}`, { protocol: "http", host: place.host, port: place.port });
}

function readRelative(target: string, origin: Origin): Asked {
  // OPTIONS * asks about the server as a whole.
  if (target === "*") return { ok: true, ...origin, path: "*" };
  if (!target.startsWith("/"))
    return { ok: false, reason: "inside a tunnel a request asks by its path, not by a whole address" };
  return readPath(target, origin);
}

function readPath(path: string, origin: Origin): Asked {
  if (path.length > TARGET_CHARS_MAX) return { ok: false, reason: "its address is too long" };
  if (!/^[\x21-\x7e]*$/.test(path) || path.includes("#"))
    return { ok: false, reason: "its address has a byte that must be escaped" };
  return { ok: true, ...origin, path };
}

function framing(method: string, encoding: string | undefined, length: string | undefined): string[] {
  if (encoding !== undefined) return ["Transfer-Encoding", "chunked"];
  if (length === undefined && BODILESS.includes(method)) return [];
  return ["Content-Length", String(Number(length ?? 0))];
}

interface Header {
  /** Lower case. */
  readonly name: string;
  readonly written: string;
  readonly value: string;
}

function pairs(rawHeaders: readonly string[]): Header[] {
  const headers: Header[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const written = rawHeaders[at] ?? "";
    headers.push({ name: written.toLowerCase(), written, value: rawHeaders[at + 1] ?? "" });
  }
  return headers;
}

function listedIn(headers: readonly Header[]): string[] {
  return headers
    .filter(({ name }) => name === "connection")
    .flatMap(({ value }) => value.toLowerCase().split(","))
    .map((name) => name.trim());
}

function onward(headers: readonly Header[]): string[] {
  const listed = listedIn(headers);
  return headers
    .filter(({ name }) => !HOP_BY_HOP.has(name) && !listed.includes(name))
    .flatMap(({ written, value }) => [written, value]);
}

/** Reads whose a request is from how it logs in to the proxy; null where it does not. */
export function tokenOf(head: Head): string | null {
  const [, base64] = /^basic ([a-z0-9+/=]+)$/i.exec(headerOf(head, "proxy-authorization") ?? "") ?? [];
  const [user, token] = Buffer.from(base64 ?? "", "base64")
    .toString("latin1")
    .split(":", 2);
  return user === PROXY_USER ? (token ?? null) : null;
}

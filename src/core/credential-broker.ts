import { type Credential, type CredentialRule, originOf, type Pair, ruleCovers, type Scheme } from "./credential.ts";
import type { Search } from "./credential-search.ts";
import {
  checkSignature,
  type Hashes,
  type Header,
  parseSignature,
  payloadOf,
  sign,
  writeSignature,
} from "./credential-sigv4.ts";
import { maskText, ownersIn } from "./credential-stream.ts";

/** The credentials of a session, with the search for their placeholders and values; needles bear their index. */
export interface Held {
  readonly credentials: readonly Credential[];
  readonly search: Search;
}

/** A request as the proxy read it, its connection's own headers already taken away. */
export interface Outbound {
  readonly protocol: "http" | "https";
  /** Canonical. */
  readonly host: string;
  readonly port: number;
  readonly method: string;
  /** With its query, as sent. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Null while a body has not been read. */
  readonly bodySha256: string | null;
  /** It passes because its address tells nothing: then its login must not either. */
  readonly isPlain: boolean;
}

export type Outgoing =
  | {
      readonly kind: "send";
      readonly headers: string[] /** Ids of what was put on. */;
      readonly used: readonly string[];
    }
  /** Its signature covers its body: to be read, and asked about again with its hash. */
  | { readonly kind: "unread" }
  | {
      readonly kind: "refused";
      readonly reason: string;
      /** Id of the credential whose placeholder was met where it has no business; null: no placeholder was. */
      readonly alarm: string | null;
    };

const CREDENTIAL_HEADER =
  /^(?:cookie2?|authorization|(?:.*[-_])?(?:auth|authorization|token|api-?key|key|secret|password|passwd|credentials?|session|jwt))$/;
const NO_CREDENTIAL = /^(?:sec-websocket-key|(?:x-)?idempotency-key|surrogate-key)$/;
const CREDENTIAL_PARAMETER =
  /^(?:(?:access|private|job|oauth|auth|id|refresh|api|personal|deploy)_?token|api[-_]?key|client_secret|password|x-amz-(?:credential|signature|security-token)|jwt|sig|signature)$/;
/** With these some servers take a request for another than its method and path say. */
const OVERRIDE = /^(?:x-http-method(?:-override)?|x-method-override|x-original-url|x-rewrite-url|x-override-url)$/;
/** Of a reply cut in parts, each part would hold less than the value. */
const IN_PARTS = /^(?:range|if-range)$/;

/** What stands for the name of a user beside a token. */
const USUAL_USERS = ["", "__token__", "token", "oauth2", "x-access-token"];

/** Tells whether any credential may be put on for a host. */
export function isBrokered({ credentials }: Held, host: string): boolean {
  return credentials.some(({ rules }) =>
    rules.some(({ origins }) => origins.some((origin) => hostOf(origin) === host)),
  );
}

/**
 * Puts values in the place of placeholders, each in its declared header and toward its bound host, methods and paths, and
 * refuses what has a placeholder or a value anywhere else. A host for which there is a credential is sent no other one.
 */
export function outgoing(held: Held, request: Outbound, hashes: Hashes): Outgoing {
  const misplaced = inAddress(held, request);
  if (misplaced !== null) return alarm(misplaced, "stands in the address of a request");
  const headers = pairs(request.headers);
  const puts = headers.flatMap((header) => putsOf(held, header));
  for (const put of puts) {
    const why = whyNot(put, request);
    if (why !== null) return alarm(put.credential, why);
  }
  if (request.isPlain && puts.some(hasFreeUser))
    return refused("the user name of its login is not known: net.credentials may name it, as: basic USER");
  const sessions = puts.map(({ rule }) => sessionOf(rule));
  const others = headers.filter(
    (header) =>
      !puts.some((put) => put.header === header) && !sessions.some((pair) => pair !== null && isSession(header, pair)),
  );
  const [stray] = ownersIn(held.search, others.map(({ name, value }) => `${name}: ${value}`).join("\n"));
  if (stray !== undefined) return alarm(held.credentials[stray]!, "stands in a header that is not its own");
  if (!isBrokered(held, request.host)) return { kind: "send", headers: [...request.headers], used: [] };
  const foreign = foreignIn(others, request.path);
  if (foreign !== null) return refused(`it has a credential of its own for ${request.host}: ${foreign}`);
  const override = others.find(({ name }) => OVERRIDE.test(name));
  if (puts.length > 0 && override !== undefined) return refused(`its ${override.name} may make another request of it`);
  if (puts.length > 1) return refused("it has two credentials");
  return write(request, headers, puts[0] ?? null, hashes);
}

/** Masks the values in the headers of a reply, and keeps cookies out: they are credentials too. */
export function incoming({ search }: Pick<Held, "search">, headers: readonly string[]): string[] {
  return pairs(headers)
    .filter(({ name }) => !/^set-cookie2?$/.test(name))
    .flatMap(({ name, value }) => [name, maskText(search, value)]);
}

/** A header that may have a credential in it. */
interface Carrier {
  readonly kind: Scheme["kind"];
  /** Where the placeholder would be; of a signed request the id of its key. */
  readonly text: string;
  readonly user: string | null;
  /** The header's value with another text there. */
  readonly write: (text: string) => string;
}

interface Put {
  readonly header: Header;
  readonly carrier: Carrier;
  readonly credential: Credential;
  /** The first rule whose scheme this is, or null. */
  readonly rule: CredentialRule | null;
  readonly rules: readonly CredentialRule[];
}

/** Finds the placeholder that a header carries in the manner of a scheme. */
function putsOf({ credentials }: Held, header: Header): Put[] {
  const carrier = carrierOf(header);
  const isMeant = (credential: Credential) =>
    carrier.kind === "sigv4"
      ? credential.rules.some(({ scheme }) => scheme.kind === "sigv4" && scheme.keyId.placeholder === carrier.text)
      : credential.placeholder === carrier.text;
  const credential = credentials.find(isMeant);
  if (credential === undefined) return [];
  const rules = credential.rules.filter(({ scheme }) => fits(scheme, carrier, header.name));
  return [{ header, carrier, credential, rules, rule: rules[0] ?? null }];
}

function carrierOf({ name, value }: Header): Carrier {
  const whole: Carrier = { kind: "header", text: value.trim(), user: null, write: (text) => text };
  if (name !== "authorization") return whole;
  // No expression looks for the blanks at the end: in a run of blanks before it would look again from each of them.
  const [, word = "", rest = ""] = /^([\w-]+)\s(.*)$/s.exec(value.trim()) ?? [];
  const token = rest.trim();
  switch (word.toLowerCase()) {
    case "bearer":
      return { kind: "bearer", text: token, user: null, write: (text) => `Bearer ${text}` };
    case "token":
      return { kind: "bearer", text: token, user: null, write: (text) => `token ${text}` };
    case "basic":
      return basicCarrier(token);
    case "aws4-hmac-sha256":
      return { ...whole, kind: "sigv4", text: parseSignature(value)?.keyId ?? "" };
    default:
      return whole;
  }
}

function basicCarrier(token: string): Carrier {
  const [user = "", ...rest] = fromBase64(token).split(":");
  const password = rest.join(":");
  // Some programs give a token as the name of the user.
  if (password === "" || password === "x-oauth-basic")
    return { kind: "basic", text: user, user: null, write: (text) => `Basic ${btoa(`${text}:${password}`)}` };
  return { kind: "basic", text: password, user, write: (text) => `Basic ${btoa(`${user}:${text}`)}` };
}

function fits(scheme: Scheme, carrier: Carrier, headerName: string): boolean {
  if (scheme.kind !== carrier.kind) return false;
  switch (scheme.kind) {
    case "bearer":
      return true;
    case "basic":
      return scheme.user === null || carrier.user === null || scheme.user === carrier.user;
    case "header":
      return scheme.name === headerName;
    case "sigv4":
      return scheme.keyId.placeholder === carrier.text;
  }
}

/** Where no rule names the user, the sender would write one of their choice. */
function hasFreeUser({ carrier: { kind, user }, credential }: Put): boolean {
  if (kind !== "basic" || user === null || USUAL_USERS.includes(user)) return false;
  return !credential.rules.some(({ scheme }) => scheme.kind === "basic" && scheme.user === user);
}

function whyNot({ credential, rules }: Put, request: Outbound): string | null {
  const { method, path } = request;
  const origin = originOf(request);
  if (credential.rules.length === 0) return "has no rule, so it is put on nowhere";
  if (rules.length === 0) return "stands in a header that is not its own";
  if (!rules.some(({ origins }) => origins.includes(origin))) return `is not for ${origin}`;
  if (!rules.some((rule) => ruleCovers(rule, origin, method, path))) return `is not for ${method} of this path`;
  return null;
}

function write(request: Outbound, headers: readonly Header[], put: Put | null, hashes: Hashes): Outgoing {
  const session = sessionOf(put?.rule ?? null);
  const sent = headers
    .filter(({ name }) => name !== "accept-encoding" && !(put !== null && IN_PARTS.test(name)))
    .map((header) => {
      if (header === put?.header) return { name: header.name, value: put.carrier.write(put.credential.value.reveal()) };
      return session !== null && isSession(header, session)
        ? { name: header.name, value: session.value.reveal() }
        : header;
    });
  // What comes back is searched for the value, so it must not be packed.
  sent.push({ name: "accept-encoding", value: "identity" });
  if (put?.carrier.kind === "sigv4") {
    const signed = signAnew({ ...request, headers }, { ...request, headers: sent }, put, hashes);
    if (typeof signed !== "string") return signed;
    sent[sent.findIndex(({ name }) => name === "authorization")] = { name: "authorization", value: signed };
  }
  return {
    kind: "send",
    headers: sent.flatMap(({ name, value }) => [name, value]),
    used: put === null ? [] : [put.credential.id],
  };
}

type Signable = Parameters<typeof payloadOf>[0];

/** Writes the signature of a request made with the person's key, if the box's own, made with the placeholders, is right. */
function signAnew(
  asked: Signable,
  sent: Signable,
  { header, credential, rule }: Put,
  hashes: Hashes,
): string | Outgoing {
  const given = parseSignature(header.value);
  if (given === null || rule?.scheme.kind !== "sigv4") throw new Error("bug: no signed request");
  const payload = payloadOf(asked);
  if (payload.kind === "unread") return { kind: "unread" };
  if (payload.kind === "refused") return refused(payload.reason);
  const check = checkSignature(given, asked, payload.hash, credential.placeholder, hashes);
  if (!check.ok) return refused(check.reason);
  const signedHeaders = given.signedHeaders.filter((name) => sent.headers.some((header) => header.name === name));
  const scope = { ...given, keyId: rule.scheme.keyId.value.reveal(), signedHeaders };
  const signature = sign(scope, sent, payload.hash, credential.value.reveal(), check.form, hashes);
  return writeSignature({ ...scope, signature });
}

function sessionOf(rule: CredentialRule | null): Pair | null {
  return rule?.scheme.kind === "sigv4" ? rule.scheme.session : null;
}

function isSession({ name, value }: Header, { placeholder }: Pair): boolean {
  return name === "x-amz-security-token" && value.trim() === placeholder;
}

function inAddress({ credentials, search }: Held, { host, path }: Outbound): Credential | null {
  // Names of hosts have no capitals, and a long one is cut into labels.
  const name = host.replaceAll(".", "").toLowerCase();
  const named = credentials.find(({ placeholder }) => name.includes(placeholder.toLowerCase().replaceAll(".", "")));
  const [owner] = ownersIn(search, `${host}\n${path}`);
  return named ?? (owner === undefined ? null : (credentials[owner] ?? null));
}

/** Names a header or parameter that looks like a credential. */
function foreignIn(headers: readonly Header[], path: string): string | null {
  const header = headers.find(({ name }) => CREDENTIAL_HEADER.test(name) && !NO_CREDENTIAL.test(name));
  if (header !== undefined) return `the header ${header.name}`;
  const query = path.includes("?") ? path.slice(path.indexOf("?") + 1) : "";
  const names = query.split(/[&;]/).map((field) => unescapeName(field.split("=", 1)[0] ?? ""));
  const parameter = names.find((each) => CREDENTIAL_PARAMETER.test(each));
  return parameter === undefined ? null : `the parameter ${parameter}`;
}

function unescapeName(text: string): string {
  return text
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .toLowerCase();
}

function alarm({ id, source }: Credential, what: string): Outgoing {
  return { kind: "refused", reason: `the credential of ${source} ${what}`, alarm: id };
}

function refused(reason: string): Outgoing {
  return { kind: "refused", reason, alarm: null };
}

/** Names in lower case: they mean the same, and origins that are sent them take them so. */
function pairs(headers: readonly string[]): Header[] {
  return Array.from({ length: headers.length >> 1 }, (_, at) => ({
    name: (headers[2 * at] ?? "").toLowerCase(),
    value: headers[2 * at + 1] ?? "",
  }));
}

function fromBase64(text: string): string {
  try {
    return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return "";
  }
}

function hostOf(origin: string): string {
  return origin.slice(origin.indexOf("//") + 2).replace(/:\d+$/, "");
}

/** Handed in because this room computes no hashes. */
export interface Hashes {
  /** In lower-case hexadecimal. */
  readonly sha256: (text: string) => string;
  readonly hmacSha256: (key: Uint8Array | string, text: string) => Uint8Array;
}

/** What of a request goes into its signature. */
export interface SignedRequest {
  readonly method: string;
  /** With its query, as sent. */
  readonly path: string;
  readonly headers: readonly Header[];
  /** Of the body, where it is known; null before it has been read. */
  readonly bodySha256: string | null;
}

export interface Header {
  readonly name: string;
  readonly value: string;
}

/** The parts of an `Authorization: AWS4-HMAC-SHA256` header. */
export interface Signature {
  readonly keyId: string;
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

export type Payload =
  | { readonly kind: "hash"; readonly hash: string }
  /** The body must be read before the request can be signed. */
  | { readonly kind: "unread" }
  | { readonly kind: "refused"; readonly reason: string };

/** How a path is written in what is signed: S3 takes it as sent, the others escape it once more. */
export type PathForm = "sent" | "escaped";

const ALGORITHM = "AWS4-HMAC-SHA256";
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([\w-]{1,4096})\/(\d{8})\/([a-z0-9-]{1,40})\/([a-z0-9-]{1,40})\/aws4_request *, *SignedHeaders=([a-z0-9;_-]{1,4096}) *, *Signature=([0-9a-f]{64})$/;

/** Takes the header of a signed request apart; null when it is none of the one form that is understood. */
export function parseSignature(authorization: string): Signature | null {
  const parts = AUTHORIZATION.exec(authorization.trim());
  if (parts === null) return null;
  const [, keyId = "", day = "", region = "", service = "", names = "", signature = ""] = parts;
  return { keyId, day, region, service, signedHeaders: names.split(";"), signature };
}

/** Tells what stands for the body in the signature of a request. */
export function payloadOf(request: SignedRequest): Payload {
  const declared = firstValue(request.headers, "x-amz-content-sha256");
  if (declared === null)
    return request.bodySha256 === null ? { kind: "unread" } : { kind: "hash", hash: request.bodySha256 };
  if (/^[0-9a-f]{64}$/.test(declared)) return { kind: "hash", hash: declared };
  if (declared === "UNSIGNED-PAYLOAD" || declared === "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    return { kind: "hash", hash: declared };
  if (declared.startsWith("STREAMING-"))
    return {
      kind: "refused",
      reason: "each piece of its body is signed, and only the first signature can be replaced",
    };
  return { kind: "refused", reason: "its x-amz-content-sha256 is of no known form" };
}

/**
 * Says why a signature was not made with a secret key over this request, or in which form it was.
 *
 * That it fits shows that the request is read here as its sender and AWS read it, so that the new one will fit too.
 */
export function checkSignature(
  signature: Signature,
  request: SignedRequest,
  payload: string,
  secret: string,
  hashes: Hashes,
): { readonly ok: true; readonly form: PathForm } | { readonly ok: false; readonly reason: string } {
  const { signedHeaders, day } = signature;
  const date = firstValue(request.headers, "x-amz-date");
  if (date === null || !/^\d{8}T\d{6}Z$/.test(date)) return { ok: false, reason: "it has no x-amz-date" };
  if (!date.startsWith(day)) return { ok: false, reason: "its signature is of another day than its x-amz-date" };
  const unsigned = request.headers.find(
    ({ name }) => mustBeSigned(name) && !signedHeaders.includes(name.toLowerCase()),
  );
  if (unsigned !== undefined) return { ok: false, reason: `its ${unsigned.name.toLowerCase()} is not signed` };
  const form = (["sent", "escaped"] as const).find(
    (each) => sign(signature, request, payload, secret, each, hashes) === signature.signature,
  );
  if (form === undefined) return { ok: false, reason: "its signature does not fit the request" };
  return { ok: true, form };
}

/** Signs a request: the signature alone, for the scope and the headers that the given one names. */
export function sign(
  { day, region, service, signedHeaders }: Pick<Signature, "day" | "region" | "service" | "signedHeaders">,
  request: SignedRequest,
  payload: string,
  secret: string,
  form: PathForm,
  { sha256, hmacSha256 }: Hashes,
): string {
  const canonical = [
    request.method,
    canonicalPath(request.path, form),
    canonicalQuery(request.path),
    ...signedHeaders.map((name) => `${name}:${joinedValue(request.headers, name)}`),
    "",
    signedHeaders.join(";"),
    payload,
  ].join("\n");
  const date = firstValue(request.headers, "x-amz-date") ?? "";
  const toSign = [ALGORITHM, date, `${day}/${region}/${service}/aws4_request`, sha256(canonical)].join("\n");
  const key = [region, service, "aws4_request"].reduce(hmacSha256, hmacSha256(`AWS4${secret}`, day));
  return [...hmacSha256(key, toSign)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Writes the header that `parseSignature` reads. */
export function writeSignature({ keyId, day, region, service, signedHeaders, signature }: Signature): string {
  const scope = `${keyId}/${day}/${region}/${service}/aws4_request`;
  return `${ALGORITHM} Credential=${scope}, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
}

function mustBeSigned(name: string): boolean {
  return /^(?:host|x-amz-.*)$/i.test(name);
}

function canonicalPath(target: string, form: PathForm): string {
  const path = target.split("?", 1)[0] ?? "";
  return form === "sent" ? path : path.split("/").map(escapePart).join("/");
}

function canonicalQuery(target: string): string {
  const at = target.indexOf("?");
  if (at === -1 || at === target.length - 1) return "";
  const fields = target
    .slice(at + 1)
    .split("&")
    .map((field) => {
      const [name = "", ...value] = field.split("=");
      return [escapePart(unescapePart(name)), escapePart(unescapePart(value.join("=")))] as const;
    });
  return fields
    .sort(([a, x], [b, y]) => order(a, b) || order(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function escapePart(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function unescapePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function joinedValue(headers: readonly Header[], name: string): string {
  const values = headers.filter((header) => header.name.toLowerCase() === name).map(({ value }) => value);
  return values.map((value) => value.trim().replace(/ +/g, " ")).join(",");
}

function firstValue(headers: readonly Header[], name: string): string | null {
  return headers.find((header) => header.name.toLowerCase() === name)?.value.trim() ?? null;
}

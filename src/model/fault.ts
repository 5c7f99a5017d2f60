import type { WireHeaders } from "./headers.ts";

/**
 * Why one try at a reply failed. It never leaves src/model: retry.ts tries again or turns it into a ModelFailure.
 *
 * `transient`: a later try may succeed. The message never holds a header, a key or a body we sent.
 */
export class Fault extends Error {
  readonly kind: "auth" | "provider" | "transient";
  /** What the server asked for, or null where it did not say. */
  readonly retryAfterMs: number | null;
  constructor(kind: Fault["kind"], message: string, retryAfterMs: number | null = null) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Reads a failed HTTP answer. 408, 429 and 5xx pass; other 4xx do not, and neither does an empty account. */
export function faultOfStatus(status: number, body: string, headers: WireHeaders, now: number): Fault {
  const message = `${status} ${vendorMessage(body)}`.trimEnd();
  if (status === 401 || status === 403) return new Fault("auth", message);
  if (isOutOfMoney(body)) return new Fault("provider", message);
  const passes = status === 408 || status === 429 || status >= 500;
  return new Fault(passes ? "transient" : "provider", message, retryAfterMs(headers, now));
}

/** Reads the cause chain of whatever a provider package threw or streamed as its error. */
export function faultOf(error: unknown): Fault {
  for (let cause = error, depth = 0; cause !== undefined && depth < 8; depth += 1) {
    if (cause instanceof Fault) return cause;
    cause = field(cause, "cause");
  }
  const message = printable(textField(error, "message") ?? "unknown error");
  const code = field(error, "statusCode") ?? field(error, "code");
  const kind = `${textField(error, "type")} ${textField(error, "code")} ${textField(field(error, "data"), "code")}`;
  if (code === 401 || code === 403 || /authentication|permission/.test(kind)) return new Fault("auth", message);
  if (/invalid_request|context_length|insufficient_quota/.test(kind)) return new Fault("provider", message);
  const fails = typeof code === "number" && code >= 400 && code < 500 && code !== 408 && code !== 429;
  return new Fault(fails ? "provider" : "transient", message);
}

const MESSAGE_CHARS_MAX = 500;

/** Makes a stranger's text fit to print: bounded, with control characters escaped. */
export function printable(text: string): string {
  const cut = text.length > MESSAGE_CHARS_MAX ? `${text.slice(0, MESSAGE_CHARS_MAX)}…` : text;
  return cut
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** Finds the message in the error bodies of all the vendors we speak to; else gives the body itself. */
function vendorMessage(body: string): string {
  const parsed = tryJson(body);
  const first = Array.isArray(parsed) ? parsed[0] : parsed;
  const error = field(first, "error");
  const found = textField(error, "message") ?? (typeof error === "string" ? error : textField(first, "message"));
  return printable(found ?? body.trim());
}

/** OpenAI says 429 for an account without credit; waiting does not fill it. */
function isOutOfMoney(body: string): boolean {
  const error = field(tryJson(body), "error");
  return textField(error, "code") === "insufficient_quota" || textField(error, "type") === "insufficient_quota";
}

function retryAfterMs(headers: WireHeaders, now: number): number | null {
  const exact = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(exact)) return Math.max(0, exact);
  const header = headers.get("retry-after");
  if (header === null) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads a field of a value of any kind; a parser's cast. */
export function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function textField(value: unknown, key: string): string | undefined {
  const found = field(value, key);
  return typeof found === "string" ? found : undefined;
}

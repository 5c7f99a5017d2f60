const HIDDEN = "[secret]";
/** What `console.log` and the inspector ask an object for. */
const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

/** A text that shows itself nowhere by accident: only `reveal` gives it. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [INSPECT](): string {
    return HIDDEN;
  }
}

/** A value and what stands for it in the box. */
export interface Pair {
  readonly placeholder: string;
  readonly value: Secret;
}

/** How a request carries a credential. */
export type Scheme =
  /** `Authorization: Bearer VALUE`; also `token VALUE`, which some programs write. */
  | { readonly kind: "bearer" }
  /** `Authorization: Basic`, with this user name; null: whichever. */
  | { readonly kind: "basic"; readonly user: string | null }
  /** A header that is the value and nothing else; the name in lower case. */
  | { readonly kind: "header"; readonly name: string }
  /** A request signed with the value, which is the secret key; the session token lies in a header of its own. */
  | { readonly kind: "sigv4"; readonly keyId: Pair; readonly session: Pair | null };

/** Where a credential may be put on. */
export interface CredentialRule {
  readonly scheme: Scheme;
  /** As `originOf` writes them. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  /** Each begins with "/" and is matched on whole segments; "/" is every path. */
  readonly pathPrefixes: readonly string[];
}

/** A credential of the person's. Without a rule it is not put on; its placeholder and value are watched for all the same. */
export interface Credential extends Pair {
  readonly id: string;
  /** For people: "npmrc", "env GITHUB_TOKEN". */
  readonly source: string;
  readonly rules: readonly CredentialRule[];
}

/** Fewest random signs of a placeholder, so that none is met by accident. */
const DRAWN_MIN = 8;
const VALUE_CHARS_MAX = 4096;
/** Beginnings by which programs know what kind of token they hold. */
const KNOWN_PREFIX =
  /^(?:gh[pousr]_|github_pat_|gl[a-z]{2,5}-|npm_|sk-ant-[a-z]{3}\d\d-|sk-proj-|sk-|xox[a-z]-|AKIA|ASIA|pypi-|hf_|AIza|eyJ)/;

/** Makes bytes from a text and the session's key; handed in because this room computes no hashes. */
export type Draw = (text: string) => Uint8Array;

/**
 * Makes what stands for a value in the box: of its length, with its known beginning, and with other letters and digits
 * of the classes that it has. Null for a value that is too short, too long or no plain text to be told apart from
 * what stands around it. `isTaken` refuses one that is another credential's.
 */
export function placeholderFor(value: string, draw: Draw, isTaken = (_: string) => false): string | null {
  if (value.length > VALUE_CHARS_MAX || !/^[\x21-\x7e]+$/.test(value)) return null;
  const [prefix = ""] = KNOWN_PREFIX.exec(value) ?? [];
  const rest = value.slice(prefix.length);
  const signs = alphabetOf(rest);
  if (rest.replace(/[^A-Za-z0-9]/g, "").length < DRAWN_MIN) return null;
  for (let round = 0; ; round += 1) {
    const drawn = stream(`${round}:${value}`, rest.length, draw);
    const text = Array.from(rest, (char, at) =>
      /[A-Za-z0-9]/.test(char) ? (signs[(drawn[at] ?? 0) % signs.length] ?? char) : char,
    ).join("");
    if (text !== rest && !isTaken(prefix + text)) return prefix + text;
  }
}

// Of the whole and not sign by sign: which sign is a digit is half of what a password hides.
function alphabetOf(text: string): string {
  const letters = /^[0-9a-f\W_]+$/.test(text) ? "abcdef" : "abcdefghijklmnopqrstuvwxyz";
  const capitals = /^[0-9A-F\W_]+$/.test(text) ? "ABCDEF" : "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return [
    /[0-9]/.test(text) ? "0123456789" : "",
    /[a-z]/.test(text) ? letters : "",
    /[A-Z]/.test(text) ? capitals : "",
  ].join("");
}

function stream(text: string, length: number, draw: Draw): number[] {
  const bytes: number[] = [];
  for (let block = 0; bytes.length < length; block += 1) bytes.push(...draw(`placeholder:${block}:${text}`));
  return bytes;
}

/** Writes where a request goes: scheme and host, and the port where it is not the scheme's own. */
export function originOf(to: {
  readonly protocol: "http" | "https";
  readonly host: string;
  readonly port: number;
}): string {
  const isUsual = to.port === (to.protocol === "https" ? 443 : 80);
  return `${to.protocol}://${to.host}${isUsual ? "" : `:${to.port}`}`;
}

/** Tells whether a rule holds for a request, whose path may have a query. */
export function ruleCovers(rule: CredentialRule, origin: string, method: string, path: string): boolean {
  const isStraight = staysBelow(path);
  return (
    isStraight &&
    rule.origins.includes(origin) &&
    rule.methods.includes(method) &&
    rule.pathPrefixes.some((prefix) => isBelow(path.split("?", 1)[0] ?? "", prefix))
  );
}

function isBelow(path: string, prefix: string): boolean {
  const base = prefix.replace(/\/+$/, "");
  return path === base || path.startsWith(`${base}/`);
}

/** Tells whether no server, however often it decodes, can take a path to lie above where its beginning says. */
function staysBelow(path: string): boolean {
  let text = path.split("?", 1)[0] ?? "";
  if (!text.startsWith("/")) return false;
  for (let round = 0; round < 4; round += 1) {
    if (/[\\\u0000-\u0020#]/.test(text)) return false;
    if (text.split("/").some((segment) => /^\.{1,2}(?:;.*)?$/.test(segment))) return false;
    const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (decoded === text) return true;
    text = decoded;
  }
  return false;
}

/** A host and a port as a rule names them, or why a text is none. */
export type Authority =
  | { readonly ok: true; readonly host: string; readonly port: number }
  | { readonly ok: false; readonly reason: string };

const HOST_CHARS_MAX = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** What `new URL` would decode, cut off or pass over, so that two readers could see two hosts. */
const AMBIGUOUS = /[\0-\x20\x7f%@/\\#?<>^|]/;

/**
 * Writes a host in the one way in which rules, the resolver and certificates know it; null when it is none.
 *
 * Lower case, without a last dot, names in Punycode, numeric forms as the address that they mean, an IPv4 address that is
 * mapped into IPv6 as itself, IPv6 in brackets. A scope, an escape or a byte that readers disagree about makes it none.
 */
export function canonicalHost(text: string): string | null {
  if (text === "" || text.length > HOST_CHARS_MAX || AMBIGUOUS.test(text)) return null;
  const isBracketed = text.startsWith("[");
  if (isBracketed !== text.endsWith("]") || (!isBracketed && /[:[\]]/.test(text))) return null;
  const host = hostOfUrl(`http://${text}/`);
  if (host === null) return null;
  if (host.startsWith("[")) return unmap(host);
  const bare = host.replace(/\.$/, "");
  return bare !== "" && bare.split(".").every((label) => LABEL.test(label)) ? bare : null;
}

/** Reads `HOST` or `HOST:PORT`; without a default a port must be there. */
export function parseAuthority(text: string, defaultPort: number | null): Authority {
  const [, name = "", digits] = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = canonicalHost(name);
  if (host === null) return { ok: false, reason: "that is no host" };
  if (digits === undefined)
    return defaultPort === null ? { ok: false, reason: "there is no port" } : { ok: true, host, port: defaultPort };
  const port = Number(digits);
  // Readers disagree about leading zeros.
  if (port < 1 || port > 65_535 || digits.startsWith("0")) return { ok: false, reason: "that is no port" };
  return { ok: true, host, port };
}

/** Whether a host is an address and not a name. */
export function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

function hostOfUrl(url: string): string | null {
  try {
    const { hostname, username, pathname } = new URL(url);
    return username === "" && pathname === "/" ? hostname : null;
  } catch {
    return null;
  }
}

function unmap(host: string): string {
  const [, high, low] = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(host) ?? [];
  if (high === undefined || low === undefined) return host;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}

/** Takes an address out of its brackets, for what dials it; a name stays as it is. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

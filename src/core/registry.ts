import { field, parseJson, recordOf } from "./json.ts";

/** Where a registry is: canonical host; the path is "" or begins with a slash and ends with none. */
export interface Base {
  readonly protocol: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** A registry that the person's own configuration of a tool names. */
export type Registry = {
  /** Whose configuration named it. */
  readonly tool: string;
  readonly base: Base;
} & (
  | { readonly kind: "npm" | "pypi" | "pypi-json" | "cargo" | "go" | "sumdb" | "maven" | "rubygems" | "composer" }
  /** Where cargo's index says that crates are: what follows the base, markers included. */
  | { readonly kind: "crates"; readonly template: string }
  | { readonly kind: "apt"; readonly suites: readonly string[] }
);

/** What `config.json` of cargo's index says of where crates are: a registry of them; null when it says nothing usable. */
export function cratesOf({ tool }: Registry, config: string): Registry | null {
  const address = field(recordOf(parseJson(config)), "dl");
  if (typeof address !== "string") return null;
  const full = address.includes("{") ? address : `${address.replace(/\/$/, "")}/{crate}/{version}/download`;
  const cut = full.lastIndexOf("/", full.indexOf("{"));
  const base = parseBase(full.slice(0, cut + 1));
  return base === null ? null : { kind: "crates", tool, base, template: full.slice(cut + 1) };
}

const ADDRESS_CHARS_MAX = 2048;

/** Parses a registry's address; null when it is no plain one. A name and a password in it are left out: the vault puts them on. */
export function parseBase(address: string): Base | null {
  const text = address.trim().replace(/^sparse\+/, "");
  if (text.length > ADDRESS_CHARS_MAX || !/^https?:\/\/[^\s<>"'`\\]+$/i.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  const plain = text.replace(/^https?:\/\/(?:[^/@]*@)?/i, "");
  if (/[?#%${}]|\/\//.test(plain)) return null;
  const protocol = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? portOf(protocol) : Number(url.port);
  return { protocol, host: url.hostname.replace(/\.$/, ""), port, path: url.pathname.replace(/\/$/, "") };
}

/** Writes an address below a base. */
export function urlAt({ protocol, host, port, path }: Base, rest: string): string {
  return `${protocol}://${host}${port === portOf(protocol) ? "" : `:${port}`}${path}/${rest}`;
}

function portOf(protocol: Base["protocol"]): number {
  return protocol === "https" ? 443 : 80;
}

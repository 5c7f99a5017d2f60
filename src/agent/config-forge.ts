import type { ForgeConfig } from "../core/forge.ts";
import { canonicalHost } from "../core/host.ts";
import { AUTHORS, type Author } from "../core/source.ts";

/** Everything on a forge is a stranger's until the person names somebody: members quote strangers. */
export const FORGE_DEFAULT: ForgeConfig = { authors: [], api: { host: "api.github.com", port: 443, base: "" } };

/** Checks `trust` of config.yaml; throws an Error that names the key that is wrong. */
export function parseForge(value: unknown): ForgeConfig {
  if (value === undefined || value === null) return FORGE_DEFAULT;
  if (typeof value !== "object" || Array.isArray(value)) throw new Error("trust must be a mapping");
  const { authors = [], github, ...more } = value as Record<string, unknown>;
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) throw new Error(`unknown key "trust.${unknown}"; known are authors, github`);
  if (!Array.isArray(authors)) throw new Error(`"trust.authors" must be a list of ${NAMES.join(", ")}`);
  return { authors: authors.map(authorOf), api: github === undefined ? FORGE_DEFAULT.api : apiOf(github) };
}

const NAMES = AUTHORS.map((author) => author.toLowerCase());

function authorOf(name: unknown): Author {
  const author = AUTHORS[NAMES.indexOf(String(name))];
  if (author === undefined) throw new Error(`"trust.authors" must be a list of ${NAMES.join(", ")}`);
  return author;
}

function apiOf(github: unknown): ForgeConfig["api"] {
  const url = typeof github === "string" && URL.canParse(github) ? new URL(github) : null;
  const host = url === null ? null : canonicalHost(url.hostname);
  const isPlain = url?.protocol === "https:" && url.href.replace(/\/$/, "") === String(github).replace(/\/$/, "");
  if (url === null || host === null || !isPlain || `${url.username}${url.password}${url.search}${url.hash}` !== "")
    throw new Error('"trust.github" must be the address of a REST interface: https://github.example.com/api/v3');
  return { host, port: Number(url.port) || 443, base: url.pathname.replace(/\/+$/, "") };
}

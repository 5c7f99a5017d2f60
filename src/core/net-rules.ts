import { canonicalHost } from "./host.ts";

/** One line of what may be reached, or of what may not. */
export interface NetRule {
  /** What people and the record know it by: `net.allow[0]`, `preset npm`. */
  readonly id: string;
  /** Canonical (`canonicalHost`), or `*.` before one: every name below it, and not itself; or `*`: every host. */
  readonly host: string;
  /** Null: every port. */
  readonly ports: readonly number[] | null;
  /** Null: GET, HEAD and OPTIONS. */
  readonly methods: readonly string[] | null;
  /** Whole segments that a path begins with; null: every path. */
  readonly paths: readonly string[] | null;
  /** Whether a request may carry a body. */
  readonly body: boolean;
  /** A tunnel cannot be looked into, so it counts as a request with a body. */
  readonly tls: "terminate" | "tunnel";
  /** Whether the host may be at an address that is not public. */
  readonly private: boolean;
}

/** What the person's rules say: a line of `deny` wins over every one of `allow`. */
export interface NetRules {
  readonly allow: readonly NetRule[];
  readonly deny: readonly NetRule[];
}

/** What is known of a request before it goes anywhere. */
export interface NetRequest {
  /** `ssh` only for what git asks of the tracked remote. */
  readonly protocol: "http" | "https" | "tunnel" | "ssh";
  readonly host: string;
  readonly port: number;
  /** `CONNECT` for a tunnel. */
  readonly method: string;
  /** Path and query; "" for a tunnel. */
  readonly path: string;
  readonly hasBody: boolean;
}

/** What the rules say to a request. `why` is told when nothing allows it. */
export type Listed =
  | { readonly verdict: "allow" | "deny"; readonly rule: NetRule }
  | { readonly verdict: "unlisted"; readonly why: string };

/** The user name by which the proxy of the box tells a command's token from a password. */
export const PROXY_USER = "ringfence";

export const READ_ONLY_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** Finds the rule that a request falls under; a denial is looked for first. */
export function judgeRules(rules: NetRules, request: NetRequest): Listed {
  const denied = rules.deny.find((rule) => mayMatch(rule, request));
  if (denied) return { verdict: "deny", rule: denied };
  const there = rulesFor(rules, request.host, request.port);
  if (there.length === 0)
    return { verdict: "unlisted", why: "no rule of net.allow in config.yaml names that host and port" };
  const allowed = there.find((rule) => allows(rule, request));
  if (allowed) return { verdict: "allow", rule: allowed };
  return { verdict: "unlisted", why: explain(there, request) };
}

/** The rules by which a host and port can be reached at all. */
export function rulesFor({ allow }: NetRules, host: string, port: number): readonly NetRule[] {
  return allow.filter((rule) => matchesHost(rule.host, host) && matchesPort(rule, port));
}

function matchesPort({ ports }: NetRule, port: number): boolean {
  return ports === null || ports.includes(port);
}

/** Whether a host of a rule means this host. */
function matchesHost(pattern: string, host: string): boolean {
  if (pattern === "*") return true;
  return pattern.startsWith("*.")
    ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
    : pattern === host;
}

/** Names what a request asks for, as an address that people read. */
export function addressOf({ protocol, host, port, path }: NetRequest): string {
  const scheme = protocol === "tunnel" ? "https" : protocol;
  const isUsual = port === { http: 80, https: 443, ssh: 22 }[scheme];
  return `${scheme}://${host}${isUsual ? "" : `:${port}`}${path}`;
}

/** Reads an address that is asked for without a body; null when it is none of http or https, or has a user in it. */
export function requestFor(address: string, method: string): NetRequest | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  const host = url && url.username === "" && url.password === "" ? canonicalHost(url.hostname) : null;
  if (url === null || host === null || !["http:", "https:"].includes(url.protocol)) return null;
  const protocol = url.protocol === "http:" ? "http" : "https";
  const port = Number(url.port) || (protocol === "http" ? 80 : 443);
  return { protocol, host, port, method, path: `${url.pathname}${url.search}`, hasBody: false };
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\\^{|}]+/gi;

/** Finds the addresses that a person typed in a text, each as `addressOf` names it. */
export function typedAddresses(text: string): string[] {
  return [...text.matchAll(ADDRESS)].flatMap(([written]) => {
    // What ends a sentence or a bracket round it is seldom part of an address.
    const bare = written.replace(/[.,;:!?)\]]+$/, "");
    return [written, bare].flatMap((one) => {
      const request = requestFor(one, "GET");
      return request === null ? [] : [addressOf(request)];
    });
  });
}

/** Whether a rule lets a request through, at the host and port that it is for. */
function allows(rule: NetRule, request: NetRequest): boolean {
  if (request.protocol === "tunnel") return rule.tls === "tunnel";
  if (request.protocol === "ssh") return false;
  return (
    rule.tls === "terminate" &&
    (rule.methods ?? READ_ONLY_METHODS).includes(request.method) &&
    (rule.body || !request.hasBody) &&
    matchesPath(rule, request.path)
  );
}

/**
 * Whether a rule that restricts is about a request: wherever it may be meant, so for a tunnel, in which paths and methods
 * are not seen, and for every spelling.
 */
export function mayMatch(rule: NetRule, request: NetRequest): boolean {
  // Who denies a host on the web means git by ssh too.
  const isOnTheWeb = request.protocol === "ssh" && mayMatchThere(rule, { ...request, port: 443 });
  return isOnTheWeb || mayMatchThere(rule, request);
}

function mayMatchThere(rule: NetRule, request: NetRequest): boolean {
  if (!matchesHost(rule.host, request.host) || !matchesPort(rule, request.port)) return false;
  if (request.protocol === "tunnel") return true;
  const isMethod = rule.methods === null || rule.methods.includes(request.method);
  return isMethod && (rule.paths === null || mayBeBelow(rule.paths, request.path));
}

// Servers take `%61` for `a`: a path is compared with all escapes undone, and one that is not plain may be any.
function mayBeBelow(prefixes: readonly string[], path: string): boolean {
  const bare = isPlainPath(path) ? decoded(path) : null;
  return bare === null || prefixes.some((prefix) => isBelow(decoded(prefix) ?? prefix, bare));
}

function decoded(path: string): string | null {
  const [bare = ""] = path.split("?", 1);
  try {
    return decodeURIComponent(bare);
  } catch {
    return null;
  }
}

function matchesPath({ paths }: NetRule, path: string): boolean {
  if (paths === null) return true;
  if (!isPlainPath(path)) return false;
  const [bare = ""] = path.split("?", 1);
  return paths.some((prefix) => isBelow(prefix, bare));
}

function isBelow(prefix: string, path: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}

/** Whether every server reads a path alike: no dots to resolve, no escape of a slash or dot, no backslash, no empty segment. */
export function isPlainPath(path: string): boolean {
  const [bare = ""] = path.split("?", 1);
  return bare.startsWith("/") && !/(?:^|\/)\.{1,2}(?:\/|$)|\/\/|\\|%(?:2e|2f|5c|25|00)|[;\0]/i.test(bare);
}

function explain(there: readonly NetRule[], { protocol, method, hasBody }: NetRequest): string {
  if (protocol === "tunnel") return "no rule lets a tunnel through there";
  const byMethod = there.filter(
    (rule) => rule.tls === "terminate" && (rule.methods ?? READ_ONLY_METHODS).includes(method),
  );
  if (byMethod.length === 0) return `no rule allows ${method} there`;
  return hasBody && !byMethod.some(({ body }) => body) ? "no rule allows a body there" : "no rule allows that path";
}

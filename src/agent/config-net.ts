import { HTTP_PORT, SOCKS_PORT } from "../box/commands.ts";
import { addressKind } from "../core/address.ts";
import { originOf } from "../core/credential.ts";
import { isBranchRef } from "../core/git-push.ts";
import { type Tracked, trackedOf } from "../core/git-remote.ts";
import { canonicalHost, parseAuthority } from "../core/host.ts";
import { isPlainPath, type NetRule, type NetRules, READ_ONLY_METHODS } from "../core/net-rules.ts";
import type { VariableRule } from "../egress/vault-variables.ts";
import { countAt, recordAt, refuseUnknown } from "./config-shape.ts";

/** What the person's configuration says of the network. */
export interface NetConfig {
  readonly rules: NetRules;
  /** Addresses on the machine's loopback that the box sees at the same port. */
  readonly services: readonly Service[];
  /** Where the values of the person's own variables are put on, in the place of what stands for them in the box. */
  readonly credentials: readonly VariableRule[];
  /** Branches of repositories that a command which the person typed may push to. */
  readonly push: readonly PushRule[];
  readonly limits: { readonly sentMb: number | null; readonly requests: number | null };
}

export interface PushRule {
  /** What people and the record know it by: `net.push[0]`. */
  readonly id: string;
  readonly repository: Tracked;
  /** `refs/heads/NAME`. */
  readonly ref: string;
}

export interface Service {
  readonly host: string;
  readonly port: number;
}

export const NET_DEFAULT: NetConfig = {
  rules: { allow: [], deny: [] },
  services: [],
  credentials: [],
  push: [],
  limits: { sentMb: null, requests: null },
};

const KEYS = ["host", "ports", "methods", "paths", "tls", "private"];
const PROXY_PORTS: readonly number[] = [HTTP_PORT, SOCKS_PORT];
const METHOD = /^[A-Z]{1,20}$/;

/** Checks the `net` of a parsed configuration; throws an Error that names the first key that is wrong. */
export function parseNet(value: unknown): NetConfig {
  if (value === null || value === undefined) return NET_DEFAULT;
  const net = recordAt(value, "net");
  refuseUnknown(net, ["allow", "deny", "services", "credentials", "push", "sent_mb", "requests"], "net.");
  const rules = (name: "allow" | "deny") =>
    listAt(net, name).map((entry, index) => parseRule(entry, `net.${name}[${index}]`));
  return {
    rules: { allow: rules("allow"), deny: rules("deny") },
    services: listAt(net, "services").map((entry, index) => parseService(entry, `net.services[${index}]`)),
    credentials: listAt(net, "credentials").map((entry, index) => parseCredential(entry, `net.credentials[${index}]`)),
    push: listAt(net, "push").map((entry, index) => parsePush(entry, `net.push[${index}]`)),
    limits: { sentMb: countAt(net, "sent_mb", "net."), requests: countAt(net, "requests", "net.") },
  };
}

// The repository is named too: whose configuration says which one a branch tracks may be a stranger's.
function parsePush(entry: unknown, where: string): PushRule {
  const rule = recordAt(entry, where);
  refuseUnknown(rule, ["at", "branch"], `${where}.`);
  const { at, branch } = rule;
  const repository = typeof at === "string" ? trackedOf(at) : null;
  if (repository === null)
    throw new Error(`"${where}.at" must be the address of a repository: https://git.example.com/group/thing.git`);
  const ref = `refs/heads/${branch}`;
  if (typeof branch !== "string" || !isBranchRef(ref)) throw new Error(`"${where}.branch" must be a branch: main`);
  return { id: where, repository, ref };
}

/** Reads where a credential goes. Without an address none is put on, so one must be there; a path in it binds it to what is below. */
export function parseCredential(entry: unknown, where: string): VariableRule {
  const rule = recordAt(entry, where);
  refuseUnknown(rule, ["variable", "at", "as", "methods"], `${where}.`);
  const { variable, at, as = "bearer" } = rule;
  if (typeof variable !== "string" || !/^[A-Za-z_]\w*$/.test(variable))
    throw new Error(`"${where}.variable" must name a variable of your environment: API_KEY`);
  const line = typeof at === "string" && /^https?:\/\//.test(at) ? parseLine(at, `${where}.at`) : null;
  if (line === null || line.host.startsWith("*"))
    throw new Error(`"${where}.at" must be the address that it is sent to: https://api.example.com/v1`);
  const protocol = String(at).startsWith("https:") ? "https" : "http";
  const methods = textsAt(rule, "methods", where, (text) => METHOD.test(text), "methods in capitals: [GET, POST]");
  return {
    variable,
    scheme: schemeOf(as, where),
    origins: line.ports.map((port) => originOf({ protocol, host: line.host, port })),
    methods: methods ?? ["GET", "HEAD"],
    pathPrefixes: line.paths ?? ["/"],
  };
}

function schemeOf(as: unknown, where: string): VariableRule["scheme"] {
  if (as === "bearer" || as === "sigv4") return { kind: as };
  const [, user] = (typeof as === "string" && /^basic(?: ([^\s:]{1,200}))?$/.exec(as)) || [];
  if (as === "basic" || user !== undefined) return { kind: "basic", user: user ?? null };
  if (typeof as === "string" && /^[a-z][a-z0-9-]{1,60}$/.test(as)) return { kind: "header", name: as };
  throw new Error(`"${where}.as" must be bearer, basic, basic USER, sigv4 or the name of a header: x-api-key`);
}

// The port is the same on both sides, so that what is configured for the one works in the other.
function parseService(entry: unknown, where: string): Service {
  const place = typeof entry === "string" ? parseAuthority(entry, null) : null;
  if (!place?.ok || addressKind(place.host) !== "loopback")
    throw new Error(`"${where}" must be an address of this machine and a port: 127.0.0.1:5432`);
  if (PROXY_PORTS.includes(place.port)) throw new Error(`"${where}": the port ${place.port} is the proxy's in the box`);
  return { host: place.host, port: place.port };
}

/** Reads one line: an address, or a mapping for what an address cannot say. */
export function parseRule(entry: unknown, where: string): NetRule {
  if (typeof entry === "string") return parseLine(entry, where);
  const rule = recordAt(entry, where);
  refuseUnknown(rule, KEYS, `${where}.`);
  if (typeof rule.host !== "string") throw new Error(`"${where}.host" must be a host, as in api.example.com`);
  const line = parseLine(rule.host, `${where}.host`);
  const methods = textsAt(rule, "methods", where, (text) => METHOD.test(text), "methods in capitals: [GET, POST]");
  const paths = textsAt(rule, "paths", where, isPlainPath, "paths from the root, without .. and escapes: [/v1]");
  const { tls = "terminate", private: isPrivate = false } = rule;
  if (tls !== "terminate" && tls !== "tunnel") throw new Error(`"${where}.tls" must be terminate or tunnel`);
  if (typeof isPrivate !== "boolean") throw new Error(`"${where}.private" must be true or false`);
  if (tls === "tunnel" && (methods !== null || paths !== null || line.paths !== null))
    throw new Error(`"${where}" is a tunnel, in which methods and paths are not seen: leave them out`);
  return {
    ...line,
    ports: portsAt(rule, where) ?? line.ports,
    methods,
    body: (methods ?? []).some((method) => !READ_ONLY_METHODS.includes(method)),
    paths: paths ?? line.paths,
    tls,
    private: isPrivate,
  };
}

/** Reads `[http://|https://][*.]HOST[:PORT][/PATH]`. */
function parseLine(text: string, where: string): NetRule & { readonly ports: readonly number[] } {
  const [, scheme = "https", wildcard = "", authority = "", path = ""] =
    /^(?:(https?):\/\/)?(\*\.)?([^/?#@]+)(\/[^?#]*)?$/i.exec(text) ?? [];
  const place = parseAuthority(authority, scheme.toLowerCase() === "http" ? 80 : 443);
  if (!place.ok || canonicalHost(place.host) === null)
    throw new Error(`"${where}" must be a host or an address, as in api.example.com or https://api.example.com/v1`);
  const isRoot = path === "" || path === "/";
  if (!isRoot && !isPlainPath(path))
    throw new Error(`"${where}" has a path with .. or an escape, which is never plain`);
  return {
    id: where.replace(/\.host$/, ""),
    host: `${wildcard}${place.host}`,
    ports: [place.port],
    methods: null,
    paths: isRoot ? null : [path],
    body: false,
    tls: "terminate",
    private: false,
  };
}

function portsAt(rule: Record<string, unknown>, where: string): readonly number[] | null {
  if (rule.ports === undefined) return null;
  const isPort = (port: unknown) => Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536;
  if (!Array.isArray(rule.ports) || rule.ports.length === 0 || !rule.ports.every(isPort))
    throw new Error(`"${where}.ports" must be a list of ports: [443]`);
  return rule.ports as number[];
}

function textsAt(
  rule: Record<string, unknown>,
  key: string,
  where: string,
  isFit: (text: string) => boolean,
  what: string,
): readonly string[] | null {
  const value = rule[key];
  if (value === undefined) return null;
  const isList = Array.isArray(value) && value.length > 0;
  if (!isList || !value.every((text) => typeof text === "string" && isFit(text)))
    throw new Error(`"${where}.${key}" must be a list of ${what}`);
  return value as string[];
}

function listAt(net: Record<string, unknown>, key: string): readonly unknown[] {
  const value = net[key] ?? [];
  if (!Array.isArray(value)) throw new Error(`"net.${key}" must be a list`);
  return value;
}

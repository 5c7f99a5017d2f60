import { isPlainPath, type NetRequest, READ_ONLY_METHODS } from "./net-rules.ts";

/** A line of `net.allow`, as a person would write it; null is what a rule means when it says nothing. */
export interface ProposedRule {
  /** As it was asked; a rule goes by the port alone. */
  readonly protocol: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** Null: GET, HEAD and OPTIONS. */
  readonly methods: readonly string[] | null;
  /** Null: every path. */
  readonly paths: readonly string[] | null;
}

/** More beginnings of paths than a person reads in one line. */
const PATHS_MAX = 8;

/**
 * Proposes the smallest rules that would have allowed these requests: by host and port, methods and what paths begin with.
 *
 * Reading and writing have rules of their own. A tunnel is proposed as a host that is looked into: what is asked there is
 * seen then. A body with a method that reads is allowed by no rule, and none is proposed.
 */
export function proposeRules(requests: readonly NetRequest[]): ProposedRule[] {
  const groups = new Map<string, NetRequest[]>();
  for (const request of requests) {
    if (isWrite(request) === null) continue;
    const key = JSON.stringify([request.host, request.port, isWrite(request)]);
    groups.set(key, [...(groups.get(key) ?? []), request]);
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, group]) => ruleOf(group));
}

/** Writes a rule as a line below `net.allow`, in YAML. */
export function ruleLine({ protocol, host, port, methods, paths }: ProposedRule): string {
  const [path, ...more] = paths ?? [];
  if (methods === null && more.length === 0) {
    const authority = port === (protocol === "http" ? 80 : 443) ? host : `${host}:${port}`;
    const isBare = protocol === "https" && path === undefined;
    return `- ${quote(isBare ? authority : `${protocol}://${authority}${path ?? ""}`)}`;
  }
  const fields = [
    `host: ${quote(host)}`,
    ...(port === 443 ? [] : [`ports: [${port}]`]),
    ...(methods === null ? [] : [`methods: [${methods.map(quote).join(", ")}]`]),
    ...(paths === null ? [] : [`paths: [${paths.map(quote).join(", ")}]`]),
  ];
  return `- {${fields.join(", ")}}`;
}

/** Whether a request needs a rule with methods; null when no rule allows it. */
function isWrite({ protocol, method, hasBody }: NetRequest): boolean | null {
  if (protocol === "tunnel") return false;
  const isReading = READ_ONLY_METHODS.includes(method);
  if (isReading && hasBody) return null;
  return /^[A-Z]{1,20}$/.test(method) ? !isReading : null;
}

function ruleOf(group: readonly NetRequest[]): ProposedRule[] {
  const [first] = group;
  if (!first) return [];
  const { host, port } = first;
  const protocol = first.protocol === "http" ? "http" : "https";
  const methods = isWrite(first) ? [...new Set(group.map(({ method }) => method))].sort() : null;
  return [{ protocol, host, port, methods, paths: beginnings(group) }];
}

/** What the paths begin with, by whole segments and one for each first segment; null where that would be every path. */
function beginnings(group: readonly NetRequest[]): string[] | null {
  const byFirst = new Map<string, string[]>();
  for (const { protocol, path } of group) {
    const [bare = ""] = path.split("?", 1);
    if (protocol === "tunnel" || !isPlainPath(path) || bare === "/") return null;
    const segments = bare.split("/").slice(1);
    const first = segments[0] ?? "";
    byFirst.set(first, common(byFirst.get(first) ?? segments, segments));
  }
  const paths = [...byFirst.values()].map((segments) => `/${segments.join("/")}`).sort();
  return paths.length > PATHS_MAX ? null : paths;
}

function common(a: readonly string[], b: readonly string[]): string[] {
  const end = a.findIndex((segment, at) => segment !== b[at]);
  return a.slice(0, end < 0 ? a.length : end);
}

// JSON's strings are YAML's too; without quotes a host or a method could be another word of YAML's.
function quote(text: string): string {
  return JSON.stringify(text);
}

import type { NetRequest } from "./net-rules.ts";
import { isLocked, type Locked } from "./packages.ts";
import { askedOf } from "./registries-paths.ts";
import { type Registry, urlAt } from "./registry.ts";

/** What a request asks a registry for. */
export interface PackageVerdict {
  /**
   * `locked`: a name, or the file of a version, that a lockfile has. `listing`: a fixed document, which names no package
   * and carries nothing. `audit`: the list of all packages, which npm sends unasked. `other`: anything else.
   */
  readonly kind: "locked" | "listing" | "audit" | "other";
  readonly registry: Registry;
  /** What the path asks for, to be shown; null when it names no package. */
  readonly name: string | null;
  readonly version: string | null;
}

/** Where npm, yarn and pnpm send all that a project depends on. */
const AUDIT = /^-\/npm\/v1\/security\/(?:advisories\/bulk|audits(?:\/quick)?)$/;

/**
 * Judges a request by one registry; null when it goes elsewhere.
 *
 * A path is a channel: only what is exactly the document or file of a locked package, or a fixed document, is more than
 * `other`, and only to read it.
 */
export function judgePackage(registry: Registry, locked: Locked, request: NetRequest): PackageVerdict | null {
  const { base, kind } = registry;
  if (request.host !== base.host || request.port !== base.port) return null;
  if (request.protocol === "tunnel") return { kind: "other", registry, name: null, version: null };
  if (request.protocol !== base.protocol || !request.path.startsWith(`${base.path}/`)) return null;
  const rest = request.path.slice(base.path.length + 1);
  if (kind === "npm" && request.method === "POST" && AUDIT.test(rest))
    return { kind: "audit", registry, name: null, version: null };
  const asked = askedOf(registry, rest);
  if (asked.kind === "listing") {
    return { kind: isReading(request) ? "listing" : "other", registry, name: null, version: null };
  }
  const known = asked.subjects.find(({ ecosystem, name, version }) => isLocked(locked, ecosystem, name, version));
  const { name, version } = known ?? asked.subjects[0] ?? { name: null, version: null };
  return { kind: known && isReading(request) ? "locked" : "other", registry, name, version };
}

/** Says whether a request only reads. */
export function isReading({ method, hasBody }: Pick<NetRequest, "method" | "hasBody">): boolean {
  return (method === "GET" || method === "HEAD") && !hasBody;
}

/** Writes the address that a request is for; null for what is none of the web's. */
export function urlOfRequest({ protocol, host, port, path }: NetRequest): string | null {
  return protocol === "tunnel" || protocol === "ssh"
    ? null
    : urlAt({ protocol, host, port, path: "" }, path.replace(/^\//, ""));
}

import type { Effect } from "./effect.ts";

type Of<Kind extends Effect["kind"]> = Effect & { readonly kind: Kind };

const BASE: Of<"request"> = {
  kind: "request",
  protocol: "https",
  host: "api.example.com",
  port: 443,
  method: "GET",
  path: "/",
  hasBody: false,
  listed: "allow",
  rule: "net.allow[0]",
  origin: "composed",
  command: 1,
  approvedBy: "none",
  shown: null,
};

const PUSH: Of<"push"> = {
  kind: "push",
  protocol: "https",
  host: "git.example",
  port: 443,
  method: "POST",
  path: "/group/thing.git/git-receive-pack",
  hasBody: true,
  remote: "tracked",
  ref: "refs/heads/main",
  oldId: "a".repeat(40),
  newId: "b".repeat(40),
  found: "landed",
  digest: "c",
  rule: "net.push[0]",
  isDenied: false,
  command: 7,
  approvedBy: "none",
  shownAt: null,
};

/** A request that a command composed, to a host that a rule lists, but for what is said. */
export function requestOf(change: Partial<Of<"request">> = {}): Of<"request"> {
  return { ...BASE, ...change };
}

/** A push of landed commits to the tracked branch, which a rule names, but for what is said. */
export function pushOf(change: Partial<Of<"push">> = {}): Of<"push"> {
  return { ...PUSH, ...change };
}

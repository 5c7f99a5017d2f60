import { matchesGlob, matchesName } from "./glob.ts";
import { judgeRules, mayMatch, type NetRequest } from "./net-rules.ts";
import type { Told } from "./policy-argv.ts";
import type { Kind, Policy, Rule, Scope } from "./policy-rules.ts";

/** A thing that rules speak of. What cannot be told of it is null, and then a rule that restricts may mean it. */
export type Action =
  | { readonly kind: "net"; readonly request: NetRequest }
  | { readonly kind: "read" | "write" | "land"; readonly path: string }
  | ({ readonly kind: "run" } & Told)
  | { readonly kind: "push"; readonly repository: Repository | null; readonly branch: string }
  | { readonly kind: "credential"; readonly name: string; readonly origin: string | null };

export interface Repository {
  readonly origin: string;
  readonly path: string;
}

/** What restricts an action: a rule, or that the managed tier's own list does not have it. */
export interface Restriction {
  readonly verdict: "ask" | "deny";
  readonly reason: string;
}

/**
 * Finds what restricts an action: a rule that denies before the bounds of the managed tier, and these before one that asks.
 *
 * The order of rules counts for nothing but which of equal ones is named.
 */
export function restrictionOn(policy: Policy, action: Action): Restriction | null {
  let asking: Rule | null = null;
  for (const rule of candidates(policy, action)) {
    if ((rule.verdict === "ask" && asking !== null) || !mayMean(rule.scope, action)) continue;
    if (rule.verdict === "deny") return { verdict: "deny", reason: `${rule.id} denies it${reasonOf(rule)}` };
    asking = rule;
  }
  const bounds = policy.bounds.get(action.kind);
  if (bounds !== undefined && !isWithin(bounds, action))
    return { verdict: "deny", reason: `the managed policy allows ${KIND_NAMES[action.kind]} of its own list alone` };
  return asking && { verdict: "ask", reason: `${asking.id} asks for a person${reasonOf(asking)}` };
}

const KIND_NAMES: Readonly<Record<Kind, string>> = {
  net: "requests",
  read: "paths",
  write: "paths",
  land: "landing",
  run: "commands",
  push: "pushes",
  credential: "credentials",
};

function reasonOf({ because }: Rule): string {
  return because === null ? "" : `: ${because}`;
}

/** The strictest of what restricts a thing. */
export function strictest(all: readonly (Restriction | null)[]): Restriction | null {
  return all.find((one) => one?.verdict === "deny") ?? all.find((one) => one !== null) ?? null;
}

/** What restricts the landing of a path: a path that is not to be written does not land either. */
export function landingOf(policy: Policy, path: string): Restriction | null {
  return strictest([restrictionOn(policy, { kind: "land", path }), restrictionOn(policy, { kind: "write", path })]);
}

/** Every rule that an action falls under, of whatever verdict. */
export function rulesOn(policy: Policy, action: Action): readonly Rule[] {
  return policy.rules.filter((rule) => means(rule, action));
}

/** Says whether an action falls under a rule: one that allows must mean it for certain, any other only perhaps. */
export function means({ verdict, scope }: Rule, action: Action): boolean {
  return verdict === "allow" ? surelyMeans(scope, action) : mayMean(scope, action);
}

// Of 200 rules about hosts few are about this one.
function* candidates(policy: Policy, action: Action): Iterable<Rule> {
  if (action.kind !== "net") {
    yield* policy.restricting.get(action.kind) ?? [];
    return;
  }
  if (!policy.restricting.has("net")) return;
  const { byHost } = policy;
  const { host } = action.request;
  yield* byHost.get(host) ?? [];
  yield* byHost.get("*") ?? [];
  for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1))
    yield* byHost.get(`*${host.slice(dot)}`) ?? [];
}

function mayMean(scope: Scope, action: Action): boolean {
  switch (scope.kind) {
    case "net":
      return action.kind === "net" && mayMatch(scope.rule, action.request);
    case "read":
    case "write":
    case "land":
      return action.kind === scope.kind && matchesGlob(scope.glob, action.path);
    case "run":
      // What cannot be told of a command is for the box to bound, and no rule about its words can.
      return action.kind === "run" && action.argvs.some((argv) => beginsWith(argv, scope.argv));
    case "push": {
      if (action.kind !== "push" || !matchesBranch(scope.branch, action.branch)) return false;
      const { repository } = action;
      return scope.repository === null || repository === null || isSame(scope.repository, repository);
    }
    case "credential":
      return (
        action.kind === "credential" &&
        (scope.name === "*" || scope.name === action.name) &&
        (scope.origins === null || action.origin === null || scope.origins.includes(action.origin))
      );
  }
}

function surelyMeans(scope: Scope, action: Action): boolean {
  switch (scope.kind) {
    case "net":
      return action.kind === "net" && judgeRules({ allow: [scope.rule], deny: [] }, action.request).verdict === "allow";
    case "run":
      return action.kind === "run" && isWithinAll([scope.argv], action);
    case "push":
      return (
        mayMean(scope, action) && (scope.repository === null || (action.kind === "push" && action.repository !== null))
      );
    case "credential":
      return (
        mayMean(scope, action) && (scope.origins === null || (action.kind === "credential" && action.origin !== null))
      );
    case "read":
    case "write":
    case "land":
      return mayMean(scope, action);
  }
}

function isWithin(bounds: readonly Rule[], action: Action): boolean {
  // One line of commands may hold several, each of which another rule allows.
  if (action.kind === "run")
    return isWithinAll(
      bounds.flatMap(({ scope }) => (scope.kind === "run" ? [scope.argv] : [])),
      action,
    );
  return bounds.some(({ scope }) => surelyMeans(scope, action));
}

function isWithinAll(prefixes: readonly (readonly string[])[], { argvs, isWhole }: Told): boolean {
  if (!isWhole || argvs.length === 0) return false;
  return argvs.every((argv) => prefixes.some((prefix) => beginsWith(argv, prefix)));
}

function beginsWith(argv: readonly string[], prefix: readonly string[]): boolean {
  return argv.length >= prefix.length && prefix.every((word, at) => word === argv[at]);
}

function matchesBranch(pattern: string, branch: string): boolean {
  return matchesName(pattern, branch);
}

function isSame(one: Repository, other: Repository): boolean {
  return one.origin === other.origin && one.path === other.path;
}

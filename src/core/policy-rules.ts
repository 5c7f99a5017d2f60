import type { CredentialRule, Scheme } from "./credential.ts";
import type { Tracked } from "./git-remote.ts";
import type { NetRule, NetRules } from "./net-rules.ts";
import type { RunProfile } from "./shell.ts";
import type { Verdict } from "./sinks.ts";

/** Whose word a rule is: of the machine's owner, of the person, of the checkout, of the person for this one session. */
export type Tier = "managed" | "user" | "project" | "session";

/** Where a credential that a variable holds may be put on. */
export interface PutOn extends Omit<CredentialRule, "scheme"> {
  readonly variable: string;
  readonly scheme: Exclude<Scheme, { kind: "sigv4" }> | { readonly kind: "sigv4" };
}

/** What a rule is about. */
export type Scope =
  | { readonly kind: "net"; readonly rule: NetRule }
  /** `read` hides a path of the view; `write` keeps the file tools off, and landing; `land` is about landing alone. */
  | { readonly kind: "read" | "write" | "land"; readonly glob: string }
  /** How a command begins, word by word. */
  | { readonly kind: "run"; readonly argv: readonly string[] }
  /** Null: every repository. */
  | { readonly kind: "push"; readonly repository: Tracked | null; readonly branch: string }
  /** By its variable, `*` for all; `putOn` is what an allow says of it, `origins` where a rule holds, null for everywhere. */
  | {
      readonly kind: "credential";
      readonly name: string;
      readonly putOn: PutOn | null;
      readonly origins: readonly string[] | null;
    };
export type Kind = Scope["kind"];

export interface Rule {
  /** What people and the record know it by: its tier, file and line, or a key of config.yaml. */
  readonly id: string;
  readonly tier: Tier;
  readonly verdict: Verdict;
  readonly scope: Scope;
  readonly because: string | null;
}

/** Bounds the commands that begin so, whatever the analysis of them chose; it never widens a bound. */
export interface ProfileRule extends Omit<Rule, "verdict" | "scope"> {
  readonly argv: readonly string[];
  readonly profile: Exclude<RunProfile, "net">;
}

/** What a session may use up, by the keys of a policy; null is no ceiling. */
export const CEILINGS = [
  "usd",
  "tokens",
  "minutes",
  "turns",
  "calls",
  "sent_mb",
  "disk_mb",
  "processes",
  "agents",
] as const;
export type Ceilings = Readonly<Record<(typeof CEILINGS)[number], number | null>>;

/** All rules that hold for a session, and where to look for those that a thing may fall under. */
export interface Policy {
  readonly rules: readonly Rule[];
  /** Rules that deny or ask. */
  readonly restricting: ReadonlyMap<Kind, readonly Rule[]>;
  /** Of those about the network, by the host that they name. */
  readonly byHost: ReadonlyMap<string, readonly Rule[]>;
  /** What the managed tier allows: of a kind that is here, nothing else is allowed by anybody. */
  readonly bounds: ReadonlyMap<Kind, readonly Rule[]>;
  readonly ceilings: Ceilings;
  readonly profiles: readonly ProfileRule[];
}

export const NO_CEILINGS: Ceilings = ceilingsBy(() => null);
const NO_RULES: readonly Rule[] = [];
/** No rule of anybody's: the table of sinks decides alone. */
export const TABLE_ALONE: Policy = makePolicy(NO_RULES, NO_CEILINGS);

/** Puts rules together, in whatever order; what a project allows is for the caller to leave out until it is approved. */
export function makePolicy(rules: readonly Rule[], ceilings: Ceilings, profiles: readonly ProfileRule[] = []): Policy {
  const restricting = rules.filter(({ verdict }) => verdict !== "allow");
  const bounds = rules.filter(({ tier, verdict }) => tier === "managed" && verdict === "allow");
  return {
    rules,
    restricting: groupBy(restricting, ({ scope }) => scope.kind),
    byHost: groupBy(restricting, ({ scope }) => (scope.kind === "net" ? scope.rule.host : "")),
    bounds: groupBy(bounds, ({ scope }) => scope.kind),
    ceilings,
    profiles,
  };
}

/** What a session keeps of its policy for the landing of its changes, which may come long after it. */
export function landingRules({ rules }: Policy): readonly Rule[] {
  return rules.filter(({ scope }) => scope.kind === "land" || scope.kind === "write");
}

/** The globs of what is not to be read. */
export function hiddenBy({ rules }: Policy): string[] {
  return rules.flatMap(({ scope }) => (scope.kind === "read" ? [scope.glob] : []));
}

/** The policy that a session's changes land under; none of a session that kept none. */
export function landingPolicy(kept: readonly Rule[] | undefined): Policy {
  return kept === undefined ? TABLE_ALONE : makePolicy(kept, NO_CEILINGS);
}

/** What counts of the rules of a file that nobody has approved: those that take away. */
export function tighteningOnly(rules: readonly Rule[]): readonly Rule[] {
  return rules.filter(({ verdict }) => verdict !== "allow");
}

/** The lowest of each ceiling. */
export function lowest(all: readonly Ceilings[]): Ceilings {
  return ceilingsBy((name) => {
    const named = all.flatMap((ceilings) => ceilings[name] ?? []);
    return named.length === 0 ? null : Math.min(...named);
  });
}

/** Makes ceilings of what is said of each. */
export function ceilingsBy(of: (name: keyof Ceilings) => number | null): Ceilings {
  return Object.fromEntries(CEILINGS.map((name) => [name, of(name)])) as Record<keyof Ceilings, number | null>;
}

/** The rules of the network as requests are listed by. */
export function netRulesOf({ rules }: Policy): NetRules {
  const of = (wanted: Verdict) =>
    rules.flatMap(({ verdict, scope }) => (verdict === wanted && scope.kind === "net" ? [scope.rule] : []));
  return { allow: of("allow"), deny: of("deny") };
}

/** Where credentials of variables are put on. */
export function putOnsOf({ rules }: Policy): PutOn[] {
  return rules.flatMap(({ verdict, scope }) =>
    verdict === "allow" && scope.kind === "credential" && scope.putOn !== null ? [scope.putOn] : [],
  );
}

/** The branches that a command which the person typed may push to. */
export function pushesOf({ rules }: Policy): { id: string; repository: Tracked; ref: string }[] {
  return rules.flatMap(({ id, verdict, scope }) =>
    verdict === "allow" && scope.kind === "push" && scope.repository !== null
      ? [{ id, repository: scope.repository, ref: `refs/heads/${scope.branch}` }]
      : [],
  );
}

function groupBy<Key>(rules: readonly Rule[], keyOf: (rule: Rule) => Key): Map<Key, Rule[]> {
  const groups = new Map<Key, Rule[]>();
  for (const rule of rules) groups.set(keyOf(rule), [...(groups.get(keyOf(rule)) ?? []), rule]);
  return groups;
}

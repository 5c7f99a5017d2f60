import { isBranchRef } from "../core/git-push.ts";
import { trackedOf } from "../core/git-remote.ts";
import { ACTION_FORMS, parseAction } from "../core/policy-action.ts";
import { type Action, means } from "../core/policy-match.ts";
import { isAbout } from "../core/policy-profiles.ts";
import {
  CEILINGS,
  type Ceilings,
  ceilingsBy,
  type Kind,
  NO_CEILINGS,
  type ProfileRule,
  type Rule,
  type Scope,
  type Tier,
} from "../core/policy-rules.ts";
import type { Verdict } from "../core/sinks.ts";
import { parseCredential, parseRule } from "./config-net.ts";

/** What a policy file says. */
export interface PolicyFile {
  readonly rules: readonly Rule[];
  readonly ceilings: Ceilings;
  readonly profiles: readonly ProfileRule[];
  /** The actions that its examples name. */
  readonly examples: readonly string[];
}

/** Where a file stands, and what its rules are called by. */
export interface PolicyPlace {
  readonly tier: Tier;
  /** As people know it: `user policy.yaml`. */
  readonly name: string;
  /** The line that a rule of this number begins on. */
  readonly lineOf: (index: number, list: "rules" | "profiles") => number;
}

const RULES_MAX = 2000;
const TEXT_CHARS_MAX = 1000;
const WORDS_MAX = 32;
const KEYS_OF: Readonly<Record<Kind, readonly string[]>> = {
  net: ["ports", "methods", "paths", "tls", "private"],
  read: [],
  write: [],
  land: [],
  run: [],
  push: ["at"],
  credential: ["at", "as", "methods"],
};
const KINDS = Object.keys(KEYS_OF) as Kind[];
/** What is counted one by one; and what the box is made with. */
const WHOLE: readonly (keyof Ceilings)[] = ["tokens", "turns", "calls", "processes", "agents"];
const OF_THE_BOX: readonly (keyof Ceilings)[] = ["processes", "disk_mb"];
/** What a rule of each kind may say at all, and why no more. */
const VERDICTS: Readonly<Record<Kind, { readonly may: readonly Verdict[]; readonly why: string }>> = {
  net: { may: ["allow", "ask", "deny"], why: "" },
  push: { may: ["allow", "ask", "deny"], why: "" },
  land: { may: ["allow", "ask", "deny"], why: "" },
  run: { may: ["allow", "ask", "deny"], why: "" },
  read: { may: ["deny"], why: "a path of the view is shown or hidden: a rule about reading can only deny" },
  write: {
    may: ["deny"],
    why: "what is written stays in the layer: a rule about writing can only deny, and one about landing ask",
  },
  credential: { may: ["allow", "deny"], why: "a credential is put on or not: there is nothing to ask" },
};

/** Checks a parsed policy and its examples; throws an Error that names file, line and what is wrong. */
export function parsePolicy(value: unknown, place: PolicyPlace): PolicyFile {
  if (value === null || value === undefined) return { rules: [], ceilings: NO_CEILINGS, profiles: [], examples: [] };
  const root = recordAt(value, place.name);
  refuseUnknown(root, ["rules", "budgets", "profiles"], `${place.name}: `);
  const parsed = entriesOf(root, "rules", place).map(([entry, id]) => parseEntry(entry, id, place.tier));
  const bounding = entriesOf(root, "profiles", place).map(([entry, id]) => parseProfile(entry, id, place.tier));
  return {
    rules: parsed.map(({ rule }) => rule),
    ceilings: parseBudgets(root.budgets ?? {}, place.tier, `${place.name}: budgets`),
    profiles: bounding.map(({ rule }) => rule),
    examples: [...parsed, ...bounding].flatMap(({ examples }) => examples),
  };
}

function entriesOf(root: Record<string, unknown>, list: "rules" | "profiles", { name, lineOf }: PolicyPlace) {
  const entries: unknown = root[list] ?? [];
  if (!Array.isArray(entries) || entries.length > RULES_MAX)
    throw new Error(`${name}: "${list}" must be a list of at most ${RULES_MAX} rules`);
  return entries.map((entry: unknown, index) => [entry, `${name}:${lineOf(index, list)}`] as const);
}

function parseProfile(value: unknown, id: string, tier: Tier) {
  const entry = recordAt(value, id);
  refuseUnknown(entry, ["run", "profile", "because", "examples"], `${id}: `);
  const { profile } = entry;
  if (profile !== "read-only" && profile !== "build")
    throw new Error(`${id}: "profile" must be read-only or build: a rule can only narrow what a command may`);
  const argv = argvAt(entry.run, `${id}: run`);
  if (argv.length > 1 && argv[0] === "*") throw new Error(`${id}: [*] alone means every command`);
  const because = becauseOf(entry, id);
  const rule: ProfileRule = { id, tier, argv, profile, because };
  const isMeant = (action: Action) => action.kind === "run" && isAbout(rule, action.argvs);
  return { rule, examples: checkExamples(id, isMeant, entry.examples ?? {}) };
}

function becauseOf({ because }: Record<string, unknown>, id: string): string | null {
  return because === undefined ? null : textAt(because, `${id}: because`);
}

function parseEntry(
  value: unknown,
  id: string,
  tier: Tier,
): { readonly rule: Rule; readonly examples: readonly string[] } {
  const entry = recordAt(value, id);
  refuseUnknown(entry, ["allow", "ask", "deny", "because", "examples"], `${id}: `);
  const verdicts = (["allow", "ask", "deny"] as const).filter((name) => Object.hasOwn(entry, name));
  const [verdict] = verdicts;
  if (verdict === undefined || verdicts.length > 1) throw new Error(`${id}: a rule has one of allow, ask and deny`);
  const scope = parseScope(recordAt(entry[verdict], `${id}: ${verdict}`), verdict, id);
  refuseIdle(scope, verdict, tier, id);
  const rule: Rule = { id, tier, verdict, scope, because: becauseOf(entry, id) };
  return { rule, examples: checkExamples(id, (action) => means(rule, action), entry.examples ?? {}) };
}

function parseScope(fields: Record<string, unknown>, verdict: Verdict, id: string): Scope {
  const kinds = KINDS.filter((kind) => Object.hasOwn(fields, kind));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) throw new Error(`${id}: ${verdict} is about one of ${KINDS.join(", ")}`);
  refuseUnknown(fields, [kind, ...KEYS_OF[kind]], `${id}: `);
  const { may, why } = VERDICTS[kind];
  if (!may.includes(verdict)) throw new Error(`${id}: ${why}`);
  switch (kind) {
    case "net":
      return { kind, rule: parseNetScope(fields, verdict, id) };
    case "read":
    case "write":
    case "land":
      return { kind, glob: globAt(fields[kind], `${id}: ${kind}`) };
    case "run":
      return { kind, argv: argvAt(fields.run, `${id}: run`) };
    case "push":
      return parsePush(fields, verdict, id);
    case "credential":
      return parseCredentialScope(fields, verdict, id);
  }
}

function parseNetScope({ net, ...more }: Record<string, unknown>, verdict: Verdict, id: string) {
  if (typeof net !== "string") throw new Error(`${id}: "net" must be a host or an address: https://api.example.com/v1`);
  const isAll = net === "*";
  const rule = { ...parseRule({ host: isAll ? "every.invalid" : net, ...more }, id), ...(isAll ? { host: "*" } : {}) };
  // What is denied by its name is meant at every port, unless the rule says more.
  const isOfPort = more.ports !== undefined || /^https?:/i.test(net) || /:\d+(?:\/|$)/.test(net);
  return verdict === "allow" || isOfPort ? rule : { ...rule, ports: null };
}

function parsePush({ push, at }: Record<string, unknown>, verdict: Verdict, id: string): Scope {
  const repository = at === undefined ? null : typeof at === "string" ? trackedOf(at) : null;
  if (at !== undefined && repository === null)
    throw new Error(`${id}: "at" must be the address of a repository: https://git.example.com/group/thing.git`);
  const branch = textAt(push, `${id}: push`);
  if (!isBranchRef(`refs/heads/${branch.replaceAll("*", "x")}`))
    throw new Error(`${id}: "push" must be a branch: main`);
  if (verdict === "allow" && (repository === null || branch.includes("*")))
    throw new Error(`${id}: a push is allowed to one branch of one repository: {push: main, at: ADDRESS}`);
  return { kind: "push", repository, branch };
}

function parseCredentialScope(fields: Record<string, unknown>, verdict: Verdict, id: string): Scope {
  const { credential, ...more } = fields;
  const name = textAt(credential, `${id}: credential`);
  if (name === "*" && verdict === "allow")
    throw new Error(`${id}: a credential is allowed by the name of its variable`);
  if (name !== "*" && !/^[A-Za-z_]\w*$/.test(name))
    throw new Error(`${id}: "credential" must name a variable: API_KEY`);
  if (verdict === "deny") {
    refuseUnknown(more, ["at"], `${id}: `);
    if (more.at === undefined) return { kind: "credential", name, putOn: null, origins: null };
  }
  const putOn = parseCredential({ variable: name === "*" ? "ALL" : name, ...more }, id);
  return { kind: "credential", name, putOn: verdict === "allow" ? putOn : null, origins: putOn.origins };
}

// A rule that could change nothing would be taken for one that does. The view is being made when a checkout's own file
// is known.
function refuseIdle({ kind }: Scope, verdict: Verdict, tier: Tier, id: string): void {
  if (kind === "read" && tier === "project")
    throw new Error(`${id}: a checkout hides nothing of itself: deny reading in a policy of your own`);
  if (kind === "credential" && tier === "project" && verdict === "allow")
    throw new Error(`${id}: a checkout has no credential put on anywhere: put the rule into a policy of your own`);
  if (verdict !== "allow" || tier === "managed" || (kind !== "run" && kind !== "land")) return;
  const why = kind === "run" ? "the box bounds every command, so none needs it" : "source needs no rule to be landed";
  throw new Error(`${id}: ${why}; only the managed policy allows by ${kind}, and then nothing else`);
}

/** Tries the examples of a rule against it alone; returns the actions that they name. */
function checkExamples(id: string, isMeant: (action: Action) => boolean, value: unknown): string[] {
  const examples = recordAt(value, `${id}: examples`);
  refuseUnknown(examples, ["match", "not"], `${id}: examples.`);
  return (["match", "not"] as const).flatMap((key) => {
    const texts = textsAt(examples[key] ?? [], `${id}: examples.${key}`);
    for (const text of texts) {
      const action = parseAction(text);
      if (action === null) throw new Error(`${id}: the example "${text}" is no action: ${ACTION_FORMS}`);
      if (isMeant(action) !== (key === "match"))
        throw new Error(`${id}: the example "${text}" ${key === "match" ? "does not fall" : "falls"} under this rule`);
    }
    return texts;
  });
}

function parseBudgets(value: unknown, tier: Tier, where: string): Ceilings {
  const budgets = recordAt(value, where);
  refuseUnknown(budgets, CEILINGS, `${where}: `);
  return ceilingsBy((key) => {
    const amount = budgets[key];
    if (amount === undefined) return null;
    if (typeof amount !== "number" || !Number.isFinite(amount) || amount <= 0)
      throw new Error(`${where}.${key} must be a number above 0`);
    if (WHOLE.includes(key) && !Number.isInteger(amount)) throw new Error(`${where}.${key} must be a whole number`);
    if (tier === "project" && OF_THE_BOX.includes(key))
      throw new Error(`${where}.${key}: the box is made before a checkout's file is read: put it into your own policy`);
    return amount;
  });
}

function globAt(value: unknown, where: string): string {
  const glob = textAt(value, where);
  const isPlain = !/^\/|[[\]{}\\!]/.test(glob) && !glob.split("/").some((name) => name === ".." || name === ".");
  if (!isPlain) throw new Error(`${where} must be a path from the root of the checkout, with * ? and ** alone: src/**`);
  return glob;
}

function argvAt(value: unknown, where: string): string[] {
  const words = textsAt(value, where);
  if (words.length === 0 || words.length > WORDS_MAX)
    throw new Error(`${where} must be a list of words: [npm, publish]`);
  return words;
}

function textsAt(value: unknown, where: string): string[] {
  if (!Array.isArray(value)) throw new Error(`${where} must be a list of texts`);
  return value.map((text) => textAt(text, where));
}

function textAt(value: unknown, where: string): string {
  if (typeof value !== "string" || value === "" || value.length > TEXT_CHARS_MAX)
    throw new Error(`${where} must be text of at most ${TEXT_CHARS_MAX} characters`);
  return value;
}

function recordAt(value: unknown, where: string): Record<string, unknown> {
  // A tag of YAML makes sets, ordered maps and dates, of which no key would be found.
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    throw new Error(`${where} must be a mapping`);
  return value as Record<string, unknown>;
}

function refuseUnknown(record: Record<string, unknown>, known: readonly string[], where: string): void {
  const key = Object.keys(record).find((name) => !known.includes(name));
  if (key !== undefined) throw new Error(`${where}unknown key "${key}"; known are ${known.join(", ")}`);
}

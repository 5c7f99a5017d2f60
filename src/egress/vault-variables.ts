import { type CredentialRule, type Pair, type Scheme, Secret } from "../core/credential.ts";
import { type Address, type Login, readAddress } from "../core/credential-files.ts";
import type { Tracked } from "../core/git-remote.ts";
import { isMadeByChance, type Keep } from "./vault-keep.ts";
import { forgeRules, indexRule } from "./vault-rules.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the person themself says that a variable's value may be put on. */
export interface VariableRule extends Omit<CredentialRule, "scheme"> {
  readonly variable: string;
  readonly scheme: Exclude<Scheme, { kind: "sigv4" }> | { readonly kind: "sigv4" };
}

/** Of a forge: put on for the tracked repository, if it lies there. */
const FORGE_TOKENS: readonly {
  readonly name: string;
  readonly kind: "github" | "gitlab";
  readonly hostIn: string;
  readonly host: string;
}[] = [
  { name: "GITHUB_TOKEN", kind: "github", hostIn: "", host: "github.com" },
  { name: "GH_TOKEN", kind: "github", hostIn: "", host: "github.com" },
  { name: "GH_ENTERPRISE_TOKEN", kind: "github", hostIn: "GH_HOST", host: "" },
  { name: "GITHUB_ENTERPRISE_TOKEN", kind: "github", hostIn: "GH_HOST", host: "" },
  { name: "GITLAB_TOKEN", kind: "gitlab", hostIn: "GITLAB_HOST", host: "gitlab.com" },
];
/** Hold addresses, perhaps with a user and a password: put on for reading below each. */
const ADDRESSES = [
  "PIP_INDEX_URL",
  "PIP_EXTRA_INDEX_URL",
  "UV_INDEX_URL",
  "UV_EXTRA_INDEX_URL",
  "UV_DEFAULT_INDEX",
  "UV_INDEX",
  "GOPROXY",
];

/** What the variables of the person say besides what is kept. */
export interface FromVariables {
  /** Addresses of indexes, for which a netrc may have a login. */
  readonly indexes: readonly Address[];
  /** Logins for git. */
  readonly logins: readonly Login[];
}

/**
 * Keeps the credentials in the person's variables; each variable that has one is set in the box, to placeholders.
 *
 * Tokens of forges, addresses of indexes, `CARGO_REGISTRIES_*_TOKEN` toward the index of that registry, and what the
 * person wrote a rule for. Keys of model vendors are not among them: what a box does with one costs money.
 */
export function readVariables(
  keep: Keep,
  environment: Environment,
  {
    tracked,
    rules,
    cargoIndexes,
  }: { tracked: Tracked | null; rules: readonly VariableRule[]; cargoIndexes: ReadonlyMap<string, Address> },
): FromVariables {
  const indexes: Address[] = [];
  const logins: Login[] = [];
  const set = (name: string, value: string, more: readonly CredentialRule[]) => {
    const own = rules.flatMap(({ variable, scheme, ...rule }) =>
      variable === name && scheme.kind !== "sigv4" ? [{ ...rule, scheme }] : [],
    );
    const placeholder = keep.add(value, `env ${name}`, [...more, ...own]);
    if (placeholder !== null) keep.variables.set(name, placeholder);
  };
  for (const { name, kind, hostIn, host } of FORGE_TOKENS) {
    const value = environment[name];
    const where = (environment[hostIn] ?? host).toLowerCase();
    if (!value || where === "") continue;
    set(name, value, forgeRules(kind, where, tracked));
    logins.push({ host: where, user: kind === "github" ? "x-access-token" : "oauth2", password: value });
  }
  for (const name of ADDRESSES) {
    const shown = withoutLogins(keep, environment[name] ?? "", `env ${name}`);
    indexes.push(...shown.addresses);
    if (shown.hasLogin) keep.variables.set(name, shown.text);
  }
  for (const [name, value] of Object.entries(environment)) {
    const registry = /^CARGO_REGISTRIES_([A-Z0-9_]+)_TOKEN$/.exec(name)?.[1];
    if (!value || registry === undefined) continue;
    const index = cargoIndex(environment[`CARGO_REGISTRIES_${registry}_INDEX`]) ?? cargoIndexes.get(registry);
    set(name, value, index === undefined ? [] : [cargoRule(index)]);
  }
  for (const name of new Set(rules.map(({ variable }) => variable))) {
    const value = environment[name];
    if (value && !keep.variables.has(name) && !AWS.includes(name)) set(name, value, []);
  }
  readAwsVariables(keep, environment, rules);
  return { indexes, logins };
}

/** Takes the logins out of the addresses in a text, and puts placeholders in their place. */
export function withoutLogins(
  keep: Keep,
  text: string,
  source: string,
): { text: string; addresses: Address[]; hasLogin: boolean } {
  const addresses: Address[] = [];
  let hasLogin = false;
  const shown = text.replace(/https?:\/\/[^\s,|"']+/gi, (found) => {
    const address = readAddress(found);
    if (address === null) return "";
    addresses.push(address);
    const { user, password, origin, path } = address;
    if (password === "" && !isMadeByChance(user)) return found;
    hasLogin = true;
    const scheme: Scheme = { kind: "basic", user: password === "" ? null : user };
    const placeholder = keep.add(password === "" ? user : password, source, [indexRule(address, scheme)]);
    const login = password === "" ? [placeholder ?? ""] : [user, placeholder ?? ""];
    const [protocol, rest] = origin.split("//");
    return placeholder === null
      ? `${origin}${path}`
      : `${protocol}//${login.map(encodeURIComponent).join(":")}@${rest}${path}`;
  });
  return { text: shown, addresses, hasLogin };
}

/** Cargo sends a token as the whole of the header. */
export function cargoRule(index: Address): CredentialRule {
  return indexRule(index, { kind: "header", name: "authorization" });
}

/** Reads the address of a cargo index; only such as are read over http have a host of their own. */
export function cargoIndex(text: string | undefined): Address | undefined {
  return text?.startsWith("sparse+") ? (readAddress(text.slice("sparse+".length)) ?? undefined) : undefined;
}

const AWS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

function readAwsVariables(keep: Keep, environment: Environment, rules: readonly VariableRule[]): void {
  const [keyId, secret, session] = AWS.map((name) => environment[name] ?? "");
  if (!keyId || !secret) return;
  const shown = addAwsKey(keep, { keyId, secret, session: session ?? "" }, "env AWS_SECRET_ACCESS_KEY", rules);
  if (shown === null) return;
  keep.variables.set("AWS_ACCESS_KEY_ID", shown.keyId);
  keep.variables.set("AWS_SECRET_ACCESS_KEY", shown.secret);
  if (shown.session !== "") keep.variables.set("AWS_SESSION_TOKEN", shown.session);
}

interface AwsKey {
  readonly keyId: string;
  readonly secret: string;
  /** "" where there is none. */
  readonly session: string;
}

/** Keeps a key of AWS: put on only where the person has a rule for AWS_SECRET_ACCESS_KEY. Null where it cannot be kept whole. */
export function addAwsKey(keep: Keep, key: AwsKey, source: string, rules: readonly VariableRule[]): AwsKey | null {
  const keyId = keep.add(key.keyId, `${source}, its id`, []);
  const session = key.session === "" ? "" : keep.add(key.session, `${source}, its session`, []);
  if (keyId === null || session === null) return null;
  const pair = (placeholder: string, value: string): Pair => ({ placeholder, value: new Secret(value) });
  const scheme: Scheme = {
    kind: "sigv4",
    keyId: pair(keyId, key.keyId),
    session: session === "" ? null : pair(session, key.session),
  };
  const own = rules.filter((rule) => rule.variable === "AWS_SECRET_ACCESS_KEY" && rule.scheme.kind === "sigv4");
  const secret = keep.add(
    key.secret,
    source,
    own.map(({ origins, methods, pathPrefixes }) => ({ scheme, origins, methods, pathPrefixes })),
  );
  return secret === null ? null : { keyId, secret, session };
}

import { dirname, join } from "node:path";
import type { Limits } from "../box/limits.ts";
import { tightest } from "../core/budget.ts";
import type { Credential } from "../core/credential.ts";
import { boundTo } from "../core/policy-credential.ts";
import {
  CEILINGS,
  type Ceilings,
  lowest,
  makePolicy,
  NO_CEILINGS,
  netRulesOf,
  type Policy,
  pushesOf,
  putOnsOf,
  type Rule,
  type Tier,
  tighteningOnly,
} from "../core/policy-rules.ts";
import { counted } from "../core/text.ts";
import { standingOfItem, type Trust, type TrustedItem } from "../core/trust.ts";
import type { Vault } from "../egress/vault.ts";
import type { RunLimits } from "./budget.ts";
import { configFile } from "./config.ts";
import { UNITS } from "./config-budget.ts";
import type { NetConfig } from "./config-net.ts";
import { findNamed, type LoadedFile, MANAGED_FILE, PROJECT_FILE, readPolicyText } from "./config-policy.ts";

import { type KeptPolicies, parseOnce } from "./config-policy-kept.ts";
import { digestOfPolicy } from "./recorded-policy.ts";

/** Where the files of each tier are. */
export interface PolicyPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly checkout: string;
  /** Files that the person named for this session. */
  readonly named: readonly string[];
  readonly kept: KeptPolicies;
}

/** Says whether the person approved a file of the checkout by its content. */
export type IsApproved = (item: TrustedItem) => Promise<boolean>;

/** Says whether a file is as the person approved it; they are not looked for where the checkout has none. */
export async function isTrusted(trust: () => Promise<Trust | null>, item: TrustedItem): Promise<boolean> {
  const said = await trust();
  return said !== null && standingOfItem(said, item) === "approved";
}

/** What became of the checkout's own file. */
export interface Adopted {
  readonly path: string;
  readonly sha256: string;
  readonly isApproved: boolean;
}

/**
 * The policy of a session: read at its start, and once more when the checkout's own file is known, before anything runs
 * in the box. Nothing changes it later.
 */
export class PolicyInForce {
  readonly #files: LoadedFile[];
  readonly #own: readonly Rule[];
  readonly #isApproved: IsApproved;
  readonly #kept: KeptPolicies;
  #policy: Policy;
  #adopted: Adopted | null = null;

  /** `own` are the rules of config.yaml. */
  constructor(files: readonly LoadedFile[], own: readonly Rule[], isApproved: IsApproved, kept: KeptPolicies) {
    this.#kept = kept;
    this.#files = [...files];
    this.#own = own;
    this.#isApproved = isApproved;
    this.#policy = this.#make();
  }

  get current(): Policy {
    return this.#policy;
  }

  get files(): readonly LoadedFile[] {
    return this.#files;
  }

  /** What became of the checkout's own file; null while none was taken in. */
  get adopted(): Adopted | null {
    return this.#adopted;
  }

  /** What the person must know of the checkout's own file, a sentence each. */
  get notes(): readonly string[] {
    const waiting = this.#files
      .flatMap(({ tier, rules }) => (tier === "project" ? rules : []))
      .filter(isAllowing).length;
    if (waiting === 0 || this.#adopted?.isApproved) return [];
    return [
      `${PROJECT_FILE} is the checkout's: ${counted(waiting, "rule")} in it would allow something: ringfence trust ${PROJECT_FILE} shows it, and asks`,
    ];
  }

  get digest(): string {
    return digestOfPolicy(this.#policy);
  }

  /** Takes in the checkout's own file, as a sandbox read it; it only takes away until the person approved its content. */
  async adopt(content: Uint8Array | null): Promise<void> {
    if (content === null) return;
    if (this.#adopted !== null) throw new Error("bug: a second policy of one checkout");
    const file = await parseOnce(this.#kept, "project", PROJECT_FILE, Buffer.from(content).toString("utf8"));
    const { path, sha256 } = file;
    this.#adopted = { path, sha256, isApproved: await this.#isApproved({ path, hash: sha256 }) };
    this.#files.push(file);
    this.#policy = this.#make();
  }

  #make(): Policy {
    const counts = ({ tier, rules }: LoadedFile) =>
      tier === "project" && !this.#adopted?.isApproved ? tighteningOnly(rules) : rules;
    const ceilings: Ceilings[] = this.#files.map((file) => file.ceilings);
    const profiles = this.#files.flatMap((file) => file.profiles);
    return makePolicy([...this.#files.flatMap(counts), ...this.#own], lowest([NO_CEILINGS, ...ceilings]), profiles);
  }
}

function isAllowing({ verdict }: Rule): boolean {
  return verdict === "allow";
}

/** Reads the policies of the machine, of the person and of this session. */
export async function loadPolicy(
  { environment, folder, checkout, named, kept }: PolicyPlaces,
  net: NetConfig,
  isApproved: IsApproved,
): Promise<PolicyInForce> {
  const read = async (tier: Tier, path: string) => {
    const text = readPolicyText(tier, path);
    return text === null ? null : parseOnce(kept, tier, path, text);
  };
  const files = await Promise.all([
    read("managed", MANAGED_FILE),
    read("user", userPolicyFile(environment)),
    ...named.map((file) => read("session", findNamed(file, folder, checkout))),
  ]);
  return new PolicyInForce(
    files.filter((file) => file !== null),
    rulesOfConfig(net),
    isApproved,
    kept,
  );
}

/** Where the person's own policy is, or would be. */
function userPolicyFile(environment: PolicyPlaces["environment"]): string {
  return join(dirname(configFile(environment)), "policy.yaml");
}

/** Of the limits that were asked for and what the policy lets be used up, the lower. */
export function limitsWithin({ turnsMax, ceilings: asked }: RunLimits, { ceilings }: Policy): RunLimits {
  const own = Object.fromEntries(
    CEILINGS.flatMap((key) => {
      const most = ceilings[key] ?? null;
      if (key === "turns" || most === null) return [];
      const [name, unit] = UNITS[key];
      return [[name, most * unit]];
    }),
  );
  const turnsLowest = Math.min(turnsMax ?? Infinity, ceilings.turns ?? Infinity);
  return { turnsMax: turnsLowest === Infinity ? null : turnsLowest, ceilings: tightest(asked, own) };
}

/** Of the limits that a box is made with and what the policy lets a session have, the lower. */
export function boxWithin(limits: Limits, { ceilings }: Policy): Limits {
  const diskBytes = Math.min(limits.diskBytes, (ceilings.disk_mb ?? Infinity) * 2 ** 20);
  const processes = Math.min(limits.processes, ceilings.processes ?? Infinity);
  return { ...limits, diskBytes, fileBytes: Math.min(limits.fileBytes, diskBytes), processes };
}

/** What the policy says of the network, in the place of what config.yaml alone said. */
export function netWithin(net: NetConfig, policy: Policy): NetConfig {
  return { ...net, rules: netRulesOf(policy), push: pushesOf(policy), credentials: putOnsOf(policy) };
}

/** Leaves out of a vault where the policy lets no credential be put on; what stands for them in the box stays. */
export function vaultWithin(vault: Vault, policy: PolicyInForce): Vault {
  let seen: readonly unknown[] = [];
  let kept: readonly Credential[] = [];
  const credentials = () => {
    const all = vault.credentials();
    // The checkout's own file is taken in once the vault has been asked.
    if (all !== seen[0] || policy.current !== seen[1])
      kept = all.map((credential) => boundTo(policy.current, credential));
    seen = [all, policy.current];
    return kept;
  };
  return { ...vault, credentials };
}

// One way to say a thing: what config.yaml has of the network are rules of the person's own.
function rulesOfConfig({ rules, push, credentials }: NetConfig): Rule[] {
  const own = { tier: "user", because: null } as const;
  return [
    ...(["allow", "deny"] as const).flatMap((verdict) =>
      rules[verdict].map((rule): Rule => ({ ...own, id: rule.id, verdict, scope: { kind: "net", rule } })),
    ),
    ...push.map(({ id, repository, ref }): Rule => {
      const branch = ref.replace(/^refs\/heads\//, "");
      return { ...own, id, verdict: "allow", scope: { kind: "push", repository, branch } };
    }),
    ...credentials.map((putOn, index): Rule => {
      const { variable: name, origins } = putOn;
      const scope = { kind: "credential", name, putOn, origins } as const;
      return { ...own, id: `net.credentials[${index}]`, verdict: "allow", scope };
    }),
  ];
}

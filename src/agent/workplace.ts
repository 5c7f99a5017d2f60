import { randomBytes } from "node:crypto";
import { Box, type BoxPlan } from "../box/box.ts";
import { makeSessionFolder, type SessionFolder } from "../box/folder.ts";
import { askHelpers } from "../box/git-login.ts";
import { readIdentity } from "../box/identity.ts";
import { LIMITS_DEFAULT, type Limits } from "../box/limits.ts";
import { findPrograms } from "../box/programs.ts";
import { readRemote } from "../box/remote.ts";
import { type Amounts, tightest } from "../core/budget.ts";
import type { Remote } from "../core/git-remote.ts";
import { hiddenBy, landingRules } from "../core/policy-rules.ts";
import type { Trust } from "../core/trust.ts";
import type { Vault } from "../egress/vault.ts";
import type { AskGit } from "../egress/vault-logins.ts";
import type { ModelKey } from "../egress/vault-model.ts";
import { LedgerFailure } from "../ledger/failure.ts";
import { type Config, findRipgrep, readConfig, stateFolder } from "./config.ts";
import { type Checkout, findCheckout, refuseUnfit } from "./config-checkout.ts";
import { keepSpare, tooFull } from "./config-disk.ts";
import { findNamed } from "./config-policy.ts";
import { boxWithin, isTrusted, loadPolicy, netWithin, type PolicyInForce, vaultWithin } from "./config-policy-tiers.ts";
import type { StoredSession } from "./config-sessions.ts";
import { findTrust } from "./config-trust.ts";

const VAULT_KEY_BYTES = 32;
/** Child agents of a session where the person says nothing of them. */
const AGENTS_DEFAULT = 16;

/** Where and as whom this program was started. */
export interface Start {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  /** The folder of the installed package or of the source checkout. */
  readonly packageRoot: string;
  readonly version: string;
  /** Names the program's code: the digest of what was built, or the commit that a source checkout stands on. */
  readonly build: string;
  /** Policy files that the person named for this session. */
  readonly policies?: readonly string[];
  /** Further programs to show in the box: name and absolute path. */
  readonly tools?: Readonly<Record<string, string>>;
}

/** Everything that a session needs and that the person, not the repository, decides. */
export interface Workplace {
  readonly start: Start;
  readonly checkout: Checkout;
  readonly state: string;
  readonly config: Config;
  readonly policy: PolicyInForce;
  readonly folder: SessionFolder;
  /** The session that is to go on; null for a new one. */
  readonly earlier: StoredSession | null;
  /** The person's credentials: read when they are asked for first. */
  readonly vault: () => Promise<Vault>;
  /** What the person trusts of the repository; null where they said nothing of it. */
  readonly trust: () => Promise<Trust | null>;
  readonly box: Omit<BoxPlan, "folder">;
}

/** What an agent in the box gets besides what every command has. */
export interface AgentNeeds {
  readonly keys: readonly ModelKey[];
  /** Variables that hold no secret. */
  readonly variables: Readonly<Record<string, string>>;
  /** Files and folders of the person's home to be copied into the box's. */
  readonly homePaths: readonly string[];
  /** Further ports of the box's loopback at which the host answers. */
  readonly ports: readonly number[];
}

export const NO_NEEDS: AgentNeeds = { keys: [], variables: {}, homePaths: [], ports: [] };

/**
 * Checks the folder that the program was started in, and prepares a new session for it, or an earlier one to go on.
 *
 * `check` throws what else stands in the way, by what the person configured: then nothing of a session is there yet.
 */
export async function prepareWorkplace(
  start: Start,
  limits: Partial<Limits> = {},
  needs: AgentNeeds = NO_NEEDS,
  earlier: StoredSession | null = null,
  check: (config: Config) => Promise<void> = async () => {},
): Promise<Workplace> {
  const startedAt = earlier?.facts.startedAt ?? Date.now();
  const checkout = findCheckout(start.folder);
  const state = stateFolder(start.environment);
  const [identity, configured] = await Promise.all([readIdentity(start.environment), readConfig(start.environment)]);
  refuseUnfit(checkout, identity.home, state);
  const { home } = identity;
  const { environment, folder: standing } = start;
  // The rules that the person named for a session hold in all its lives.
  const named = [...new Set([...(earlier?.facts.policies ?? []), ...(start.policies ?? [])])];
  const remote = once(() =>
    readRemote({ checkout: checkout.path, state, home, environment, programs: findPrograms() }),
  );
  const trust = once(() => findTrust(state, checkout.path, remote));
  const kept = { folder: state, version: start.version };
  const places = { environment, folder: standing, checkout: checkout.path, named, kept };
  const policy = await loadPolicy(places, configured.net, (item) => isTrusted(trust, item));
  const config = { ...configured, net: netWithin(configured.net, policy.current) };
  const own = { home, checkout: checkout.path, state, config, needs, remote };
  const vault = once(async () => vaultWithin(await openVaultOf(start, own), policy));
  const box = {
    checkout: checkout.path,
    below: checkout.below,
    state,
    identity,
    environment,
    tools: { rg: findRipgrep(start.packageRoot), ...start.tools },
    limits: boxWithin({ ...limitsOf(config), ...limits }, policy.current),
    alternates: config.git.alternates,
    shown: vault,
    services: [...config.net.services.map(({ port }) => port), ...needs.ports],
    hidden: hiddenBy(policy.current),
    adoptPolicy: async (content: Uint8Array | null) => {
      await policy.adopt(content);
      return landingRules(policy.current);
    },
    startedAt,
    policies: named.map((file) => findNamed(file, standing, checkout.path)),
  };
  await check(config);
  refuseFull(state);
  // Last, so that what was refused before leaves nothing behind.
  const folder = earlier === null ? makeSessionFolder(state, startedAt) : { id: earlier.facts.id, path: earlier.path };
  return { start, checkout, state, config, policy, folder, earlier, vault, trust, box };
}

/** Opens the box of a prepared session, for the callers that have no model. */
export function openBox(workplace: Workplace): Promise<Box> {
  return Box.open({ ...workplace.box, folder: workplace.folder });
}

/**
 * Finds the person's credentials for a folder.
 *
 * The repository says which of its remotes counts, and no more: of the programs that git asks for logins the person's own are.
 */
export async function openVaultOf(
  { environment }: Start,
  place: {
    readonly home: string;
    readonly checkout: string;
    readonly state: string;
    readonly config: Config;
    readonly needs?: AgentNeeds;
    readonly remote: () => Promise<Remote | null>;
  },
): Promise<Vault> {
  const { home, checkout, state, config, needs = NO_NEEDS } = place;
  const { keys, variables, homePaths } = needs;
  const [{ openVault }, remote] = await Promise.all([import("../egress/vault.ts"), place.remote()]);
  const askGit: AskGit = (address) => askHelpers(address, { environment, home, checkout });
  const own = { home, environment, excluded: [checkout, state], rules: config.net.credentials };
  const person = { ...own, remote, askGit, keys, variables, homePaths };
  return openVault(person, randomBytes(VAULT_KEY_BYTES));
}

function refuseFull(state: string): void {
  const why = tooFull(state);
  if (why !== null) throw new LedgerFailure(why);
  keepSpare(state);
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

/** Joins the ceilings that the person configured with those that they typed: the tighter one counts. */
export function ceilingsOf({ budget, net }: Config, typed: Partial<Amounts>): Amounts {
  const { sentMb } = net.limits;
  const all = tightest(budget, typed, sentMb === null ? {} : { egressBytes: sentMb * 2 ** 20 });
  return { ...all, children: all.children === Infinity ? AGENTS_DEFAULT : all.children };
}

function limitsOf({ limits, budget }: Config): Limits {
  const { memoryMb, processes } = limits;
  const diskBytes = Math.min(
    budget.diskBytes ?? Infinity,
    limits.diskMb === null ? LIMITS_DEFAULT.diskBytes : limits.diskMb * 2 ** 20,
  );
  return {
    ...LIMITS_DEFAULT,
    ...(memoryMb === null ? {} : { memoryBytes: memoryMb * 2 ** 20 }),
    diskBytes,
    fileBytes: diskBytes,
    ...(processes === null ? {} : { processes }),
  };
}

import { randomBytes } from "node:crypto";
import { Box, type BoxPlan } from "../box/box.ts";
import { makeSessionFolder, type SessionFolder } from "../box/folder.ts";
import { askHelpers } from "../box/git-login.ts";
import { readIdentity } from "../box/identity.ts";
import { LIMITS_DEFAULT, type Limits } from "../box/limits.ts";
import { findPrograms } from "../box/programs.ts";
import { readRemote } from "../box/remote.ts";
import { hiddenBy, landingRules } from "../core/policy-rules.ts";
import type { Vault } from "../egress/vault.ts";
import type { AskGit } from "../egress/vault-logins.ts";
import type { ModelKey } from "../egress/vault-model.ts";
import { type Config, findRipgrep, readConfig, stateFolder } from "./config.ts";
import { type Checkout, findCheckout, refuseUnfit } from "./config-checkout.ts";
import { loadPolicy, netWithin, type PolicyInForce, vaultWithin } from "./config-policy-tiers.ts";

const VAULT_KEY_BYTES = 32;

/** Where and as whom this program was started. */
export interface Start {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  /** The folder of the installed package or of the source checkout. */
  readonly packageRoot: string;
  readonly version: string;
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
  /** The person's credentials: read when they are asked for first. */
  readonly vault: () => Promise<Vault>;
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

const NO_NEEDS: AgentNeeds = { keys: [], variables: {}, homePaths: [], ports: [] };

/** Checks the folder that the program was started in, and prepares a new session for it. */
export async function prepareWorkplace(
  start: Start,
  limits: Partial<Limits> = {},
  needs: AgentNeeds = NO_NEEDS,
): Promise<Workplace> {
  const startedAt = Date.now();
  const checkout = findCheckout(start.folder);
  const state = stateFolder(start.environment);
  const [identity, configured] = await Promise.all([readIdentity(start.environment), readConfig(start.environment)]);
  refuseUnfit(checkout, identity.home, state);
  const { environment, folder: standing, policies: named = [] } = start;
  const kept = { folder: state, version: start.version };
  const places = { environment, folder: standing, checkout: checkout.path, named, kept };
  const policy = await loadPolicy(places, configured.net, async () => false);
  const config = { ...configured, net: netWithin(configured.net, policy.current) };
  const home = { home: identity.home, checkout: checkout.path, state };
  const vault = once(async () => vaultWithin(await openVaultOf(start, { ...home, config, needs }), policy));
  const box = {
    checkout: checkout.path,
    below: checkout.below,
    state,
    identity,
    environment: start.environment,
    tools: { rg: findRipgrep(start.packageRoot), ...start.tools },
    limits: { ...limitsOf(config), ...limits },
    alternates: config.git.alternates,
    shown: vault,
    services: [...config.net.services.map(({ port }) => port), ...needs.ports],
    hidden: hiddenBy(policy.current),
    adoptPolicy: async (content: Uint8Array | null) => {
      await policy.adopt(content);
      return landingRules(policy.current);
    },
    startedAt,
  };
  // Last, so that what was refused before leaves nothing behind.
  return { start, checkout, state, config, policy, folder: makeSessionFolder(state, startedAt), vault, box };
}

/** Opens the box of a prepared session, for the callers that have no model. */
export function openBox(workplace: Workplace): Promise<Box> {
  return Box.open({ ...workplace.box, folder: workplace.folder });
}

// The repository says which of its remotes counts, and no more: of the programs that git asks for logins the person's own are.
async function openVaultOf(
  { environment }: Start,
  place: {
    readonly home: string;
    readonly checkout: string;
    readonly state: string;
    readonly config: Config;
    readonly needs: AgentNeeds;
  },
): Promise<Vault> {
  const { home, checkout, state, config, needs } = place;
  const { keys, variables, homePaths } = needs;
  const [{ openVault }, remote] = await Promise.all([
    import("../egress/vault.ts"),
    readRemote({ checkout, state, home, environment, programs: findPrograms() }),
  ]);
  const askGit: AskGit = (address) => askHelpers(address, { environment, home, checkout });
  const own = { home, environment, excluded: [checkout, state], rules: config.net.credentials };
  const person = { ...own, remote, askGit, keys, variables, homePaths };
  return openVault(person, randomBytes(VAULT_KEY_BYTES));
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

function limitsOf({ limits }: Config): Limits {
  const { memoryMb, diskMb, processes } = limits;
  return {
    ...LIMITS_DEFAULT,
    ...(memoryMb === null ? {} : { memoryBytes: memoryMb * 2 ** 20 }),
    ...(diskMb === null ? {} : { diskBytes: diskMb * 2 ** 20, fileBytes: diskMb * 2 ** 20 }),
    ...(processes === null ? {} : { processes }),
  };
}

import { readIdentity } from "../box/identity.ts";
import { findPrograms } from "../box/programs.ts";
import { readRemote } from "../box/remote.ts";
import { readSmall } from "../box/repository.ts";
import type { Tier } from "../core/policy-rules.ts";
import { readConfig, stateFolder, UsageError } from "./config.ts";
import { findCheckout, refuseUnfit } from "./config-checkout.ts";
import { findNamed, type LoadedFile, PROJECT_FILE, parseText, readPolicyText } from "./config-policy.ts";
import { isTrusted, loadPolicy, type PolicyInForce } from "./config-policy-tiers.ts";
import { findTrust } from "./config-trust.ts";
import type { Start } from "./workplace.ts";

/** Reads the policy that a session here would have; a sandbox reads the checkout's own file. */
export async function openPolicy({
  environment,
  folder,
  version,
  policies: named = [],
}: Start): Promise<PolicyInForce> {
  const checkout = findCheckout(folder);
  const [identity, { net }] = await Promise.all([readIdentity(environment), readConfig(environment)]);
  const state = stateFolder(environment);
  refuseUnfit(checkout, identity.home, state);
  const places = { environment, folder, checkout: checkout.path, named, kept: { folder: state, version } };
  const remote = () =>
    readRemote({ checkout: checkout.path, state, home: identity.home, environment, programs: findPrograms() });
  const policy = await loadPolicy(places, net, (item) =>
    isTrusted(() => findTrust(state, checkout.path, remote), item),
  );
  const { files } = await readSmall({ programs: findPrograms() }, checkout.path, [PROJECT_FILE]);
  const [own = null] = files;
  await policy.adopt(own === null ? null : Buffer.from(own));
  return policy;
}

/** Reads one policy file by itself, as one of a tier. */
export async function readAlone(file: string, tier: Tier, { folder }: Start): Promise<LoadedFile> {
  const path = findNamed(file, folder, findCheckout(folder).path);
  // Whoever may write a draft of the managed policy is asked once it is in its place.
  const text = readPolicyText(tier, path, "draft");
  if (text === null) throw new UsageError(`${file} is not there`);
  return parseText(tier, path, text);
}

import { randomBytes } from "node:crypto";
import { homeOf } from "../box/identity.ts";
import { readConfig, stateFolder } from "./config.ts";
import { Inspection } from "./inspection.ts";
import type { Start } from "./workplace.ts";

const KEY_BYTES = 32;

/**
 * What keeps the person's credentials out of what is added to the record of a session that is over. Git's helpers are not asked
 * for logins, since those ask the person; a configuration that cannot be read names no variables of theirs.
 */
export async function knownSecrets({ environment }: Start, checkout: string): Promise<Inspection> {
  const inspection = new Inspection();
  const [{ openVault }, config] = await Promise.all([
    import("../egress/vault.ts"),
    readConfig(environment).catch(() => null),
  ]);
  const excluded = [checkout, stateFolder(environment)];
  const person = {
    home: homeOf(environment),
    environment,
    excluded,
    rules: config?.net.credentials ?? [],
    remote: null,
  };
  inspection.know(await openVault({ ...person, askGit: async () => null }, randomBytes(KEY_BYTES)));
  return inspection;
}

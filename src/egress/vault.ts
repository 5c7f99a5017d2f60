import type { Credential } from "../core/credential.ts";
import { type Remote, remoteSetting, trackedOf } from "../core/git-remote.ts";
import type { Fill } from "../core/secretfiles.ts";
import { type HomeFile, keepAws, keepCargo, keepGh, keepNpm, keepPip, readCargo } from "./vault-files.ts";
import type { Home } from "./vault-home.ts";
import { Keep } from "./vault-keep.ts";
import { type AskGit, keepLogins } from "./vault-logins.ts";
import { readVariables, type VariableRule } from "./vault-variables.ts";

export interface Person extends Home {
  /** Where the checkout's branch is fetched from, by their own configuration; null without one. */
  readonly remote: Remote | null;
  /** From the person's own configuration. */
  readonly rules: readonly VariableRule[];
  readonly askGit: AskGit;
}

/** The person's credentials, and what of them the box is shown. */
export interface Vault {
  /** Another list when a masked copy has brought some. */
  readonly credentials: () => readonly Credential[];
  /** To be set in the box: placeholders. */
  readonly variables: Readonly<Record<string, string>>;
  /** To lie in the box's home, for the user alone: copies with placeholders. Paths are relative to it. */
  readonly files: readonly HomeFile[];
  /** Fills masked copies of files of the checkout. */
  readonly fill: Fill;
  /** As of the person; its address may hold a login, and is not shown. */
  readonly remote: Remote | null;
}

/** Finds the person's credentials where programs keep them; the key is the session's, drawn at its start. */
export async function openVault(person: Person, key: Uint8Array): Promise<Vault> {
  const keep = new Keep(key);
  const url = person.remote?.url ?? null;
  const tracked = trackedOf(url);
  const setting = person.remote === null ? "" : remoteSetting(person.remote);
  const cargo = readCargo(person);
  const { environment, rules } = person;
  const variables = readVariables(keep, environment, { tracked, rules, cargoIndexes: cargo.indexes });
  const pip = keepPip(keep, person);
  const gh = keepGh(keep, person, tracked);
  const files = [
    keepNpm(keep, person),
    pip.file,
    gh.file,
    keepCargo(keep, cargo.settings, cargo.indexes),
    keepAws(keep, person, rules),
    setting === "" ? null : { path: ".gitconfig", content: setting },
    await keepLogins(
      keep,
      { ...person, remote: url },
      {
        tracked,
        indexes: [...variables.indexes, ...pip.indexes],
        tokens: [...gh.logins, ...variables.logins],
      },
    ),
  ];
  return {
    credentials: () => keep.credentials(),
    variables: Object.fromEntries(keep.variables),
    files: files.filter((file) => file !== null),
    fill: (name, value) => keep.fill(name, value),
    remote: person.remote,
  };
}

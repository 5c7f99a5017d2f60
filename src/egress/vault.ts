import type { Credential, CredentialRule } from "../core/credential.ts";
import { type Remote, remoteSetting, trackedOf } from "../core/git-remote.ts";
import type { Fill } from "../core/secretfiles.ts";
import type { Copies } from "./vault-copies.ts";
import { type HomeFile, keepAws, keepCargo, keepGh, keepNpm, keepPip, readCargo } from "./vault-files.ts";
import type { Home } from "./vault-home.ts";
import { Keep } from "./vault-keep.ts";
import { type AskGit, keepLogins } from "./vault-logins.ts";
import { keepModelKey, type ModelKey } from "./vault-model.ts";
import { readVariables, type VariableRule } from "./vault-variables.ts";

export interface Person extends Home {
  /** Where the checkout's branch is fetched from, by their own configuration; null without one. */
  readonly remote: Remote | null;
  /** From the person's own configuration. */
  readonly rules: readonly VariableRule[];
  readonly askGit: AskGit;
  /** Keys of an agent's models; none for what needs none. */
  readonly keys?: readonly ModelKey[];
  /** To be set in the box as they are. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Files and folders of the home that the person named, to be copied into the box's. */
  readonly homePaths?: readonly string[];
}

/** The person's credentials, and what of them the box is shown. */
export interface Vault {
  /** Another list when a masked copy has brought some. */
  readonly credentials: () => readonly Credential[];
  /** To be set in the box: placeholders. */
  readonly variables: Readonly<Record<string, string>>;
  /** To lie in the box's home, for the user alone: copies with placeholders. Paths are relative to it. */
  readonly files: readonly HomeFile[];
  /** Keeps a credential that came in the session; gives its placeholder, or null where there can be none. */
  readonly keep: (value: string, source: string, rules: readonly CredentialRule[]) => string | null;
  /** Fills masked copies of files of the checkout. */
  readonly fill: Fill;
  /** What of the person's home was not copied, a sentence each. */
  readonly notes: readonly string[];
  /** As of the person; its address may hold a login, and is not shown. */
  readonly remote: Remote | null;
}

const NO_COPIES: Copies = { files: [], notes: [] };

/** Finds the person's credentials where programs keep them; the key is the session's, drawn at its start. */
export async function openVault(person: Person, key: Uint8Array): Promise<Vault> {
  const keep = new Keep(key);
  const url = person.remote?.url ?? null;
  const tracked = trackedOf(url);
  const setting = person.remote === null ? "" : remoteSetting(person.remote);
  const cargo = readCargo(person);
  const { environment, rules } = person;
  const variables = readVariables(keep, environment, { tracked, rules, cargoIndexes: cargo.indexes });
  for (const each of person.keys ?? []) keepModelKey(keep, each);
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
  // Last, since what was kept so far is masked in them; below the copies made for their tools, which know more.
  const { homePaths = [] } = person;
  const copies =
    homePaths.length === 0 ? NO_COPIES : (await import("./vault-copies.ts")).keepHomePaths(keep, person, homePaths);
  return {
    credentials: () => keep.credentials(),
    variables: { ...person.variables, ...Object.fromEntries(keep.variables) },
    files: [...copies.files, ...files.filter((file) => file !== null)],
    notes: copies.notes,
    keep: (value, source, rules) => keep.add(value, source, rules),
    fill: (name, value) => keep.fill(name, value),
    remote: person.remote,
  };
}

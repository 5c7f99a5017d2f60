import type { CredentialRule, Scheme } from "../core/credential.ts";
import {
  type Address,
  type Login,
  readAddress,
  readGhHosts,
  readSettings,
  type Setting,
  unquoted,
  writeGhHosts,
  writeSettings,
} from "../core/credential-files.ts";
import type { Tracked } from "../core/git-remote.ts";
import { maskNpmrc, readNpmrc } from "../core/secretfiles-npmrc.ts";
import { type Home, readOwn } from "./vault-home.ts";
import type { Keep } from "./vault-keep.ts";
import { forgeRules, indexRule } from "./vault-rules.ts";
import { addAwsKey, cargoIndex, cargoRule, type VariableRule, withoutLogins } from "./vault-variables.ts";

/** A file to lie in the box's home; its path is relative to that. */
export interface HomeFile {
  readonly path: string;
  readonly content: string;
}

/** Of pip's settings those that say where packages are, and harmless ones. */
const PIP_KEYS = ["index-url", "extra-index-url", "index", "trusted-host", "timeout", "retries", "prefer-binary"];

/** Keeps the tokens of npm, each for reading below the registry that it is filed under. */
export function keepNpm(keep: Keep, person: Home): HomeFile | null {
  const { environment } = person;
  const text = readOwn(person, environment.NPM_CONFIG_USERCONFIG ?? environment.npm_config_userconfig, ".npmrc");
  if (text === null) return null;
  const settings = readNpmrc(text);
  const settingOf = (key: string) => settings.find((setting) => setting.key === key)?.value ?? "";
  const registries = settings
    .filter(({ key }) => /(?:^|:)registry$/.test(key))
    .flatMap(({ value }) => readAddress(value) ?? []);
  const masked = maskNpmrc(text, (key, value) => {
    const [, place = "", name = ""] = /^(?:(\/\/.*):)?([^:]*)$/.exec(key) ?? [];
    const index = place === "" ? readAddress(settingOf("registry")) : readAddress(`https:${place}`);
    const rulesFor = (scheme: Scheme) => (index === null ? [] : npmRules(index, registries, scheme));
    const source = `npmrc ${index?.host ?? ""}`.trim();
    const variable = /^\$\{(\w+)\}$/.exec(value)?.[1];
    const held = variable === undefined ? unquoted(value) : environment[variable];
    if (!held) return variable === undefined ? null : value;
    if (name === "username") return /^[\w.@+-]+$/.test(held) ? value : null;
    const { secret, scheme, write } = npmSecret(name, held, settingOf(place === "" ? "username" : `${place}:username`));
    const placeholder = keep.add(secret, source, rulesFor(scheme));
    if (placeholder === null) return null;
    if (variable === undefined) return write(placeholder);
    keep.variables.set(variable, write(placeholder));
    return value;
  });
  const lines = masked.split("\n").filter((line) => !line.endsWith("=ringfence-masked"));
  return { path: ".npmrc", content: lines.join("\n") };
}

/** What of a setting of npm is the secret, and how another is written in its place. */
function npmSecret(name: string, value: string, user: string) {
  const scheme = (given: string): Scheme => ({ kind: "basic", user: given === "" ? null : given });
  const decoded = Buffer.from(value, "base64").toString("latin1");
  if (name === "_password") return { secret: decoded, scheme: scheme(user), write: (text: string) => btoa(text) };
  if (name !== "_auth") return { secret: value, scheme: { kind: "bearer" } as const, write: (text: string) => text };
  const at = decoded.indexOf(":");
  const named = decoded.slice(0, Math.max(0, at));
  return { secret: decoded.slice(at + 1), scheme: scheme(named), write: (text: string) => btoa(`${named}:${text}`) };
}

/** The name of a registry has no scheme: plain http counts where an address of the person's says so. */
function npmRules(index: Address, registries: readonly Address[], scheme: Scheme): CredentialRule[] {
  const plain = registries.filter(
    (each) => each.protocol === "http" && `//${new URL(each.origin).host}` === `//${new URL(index.origin).host}`,
  );
  return [index, ...plain.slice(0, 1)].map(({ origin }) => indexRule({ origin, path: index.path }, scheme));
}

/** Keeps the logins in the addresses of pip's indexes. */
export function keepPip(keep: Keep, person: Home): { file: HomeFile | null; indexes: Address[] } {
  const { PIP_CONFIG_FILE: named, XDG_CONFIG_HOME: folder } = person.environment;
  const text =
    readOwn(person, named ?? (folder && `${folder}/pip/pip.conf`), ".config/pip/pip.conf") ??
    readOwn(person, undefined, ".pip/pip.conf");
  if (text === null) return { file: null, indexes: [] };
  const indexes: Address[] = [];
  const settings = readSettings(text)
    .filter(({ key }) => PIP_KEYS.includes(key))
    .map((setting) => {
      const shown = withoutLogins(keep, setting.value, "pip.conf");
      indexes.push(...shown.addresses);
      return { ...setting, value: shown.text };
    });
  return { file: { path: ".config/pip/pip.conf", content: writeSettings(settings) }, indexes };
}

/** Keeps the tokens of gh, for the tracked repository if it lies there. */
export function keepGh(keep: Keep, person: Home, tracked: Tracked | null): { file: HomeFile | null; logins: Login[] } {
  const { GH_CONFIG_DIR: named, XDG_CONFIG_HOME: folder } = person.environment;
  const place = named ?? (folder && `${folder}/gh`);
  const text = readOwn(person, place && `${place}/hosts.yml`, ".config/gh/hosts.yml");
  const logins = readGhHosts(text ?? "");
  const shown = logins.flatMap((login) => {
    const placeholder = keep.add(login.password, `gh ${login.host}`, forgeRules("github", login.host, tracked));
    return placeholder === null ? [] : [{ ...login, password: placeholder }];
  });
  const file = shown.length === 0 ? null : { path: ".config/gh/hosts.yml", content: writeGhHosts(shown) };
  return {
    file,
    logins: logins.map((login) => ({ ...login, user: login.user === "" ? "x-access-token" : login.user })),
  };
}

/** Reads cargo's credentials and where its registries are, by the name that variables have for them. */
export function readCargo(person: Home): { settings: Setting[]; indexes: Map<string, Address> } {
  const folder = person.environment.CARGO_HOME;
  const read = (name: string) => readOwn(person, folder && `${folder}/${name}`, `.cargo/${name}`);
  const config = readSettings(read("config.toml") ?? read("config") ?? "");
  const indexes = config.flatMap(({ section, key, value }) => {
    const address = key === "index" ? cargoIndex(tomlText(value)) : undefined;
    return address === undefined ? [] : [[registryOf(section), address] as const];
  });
  return { settings: readSettings(read("credentials.toml") ?? read("credentials") ?? ""), indexes: new Map(indexes) };
}

/** Keeps the tokens of cargo, each for reading below the index of its registry. */
export function keepCargo(
  keep: Keep,
  settings: readonly Setting[],
  indexes: ReadonlyMap<string, Address>,
): HomeFile | null {
  const shown = settings.flatMap(({ section, key, value }) => {
    if (key !== "token") return [];
    const index = indexes.get(registryOf(section));
    const placeholder = keep.add(tomlText(value), `cargo [${section}]`, index === undefined ? [] : [cargoRule(index)]);
    return placeholder === null ? [] : [{ section, key, value: JSON.stringify(placeholder) }];
  });
  return shown.length === 0 ? null : { path: ".cargo/credentials.toml", content: writeSettings(shown) };
}

/** Keeps the keys of AWS; the rules of the person hold for the profile that they use. */
export function keepAws(keep: Keep, person: Home, rules: readonly VariableRule[]): HomeFile | null {
  const { AWS_SHARED_CREDENTIALS_FILE: named, AWS_PROFILE: profile = "default" } = person.environment;
  const settings = readSettings(readOwn(person, named, ".aws/credentials") ?? "");
  const sections = [...new Set(settings.map(({ section }) => section))];
  const shown = sections.flatMap((section) => {
    const settingOf = (key: string) =>
      settings.find((setting) => setting.section === section && setting.key === key)?.value ?? "";
    const key = {
      keyId: settingOf("aws_access_key_id"),
      secret: settingOf("aws_secret_access_key"),
      session: settingOf("aws_session_token"),
    };
    const kept =
      key.keyId === "" || key.secret === ""
        ? null
        : addAwsKey(keep, key, `aws [${section}]`, section === profile ? rules : []);
    if (kept === null) return [];
    const lines = [
      ["aws_access_key_id", kept.keyId],
      ["aws_secret_access_key", kept.secret],
      ["aws_session_token", kept.session],
    ];
    return lines.flatMap(([name = "", value = ""]) => (value === "" ? [] : [{ section, key: name, value }]));
  });
  return shown.length === 0 ? null : { path: ".aws/credentials", content: writeSettings(shown) };
}

/** The name of a registry as variables have it. */
function registryOf(section: string): string {
  return section
    .replace(/^registries\./, "")
    .replace(/["']/g, "")
    .toUpperCase()
    .replaceAll("-", "_");
}

function tomlText(value: string): string {
  return unquoted(/^(?:"(?:[^"\\]|\\.)*"|'[^']*')/.exec(value)?.[0] ?? value);
}

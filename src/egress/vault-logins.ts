import { type Address, type Login, readAddress, readNetrc, writeNetrc } from "../core/credential-files.ts";
import type { Tracked } from "../core/git-remote.ts";
import type { HomeFile } from "./vault-files.ts";
import { type Home, readOwn } from "./vault-home.ts";
import { isMadeByChance, type Keep } from "./vault-keep.ts";
import { gitRule, indexRule } from "./vault-rules.ts";

/** Asks the person's git credential helpers for a login; only the box's room starts programs. */
export type AskGit = (address: {
  readonly protocol: string;
  readonly host: string;
  readonly path: string;
}) => Promise<Pick<Login, "user" | "password"> | null>;

/**
 * Keeps the logins of netrc and of git, and writes the netrc of the box: git, curl, pip and go all read it.
 *
 * A login is put on for the tracked repository, and for reading an index of the person's that lies on its host. The tracked
 * host has one entry, of the first place that knows it; the helpers are asked last, since they may ask the person.
 */
export async function keepLogins(
  keep: Keep,
  person: Home & { readonly remote: string | null; readonly askGit: AskGit },
  known: { readonly tracked: Tracked | null; readonly indexes: readonly Address[]; readonly tokens: readonly Login[] },
): Promise<HomeFile | null> {
  const { tracked, indexes, tokens } = known;
  const add = (login: Login, source: string): Login | null => {
    const user = login.user === "" ? null : login.user;
    const rules = [
      ...(tracked?.host === login.host ? [gitRule(tracked, user)] : []),
      ...indexes.filter(({ host }) => host === login.host).map((index) => indexRule(index, { kind: "basic", user })),
    ];
    const placeholder = keep.add(login.password, source, rules);
    return placeholder === null ? null : { ...login, password: placeholder };
  };
  const netrc = readNetrc(readOwn(person, person.environment.NETRC, ".netrc") ?? "");
  const shown = netrc.flatMap((login) => add(login, `netrc ${login.host}`) ?? []);
  const stored = readStore(person).filter(({ host }) => !shown.some((login) => login.host === host));
  const inStore = stored.flatMap((login) => {
    const kept = add(login, `git-credentials ${login.host}`);
    return kept !== null && login.host === tracked?.host ? [kept] : [];
  });
  const inRemote = remoteLogin(person.remote).flatMap((login) => add(login, "the remote's address") ?? []);
  if (tracked !== null && !shown.some(({ host }) => host === tracked.host)) {
    const ofToken = tokens
      .filter(({ host }) => host === tracked.host)
      .flatMap((login) => add(login, `a token of ${login.host}`) ?? []);
    const [login] = [...inRemote, ...inStore, ...ofToken];
    const last = login ?? (await asked(person, tracked, add));
    if (last !== null) shown.push({ ...last, host: tracked.host });
  }
  return shown.length === 0 ? null : { path: ".netrc", content: writeNetrc(shown) };
}

/** What `git credential-store` wrote. */
function readStore(person: Home): Login[] {
  const folder = person.environment.XDG_CONFIG_HOME;
  const texts = [
    readOwn(person, undefined, ".git-credentials"),
    readOwn(person, folder && `${folder}/git/credentials`, ".config/git/credentials"),
  ];
  const lines = texts.flatMap((text) => (text ?? "").split(/\r?\n/));
  return lines.flatMap((line) => readAddress(line.trim()) ?? []).filter(({ password }) => password !== "");
}

function remoteLogin(remote: string | null): Login[] {
  const address = readAddress(remote ?? "");
  if (address === null) return [];
  const { host, user, password } = address;
  if (password !== "") return [{ host, user, password }];
  return isMadeByChance(user) ? [{ host, user: "x-access-token", password: user }] : [];
}

async function asked(
  { remote, askGit }: { readonly remote: string | null; readonly askGit: AskGit },
  { path }: Tracked,
  add: (login: Login, source: string) => Login | null,
): Promise<Login | null> {
  const address = readAddress(remote ?? "");
  if (address === null) return null;
  const { protocol, host, origin } = address;
  const login = await askGit({ protocol, host: new URL(origin).host, path: `${path}.git` });
  return login === null ? null : add({ host, ...login }, `git's credential helper for ${host}`);
}

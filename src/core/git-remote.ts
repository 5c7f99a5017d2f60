import { originOf } from "./credential.ts";
import { readAddress } from "./credential-files.ts";
import { isBranchRef } from "./git-push.ts";
import type { NetRequest } from "./net-rules.ts";
import { readSshPlace, type SshPlace, sshAddress } from "./ssh-place.ts";

/** The repository that the person's branch tracks. */
export interface Tracked {
  readonly host: string;
  /** Where git in the box asks for it. */
  readonly origin: string;
  /** Without slash and ".git": "person/thing". */
  readonly path: string;
  /** Where the person's ssh finds it; null for one on the web. */
  readonly ssh: SshPlace | null;
}

/** What the person's own configuration says of the remote. */
export interface Remote {
  /** Address, rewritten as git would, with whatever login is in it: never shown in the box. */
  readonly url: string;
  /** The address as the repository's configuration has it, and as the box sees it: without a login. */
  readonly written: string;
  /** The branch that is checked out, `refs/heads/NAME`; null where HEAD is on none. */
  readonly branch: string | null;
  /** The branch of the remote that it tracks; null where it tracks none. */
  readonly tracks: string | null;
  /** Whether a push goes to the same address as a fetch. */
  readonly isPushedTo: boolean;
  /** The command by which the person's own git, and no repository's, has them reach a remote over ssh; null for plain ssh. */
  readonly sshCommand: string | null;
}

/** Keys and values as `git config --list` gives them, the last of equal keys being the one that counts. */
export type Settings = readonly (readonly [key: string, value: string])[];

/** What of git is asked of a remote, by its path alone. */
export interface GitAsked {
  readonly service: "git-upload-pack" | "git-receive-pack";
  /** Which refs there are, or the call itself. */
  readonly what: "refs" | "call";
}

/** More often than this no server takes an address apart. */
const ESCAPED_TIMES_MAX = 4;

/** Reads the address of a remote in any of git's spellings. */
export function trackedOf(remote: string | null): Tracked | null {
  if (remote === null) return null;
  const ssh = readSshPlace(remote);
  const address = readAddress(ssh === null ? remote : `https://${ssh.host}/${ssh.path}`);
  const name = (address?.path ?? "").replace(/^\/+|\/+$/g, "").replace(/\.git$/, "");
  if (address === null || name === "" || /[%;?#\\]|(?:^|\/)\.{0,2}(?:\/|$)/.test(name)) return null;
  return { host: address.host, origin: address.origin, path: name, ssh };
}

/** The address of a tracked repository as people write it. */
export function addressOfTracked(tracked: Tracked): string {
  return tracked.ssh === null ? webAddress(tracked) : sshAddress(tracked.ssh);
}

/**
 * Whether two addresses mean one repository. By the web and as the user `git` over ssh, it is the same one; anywhere else an
 * account has its own folders, so that all of an address counts.
 */
export function isSameRepository(a: Tracked, b: Tracked): boolean {
  return identityOf(a) === identityOf(b);
}

function identityOf(tracked: Tracked): string {
  const { ssh } = tracked;
  const isAccounts = ssh !== null && (ssh.user !== "git" || (ssh.port !== null && ssh.port !== 22));
  if (!isAccounts) return webAddress(tracked);
  const path = ssh.path.replace(/\/+$/, "").replace(/\.git$/, "");
  return `ssh ${ssh.user ?? ""} ${ssh.host.toLowerCase()} ${ssh.port ?? 22} ${path}`;
}

function webAddress({ origin, path }: Tracked): string {
  return `${origin}/${path}.git`;
}

/**
 * Finds the remote of the branch that is checked out, else `origin`; null without one.
 *
 * `repository` is the configuration of the person's own git folder, `own` that of their home, which alone may say that an
 * address is another one besides the repository's.
 */
export function remoteOf(head: string, repository: Settings, own: Settings): Remote | null {
  const settingOf = (key: string) => repository.findLast(([name]) => name === key)?.[1];
  const ref = /^ref: (refs\/heads\/[^\n]+)\n?$/.exec(head)?.[1];
  const branch = ref !== undefined && isBranchRef(ref) ? ref : null;
  const short = branch?.slice("refs/heads/".length);
  const named = short === undefined ? undefined : settingOf(`branch.${short}.remote`);
  const name = named ?? "origin";
  const urls = repository.filter(([key]) => key === `remote.${name}.url`).map(([, value]) => value);
  const [first] = urls;
  if (first === undefined || /[\0-\x20\x7f]/.test(first)) return null;
  const tracks = named === undefined ? undefined : settingOf(`branch.${short}.merge`);
  return {
    url: withHeader(rewritten(first, [...own, ...repository]), repository),
    written: withoutLogin(first),
    branch,
    tracks: tracks !== undefined && isBranchRef(tracks) ? tracks : null,
    isPushedTo: urls.length === 1 && settingOf(`remote.${name}.pushurl`) === undefined,
    sshCommand: own.findLast(([key]) => key === "core.sshcommand")?.[1] ?? null,
  };
}

/** Takes the login out of an address, as the masked configuration in the box has it. */
function withoutLogin(url: string): string {
  return url.replace(/:\/\/[^/\s@]+@/g, "://");
}

/** Writes for git in the box where it asks for the remote, if that is not as its repository has it; "" if it is, or is nowhere. */
export function remoteSetting({ url, written }: Remote): string {
  const tracked = trackedOf(url);
  const shown = /^https?:/i.test(url) ? withoutLogin(url) : tracked && webAddress(tracked);
  if (tracked === null || shown === null) return "";
  // Over ssh a user is no secret, and is in what people type.
  const spellings = new Set(tracked.ssh === null ? [written] : [written, url, sshAddress(tracked.ssh)]);
  spellings.delete(shown);
  if (spellings.size === 0) return "";
  const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
  return `[url ${quoted(shown)}]\n${[...spellings].map((each) => `\tinsteadOf = ${quoted(each)}\n`).join("")}`;
}

/** Tells what of git a request asks of the tracked repository; null for every other request. */
export function gitAskedOf({ origin, path }: Tracked, request: NetRequest): GitAsked | null {
  if (request.protocol === "tunnel" || request.protocol === "ssh") return null;
  if (originOf({ ...request, protocol: request.protocol }) !== origin) return null;
  for (const service of ["git-upload-pack", "git-receive-pack"] as const)
    for (const base of [`/${path}`, `/${path}.git`]) {
      const isRefs = request.method === "GET" && request.path === `${base}/info/refs?service=${service}`;
      if (isRefs && !request.hasBody) return { service, what: "refs" };
      if (request.method === "POST" && request.path === `${base}/${service}` && request.hasBody)
        return { service, what: "call" };
    }
  return null;
}

/**
 * Whether a request would be a push, to whichever repository; a tunnel shows nothing of it. Servers take escapes apart, and
 * some cut parameters off, so every spelling counts.
 */
export function looksLikePush({ method, path }: NetRequest): boolean {
  let text = path;
  for (let round = 0; round < ESCAPED_TIMES_MAX; round += 1)
    text = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return (method === "GET" ? /service=git-receive-pack/i : /git-receive-pack/i).test(text);
}

/** Takes in the login that CI systems leave as a header for git to send (`http.URL.extraheader`). */
function withHeader(url: string, settings: Settings): string {
  const header = settings.findLast(([key]) => {
    const base = /^http\.(https?:.*)\.extraheader$/s.exec(key)?.[1];
    return base !== undefined && url.startsWith(base.endsWith("/") ? base : `${base}/`);
  })?.[1];
  const [, base64] = /^authorization: *basic +([a-z0-9+/]+={0,2})$/i.exec(header ?? "") ?? [];
  if (base64 === undefined || base64.length % 4 !== 0 || /:\/\/[^/]*@/.test(url)) return url;
  const [user = "", password = ""] = atob(base64).split(":", 2).map(encodeURIComponent);
  return url.replace("://", `://${user}:${password}@`);
}

/** As git does with `url.BASE.insteadOf`: the longest beginning counts. */
function rewritten(url: string, settings: Settings): string {
  const [best] = settings
    .flatMap(([key, start]) => {
      const base = /^url\.(.*)\.insteadof$/is.exec(key)?.[1];
      return base !== undefined && start !== "" && url.startsWith(start) ? [{ base, start }] : [];
    })
    .sort((a, b) => b.start.length - a.start.length);
  return best === undefined ? url : `${best.base}${url.slice(best.start.length)}`;
}
